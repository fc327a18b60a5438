import { expect } from "chai";
import type { Manifest } from "../../components/kubernetes/manifest.ts";
import { fixtureFiles } from "../../rehearsal/charts/index.ts";
import { kindNode } from "../../settings/versions.ts";
import { chartFacts, factsOf, templated } from "../../contract/chart-facts.ts";
import { at } from "../../contract/finding.ts";
import { allReleases } from "../../contract/rendered.ts";
import { programSaid } from "../../contract/said.ts";
import { programOrSkip } from "../support/program.ts";

/** The same content in one order: neither Kubernetes nor a reader minds the order of ports or labels. */
function sorted(value: unknown): unknown {
  if (Array.isArray(value)) {
    return value.map(sorted).sort((a, b) => JSON.stringify(a).localeCompare(JSON.stringify(b)));
  }
  if (typeof value !== "object" || value === null) return value;
  const entries = Object.entries(value).map(([key, below]): [string, unknown] => [key, sorted(below)]);
  return Object.fromEntries(entries.sort(([a], [b]) => a.localeCompare(b)));
}

describe("stand-in charts against the real ones, with the environment's values", () => {
  let helm: string;

  before(async function () {
    helm = await programOrSkip(this, "helm");
    console.log(`      Helm ${programSaid(helm, { args: ["version", "--template={{.Version}}"] }).stdout}`);
  });

  /** What Helm makes of a stand-in with the values of a release. */
  async function rendered(release: string): Promise<{ objects: Manifest[]; namespace: string }> {
    const found = (await allReleases()).find(({ name }) => name === release);
    if (found?.chart === undefined) throw new Error(`no environment has a release ${release}: npm run charts:refresh`);
    const chart = Object.entries(await fixtureFiles(found.chart.name));
    const { status, stdout, stderr } = programSaid(helm, {
      files: {
        ...Object.fromEntries(chart.map(([file, text]) => [`chart/${file}`, text])),
        "values.json": JSON.stringify(found.values),
      },
      args: [
        ...["template", release, "chart", "--namespace", found.namespace, "--values", "values.json"],
        ...["--kube-version", kindNode, "--api-versions", "monitoring.coreos.com/v1/ServiceMonitor"],
      ],
    });
    expect(status, stderr).to.equal(0);
    return { objects: templated(stdout), namespace: found.namespace };
  }

  for (const [release, real] of Object.entries(chartFacts())) {
    it(`${release} has the same Services, pods, webhooks, APIServices, monitors and readers of Secrets`, async function () {
      const { objects, namespace } = await rendered(release);
      const { chart, version, obtained } = real;
      expect(sorted({ chart, version, obtained, ...factsOf(objects, namespace) })).to.deep.equal(sorted(real));
    });
  }

  it("Loki's pods may share a node, where the chart alone would leave some Pending", async () => {
    const { objects } = await rendered("loki");
    const pods = objects.find(({ kind }) => kind === "StatefulSet");
    const rules = at(pods, "spec", "template", "spec", "affinity", "podAntiAffinity");
    expect(at(rules, "requiredDuringSchedulingIgnoredDuringExecution")).to.deep.equal([]);
    expect(at(rules, "preferredDuringSchedulingIgnoredDuringExecution")).to.have.length(1);
  });
});
