import { createHash } from "node:crypto";
import {
  chmodSync,
  copyFileSync,
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { cacheFolder, withLock, withTemporaryFolder } from "../toolchain/cache.ts";
import { moduleDir, obtainFrom, type Catalogue, type ObtainOptions } from "../toolchain/obtain.ts";
import { requiredVersion } from "../toolchain/version.ts";

/**
 * Programs that read what the project writes, so that their own parsers judge it: built from the Go modules that
 * contract/<set>/go.mod pins to what the charts deploy. But for Helm, no publisher offers them as a download whose
 * version the module's version names (Prometheus v3.14.0 is the module v0.314.0).
 */
const folder = import.meta.dirname;

/** Digest of a program of ours: the build cache knows only go.mod, go.sum and the link flags. */
function sourceDigest(file: string): string {
  return createHash("sha256")
    .update(readFileSync(join(folder, file)))
    .digest("hex")
    .slice(0, 16);
}

const alertmanager = "github.com/prometheus/alertmanager";
const stampAlertmanager: NonNullable<Catalogue["sets"][string]["stamp"]> = (version) => ({
  "github.com/prometheus/common/version.Version": version(alertmanager).slice(1),
});

const victoriaLogs = "github.com/VictoriaMetrics/VictoriaLogs";

const victoriaMetrics = "github.com/VictoriaMetrics/VictoriaMetrics";

const helm = "helm.sh/helm/v4";

const jaeger = "github.com/jaegertracing/jaeger";

const thanos = "github.com/thanos-io/thanos";

const seaweedfs = "github.com/seaweedfs/seaweedfs";

const blackbox = "github.com/prometheus/blackbox_exporter";

const keda = "github.com/kedacore/keda/v2";

const prometheusOperator = "github.com/prometheus-operator/prometheus-operator";
const victoriaMetricsApp = (name: string) =>
  ({ set: "victoria-metrics", module: victoriaMetrics, package: `${victoriaMetrics}/app/${name}` }) as const;

const victoriaMetricsOperator = "github.com/VictoriaMetrics/operator";

const programs = {
  /** Reads the workflows of GitHub: their schema, expressions, types and inputs of actions. */
  actionlint: {
    set: "actionlint",
    module: "github.com/rhysd/actionlint",
    package: "github.com/rhysd/actionlint/cmd/actionlint",
  },
  promtool: {
    set: "prometheus",
    module: "github.com/prometheus/prometheus",
    package: "github.com/prometheus/prometheus/cmd/promtool",
  },
  /** Without its user interface's assets, which the module has not. */
  prometheus: {
    set: "prometheus",
    module: "github.com/prometheus/prometheus",
    package: "github.com/prometheus/prometheus/cmd/prometheus",
  },
  /** The Prometheus Operator's own generator of configurations (prometheus-operator/generate). */
  "operator-config": {
    set: "prometheus-operator",
    module: prometheusOperator,
    package: "observability-environment/contract/prometheus-operator/generate",
    built: "generate",
  },
  /** A stand-in for Loki, whose licence keeps it out: VictoriaLogs with Loki's paths (log-store/victorialogs). */
  victorialogs: {
    set: "log-store",
    module: victoriaLogs,
    package: "observability-environment/contract/log-store/victorialogs",
  },
  /** A collector of the components that the environment uses (collector/otelcol). */
  otelcol: {
    set: "collector",
    module: "go.opentelemetry.io/collector/otelcol",
    package: "observability-environment/contract/collector/otelcol",
  },
  /**
   * Jaeger 2.13, which is the module v1.76.0: later releases have no version that Go can name. Checksums of some modules
   * that it needs are missing in Go's database; go.sum has them from the go.sum inside Jaeger's own module, whose checksum
   * the database has.
   */
  jaeger: {
    set: "jaeger",
    module: jaeger,
    package: `${jaeger}/cmd/jaeger`,
  },
  /** Deletes Jaeger's indices in Elasticsearch by their age. */
  "jaeger-es-index-cleaner": {
    set: "jaeger",
    module: jaeger,
    package: `${jaeger}/cmd/es-index-cleaner`,
    built: "es-index-cleaner",
  },
  /** The proxy before the write path of a store of metrics. */
  vmauth: victoriaMetricsApp("vmauth"),
  blackbox_exporter: {
    set: "blackbox",
    module: blackbox,
    package: blackbox,
  },
  /** What prometheus-adapter makes of its rules (prometheus-adapter/rules): its own reader, without its API server. */
  adapter_rules: {
    set: "prometheus-adapter",
    module: "sigs.k8s.io/prometheus-adapter",
    package: "observability-environment/contract/prometheus-adapter/rules",
    built: "rules",
  },
  thanos: { set: "thanos", module: thanos, package: `${thanos}/cmd/thanos` },
  /** SeaweedFS: for the bench alone, because it takes longest to build. */
  weed: { set: "seaweedfs", module: seaweedfs, package: `${seaweedfs}/weed` },
  /** The store in one program; vminsert, vmselect and vmstorage, the cluster's, are no packages of its module. */
  "victoria-metrics": victoriaMetricsApp("victoria-metrics"),
  vmagent: victoriaMetricsApp("vmagent"),
  vmalert: victoriaMetricsApp("vmalert"),
  /** Unit tests of rules, on its own store. */
  "vmalert-tool": victoriaMetricsApp("vmalert-tool"),
  /** Takes samples from one store to another: for the bench alone, because it has the clients of many. */
  vmctl: { set: "vmctl", module: victoriaMetrics, package: `${victoriaMetrics}/app/vmctl` },
  "victoria-metrics-operator": {
    set: "victoria-metrics-operator",
    module: victoriaMetricsOperator,
    package: `${victoriaMetricsOperator}/cmd`,
    built: "cmd",
  },
  /** KEDA's operator, and its server of external metrics: for the nights alone, because they have the clients of a hundred systems. */
  "keda-operator": { set: "keda", module: keda, package: `${keda}/cmd/operator`, built: "operator" },
  "keda-adapter": { set: "keda", module: keda, package: `${keda}/cmd/adapter`, built: "adapter" },
  /** Alloy's own parser of its syntax, and what its templates make of a line (alloy/check). Alloy itself needs Loki, whose licence keeps it out. */
  "alloy-check": {
    set: "alloy",
    module: "github.com/grafana/alloy/syntax",
    package: "observability-environment/contract/alloy/check",
    built: "check",
  },
  amtool: {
    set: "alertmanager",
    module: alertmanager,
    package: `${alertmanager}/cmd/amtool`,
  },
  /** Renders charts; the modules have the versions of helm-controller's (toolchain/control-plane), so Go compiles them once. */
  helm: {
    set: "helm",
    module: helm,
    package: `${helm}/cmd/helm`,
    onPath: { args: ["version", "--template={{.Version}}"], version: /^v(\d\S*)/, fits: "newer-minor" },
    download: {
      platforms: ["linux/amd64", "linux/arm64", "darwin/amd64", "darwin/arm64"],
      url: "https://get.helm.sh/helm-v{version}-{os}-{arch}.tar.gz",
      checksums: "https://get.helm.sh/helm-v{version}-{os}-{arch}.tar.gz.sha256sum",
      only: ["helm"],
    },
    install: "https://helm.sh/docs/intro/install/",
  },
} as const satisfies Catalogue["tools"];

/** Prometheus's service discoveries that are used here (HTTP's is always in it); the clouds' clients would double the build. */
const discoveries = "remove_all_sd,enable_kubernetes_sd,enable_dns_sd";

const catalogue: Catalogue = {
  tools: programs,
  sets: {
    prometheus: {
      stamp: (version) => ({
        "github.com/prometheus/common/version.Version": version("github.com/prometheus/prometheus"),
        // No variable of its: other ones are another build.
        "main.discoveries": discoveries,
      }),
    },
    "log-store": {
      stamp: (version) => ({
        "github.com/VictoriaMetrics/VictoriaMetrics/lib/buildinfo.Version": `victoria-logs-${version(victoriaLogs)}`,
      }),
    },
    collector: {
      stamp: (version) => ({
        "main.version": version("go.opentelemetry.io/collector/otelcol").slice(1),
        "main.source": sourceDigest("collector/otelcol/main.go"),
      }),
    },
    "prometheus-operator": {
      // The version of Prometheus that it writes for is its own default: that of the charts, or a test fails.
      stamp: () => ({ "main.source": sourceDigest("prometheus-operator/generate/main.go") }),
    },
    alertmanager: { stamp: stampAlertmanager },
    jaeger: {
      stamp: (version) => ({
        [`${jaeger}/internal/version.latestVersion`]: version(jaeger).replace("v1.76.", "v2.13."),
      }),
    },
    blackbox: {
      stamp: (version) => ({ "github.com/prometheus/common/version.Version": version(blackbox).slice(1) }),
    },
    "prometheus-adapter": { stamp: () => ({ "main.source": sourceDigest("prometheus-adapter/rules/main.go") }) },
    alloy: { stamp: () => ({ "main.source": sourceDigest("alloy/check/main.go") }) },
    thanos: {
      stamp: (version) => ({ "github.com/prometheus/common/version.Version": version(thanos).slice(1) }),
      // As its publisher builds it (.promu.yml): without the first its query panics.
      tags: "slicelabels,netgo",
    },
    seaweedfs: {},
    "victoria-metrics": {
      stamp: (version) => ({
        [`${victoriaMetrics}/lib/buildinfo.Version`]: `victoria-metrics-${version(victoriaMetrics)}`,
      }),
    },
    vmctl: {
      stamp: (version) => ({ [`${victoriaMetrics}/lib/buildinfo.Version`]: `vmctl-${version(victoriaMetrics)}` }),
    },
    "victoria-metrics-operator": {
      stamp: (version) => ({
        [`${victoriaMetrics}/lib/buildinfo.Version`]: `operator-${version(victoriaMetricsOperator)}`,
      }),
    },
    keda: { stamp: (version) => ({ [`${keda}/version.Version`]: version(keda).slice(1) }) },
    helm: { stamp: (version) => ({ [`${helm}/internal/version.version`]: version(helm) }) },
  },
  folder,
  env: {
    ...process.env,
    GOFLAGS: [process.env["GOFLAGS"], `-tags=${discoveries}`].filter(Boolean).join(" "),
  },
};

const asked = new Map<string, Promise<string>>();

/** The absolute path of a program, built once if need be. A process looks for it until it is there. */
export async function obtainProgram(name: keyof typeof programs, options: ObtainOptions = {}): Promise<string> {
  const key = `${cacheFolder(process.env)} ${name}`;
  const path = asked.get(key) ?? obtainFrom(catalogue, [name], options).then((found) => found[name]);
  asked.set(key, path);
  path.catch(() => asked.delete(key));
  return path;
}

/**
 * The absolute path of Alertmanager's server, built once if need be: without its user interface, whose files the module
 * has not; Go refuses to overlay a module in its cache, so a copy with an empty page in their place is built.
 */
export async function obtainAlertmanager(options: ObtainOptions = {}): Promise<string> {
  const set = join(folder, "alertmanager");
  const goMod = readFileSync(join(set, "go.mod"), "utf8");
  const version = requiredVersion(goMod, alertmanager);
  const source = join(cacheFolder(process.env), "tools", `alertmanager-source-${version}`);
  await withLock(`${source}.lock`, async () => {
    if (existsSync(source)) return;
    const original = await moduleDir(alertmanager, version);
    await withTemporaryFolder(source, (temporary) => {
      const without = [join(original, "ui", "app"), join(original, "ui", "mantine-ui")];
      cpSync(original, temporary, { recursive: true, filter: (file) => !without.includes(file) });
      makeWritable(temporary);
      mkdirSync(join(temporary, "ui", "app", "dist"), { recursive: true });
      writeFileSync(join(temporary, "ui", "app", "dist", "index.html"), "Built without the user interface.\n");
      renameSync(temporary, source);
      return Promise.resolve();
    });
  });
  const modFile = join(source, "..", `alertmanager-${version}.mod`);
  writeFileSync(modFile, `${goMod}\nreplace ${alertmanager} => ${JSON.stringify(source)}\n`);
  copyFileSync(join(set, "go.sum"), modFile.replace(/mod$/, "sum"));
  const server: Catalogue = {
    tools: {
      alertmanager: { set: "alertmanager", module: alertmanager, package: `${alertmanager}/cmd/alertmanager` },
    },
    sets: { alertmanager: { stamp: stampAlertmanager } },
    folder,
    env: { ...process.env, GOFLAGS: [process.env["GOFLAGS"], `'-modfile=${modFile}'`].filter(Boolean).join(" ") },
  };
  const { alertmanager: program } = await obtainFrom(server, ["alertmanager"], options);
  return program;
}

/** Go keeps its modules read-only. */
function makeWritable(path: string): void {
  const { mode } = statSync(path);
  chmodSync(path, mode | 0o200);
  if (!statSync(path).isDirectory()) return;
  for (const entry of readdirSync(path)) makeWritable(join(path, entry));
}
