/** The charts as they are published, where their registries can be reached. */
import { existsSync } from "node:fs";
import { dirname } from "node:path";
import { charts } from "../../components/catalogue.ts";
import type { ChartPin } from "../../settings/versions.ts";
import { chartArchive, fetchChart } from "../../contract/fetch-chart.ts";

/**
 * Fetches the pinned charts into the user's cache.
 *
 * @param log told which charts cannot be had, and why
 * @returns the folder with those that are there, for `startChartRegistry`
 */
export async function publishedCharts(
  log: (line: string) => void,
  pins: readonly ChartPin[] = Object.values(charts),
): Promise<string | undefined> {
  const refused = new Map<string, string[]>();
  await Promise.all(
    pins.map(async (pin) => {
      if (existsSync(chartArchive(pin))) return;
      try {
        await fetchChart(pin);
      } catch (error) {
        const reason = error instanceof Error ? error.message : String(error);
        refused.set(reason, [...(refused.get(reason) ?? []), pin.name]);
      }
    }),
  );
  for (const [reason, names] of refused) log(`charts cannot be had: ${reason} (${names.join(", ")})`);
  const [found] = pins.map(chartArchive).filter(existsSync);
  return found === undefined ? undefined : dirname(found);
}
