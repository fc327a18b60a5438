import { readFileSync } from "node:fs";
import { expect } from "chai";
import { parse } from "yaml";
import { requests } from "../../../components/plan.ts";
import { parseSettings } from "../../../settings/parse.ts";

function findings(settings: object): string {
  try {
    parseSettings({ ...settings }, { file: "Pulumi.dev.yaml", secrets: ["externalAlertsSecret"] });
    return "";
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

const rule = (more: object) => ({ logAlerts: { rules: [{ name: "A", summary: "a", ...more }] } });
const shipped = { logAlerts: { shipped: ["LogPanic"] } };
const bucket = { objectStorage: "seaweedfs", loki: { mode: "distributed", storage: { type: "objectStorage" } } };

describe("alerts on log lines", () => {
  it("accept the example of their README", () => {
    const page = readFileSync(new URL("../../../components/alerts/log-alerts/README.md", import.meta.url), "utf8");
    const { config } = parse(/```yaml\n(.*?)```/s.exec(page)?.[1] ?? "") as { config: Record<string, object> };
    expect(findings({ logAlerts: config["observability:logAlerts"] })).to.equal("");
  });

  for (const [what, settings, said] of [
    [
      "a store that cannot",
      { ...shipped, logs: "elasticsearch" },
      "logs has Elasticsearch alone. Add loki or victoriaLogs",
    ],
    [
      "an Alertmanager that Loki cannot tell",
      { ...shipped, alerts: "external", external: { alerts: { url: "https://a.example.com", tenant: "b" } } },
      "it has a secret and a tenant. Add victoriaLogs to logs",
    ],
    ["no store", { ...shipped, logs: "none", logAgent: "none" }, "logAlerts cannot do without it"],
    [
      "two of a name",
      { logAlerts: { rules: [0, 1].map(() => ({ name: "A", summary: "a" })) } },
      "is A, as is logAlerts.rules.0.name",
    ],
    [
      "the name of a shipped one",
      rule({ name: "LogPanic" }),
      "is LogPanic, which is one of those that logAlerts.shipped may name",
    ],
    [
      "a query in another language",
      rule({ query: { victoriaLogs: "a" } }),
      "rules.0.query.loki: is not set, and logs has loki",
    ],
    ["a query that is no LogQL", rule({ query: { loki: "{" } }), "is not LogQL: "],
    [
      "a query beside where",
      rule({ query: { loki: 'count_over_time({a="b"} [5m]) > 1' }, above: 1 }),
      "has a query beside where, by, above or below",
    ],
    ["two bounds", rule({ above: 1, below: 3 }), "has both above and below"],
    ["nothing counted apart", rule({ below: 1, by: ["pod"] }), "has by beside below"],
    ["a label twice", rule({ labels: { namespace: "a" } }), "has the label namespace among labels, and counts by it"],
    ["a label as a field", rule({ where: { fields: { pod: "a" } } }), "is a label, which where has beside fields"],
    ["no regular expression", rule({ where: { text: "(?=a)" } }), "is a regular expression that RE2 refuses"],
  ] as const)
    it(`are refused with ${what}`, () => {
      expect(findings(settings)).to.include(said);
    });

  it("may be on a store beside one that cannot", () => {
    expect(findings({ ...shipped, ...bucket, logs: ["elasticsearch", "loki", "victoriaLogs"] })).to.equal("");
  });

  it("ask for Loki's rulers where these evaluate, and not where VictoriaLogs does", () => {
    for (const [logs, pods] of [
      [["loki"], 2],
      [["loki", "victoriaLogs"], 0],
    ] as const) {
      const settings = parseSettings({ ...shipped, ...bucket, logs }, { file: "Pulumi.dev.yaml", secrets: [] });
      const rulers = requests(settings).filter(({ setting }) => setting === "loki.distributed.ruler.resources");
      expect(
        rulers.map(({ count }) => count),
        logs.join(),
      ).to.deep.equal([pods]);
    }
  });
});
