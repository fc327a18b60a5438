/** Every component there is. No other list of them exists: settings, plan, documentation and checks walk this one. */
import { z } from "zod";
import type { ChartPin } from "../settings/versions.ts";
import { kedaComponent } from "./autoscaling/keda/component.ts";
import { prometheusAdapterComponent } from "./autoscaling/prometheus-adapter/component.ts";
import { collectorComponent } from "./agents/collector/component.ts";
import { kubernetesEventsComponent } from "./agents/kubernetes-events/component.ts";
import { ebpfComponent } from "./agents/ebpf/component.ts";
import { alloyComponent } from "./agents/alloy/component.ts";
import { fluentBitComponent } from "./agents/fluent-bit/component.ts";
import { fluentdComponent } from "./agents/fluentd/component.ts";
import { logCollectorComponent } from "./agents/log-collector/component.ts";
import { alertmanagerComponent } from "./alerts/alertmanager/component.ts";
import { logAlertsComponent } from "./alerts/log-alerts/component.ts";
import { slosComponent } from "./alerts/slos/component.ts";
import type { Capability } from "./capabilities.ts";
import { choiceOf, type Component, type Groups, type Slot } from "./component.ts";
import {
  externalAlerts,
  externalDashboards,
  externalGateway,
  externalLogs,
  externalMetrics,
  externalTraces,
} from "./external/component.ts";
import { grafanaComponent } from "./dashboards/grafana/component.ts";
import { demoComponent } from "./demo/component.ts";
import { fluxComponent } from "./gitops/component.ts";
import { elasticsearchComponent } from "./logs/elasticsearch/component.ts";
import { lokiComponent } from "./logs/loki/component.ts";
import { victoriaLogsComponent } from "./logs/victoria-logs/component.ts";
import { annotatedPods } from "./metrics/annotated-pods/component.ts";
import { blackboxExporterComponent } from "./metrics/blackbox-exporter/component.ts";
import { exportersComponent } from "./metrics/exporters/component.ts";
import { metricsServerComponent } from "./metrics/metrics-server/component.ts";
import { metricFiltersComponent } from "./metrics/metric-filters/component.ts";
import { metricbeatComponent } from "./metrics/metricbeat/component.ts";
import { remoteWriteComponent } from "./metrics/remote-write/component.ts";
import { remoteWriteReceiverComponent } from "./metrics/remote-write-receiver/component.ts";
import { scrapeTargetsComponent } from "./metrics/scrape-targets/component.ts";
import { prometheusAgentComponent } from "./metrics/prometheus-agent/component.ts";
import { thanosComponent } from "./metrics/thanos/component.ts";
import { victoriaMetricsComponent } from "./metrics/victoria-metrics/component.ts";
import { prometheusComponent } from "./metrics/prometheus/component.ts";
import { thanosRulerComponent } from "./metrics/thanos-ruler/component.ts";
import { certManagerComponent } from "./platform/cert-manager/component.ts";
import { eckOperatorComponent } from "./platform/eck-operator/component.ts";
import { instrumentationComponent } from "./platform/instrumentation/component.ts";
import { opentelemetryOperatorComponent } from "./platform/opentelemetry-operator/component.ts";
import {
  prometheusOperatorComponent,
  prometheusOperatorDefinitions,
} from "./platform/prometheus-operator/component.ts";
import { s3Component } from "./storage/s3/component.ts";
import { seaweedfsComponent } from "./storage/seaweedfs/component.ts";
import { victoriaMetricsOperatorComponent } from "./platform/victoria-metrics-operator/component.ts";
import { kubePrometheusStackComponent } from "./suites/kube-prometheus-stack/component.ts";
import { jaegerComponent } from "./traces/jaeger/component.ts";
import { tempoComponent } from "./traces/tempo/component.ts";

export const catalogue = [
  fluxComponent,
  prometheusOperatorDefinitions,
  prometheusOperatorComponent,
  victoriaMetricsOperatorComponent,
  eckOperatorComponent,
  // Before Prometheus: the first store of metrics is the one that people and dashboards ask.
  thanosComponent,
  prometheusComponent,
  prometheusAgentComponent,
  thanosRulerComponent,
  victoriaMetricsComponent,
  alertmanagerComponent,
  grafanaComponent,
  exportersComponent,
  annotatedPods,
  scrapeTargetsComponent,
  metricFiltersComponent,
  remoteWriteComponent,
  remoteWriteReceiverComponent,
  metricsServerComponent,
  blackboxExporterComponent,
  slosComponent,
  logAlertsComponent,
  kubePrometheusStackComponent,
  seaweedfsComponent,
  s3Component,
  lokiComponent,
  victoriaLogsComponent,
  elasticsearchComponent,
  metricbeatComponent,
  fluentBitComponent,
  logCollectorComponent,
  alloyComponent,
  fluentdComponent,
  kubernetesEventsComponent,
  jaegerComponent,
  tempoComponent,
  certManagerComponent,
  opentelemetryOperatorComponent,
  collectorComponent,
  instrumentationComponent,
  ebpfComponent,
  kedaComponent,
  prometheusAdapterComponent,
  demoComponent,
  externalMetrics,
  externalAlerts,
  externalDashboards,
  externalLogs,
  externalTraces,
  externalGateway,
] as const;

