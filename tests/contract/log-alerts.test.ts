import { expect } from "chai";
import { ask } from "../../contract/logql/evaluate.ts";
import { type Entry, pushed, received } from "../../contract/logql/entries.ts";
import { render, type Rendered } from "../../contract/rendered.ts";
import { expected, logAlerts, otlpOf, pushOf, told } from "./support/log-alerts.ts";

interface Rule {
  readonly alert: string;
  readonly expr: string;
  readonly labels: Readonly<Record<string, string>>;
}

/** What VictoriaLogs' vmalert makes of the same rules and lines is in victoria-logs.test.ts. */
describe("alerts on log lines, by a stand-in for Loki's engine", () => {
  let rendered: Rendered;
  let rules: readonly Rule[];
  const time = 1_763_432_119_125;
  const entries: Entry[] = [...pushed(pushOf(time)), ...received(otlpOf(time))];

  before(async () => {
    rendered = await render({ settings: { logAlerts } });
    const secret = rendered.declared.find(({ metadata }) => metadata.name === "loki-alerts");
    const file = JSON.parse((secret?.["stringData"] as Record<string, string>)["rules.yaml"] ?? "") as {
      groups: { rules: Rule[] }[];
    };
    rules = file.groups.flatMap((group) => group.rules);
  });

  for (const [name, alerts] of Object.entries(expected))
    it(`${name} ${alerts.length === 0 ? "is quiet" : "fires"}`, () => {
      const { expr, labels } = rules.find(({ alert }) => alert === name) ?? expect.fail(`there is no ${name}`);
      const asked = ask(expr, entries);
      if (asked.kind !== "metric") return expect.fail(`${expr} answers lines`);
      const samples = asked.at(time + 60_000);
      expect(samples.map((sample) => told({ ...labels, ...sample.labels })).sort()).to.deep.equal(alerts);
    });
});
