import { expect } from "chai";
import lucene from "lucene";
import { ask } from "../../commands/pictures/ask.ts";
import type { Dashboard, Panel, Target } from "../../commands/pictures/model.ts";
import { dashboardFiles } from "../../commands/pictures.ts";
import { linesOfTrace } from "../../components/logs/elasticsearch/api.ts";
import { logLabels } from "../../contract/checks/fluent-bit.ts";
import { logEntries, pushBody } from "../../commands/pictures/logs.ts";
import { panelsOf, readForms } from "./support/content.ts";

const dashboards = [...dashboardFiles().values()].map((text) => JSON.parse(text) as Dashboard);

function dashboardOf(uid: string): Dashboard {
  const found = dashboards.find((dashboard) => dashboard.uid === uid);
  if (found === undefined) throw new Error(`There is no dashboard ${uid}.`);
  return found;
}

function panelOf(dashboard: Dashboard, title: string): Panel {
  const found = dashboard.panels.find((panel) => panel.title === title);
  if (found === undefined) throw new Error(`${dashboard.uid} has no panel "${title}".`);
  return found;
}

describe("LogQL, by a stand-in for Loki's engine with lines of the log agent and records sent by OTLP", () => {
  const logs = logEntries();
  const answer = (dashboard: Dashboard, panel: Panel, targets: readonly Target[], chosen = {}) =>
    ask({ prometheus: "", jaeger: "", logs }, dashboard, { ...panel, targets }, chosen, 900);

  for (const dashboard of dashboards) {
    const asked = dashboard.panels.flatMap((panel) =>
      (panel.targets ?? []).filter(({ datasource }) => datasource.type === "loki").map((target) => ({ panel, target })),
    );
    for (const { panel, target } of asked) {
      it(`${dashboard.title}, "${panel.title}", query ${target.refId} returns data`, async () => {
        const chosen = dashboard.uid === "workload" ? { namespace: "demo", workload: "kbot", pod: "kbot-.+" } : {};
        const { series, lines } = await answer(dashboard, panel, [target], chosen);
        expect(series.length + lines.length).to.be.greaterThan(0);
      });
    }
  }

  it("lines are labelled as the log agent labels them", () => {
    for (const { stream } of pushBody.streams)
      expect(Object.keys(stream).sort()).to.deep.equal(Object.keys(logLabels).sort());
  });

  it("finds a query that returns nothing (the check itself)", async () => {
    const dashboard = dashboardOf("logs");
    const panel = panelOf(dashboard, "Log lines");
    const [target] = panel.targets ?? [];
    if (target === undefined) throw new Error("The panel asks nothing.");
    const { lines } = await answer(dashboard, panel, [target], { search: "a text that no line has" });
    expect(lines).to.deep.equal([]);
  });

  it("the logs dashboard shows one request's lines of both ways, found by its trace id", async () => {
    const record =
      logs.findLast(({ stream }) => stream["k8s_pod_name"] !== undefined) ?? expect.fail("no record by OTLP");
    const traceId = record.metadata["trace_id"] ?? "";
    const dashboard = dashboardOf("logs");
    const panel = panelOf(dashboard, "Log lines");
    const { lines } = await answer(dashboard, panel, panel.targets ?? [], { search: traceId });
    expect(new Set(lines.map(({ labels }) => labels["trace_id"]))).to.deep.equal(new Set([traceId]));
    expect(lines.filter(({ text }) => text.endsWith(`: ${record.line}`))).to.have.length(1);
    expect(lines.filter(({ text }) => text.includes(": message "))).to.have.length.greaterThan(0);
  });

  it("the search looks into records sent by OTLP as into lines", async () => {
    const dashboard = dashboardOf("logs");
    const panel = panelOf(dashboard, "Log lines");
    const { lines } = await answer(dashboard, panel, panel.targets ?? [], { search: "Deadline Exceeded" });
    expect(lines.filter(({ text }) => text.includes(": query of "))).to.have.length.greaterThan(0);
    expect(lines.filter(({ text }) => text.includes(": message "))).to.have.length.greaterThan(0);
    expect(lines.every(({ text }) => text.includes("deadline exceeded"))).to.equal(true);
  });

  it("records are found by a part of a field, and while nothing is written those that have no such field, too", async () => {
    const dashboard = dashboardOf("journal");
    const panel = panelOf(dashboard, "Lines of the journal");
    const by = async (chosen: object) => {
      const { lines } = await answer(dashboard, panel, panel.targets ?? [], chosen);
      return new Set(lines.map(({ labels }) => labels["identifier"]));
    };
    expect([...(await by({}))]).to.include.members(["kernel", "kubelet", "systemd"]);
    expect(await by({ unit: "kube" })).to.deep.equal(new Set(["kubelet"]));
  });

  it("the histogram counts every line and every record of the hour, by level", async () => {
    const dashboard = dashboardOf("logs");
    const panel = panelOf(dashboard, "Lines by level");
    const { series } = await answer(dashboard, panel, panel.targets ?? []);
    const counted = series.flatMap(({ points }) => points).reduce((sum, [, value]) => sum + value, 0);
    // Steps overlap the ends of the hour.
    const lines = logs.filter(({ stream }) => [undefined, "containers"].includes(stream["job"]));
    expect(counted).to.be.closeTo(lines.length, 40);
    expect(series.map(({ labels }) => labels["detected_level"])).to.include.members(["error", "warn", "info"]);
  });
});

