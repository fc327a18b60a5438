/**
 * The CRDs of the environment's operators, out of the Go modules that define them: their files are read, nothing is built.
 */
import { spawnSync } from "node:child_process";
import { globSync, readFileSync } from "node:fs";
import { tmpdir } from "node:os";
import * as path from "node:path";
import { chartNamed } from "../components/catalogue.ts";
import { operatorVersion } from "../components/platform/victoria-metrics-operator/chart.ts";
import { flux } from "../settings/versions.ts";
import { goEnvironment } from "../toolchain/go.ts";
import { which } from "../toolchain/run.ts";
import { loadChart } from "./charts.ts";

/** A folder of a Go module. */
export interface ModuleFolder {
  readonly module: string;
  readonly version: string;
  readonly folder: string;
}

/** The operator that kube-prometheus-stack deploys; prometheus-operator-crds carries its CRDs too. */
export const prometheusOperator: ModuleFolder = {
  module: "github.com/prometheus-operator/prometheus-operator",
  version: loadChart(chartNamed("kube-prometheus-stack")).appVersion ?? "",
  folder: "example/prometheus-operator-crd",
};

/** The newest version of the operator's module that Go's proxy and checksum database both have; the chart has 0.158. */
export const opentelemetryOperator: ModuleFolder = {
  module: "github.com/open-telemetry/opentelemetry-operator",
  version: "v0.142.0",
  folder: "config/crd/bases",
};

export const keda: ModuleFolder = {
  module: "github.com/kedacore/keda/v2",
  version: `v${loadChart(chartNamed("keda")).appVersion ?? ""}`,
  folder: "config/crd/bases",
};

/** All in one file, beside one without descriptions. */
export const victoriaMetricsOperator: ModuleFolder = {
  module: "github.com/VictoriaMetrics/operator",
  version: operatorVersion,
  folder: "config/crd/overlay",
};

/** One file. Elastic's licence keeps the operator from being built or linked here; what is read are its definitions, as its chart's users get them. */
export const eckOperator: ModuleFolder = {
  module: "github.com/elastic/cloud-on-k8s/v3",
  version: `v${chartNamed("eck-operator").version}`,
  folder: "config/crds/v1",
};

const certManager: ModuleFolder = {
  module: "github.com/cert-manager/cert-manager",
  version: chartNamed("cert-manager").version,
  folder: "deploy/crds",
};

/** Folders of modules; those that Go has not yet are downloaded. @throws Error when Go or a module cannot be had */
function foldersOf(modules: readonly ModuleFolder[]): string[] {
  const go = which("go", process.env);
  if (go === undefined)
    throw new Error("The CRDs are read out of Go modules, and Go is not installed (https://go.dev/dl).");
  const ids = modules.map(({ module, version }) => `${module}@${version}`);
  const { stdout, stderr, error } = spawnSync(go, ["mod", "download", "-json", ...ids], {
    // Outside any module, so that no go.mod is read or changed.
    cwd: tmpdir(),
    encoding: "utf8",
    env: goEnvironment(process.env),
    timeout: 300_000,
  });
  const answers = new Map(
    stdout
      .split(/^(?=\{)/m)
      .filter(Boolean)
      .map((text) => JSON.parse(text) as { Path: string; Dir?: string; Error?: string })
      .map(({ Path, Dir, Error: reason }) => [Path, { Dir, reason }] as const),
  );
  return modules.map(({ module, version, folder }) => {
    const { Dir, reason } = answers.get(module) ?? {};
    if (Dir === undefined)
      throw new Error(`${module} ${version} cannot be had: ${reason ?? error?.message ?? stderr.trim()}`);
    return path.join(Dir, folder);
  });
}

let found: string[] | undefined;

/** Folders with the CRDs of all kinds that the environment uses. @throws Error when Go or a module cannot be had */
export function crdFolders(): string[] {
  if (found !== undefined) return found;
  const [manifests = "", ...others] = foldersOf([
    { module: "github.com/fluxcd/flux2/v2", version: flux, folder: "manifests/bases" },
    prometheusOperator,
    opentelemetryOperator,
    victoriaMetricsOperator,
    eckOperator,
    certManager,
    keda,
  ]);
  // The release of Flux names the release of each of its controllers.
  const controllers = globSync("{source,kustomize,helm,notification}-controller/kustomization.yaml", {
    cwd: manifests,
  });
  const released = controllers.map((file) => {
    const text = readFileSync(path.join(manifests, file), "utf8");
    const [, name = "", version = ""] = /fluxcd\/([\w-]+)\/releases\/download\/(v[^/]+)\//.exec(text) ?? [];
    return { module: `github.com/fluxcd/${name}`, version, folder: "config/crd/bases" };
  });
  found = [...others, ...foldersOf(released)];
  return found;
}
