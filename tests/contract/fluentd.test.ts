/** What Fluentd is told, by a strict reader of ours, and what its scripts make of lines, in a real Ruby: Fluentd itself is not run here. */
import { expect } from "chai";
import { RE2JS } from "re2js";
import { rubyExpression } from "../../components/agents/fluentd/expressions.ts";
import { scripts } from "../../components/agents/fluentd/records.ts";
import { fluentdValues } from "../../components/agents/fluentd/values.ts";
import type { LogStore } from "../../components/capabilities.ts";
import { checkFluentd, readFluentd } from "../../contract/checks/fluentd.ts";
import { releases, render, type Rendered } from "../../contract/rendered.ts";
import { redactPattern } from "../../settings/formats.ts";
import type { SettingsInput } from "../../settings/schema.ts";
import { read, readOfNode } from "../bench/telemetry/log-agent.ts";
import { type Event, fluentdOrSkip, type Made, podLine, rubyOrSkip } from "../support/fluentd.ts";
import { lines, pod, redact, whole } from "../support/log-samples.ts";
import { audited, entries } from "../support/node-records.ts";
import { environmentOf } from "../support/rendered.ts";
import { random } from "../support/random.ts";

const sources = { journal: { enabled: true }, cluster: { kind: { auditLog: true } }, redact } as const;
const everything: SettingsInput = {
  ...{ ...sources, logAgent: "fluentd", logs: ["elasticsearch", "victoriaLogs"] },
  elasticsearch: { logstash: { replicas: 1 } },
};

async function after(what: string, by: string): Promise<string[]> {
  const rendered = await environmentOf(everything);
  const text = JSON.stringify(rendered.declared);
  expect(text).to.include(what);
  const declared = JSON.parse(text.replaceAll(what, () => by)) as Rendered["declared"];
  return checkFluentd({ ...rendered, declared }).map(({ message }) => message);
}

describe("Fluentd's configuration (by a strict reader)", () => {
  it("is read, with every source and store", async () => {
    expect(await after("@type", "@type")).to.deep.equal([]);
  });

  it("is refused when any parameter of it is misspelt, or left out", async () => {
    const rendered = await environmentOf(everything);
    const files = releases(rendered.declared).find(({ chart }) => chart?.name === "fluentd")?.values["fileConfigs"];
    const conf = Object.entries(files as Readonly<Record<string, string>>).filter(([name]) => name.endsWith(".conf"));
    const names = new Set(conf.flatMap(([, text]) => [...text.matchAll(/^ *(@?\w+) /gm)].map(([, name = ""]) => name)));
    expect(names.size).to.be.greaterThan(50);
    const text = JSON.stringify(rendered.declared);
    const accepted = [...names].filter((name) => {
      const changed = text.replaceAll(new RegExp(String.raw`(\\n *)${name} `, "g"), `$1${name}x `);
      return checkFluentd({ ...rendered, declared: JSON.parse(changed) as Rendered["declared"] }).length === 0;
    });
    expect(accepted).to.deep.equal([]);
  });

  for (const [title, what, by] of [
    ["its own lines read in a circle", "node-agents_fluentd-*", "node-agents_fluentd2-*"],
    [
      "what waits in the container alone",
      '"mountPath":"/var/lib/observability/fluentd"',
      '"mountPath":"/var/lib/other"',
    ],
    ["lines thrown away for want of room", "overflow_action block", "overflow_action drop_oldest_chunk"],
    ["lines given up in an outage", "retry_forever true", "retry_forever false"],
    ["lines that overtake each other", "flush_thread_count 1", "flush_thread_count 4"],
    ["a plug-in that sends nothing", "id_key kubernetes.id", "id_key id"],
    ["a store that nothing goes to", "@label @VICTORIALOGS", "@label @ELASTICSEARCH"],
    ["secrets in its log", "suppress_config_dump true", "suppress_config_dump false"],
    ["a variable that is of no Secret", "ENV['ELASTICSEARCH_SECRET']", "ENV['ELASTIC_SECRET']"],
    ["any other Ruby", "pipeline observability-fluent-bit", 'pipeline \\"#{`id`}\\"'],
    ["lines lost when it stops with a full buffer", "<label @FLUENT_LOG>", "<label @ERROR>"],
    ["scripts that it does not find", "-p /etc/fluent/config.d ", "-p /etc/fluent "],
    ["a section without an end", "</label>\\n<label", "<label"],
  ] as const) {
    it(`is refused with ${title}`, async () => {
      expect(await after(what, by)).not.to.deep.equal([]);
    });
  }

  it("keeps any sign of a setting, and no secret", () => {
    const access = { of: "logs", secret: "externalLogsSecret", user: 'u"#{1}\\', tenant: '#{2}"\\' };
    const url = "https://logs.example.com/a";
    const store = {
      ...{ title: "VictoriaLogs", endpoint: { url, access }, jsonLines: "/insert/jsonline?_time_field=@timestamp" },
      push: { as: "loki", place: { url, access }, path: "" },
    } as unknown as LogStore;
    const known = {
      name: "test",
      ca: undefined,
      secrets: ["externalLogsSecret"],
      redact,
      nodeSources: { auditLog: "/a%b/c.log" },
    };
    const settings = { bufferSize: "512Mi", resources: { cpu: "1", memory: "1Gi", memoryLimit: "1Gi" }, values: {} };
    const own = { namespace: "node-agents", pods: "fluentd-", account: "fluentd" };
    const { fileConfigs } = fluentdValues(settings, [{ key: "externalLogs", offer: store }], known as never, own);
    expect(fileConfigs["01_sources.conf"]).to.include('path "/a%%b/c*.log"\n');
    const [label] = readFluentd(fileConfigs["04_outputs.conf"]);
    const params = label?.sections[1]?.params;
    const user = Buffer.from('u"#{1}\\:').toString("base64");
    expect(params?.get("headers")).to.equal(
      String.raw`{"X-Scope-OrgID": "\u0023{2}\"\\", "Authorization": "Basic #{['${user}'.unpack1('m').concat(ENV['LOGS_SECRET'].b)].pack('m0')}"}`,
    );
    expect(params?.get("endpoint")).to.equal('"https://logs.example.com/a/insert/jsonline?_time_field=@timestamp"');
  });
});

