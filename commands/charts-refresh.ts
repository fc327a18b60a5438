/**
 * `npm run charts:refresh [-- --from <folder>]`: reads what the contract tests know of the charts that settings/versions.ts
 * pins off the charts themselves, fetched into the user's cache, or in a folder with a folder for each. It writes
 *
 * - `schema-facts.json` of its component: every key of its values with its kinds of value;
 * - `facts.json` of its component: what it makes of the values of the default settings (of one that is off by default: of its first
 *   variant), as far as other objects refer to it
 *   (Services, pods, their labels and ports, monitors, webhooks), where the folder has its templates;
 * - settings/chart-images.json: which images it runs, and where its values take their digests (`npm run digests`), there too;
 *
 * and says what changed since the version that was there before (the newest other one in the cache, else that of
 * ../shared/charts).
 */
import { execFileSync } from "node:child_process";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import * as path from "node:path";
import { isDeepStrictEqual, parseArgs } from "node:util";
import { format } from "prettier";
import { parse, stringify } from "yaml";
import { charts } from "../components/catalogue.ts";
import { type ChartImages, chartImages } from "../settings/digests.ts";
import { type ChartPin, kindNode } from "../settings/versions.ts";
import { chartDiff, describeDiff, keysOf } from "./chart-diff.ts";
import { folderOfChart } from "../contract/component-files.ts";
import { type ChartFacts, chartFacts, chartFactsFile, factsOf, templated } from "../contract/chart-facts.ts";
import { imagesOf } from "../contract/chart-images.ts";
import { cachedChart, keepChart, readChart, sharedFolder } from "../contract/charts.ts";
import { obtainProgram } from "../contract/readers.ts";
import { allReleases, type Release } from "../contract/rendered.ts";
import { fetchChart } from "../contract/fetch-chart.ts";

const chartImagesFile = path.join(import.meta.dirname, "../settings/chart-images.json");

/** `values.yaml` of another version of a chart that is at hand, with that version. */
function otherVersion({ name, version }: ChartPin): { readonly version: string; readonly values: string } | undefined {
  const cache = path.dirname(cachedChart(name, version));
  const cached = existsSync(cache) ? readdirSync(cache).map((folder) => path.join(cache, folder)) : [];
  const others = (folders: readonly string[]) =>
    folders
      .filter((folder) => ["Chart.yaml", "values.yaml"].every((file) => existsSync(path.join(folder, file))))
      .map((folder) => ({
        chart: parse(readFileSync(path.join(folder, "Chart.yaml"), "utf8")) as { name: string; version: string },
        values: readFileSync(path.join(folder, "values.yaml"), "utf8"),
      }))
      .filter(({ chart }) => chart.name === name && chart.version !== version)
      .sort((a, b) => b.chart.version.localeCompare(a.chart.version, "en", { numeric: true }));
  const [newest] = [...others(cached), ...others([path.join(sharedFolder, "charts", name)])];
  return newest === undefined ? undefined : { version: newest.chart.version, values: newest.values };
}

/** The folder with a chart's files. @throws Error with the reason when they cannot be had */
async function obtainChart(pin: ChartPin, from: string | undefined): Promise<string> {
  if (from === undefined) {
    const cached = cachedChart(pin.name, pin.version);
    return existsSync(cached) ? cached : fetchChart(pin);
  }
  const folder = path.join(from, pin.name);
  const file = path.join(folder, "Chart.yaml");
  if (!existsSync(file)) throw new Error(`${folder} has no Chart.yaml`);
  const { version } = parse(readFileSync(file, "utf8")) as { version: string };
  if (version !== pin.version) throw new Error(`${folder} has version ${version}`);
  return folder;
}

export interface RefreshOptions {
  /** @default every pin */
  readonly pins?: readonly ChartPin[];
  /** A folder with charts, in place of their registries. */
  readonly from?: string;
  /** A folder where facts are written. @default those of the components */
  readonly facts?: string;
}

/**
 * Writes the facts about the values of charts and tells what changed.
 *
 * @returns the folders of the charts that could be had, and how many could not
 */
