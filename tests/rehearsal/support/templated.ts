/** What the stand-in of a release's chart makes of its values, as Helm renders it. */
import { execFileSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { parseAllDocuments, stringify } from "yaml";
import type { Manifest } from "../../../components/kubernetes/manifest.ts";
import { obtainProgram } from "../../../contract/readers.ts";
import { releases, type Rendered } from "../../../contract/rendered.ts";
import { packFixture } from "../../../rehearsal/charts/fixtures.ts";

/** @param folder for files of its own */
export async function templated({ declared }: Rendered, name: string, folder: string): Promise<Manifest[]> {
  const release = releases(declared).find((one) => one.name === name);
  if (release === undefined) throw new Error(`there is no release ${name}`);
  const chart = join(folder, `${name}.tgz`);
  writeFileSync(chart, (await packFixture(release.chart?.name ?? "")).content);
  const values = join(folder, `${name}.yaml`);
  writeFileSync(values, stringify(release.values));
  const helm = await obtainProgram("helm");
  const args = ["template", name, chart, "--namespace", release.namespace, "--values", values, "--include-crds"];
  const text = execFileSync(helm, args, { encoding: "utf8", maxBuffer: 1 << 28 });
  return parseAllDocuments(text).flatMap((document) => (document.toJS() as Manifest | null) ?? []);
}
