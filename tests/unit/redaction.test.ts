import { expect } from "chai";
import * as fc from "fast-check";
import { RE2JS } from "re2js";
import { LuaFactory } from "wasmoon";
import { redactScript } from "../../components/agents/fluent-bit/redact.ts";
import { parseSettings, SettingsError } from "../../settings/parse.ts";

type Redact = (record: object) => [number, Readonly<Record<string, unknown>>];

/** The script in Lua 5.4; Fluent Bit runs it in LuaJIT, which is 5.1. */
async function lua(redaction: Parameters<typeof redactScript>[0], before = ""): Promise<Redact> {
  const engine = await new LuaFactory().createEngine({ enableProxy: false });
  await engine.doString(`${before}\n${redactScript(redaction)}`);
  await engine.doString(
    `function called(record) local code, _, is = redact("kube.x", 0, record) return { code, is } end`,
  );
  return engine.global.get("called") as Redact;
}

describe("Redaction by Fluent Bit's script, in Lua", () => {
  const patterns = [
    String.raw`(?i)bearer\s+[\w.~+/-]+=*`,
    String.raw`\b4\d{3}([ -]?\d{4}){3}\b`,
    "^ab?|b+$",
    "(a|ab)(c|bcd)(d*)",
    "(?s)x.*?y|x",
    "[^a-c]{2}z",
    "(?i)straße",
    String.raw`\Bk\B|é+|\pN{3}`,
    "(?m)^q|q$",
    "(?:a+)+b",
  ];

  it("finds what RE2 finds, and no more, in any text", async () => {
    const texts = fc.array(
      fc.constantFrom(
        ...Array.from("aabbccddkqxyz 1234567890-é\u212a\n€😀ßS"),
        "Bearer q1=",
        "STRASSE",
        "straße",
        "4111111111111111",
        // By itself, as a number between letters and digits is no word.
        ...[" 4111-1111 11111111 ", "abcd", "acd"],
      ),
      {
        maxLength: 30,
      },
    );
    for (const pattern of patterns) {
      const redact = await lua({ patterns: [pattern], fields: [] });
      const re2 = RE2JS.compile(pattern);
      let found = 0;
      fc.assert(
        fc.property(texts, (parts) => {
          const log = parts.join("");
          const wanted = re2.matcher(log).replaceAll("****");
          const [code, { log: is }] = redact({ log });
          if (wanted !== log) found++;
          return is === wanted && code === (wanted === log ? 0 : 2);
        }),
        { numRuns: 150, seed: 14, examples: [[["Bearer q1=", " ", "straße", "4111111111111111"]]] },
      );
      expect(found, pattern).to.be.at.least(1);
    }
  });

  it("takes out fields at any depth, numbers too, and leaves the pod's names and all else as they are", async () => {
    const redact = await lua({ patterns: ["hunter2", String.raw`\b4\d{15}\b`], fields: ["password", "X-Api-Key"] });
    const kubernetes = { pod_name: "hunter2-0", namespace_name: "shop" };
    expect(
      redact({
        ...{ msg: "hunter2 said", PASSWORD: { a: 1 }, card: 4111111111111111, ok: true, kubernetes },
        list: [{ "x-api-key": 1 }, "hunter2hunter2"],
        text: String.raw`sent {"password": "a\"b", "user":"u"} and {"PassWord":{"deep":"s"}} or more`,
      }),
    ).to.deep.equal([
      2,
      {
        ...{ msg: "**** said", PASSWORD: "****", card: "****", ok: true, kubernetes },
        list: [{ "x-api-key": "****" }, "********"],
        text: 'sent {****, "user":"u"} and {****',
      },
    ]);
    expect(redact({ msg: "quiet", passwords: "b", kubernetes })[0]).to.equal(0);
  });

  it("lets nothing go when it fails", async () => {
    // As any error of the script would: what puts texts together again is not there.
    const redact = await lua({ patterns: ["hunter2"], fields: [] }, "table.concat = nil");
    const [code, record] = redact({ msg: "hunter2", kubernetes: { pod_name: "a" } });
    expect([code, JSON.stringify(record).includes("hunter2")]).to.deep.equal([2, false]);
    expect(record["kubernetes"]).to.deep.equal({ pod_name: "a" });
  });

  it("has no two braces in a row, which Helm would replace", () => {
    expect(redactScript({ patterns, fields: ["a"] })).not.to.include("{{");
  });
});

describe("Settings of redaction", () => {
  const refusal = (raw: Record<string, unknown>): string => {
    try {
      parseSettings(raw, { file: "Pulumi.dev.yaml", secrets: [] });
    } catch (error) {
      if (error instanceof SettingsError) return error.message;
      throw error;
    }
    return "";
  };

  for (const [what, raw, said] of [
    [
      "a lookahead",
      { redact: { patterns: ["ok", "(?=a)b"] } },
      "redact.patterns.1: is a regular expression that RE2 refuses (invalid or unsupported Perl syntax: `(?=`)",
    ],
    [
      "an open group",
      { redact: { patterns: ["a(b"] } },
      "redact.patterns.0: is a regular expression that RE2 refuses (missing closing ): `",
    ],
    [
      "what fits anywhere",
      { redact: { patterns: [String.raw`\b|x`] } },
      "redact.patterns.0: fits an empty text, so any place.",
    ],
    ["a program without end", { redact: { patterns: ["a{400}b{400}c{400}"] } }, "redact.patterns.0: is too large"],
    ["two lines", { redact: { patterns: ["a\nb"] } }, "redact.patterns.0: must be one line"],
    [
      "a field that is an expression",
      { redact: { fields: ["pass.*"] } },
      "redact.fields.0: must be the name of a field",
    ],
    [
      "rules that nobody applies",
      {
        redact: { fields: ["a"] },
        logAgent: "none",
        gateway: "none",
        instrumentation: { enabled: false },
        logs: "none",
      },
      "redact: has no effect",
    ],
  ] as const)
    it(`refuse ${what}`, () => {
      expect(refusal(raw)).to.include(said);
    });
});
