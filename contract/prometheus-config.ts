/**
 * What the Prometheus Operator makes of the part of `prometheusSpec` that the environment sets: our reading of the API of
 * its Prometheus object (the chart hands these on under the same names). Monitors and rules it finds in the cluster; they
 * are no part of this.
 */
import { asMap, at } from "./finding.ts";

export interface PrometheusStart {
  /** The configuration file, as far as the values decide it. */
  readonly config: {
    readonly global: Readonly<Record<string, unknown>>;
    /** Those that are there already; those of the cluster the operator names by their Service. */
    readonly alerting?: { readonly alertmanagers: unknown };
  };
  /** Arguments of the program. */
  readonly flags: readonly string[];
}

type Reading = (value: string) => { readonly global?: Readonly<Record<string, unknown>>; readonly flag?: string };

const readings: Readonly<Record<string, Reading>> = {
  scrapeInterval: (value) => ({ global: { scrape_interval: value } }),
  evaluationInterval: (value) => ({ global: { evaluation_interval: value } }),
  sampleLimit: (value) => ({ global: { sample_limit: Number(value) } }),
  targetLimit: (value) => ({ global: { target_limit: Number(value) } }),
  labelNameLengthLimit: (value) => ({ global: { label_name_length_limit: Number(value) } }),
  labelValueLengthLimit: (value) => ({ global: { label_value_length_limit: Number(value) } }),
  keepDroppedTargets: (value) => ({ global: { keep_dropped_targets: Number(value) } }),
  bodySizeLimit: (value) => ({ global: { body_size_limit: value } }),
  labelLimit: (value) => ({ global: { label_limit: Number(value) } }),
  scrapeNativeHistograms: (value) => ({ global: { scrape_native_histograms: value === "true" } }),
  scrapeClassicHistograms: (value) => ({ global: { always_scrape_classic_histograms: value === "true" } }),
  retention: (value) => ({ flag: `--storage.tsdb.retention.time=${value}` }),
  retentionSize: (value) => ({ flag: `--storage.tsdb.retention.size=${value}` }),
  routePrefix: (value) => ({ flag: `--web.route-prefix=${value}` }),
  externalUrl: (value) => ({ flag: `--web.external-url=${value}` }),
  enableRemoteWriteReceiver: (value) => (value === "true" ? { flag: "--web.enable-remote-write-receiver" } : {}),
  // One duration for all blocks (operator 0.93, pkg/prometheus/server/statefulset.go, compactionModeDisabled).
  disableCompaction: (value) =>
    value === "true" ? { flag: "--storage.tsdb.min-block-duration=2h --storage.tsdb.max-block-duration=2h" } : {},
  enableFeatures: (value) => ({ flag: `--enable-feature=${value}` }),
};

/** Values that are about the pod, or about which monitors the operator takes. */
const notOfTheProgram = [
  "replicas",
  "resources",
  "serviceDiscoveryRole",
  "secrets",
  "storageSpec",
  // Thanos' sidecar, and what is merged into its container.
  "thanos",
  "containers",
  "volumes",
  // The operator itself makes its part of the configuration (operator-config.ts).
  "additionalRemoteWrite",
  "scrapeClasses",
  /Selector(NilUsesHelmValues)?$/,
];

/**
 * @param values of a release of kube-prometheus-stack
 * @throws Error for a value of `prometheusSpec` that this reading does not know
 */
export function prometheusStart(values: Readonly<Record<string, unknown>>): PrometheusStart {
  const global: Record<string, unknown> = {};
  const flags: string[] = [];
  let alerting: { readonly alertmanagers: unknown } | undefined;
  for (const [key, value] of Object.entries(asMap(at(values, "prometheus", "prometheusSpec")) ?? {})) {
    if (notOfTheProgram.some((other) => (typeof other === "string" ? other === key : other.test(key)))) continue;
    // Appended as they are (pkg/prometheus/promcfg.go, appendAlertingConfig).
    if (key === "additionalAlertManagerConfigs") {
      alerting = { alertmanagers: value };
      continue;
    }
    if (key === "externalLabels") {
      global["external_labels"] = value;
      continue;
    }
    const reading = readings[key];
    if (reading === undefined) throw new Error(`contract/prometheus-config.ts does not know prometheusSpec.${key}.`);
    const made = reading(Array.isArray(value) ? value.join(",") : String(value));
    Object.assign(global, made.global);
    if (made.flag !== undefined) flags.push(...made.flag.split(" "));
  }
  return { config: { global, ...(alerting === undefined ? {} : { alerting }) }, flags };
}
