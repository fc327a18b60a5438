import { expect } from "chai";
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { components } from "../../components/catalogue.ts";
import { abilities } from "../../components/content.ts";
import { contentFolders } from "../../components/gitops/content.ts";
import { kebab } from "../../components/kebab.ts";
import { plan } from "../../components/plan.ts";
import { checkContent } from "../../contract/checks/content.ts";
import { render } from "../../contract/rendered.ts";
import type { SettingsInput } from "../../settings/schema.ts";
import { allEnvironments, defaultEnvironment, expectNone } from "../support/rendered.ts";
import { projectFolder } from "./support/content.ts";

describe("content that is shipped", function () {
  it("asks nothing of a component that is not chosen, for every pair of choices", async () => {
    const environments = await allEnvironments();
    console.log(`      ${environments.length} environments`);
    expectNone(environments.flatMap(({ rendered }) => checkContent(rendered)));
  });

  it("is all there with the defaults, but for the demo that does not run and what is off by default", async () => {
    const { declared, settings } = await defaultEnvironment();
    const able = abilities(plan(settings).chosen);
    const given = declared
      .filter(({ kind, apiVersion }) => kind === "Kustomization" && apiVersion.startsWith("kustomize.toolkit"))
      .flatMap((object) => (object["spec"] as { readonly components: readonly string[] }).components)
      .map((component) => component.replace(/^(\.\.\/)+content\//, ""));
    const all = readdirSync(join(projectFolder, "flux-repo/content"))
      .filter(
        (name) =>
          !["kbot", "autoscaling", "elastic-metrics", "journal", "audit-log"].includes(name) &&
          (!name.includes(".") || able.has(name)) &&
          !components.some(({ key }) => kebab(key) === name && !able.has(key)),
      )
      // Of several languages, the one that the store knows.
      .flatMap((name) => contentFolders(name, (need) => !need.includes(".") || able.has(need)))
      .map((folder) => folder.replace("flux-repo/content/", ""));
    expect([...given].sort()).to.deep.equal(all.sort());
  });

  // Without any choice all of it would be applied: what the check then says.
  const choices: readonly (readonly [asked: string, settings: SettingsInput])[] = [
    ["there is nobody for rules", { metrics: "none" }],
    ["nothing for dashboards", { dashboards: "none" }],
    ["asks alertmanager", { alerts: "none" }],
    ["asks grafana", { dashboards: "none" }],
    ["asks loki", { logs: "none", logAgent: "none" }],
    ["asks fluentBit", { logAgent: "none" }],
    ["asks jaeger", { traces: "none" }],
    ["asks collector", { gateway: "none", instrumentation: { enabled: false } }],
    ["asks exporters", { exporters: { enabled: false } }],
    [
      "asks certManager",
      {
        ...{ gateway: "none", instrumentation: { enabled: false } },
        ...{ opentelemetryOperator: { enabled: false }, certManager: { enabled: false } },
      },
    ],
  ];
  for (const [asked, settings] of choices) {
    it(`that nobody chose is found: ${JSON.stringify(settings)} ${asked}`, async () => {
      const { content } = await defaultEnvironment();
      const rendered = await render({ settings });
      expect(checkContent(rendered)).to.deep.equal([]);
      const said = checkContent({ ...rendered, content }).map(({ message }) => message);
      expect(said.join("\n")).to.include(asked);
    });
  }

  // Languages that a demo's page is asked in beside PromQL. Of two stores the first is the one that links and pages lead to.
  const kbot = { app: "kbot", repository: "https://github.com/acme/kbot", image: { repository: "ghcr.io/acme/kbot" } };
  const external = (where: { readonly queryUrl?: string }): SettingsInput => ({
    traces: "external",
    external: { traces: { otlpUrl: "https://tempo.example.com:4317", ...where } },
  });
  const victoriaLogs = "victoriametrics-logs-datasource";
  const forms: readonly (readonly [settings: SettingsInput, podinfo: string, kbot: string])[] = [
    [{}, "jaeger loki", "jaeger loki"],
    [{ traces: "tempo" }, "tempo loki", "tempo loki"],
    [{ traces: ["jaeger", "tempo"] }, "jaeger loki", "jaeger loki"],
    [{ traces: ["tempo", "jaeger"] }, "tempo loki", "tempo loki"],
    [{ logs: "victoriaLogs" }, `jaeger ${victoriaLogs}`, `jaeger ${victoriaLogs}`],
    [{ logs: ["victoriaLogs", "loki"], traces: "none" }, victoriaLogs, victoriaLogs],
    [{ logs: "elasticsearch" }, "jaeger elasticsearch", "jaeger elasticsearch"],
    [{ traces: "none" }, "loki", "loki"],
    [{ traces: "tempo", logs: "none", logAgent: "none" }, "tempo", "tempo"],
    [{ logs: "none", logAgent: "none" }, "jaeger", "jaeger"],
    // Without an address Grafana has no data source of it.
    [external({ queryUrl: "https://tempo.example.com" }), "tempo loki", "tempo loki"],
    [external({}), "loki", "loki"],
    // podinfo's lines are shown as the log agent reads them.
    [{ traces: "tempo", logAgent: "none" }, "tempo", "tempo loki"],
    [{ traces: "none", logs: "none", logAgent: "none" }, "", ""],
  ];
  for (const [settings, ...wanted] of forms) {
    it(`speaks to the stores of ${JSON.stringify(settings)}`, async () => {
      for (const [index, demo] of [{ app: "podinfo" } as const, kbot].entries()) {
        const rendered = await render({
          settings: { ...settings, demo } as SettingsInput,
          secrets: ["telegramToken"],
        });
        expect(checkContent(rendered)).to.deep.equal([]);
        const [page] = rendered.content.flatMap((object) =>
          object.metadata.name === `dashboard-${demo.app}` ? [JSON.stringify(object["data"])] : [],
        );
        const types = [...(page ?? "").matchAll(/\{\\"type\\":\\"([\w-]+)\\",\\"uid\\":\\"\$/g)].map(
          ([, type]) => type,
        );
        expect([...new Set(types)].filter((type) => type !== "prometheus").join(" "), demo.app).to.equal(wanted[index]);
      }
    });
  }

  it("in another store's language is found", async () => {
    const { content } = await render({ settings: { traces: "tempo" } });
    const said = checkContent({ ...(await defaultEnvironment()), content }).map(({ message }) => message);
    expect(said.join("\n"))
      .to.include("opens with the data source traces, which is jaeger, not tempo")
      .and.include("asks only tempo, which is not there");
  });

  it("that asks a job that nobody has is found", async () => {
    const { content, ...rest } = await defaultEnvironment();
    const misspelt = JSON.parse(JSON.stringify(content).replaceAll('job=\\"jaeger', 'job=\\"jager')) as typeof content;
    const said = checkContent({ ...rest, content: misspelt }).map(({ message }) => message);
    expect(said.join("\n")).to.include("asks the job jager, which is not there");
  });

  it("is in folders of components, named for what some environment has", async () => {
    const able = (await allEnvironments()).flatMap(({ rendered }) => [...abilities(plan(rendered.settings).chosen)]);
    const names = ["kbot", "podinfo", ...able.map(kebab)];
    for (const name of readdirSync(join(projectFolder, "flux-repo/content"))) {
      expect(names).to.include(name);
      for (const folder of readdirSync(join(projectFolder, "flux-repo/content", name)))
        for (const need of folder.split("+")) expect(able, `${name}/${folder}`).to.include(need);
    }
  });
});