export async function refresh({ pins = Object.values(charts), from, facts }: RefreshOptions = {}) {
  const folders = new Map<string, string>();
  let failed = 0;
  for (const pin of pins) {
    const id = `${pin.name} ${pin.version}`;
    const before = otherVersion(pin);
    let folder: string;
    try {
      folder = await obtainChart(pin, from);
      keepChart(readChart(folder), facts);
    } catch (error) {
      failed++;
      const reason = error instanceof Error ? error.message : String(error);
      console.error(`${id}: cannot be had from ${from ?? pin.repository} (${reason}).`);
      continue;
    }
    console.log(`${id}: ${folder}`);
    folders.set(pin.name, folder);
    if (before === undefined) continue;
    const release = (await allReleases()).findLast(({ chart }) => chart?.name === pin.name);
    const lines = describeDiff(
      chartDiff(before.values, readFileSync(path.join(folder, "values.yaml"), "utf8")),
      keysOf(release?.values ?? {}),
    );
    console.log(`  since ${before.version}: ${lines.length === 0 ? "no default changed" : `${lines.length} changes`}`);
    for (const line of lines) console.log(`    ${line}`);
  }
  if (failed > 0) {
    console.error(
      `${failed} of ${pins.length} charts could not be had; what is known of them stays as it was. Check the network and ` +
        "HTTPS_PROXY and run it again, or give a folder that has them: npm run charts:refresh -- --from <folder>.",
    );
  }
  return { folders, failed };
}

/** What `helm template` makes of a release's chart with other values. */
function template(helm: string, { name, namespace }: Release, folder: string, values: object): string {
  const temporary = mkdtempSync(path.join(tmpdir(), "chart-facts-"));
  try {
    const file = path.join(temporary, "values.yaml");
    writeFileSync(file, stringify(values));
    // As Helm knows them of a cluster: some charts ask for the group, some for the kind.
    const versions = ["monitoring.coreos.com/v1", "monitoring.coreos.com/v1/ServiceMonitor"].join(",");
    return execFileSync(
      helm,
      [
        ...["template", name, folder, "--namespace", namespace, "--values", file],
        ...["--kube-version", kindNode, "--api-versions", versions],
      ],
      { encoding: "utf8", maxBuffer: 1 << 28 },
    );
  } finally {
    rmSync(temporary, { recursive: true, force: true });
  }
}

/** What a chart with its templates makes of the values of a release. */
export function renderedFacts(helm: string, release: Release, folder: string): ChartFacts {
  const { namespace, chart, values } = release;
  const version = execFileSync(helm, ["version", "--template", "{{.Version}}"], { encoding: "utf8" }).trim();
  return {
    chart: chart?.name ?? "",
    version: chart?.version ?? "",
    obtained: `helm ${version} template`,
    ...factsOf(templated(template(helm, release, folder, values)), namespace),
  };
}

/** Writes what the charts make of their values; of those without templates it stays as it was. */
async function refreshRendered(folders: ReadonlyMap<string, string>): Promise<void> {
  const facts: Record<string, Record<string, ChartFacts>> = {};
  const images: Record<string, ChartImages> = {};
  for (const release of await allReleases()) {
    const { name, chart, values } = release;
    const folder = folders.get(chart?.name ?? "");
    const known = chartFacts()[name];
    const own = (facts[chart?.name ?? ""] ??= {});
    if (folder !== undefined && existsSync(path.join(folder, "templates"))) {
      const helm = await obtainProgram("helm");
      own[name] = renderedFacts(helm, release, folder);
      const found = imagesOf(readChart(folder), values, (all) => template(helm, release, folder, all));
      images[chart?.name ?? ""] = found;
    } else if (known !== undefined) {
      own[name] = known;
      const before = chartImages[known.chart];
      if (before !== undefined) images[known.chart] = before;
      console.log(`${name}: no templates; what it makes of the values stays as it was read of ${known.version}`);
    }
  }
  const write = async (file: string, found: object, before: object) => {
    if (isDeepStrictEqual(found, before)) return;
    writeFileSync(file, await format(JSON.stringify(found), { parser: "json", printWidth: 120 }));
  };
  for (const [chart, found] of Object.entries(facts)) {
    const before = Object.fromEntries(Object.entries(chartFacts()).filter(([, fact]) => fact.chart === chart));
    await write(path.join(folderOfChart(chart), chartFactsFile), found, before);
  }
  await write(chartImagesFile, images, chartImages);
}

if (import.meta.main) {
  const { from } = parseArgs({ options: { from: { type: "string" } } }).values;
  const { folders, failed } = await refresh(from === undefined ? {} : { from });
  await refreshRendered(folders);
  process.exitCode = failed > 0 ? 1 : 0;
}
