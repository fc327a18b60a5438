import { expect } from "chai";
import { ask } from "../../commands/pictures/ask.ts";
import type { Dashboard, Panel, Target } from "../../commands/pictures/model.ts";
import { dashboardFiles } from "../../commands/pictures.ts";
import { logLabels } from "../../contract/checks/fluent-bit.ts";
import { logEntries, pushBody } from "../../commands/pictures/logs.ts";

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

  it("the histogram counts every line and every record of the hour, by level", async () => {
    const dashboard = dashboardOf("logs");
    const panel = panelOf(dashboard, "Lines by level");
    const { series } = await answer(dashboard, panel, panel.targets ?? []);
    const counted = series.flatMap(({ points }) => points).reduce((sum, [, value]) => sum + value, 0);
    // Steps overlap the ends of the hour.
    expect(counted).to.be.closeTo(logs.length, 40);
    expect(series.map(({ labels }) => labels["detected_level"])).to.include.members(["error", "warn", "info"]);
  });
});
