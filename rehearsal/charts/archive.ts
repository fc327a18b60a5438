/** Helm chart archives: made from files, read from a folder of `.tgz`. */
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { create, list } from "tar";
import { parse } from "yaml";

/** What a registry has to know of a chart. */
export interface ChartArchive {
  readonly name: string;
  readonly version: string;
  readonly description: string;
  /** The chart's Chart.yaml as an object: the config blob of the OCI artifact. */
  readonly metadata: Readonly<Record<string, unknown>>;
  /** The packed chart. */
  readonly content: Buffer;
}

/** The files of a chart by their path in it; `Chart.yaml` is one of them. */
export type ChartFiles = Readonly<Record<string, string>>;

/** Every time stamp in an archive: the same files make the same archive, and so the same digest. */
const epoch = new Date("2000-01-01T00:00:00Z");

/**
 * Pack a chart as `helm package` does.
 * @throws Error when there is no Chart.yaml with a name and a version
 */
export async function packChart(files: ChartFiles): Promise<ChartArchive> {
  const metadata = chartMetadata(files["Chart.yaml"] ?? "", "the files to pack");
  const { name } = metadata;
  const folder = await mkdtemp(join(tmpdir(), "rehearsal-chart-"));
  try {
    const paths = Object.keys(files)
      .sort()
      .map((path) => `${name}/${path}`);
    for (const [path, content] of Object.entries(files)) {
      const file = join(folder, name, path);
      await mkdir(dirname(file), { recursive: true });
      await writeFile(file, content);
    }
    const content = await create({ cwd: folder, gzip: true, portable: true, mtime: epoch }, paths).concat();
    return { ...metadata, content };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/**
 * Read every `.tgz` of a folder.
 * @throws Error naming the file that is not a chart
 */
export async function readCharts(folder: string): Promise<ChartArchive[]> {
  const names = (await readdir(folder)).filter((file) => file.endsWith(".tgz")).sort();
  return await Promise.all(names.map((file) => readChart(join(folder, file))));
}

async function readChart(file: string): Promise<ChartArchive> {
  let chartYaml = "";
  await list({
    file,
    onReadEntry(entry) {
      // The chart's own, not that of a chart inside of it.
      if (/^[^/]+\/Chart\.yaml$/.test(entry.path)) {
        entry.on("data", (chunk) => (chartYaml += chunk.toString()));
      }
    },
  });
  return { ...chartMetadata(chartYaml, file), content: await readFile(file) };
}

function chartMetadata(chartYaml: string, where: string): Omit<ChartArchive, "content"> {
  const metadata = (parse(chartYaml) ?? {}) as Record<string, unknown>;
  const { name, version, description = "" } = metadata;
  if (typeof name !== "string" || typeof version !== "string" || typeof description !== "string") {
    throw new Error(`${where}: no Chart.yaml with a name and a version, so it is not a Helm chart`);
  }
  return { name, version, description, metadata };
}
