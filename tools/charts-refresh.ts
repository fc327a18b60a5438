/**
 * `npm run charts:refresh`: fetches the charts that settings/versions.ts pins into the user's cache, where the contract
 * tests find them, and says what changed since the version that was there before (the newest other one in the cache, else
 * that of ../shared/charts).
 */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import http from "node:http";
import * as path from "node:path";
import { parse } from "yaml";
import { type ChartPin, charts } from "../settings/versions.ts";
import { chartDiff, describeDiff, keysOf } from "./chart-diff.ts";
import { cachedChart, sharedFolder } from "./contract/charts.ts";
import { releases, render } from "./contract/rendered.ts";
import { fetchChart } from "./fetch-chart.ts";

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

/**
 * Fetches every pin that is not in the cache and tells what changed.
 *
 * @returns the exit code: 1 when a chart could not be had
 */
export async function main(pins: readonly ChartPin[] = Object.values(charts)): Promise<number> {
  http.setGlobalProxyFromEnv();
  const set = new Map(
    releases((await render()).declared).map(({ chart, values }) => [chart?.name ?? "", keysOf(values)] as const),
  );
  let failed = 0;
  for (const pin of pins) {
    const id = `${pin.name} ${pin.version}`;
    const before = otherVersion(pin);
    if (existsSync(cachedChart(pin.name, pin.version))) {
      console.log(`${id}: in the cache`);
    } else {
      try {
        console.log(`${id}: ${await fetchChart(pin)}`);
      } catch (error) {
        failed++;
        const reason = error instanceof Error ? error.message : String(error);
        console.error(`${id}: cannot be fetched from ${pin.repository} (${reason}).`);
        continue;
      }
    }
    if (before === undefined) continue;
    const now = readFileSync(path.join(cachedChart(pin.name, pin.version), "values.yaml"), "utf8");
    const lines = describeDiff(chartDiff(before.values, now), set.get(pin.name) ?? []);
    console.log(`  since ${before.version}: ${lines.length === 0 ? "no default changed" : `${lines.length} changes`}`);
    for (const line of lines) console.log(`    ${line}`);
  }
  if (failed > 0) {
    console.error(
      `${failed} of ${pins.length} charts could not be fetched. Their contract tests use ../shared/charts, or are skipped. ` +
        "Check the network and HTTPS_PROXY, then run it again.",
    );
  }
  return failed > 0 ? 1 : 0;
}

if (import.meta.main) process.exitCode = await main();