/** No Elasticsearch may be had here: its queries are read by a grammar of Lucene, and what they ask is held against what setup.ts makes of lines. */
describe("Lucene, by its grammar", () => {
  /** What Grafana puts in, with and without a choice. */
  const chosen = [
    {
      job: "podinfo|frontend",
      node: "dev-worker",
      namespace: "demo|team-a",
      pod: "kbot-1",
      container: "kbot",
      level: "error|critical|fatal",
      ...{ user: "jane@example.com", unit: "kubelet", resource: "secrets", search: "refused AND *x" },
    },
    {
      ...{ user: "", unit: "", resource: "" },
      job: ".*",
      node: "",
      namespace: ".+",
      pod: ".+",
      container: ".*",
      level: ".*",
      search: "",
    },
  ] as const;
  const known =
    /^(k8s\.(namespace|pod|container|node)\.name|severity_text|body\.text|trace_id|attributes\.(\\\*|\w+)|_exists_|data_stream\.dataset|<implicit>)$/;

  const filled = (query: string, values: Readonly<Record<string, string>>) =>
    query.replaceAll(/\$\{(\w+):\w+\}/g, (_, name: string) => values[name] ?? expect.fail(`nobody chooses ${name}`));

  const fieldsOf = (node: unknown): string[] => {
    if (typeof node !== "object" || node === null) return [];
    const { field, left, right } = node as Readonly<Record<string, unknown>>;
    return [...(typeof field === "string" ? [field] : []), ...fieldsOf(left), ...fieldsOf(right)];
  };

  const asked = readForms().flatMap(({ dashboard }) =>
    panelsOf(dashboard).flatMap(({ title, targets = [] }) =>
      targets
        .filter(({ datasource }) => datasource.type === "elasticsearch")
        .map((target) => [`${dashboard.uid}, ${title}`, (target as unknown as { query: string }).query] as const),
    ),
  );

  it("is what every panel of log lines asks in", () => {
    expect(new Set(asked.map(([where]) => where.split(",")[0]))).to.include.members([
      "logs",
      "kbot",
      "podinfo",
      "flux",
    ]);
    for (const [where, query] of asked)
      for (const values of chosen) {
        const text = filled(query, values);
        const tree = lucene.parse(text);
        expect(text, where).to.not.include("$");
        for (const field of fieldsOf(tree)) expect(field, `${where}: ${text}`).to.match(known);
      }
  });

  it("is what links from traces ask in", () => {
    expect(fieldsOf(lucene.parse(linesOfTrace.replaceAll("$${__trace.traceId}", "4bf92f")))).to.deep.equal([
      "trace_id",
      "body.text",
    ]);
  });

  it("refuses what is none (the check itself)", () => {
    for (const wrong of ["a:/x", "(a:b", 'a:"b']) expect(() => lucene.parse(wrong), wrong).to.throw();
  });
});
