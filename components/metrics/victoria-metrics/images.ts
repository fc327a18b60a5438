/** Images of VictoriaMetrics and of its operator's config reloader. */
import { operatorVersion } from "../../platform/victoria-metrics-operator/chart.ts";
import { version } from "./chart.ts";

/** Each program's image in a folder of a registry. Those of the cluster are built from another branch, of the same version. */
export function imageOf(folder: string, program: string): string {
  if (program === "config-reloader") return `${folder}/operator:config-reloader-${operatorVersion}`;
  return `${folder}/${program}:${version}${/^vm(storage|insert|select)$/.test(program) ? "-cluster" : ""}`;
}
