/** The rehearsal's chart registry and what it serves. */
import { charts as pins } from "../../components/catalogue.ts";
import type { ChartPin } from "../../settings/versions.ts";
import { readCharts, type ChartArchive } from "./archive.ts";
import { packFixture } from "./fixtures.ts";
import { startRegistry, type ChartRegistry } from "./registry.ts";

export { packChart, readCharts, type ChartArchive, type ChartFiles } from "./archive.ts";
export { packBroken, type BrokenChart } from "./broken.ts";
export { fixtureFiles, fixtures, packFixture } from "./fixtures.ts";
export { publishedCharts } from "./published.ts";
export { startRegistry, type ChartRegistry, type ServedChart } from "./registry.ts";

/** What the registry is to serve. */
export interface ChartRegistryOptions {
  /** A folder with real charts (`.tgz`, as `helm pull` leaves them); a pinned chart that it lacks is a stand-in. */
  readonly folder?: string;
  /** Whether the definitions of stand-in charts have the descriptions of their fields, half of what they weigh. @default false */
  readonly whole?: boolean;
  /** @default any free port */
  readonly port?: number;
  /** Told which charts are real and which are stand-ins. @default nobody */
  readonly log?: (line: string) => void;
}

/** What the registry serves. */
export interface Served {
  readonly pinned: readonly { readonly name: string; readonly version: string; readonly real: boolean }[];
}

/**
 * Start a registry with every chart of `settings/versions.ts`, at exactly the pinned version.
 * Stand-in charts take their CRDs from the Go modules that define them: the first time, these are downloaded.
 */
export async function startChartRegistry(options: ChartRegistryOptions = {}): Promise<ChartRegistry & Served> {
  const { folder, whole = false, log = () => undefined } = options;
  const real = folder === undefined ? [] : await readCharts(folder);
  const archives: ChartArchive[] = [];
  const pinned: Served["pinned"][number][] = [];
  for (const pin of Object.values<ChartPin>(pins)) {
    const found = real.find(({ name, version }) => name === pin.name && version === pin.version);
    const others = real.filter(({ name }) => name === pin.name).map(({ version }) => version);
    const archive = found ?? (await packFixture(pin.name, { whole }));
    const besides = found || others.length === 0 ? "" : ` (the folder has ${others.join(", ")}, not this version)`;
    log(`chart ${pin.name} ${pin.version}: ${found ? "the real one" : `stand-in${besides}`}`);
    archives.push(archive);
    pinned.push({ name: pin.name, version: pin.version, real: found !== undefined });
  }
  return Object.assign(await startRegistry(archives, options.port), { pinned });
}
