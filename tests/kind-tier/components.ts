/**
 * The programs of the environment's components that are Go modules, for pods of the Kind tier: built as all tools are, each
 * from a module of its own. Where a program works with newer versions of what it needs, its go.mod has those of its
 * neighbours (Kubernetes' client above all): Go then compiles them once. Those that judge configuration
 * (contract/readers.ts) are used from there: Prometheus, Alertmanager, Jaeger and the collector.
 *
 * In Loki's place runs VictoriaLogs with Loki's paths. Not there: Grafana (like Loki under the AGPL), Fluent Bit (C).
 */
import { obtainAlertmanager, obtainProgram } from "../../contract/readers.ts";
import type { Tool, ToolSet } from "../../toolchain/pins.ts";
import { obtainFrom, type ObtainOptions, setsFolder } from "../../toolchain/obtain.ts";

/** A folder with a go.mod in components/. */
const set = (name: string) => `kind-tier/components/${name}`;

const prometheusOperator = {
  set: set("prometheus-operator"),
  module: "github.com/prometheus-operator/prometheus-operator",
} as const;

const podinfo = { set: set("podinfo"), module: "github.com/stefanprodan/podinfo" } as const;

const tools = {
  "prometheus-operator": {
    ...prometheusOperator,
    package: `${prometheusOperator.module}/cmd/operator`,
    built: "operator",
  },
  "prometheus-config-reloader": {
    ...prometheusOperator,
    package: `${prometheusOperator.module}/cmd/prometheus-config-reloader`,
  },
  "kube-state-metrics": {
    set: set("kube-state-metrics"),
    module: "k8s.io/kube-state-metrics/v2",
    package: "k8s.io/kube-state-metrics/v2",
  },
  "node-exporter": {
    set: set("node-exporter"),
    module: "github.com/prometheus/node_exporter",
    package: "github.com/prometheus/node_exporter",
    built: "node_exporter",
  },
  /** Composed of the packages of its module (components/cert-manager/main.go); the name it is called by is the program. */
  "cert-manager": {
    set: set("cert-manager"),
    module: "github.com/cert-manager/cert-manager",
    package: ".",
    built: "kind-tier",
  },
  /** The newest version that Go's module proxy has: 6.9.2, which sends no logs by OTLP (6.14 does). */
  podinfo: { ...podinfo, package: `${podinfo.module}/cmd/podinfo` },
  /** What the chart's probes call. */
  podcli: { ...podinfo, package: `${podinfo.module}/cmd/podcli` },
  /** The newest version that Go's module proxy and checksum database both have; the chart's own is newer. */
  "opentelemetry-operator": {
    set: set("opentelemetry-operator"),
    module: "github.com/open-telemetry/opentelemetry-operator",
    package: "github.com/open-telemetry/opentelemetry-operator",
  },
} as const satisfies Record<string, Tool>;

const commonVersion = (module: string): Required<Pick<ToolSet, "stamp">> => ({
  stamp: (version) => ({ "github.com/prometheus/common/version.Version": version(module).slice(1) }),
});

const sets: Readonly<Record<string, ToolSet>> = {
  [set("cert-manager")]: {},
  [set("podinfo")]: {},
  [set("prometheus-operator")]: commonVersion(tools["prometheus-operator"].module),
  [set("kube-state-metrics")]: commonVersion(tools["kube-state-metrics"].module),
  [set("node-exporter")]: commonVersion(tools["node-exporter"].module),
  [set("opentelemetry-operator")]: {
    stamp(version) {
      const operator = version(tools["opentelemetry-operator"].module).slice(1);
      const variable = `${tools["opentelemetry-operator"].module}/internal/version`;
      return { [`${variable}.version`]: operator, [`${variable}.otelCol`]: operator };
    },
  },
};

const obtained = {
  prometheus: (options: ObtainOptions) => obtainProgram("prometheus", options),
  alertmanager: obtainAlertmanager,
  jaeger: (options: ObtainOptions) => obtainProgram("jaeger", options),
  victorialogs: (options: ObtainOptions) => obtainProgram("victorialogs", options),
  otelcol: (options: ObtainOptions) => obtainProgram("otelcol", options),
} as const;

export type Component = keyof typeof tools | keyof typeof obtained;

/** The path of a component's program; the first time it is built, which takes minutes. */
export async function obtainComponent(name: Component, options: ObtainOptions = {}): Promise<string> {
  if (name in obtained) return obtained[name as keyof typeof obtained](options);
  const tool = name as keyof typeof tools;
  return (await obtainFrom({ tools, sets, folder: setsFolder, env: process.env }, [tool], options))[tool];
}

/** Whether every program is there already; nothing is built. */
export async function componentsAreBuilt(): Promise<boolean> {
  const options: ObtainOptions = { signal: AbortSignal.abort(), onProgress: () => undefined };
  const names = [...Object.keys(tools), ...Object.keys(obtained)] as Component[];
  for (const name of names) {
    const there = await obtainComponent(name, options).then(
      () => true,
      () => false,
    );
    if (!there) return false;
  }
  return true;
}