/** The same, each without the types of its own settings. */
export const components: readonly Component[] = catalogue;

interface Decision {
  readonly default: string;
  /** Whether several may be there at once: then what is sent goes to each. */
  readonly several: boolean;
  readonly what: string;
  /**
   * The capability that only whoever is decided for has, even if others could. Stores of metrics can, and `store` is the one
   * that is chosen. @default everybody who offers it has it
   */
  readonly of?: Capability;
  /** What people know by another name, and what to set for it. */
  readonly others?: Readonly<Record<string, string>>;
}

/** Decisions between alternatives. */
export const slots: Readonly<Record<Slot, Decision>> = {
  metrics: { default: "prometheus", several: false, what: "Where metrics are kept." },
  scraper: {
    default: "store",
    several: false,
    what: "Who scrapes what monitors name; `store` is the store of metrics, or what comes with it.",
    of: "scraping",
  },
  ruler: {
    default: "store",
    several: false,
    what: "Who evaluates rules: each has one evaluator. `store` is the store of metrics, or what comes with it.",
    of: "rules",
  },
  alerts: { default: "alertmanager", several: false, what: "Who tells people about alerts." },
  dashboards: { default: "grafana", several: false, what: "Where people look." },
  logs: { default: "loki", several: true, what: "Where logs are kept." },
  logAgent: {
    default: "fluentBit",
    several: false,
    what: "Who reads the logs of every node.",
    others: {
      promtail:
        "is promtail, which Grafana ended in March 2026. Set it to alloy, which took its place; components/agents/alloy/README.md moves a configuration over",
    },
  },
  traces: { default: "jaeger", several: true, what: "Where traces are kept." },
  gateway: { default: "collector", several: false, what: "Who takes telemetry from applications." },
  objectStorage: { default: "none", several: false, what: "Where buckets are, for those who keep data in them." },
  autoscaler: { default: "none", several: false, what: "Who scales workloads on metrics." },
};

/** What a decision may say, beside `none`. */
export function alternatives(slot: Slot): string[] {
  const own = components.filter((component) => component.slot === slot).map(choiceOf);
  return slots[slot].of === undefined ? own : ["store", ...own];
}

/** The settings by which decisions are made: one alternative, `none`, or a list of alternatives where several may be. */
export function slotSettings(): Readonly<Record<Slot, z.ZodDefault<z.ZodType<string | string[], string | string[]>>>> {
  return Object.fromEntries(
    Object.entries(slots).map(([slot, { default: usual, several, what, others = {} }]) => {
      const keys = alternatives(slot as Slot);
      const one = z.enum([...keys, "none"], { error: ({ input }) => others[String(input)] });
      const list = z
        .array(z.enum(keys))
        .min(1)
        .refine((chosen) => new Set(chosen).size === chosen.length, { error: "names one twice" });
      return [slot, (several ? z.union([one, list]) : one).default(usual).describe(what)];
    }),
  ) as unknown as ReturnType<typeof slotSettings>;
}

/** What an existing cluster may provide, by its name in `provided`, each once. */
export const providable = [...new Set(components.flatMap(({ provided }) => provided?.by ?? []))];

/** What the cluster has already: the environment uses it, makes none of its own, and changes nothing of it. */
export function providedSetting() {
  return z
    .array(z.enum(providable))
    .refine((named) => new Set(named).size === named.length, { error: "names one twice" })
    .default([]);
}

type UnionToIntersection<U> = (U extends unknown ? (value: U) => void : never) extends (value: infer I) => void
  ? I
  : never;
type AllGroups = UnionToIntersection<(typeof catalogue)[number]["settings"]>;

/** Every component's groups of settings. */
export function componentSettings(): AllGroups {
  return Object.assign({}, ...components.map(({ settings }): Groups => settings)) as AllGroups;
}

/** Every chart of the catalogue, each once, by name. */
export const charts: Readonly<Record<string, ChartPin>> = Object.fromEntries(
  components.flatMap((component) => component.charts).map((chart) => [chart.name, chart]),
);

/** A chart of the catalogue by its name. @throws Error when there is none */
export function chartNamed(name: string): ChartPin {
  const chart = charts[name];
  if (chart === undefined) throw new Error(`No component has a chart ${name}.`);
  return chart;
}
