/**
 * Writes tools/contract/chart-facts.json: what the pinned charts make of the values of the default settings, as far as
 * other objects refer to it (Services, pods, their labels and ports, monitors, webhooks). A contract test compares the
 * versions in it with settings/versions.ts, so a new chart version asks for a new run:
 *
 *   node tools/chart-facts.ts [<folder with chart folders>]
 *
 * The charts come from the folder, else from the cache (`npm run charts:refresh`); Helm is the pinned one.
 */
import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import * as path from "node:path";
import { parseAllDocuments, stringify } from "yaml";
import type { Manifest } from "../components/kubernetes/manifest.ts";
import { kindNode } from "../settings/versions.ts";
import { type ChartFacts, chartFactsFile, factsOf } from "./contract/chart-facts.ts";
import { cachedChart } from "./contract/charts.ts";
import { obtainProgram } from "./contract/programs.ts";
import { releases, render } from "./contract/rendered.ts";

const helm = await obtainProgram("helm");
const [given] = process.argv.slice(2);
const folder = mkdtempSync(path.join(tmpdir(), "chart-facts-"));
try {
  const { declared } = await render();
  const version = execFileSync(helm, ["version", "--template", "{{.Version}}"], { encoding: "utf8" }).trim();
  const facts: Record<string, ChartFacts> = {};
  for (const { name, namespace, chart, values } of releases(declared)) {
    if (chart === undefined) continue;
    const source = given === undefined ? cachedChart(chart.name, chart.version) : path.join(given, chart.name);
    const file = path.join(folder, `${name}.yaml`);
    writeFileSync(file, stringify(values));
    const text = execFileSync(
      helm,
      [
        ...["template", name, source, "--namespace", namespace, "--values", file],
        ...["--kube-version", kindNode, "--api-versions", "monitoring.coreos.com/v1"],
      ],
      { encoding: "utf8", maxBuffer: 1 << 28 },
    );
    const objects = parseAllDocuments(text)
      .map((document) => document.toJS() as Manifest | null)
      .filter((object) => object !== null);
    facts[name] = {
      chart: chart.name,
      version: chart.version,
      obtained: `helm ${version} template`,
      ...factsOf(objects, namespace),
    };
    console.log(`${name}: ${objects.length} objects of ${chart.name} ${chart.version}`);
  }
  writeFileSync(chartFactsFile, `${JSON.stringify(facts, undefined, 2)}\n`);
} finally {
  rmSync(folder, { recursive: true, force: true });
}