/** What Fluent Bit's stand-in makes of the same, as a store has it that makes streams of labels. */
const fluentBit = async () =>
  releases((await render({ settings: sources })).declared).find(({ chart }) => chart?.name === "fluent-bit")?.values ??
  {};

/** Without what only Fluentd says. */
const labelled = (made: readonly Made[]) =>
  made.flatMap(({ labelled: record }) => (record === null ? [] : [{ ...record, "@timestamp": undefined }]));

describe("What Fluentd makes of records, by its scripts in a real Ruby", () => {
  it("has the labels and the fields that Fluent Bit gives it", async function () {
    const node = "node-1";
    const events: Event[] = [
      ...lines.map((line) => podLine(`2026-01-01T00:00:00Z ${line}`, "shop_cart-0_u")),
      ...entries.map((record) => ({ tag: "journal", record })),
      ...audited.map((event) => ({ tag: "audit", record: { message: JSON.stringify(event), path: "/a" } })),
    ];
    const made = fluentdOrSkip(this, scripts(redact), events);
    const values = await fluentBit();
    const pushed = [];
    for (const line of whole(lines))
      pushed.push(await read(values, { ...pod, name: "cart-0" }, `2026-01-01T00:00:00Z ${line}`));
    for (const entry of entries) pushed.push(await readOfNode(values, "journal", structuredClone(entry), node));
    for (const event of audited) pushed.push(await readOfNode(values, "audit", structuredClone(event), node));
    expect(labelled(made)).to.deep.equal(
      pushed.map(({ stream, text }) => ({ ...(JSON.parse(text) as object), ...stream, "@timestamp": undefined })),
    );
    expect(JSON.stringify(made)).not.to.match(/s3cr3t|requestObject/);
    const times = made.filter(({ tag }) => tag === "audit").map(({ record }) => record?.["@timestamp"]);
    expect(times).to.deep.equal(audited.map(({ stageTimestamp }) => stageTimestamp));
    // Elasticsearch's pipeline takes what Kubernetes knows out of this, and each record once.
    const kubernetes = made.map(({ record }) => record?.["kubernetes"] as Readonly<Record<string, string>> | undefined);
    expect(kubernetes[0]).to.include({
      ...{ namespace_name: "shop", pod_name: "cart-0", pod_id: "u", container_name: "app", host: node },
    });
    const ids = kubernetes.flatMap((one) => one?.["id"] ?? []);
    expect(new Set(ids).size).to.equal(made.filter(({ record }) => record !== null).length);
  });

  it("is whole, whatever a line is", function () {
    const at = "2026-01-01T02:00:00.123456789+02:00 stdout";
    const long = "x".repeat(1024 ** 2);
    const made = fluentdOrSkip(
      this,
      scripts({ patterns: [], fields: [] }),
      [
        podLine("no line of a runtime"),
        podLine(`${at} F {"big":123456789012345678901234567890,"far":1e400,"ok":1}`),
        podLine(`${at} F ${"[".repeat(200)}`),
        podLine(`${at} F {"deep":${"[".repeat(200)}${"]".repeat(200)}}`),
        podLine(`${at} F {"@timestamp":"mine","kubernetes":"mine","job":"mine"}`),
        // Split over two files, with lines of others in between.
        podLine(`${at} P begun `),
        podLine(`${at.replace("stdout", "stderr")} F of the other stream`),
        podLine(`${at} F of another pod`, "shop_cart-1_u-2"),
        podLine(`${at} F and ended`, "shop_cart-0_u-1", "1.log"),
        ...Array.from({ length: 3 }, () => podLine(`${at} P ${long}`)),
        podLine(`${at} F ${long}`),
        podLine(`${at} P never ended`),
      ],
      "test",
    ).flatMap(({ record, labelled: also }) => (record === null ? [] : [{ record, also }]));
    const texts = made.map(({ record }) => record["log"]);
    expect(texts[0]).to.equal("no line of a runtime");
    expect(made[1]?.record).to.include({ big: "123456789012345678901234567890", far: "Infinity", ok: 1 });
    expect(made[1]?.record["@timestamp"]).to.equal("2026-01-01T00:00:00.123456789Z");
    expect(texts[2]).to.equal("[".repeat(200));
    expect(texts[3]).to.match(/^\{"deep":\[\[/);
    expect(made[4]?.also).to.deep.equal({
      ...{ "@timestamp": "2026-01-01T00:00:00.123456789Z", job: "containers", cluster: "test" },
      ...{ namespace: "shop", pod: "cart-0", container: "app" },
    });
    expect(texts.slice(5, 8)).to.deep.equal(["of the other stream", "of another pod", "begun and ended"]);
    expect(texts[8]).to.have.lengthOf(2 * 1024 ** 2);
    expect(texts.slice(9)).to.deep.equal(["never ended"]);
  });

  it("is masked where RE2 finds it, and nowhere else", function () {
    const next = random(7);
    const one = <T>(of: readonly T[]): T => of[Math.floor(next() * of.length)] as T;
    const atoms = [
      ...["a", "b", "A", "é", "1", "_", " ", ".", String.raw`\d`, String.raw`\w`, String.raw`\W`, String.raw`\s`],
      ...["[a-c]", "[^a]", "[[:alpha:]]", String.raw`\pL`, String.raw`\p{Greek}`, String.raw`\PN`, String.raw`\x41`],
      ...[
        String.raw`\Qa.b\E`,
        "^",
        "$",
        String.raw`\b`,
        String.raw`\B`,
        String.raw`\z`,
        "{",
        "]",
        "[]a]",
        "(?i)",
        "(?s)",
      ],
      ...["(?m)", "(?-i)", "(?U)", String.raw`\n`, "#", "/", '"', String.raw`\\`, String.raw`\x{e9}`],
    ];
    const pattern = (depth: number): string =>
      Array.from({ length: 1 + Math.floor(next() * 3) }, () => {
        const group = depth > 0 && next() < 0.25;
        const inner = () =>
          `${one(["(", "(?:", "(?i:", "(?s:", "(?m-i:", "(?U:"])}${pattern(depth - 1)}|${pattern(depth - 1)})`;
        const repeat = next() < 0.3 ? one(["*", "+", "?", "*?", "+?", "{2}", "{1,2}", "{2}?", "{0,2}?"]) : "";
        return `${group ? inner() : one(atoms)}${repeat}`;
      }).join("");
    const patterns = Array.from({ length: 300 }, () => pattern(2)).filter(
      (text) => redactPattern.safeParse(text).success,
    );
    expect(patterns.length).to.be.greaterThan(100);
    const texts = [
      "abcABC é1_ \n",
      "aaab a.b {x}]-",
      "foo a.b\nbar aé\n",
      "αβγ a1_b2",
      "Ka K ſ s",
      '{"a":"b\\"c"}',
      "aa bb  cc\t\n\n",
    ];
    const program = `
      require "json"
      sources, texts = JSON.parse($stdin.read)
      print JSON.generate(sources.map { |source| texts.map { |text| text.gsub(Regexp.new(source), "****") } })
    `;
    const given = JSON.stringify([patterns.map((text) => rubyExpression(text)), texts]);
    const masked = JSON.parse(rubyOrSkip(this, ["-W0", "-Ku", "-e", program], given)) as string[][];
    const different = patterns.filter((text, index) => {
      const compiled = RE2JS.compile(text);
      const expected = texts.map((one) => compiled.matcher(one).replaceAll("****"));
      return JSON.stringify(masked[index]) !== JSON.stringify(expected);
    });
    expect(different).to.deep.equal([]);
    expect(masked.flat().filter((text) => text.includes("****")).length).to.be.greaterThan(100);
  });
});
