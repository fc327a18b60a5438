import { expect } from "chai";
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { components } from "../../components/catalogue.ts";
import { contentFolders } from "../../components/gitops/content.ts";
import { kebab } from "../../components/kebab.ts";
import { checkContent } from "../../contract/checks/content.ts";
import { render } from "../../contract/rendered.ts";
import type { SettingsInput } from "../../settings/schema.ts";
import { allEnvironments, defaultEnvironment, expectNone } from "../support/rendered.ts";
import { projectFolder } from "./support/content.ts";

describe("content that is shipped", function () {
  this.timeout("5m");

  it("asks nothing of a component that is not chosen, for every pair of choices", async () => {
    const environments = await allEnvironments();
    console.log(`      ${environments.length} environments`);
    expectNone(environments.flatMap(({ rendered }) => checkContent(rendered)));
  });

  it("is all there with the defaults, but for the demo that does not run and what is off by default", async () => {
    const { declared } = await defaultEnvironment();
    const given = declared
      .filter(({ kind, apiVersion }) => kind === "Kustomization" && apiVersion.startsWith("kustomize.toolkit"))
      .flatMap((object) => (object["spec"] as { readonly components: readonly string[] }).components)
      .map((component) => component.replace(/^(\.\.\/)+content\//, ""));
    const all = readdirSync(join(projectFolder, "flux-repo/content"))
      .filter((name) => !["kbot", "blackbox-exporter", "tempo"].includes(name))
      .flatMap((name) => contentFolders(name, () => true))
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

  it("is in folders of components, named for what there is", () => {
    const known = [
      ...components.map(({ key }) => key),
      ...[
        "alerts",
        "certificates",
        "collectors",
        "dashboards",
        "exporters",
        "gateway",
        "injection",
        "logAgent",
        "logql",
        "logs",
      ],
      ...["metrics", "monitors", "prometheusOperator", "rules", "scraping", "traces"],
    ];
    const names = ["flux", "kbot", "logql", "podinfo", ...components.map(({ key }) => kebab(key))];
    for (const name of readdirSync(join(projectFolder, "flux-repo/content"))) {
      expect(names).to.include(name);
      for (const folder of readdirSync(join(projectFolder, "flux-repo/content", name)))
        for (const need of folder.split("+")) expect(known, `${name}/${folder}`).to.include(need);
    }
  });
});
