/**
 * What scrapes drop before it is stored: series that no rule, no dashboard and no alert here asks for, and of which every
 * cluster has many. Whoever needs one gives the list anew in `prometheus.values`.
 */

/** A rule of a monitor's `metricRelabelings`. */
export interface MetricRelabeling {
  readonly action: "drop";
  readonly sourceLabels: readonly string[];
  readonly regex: string;
}

function drop(regex: string, ...labels: readonly string[]): MetricRelabeling {
  return { action: "drop", sourceLabels: ["__name__", ...labels], regex };
}

/**
 * What kube-prometheus-stack 88.5.3 drops by itself. Helm replaces a list by ours as a whole, so they are repeated; a
 * contract test compares them with the chart.
 */
const ofTheChart = {
  apiServer: [
    drop(
      "(etcd_request|apiserver_request_slo|apiserver_request_sli|apiserver_request)_duration_seconds_bucket;" +
        "(0\\.15|0\\.2|0\\.3|0\\.35|0\\.4|0\\.45|0\\.6|0\\.7|0\\.8|0\\.9|1\\.25|1\\.5|1\\.75|2|3|3\\.5|4|4\\.5|6|7|8|9|15|20|40|45|50)" +
        "(\\.0)?",
      "le",
    ),
  ],
  cAdvisor: [
    drop("container_cpu_(cfs_throttled_seconds_total|load_average_10s|system_seconds_total|user_seconds_total)"),
    drop(
      "container_fs_(io_current|io_time_seconds_total|io_time_weighted_seconds_total|reads_merged_total|" +
        "sector_reads_total|sector_writes_total|writes_merged_total)",
    ),
    drop("container_memory_(mapped_file|swap)"),
    drop("container_(file_descriptors|tasks_state|threads_max)"),
    drop("container_memory_failures_total;hierarchy", "scope"),
    drop("container_network_.*;(cali|cilium|cni|lxc|nodelocaldns|tunl).*", "interface"),
    drop("container_spec.*"),
    { action: "drop", sourceLabels: ["id", "pod"], regex: ".+;" },
  ],
} as const satisfies Readonly<Record<string, readonly MetricRelabeling[]>>;

/**
 * What we drop besides. Those of the API server are what people find at the top of their lists, beside
 * `apiserver_request_duration_seconds_bucket` and `apiserver_request_sli_duration_seconds_bucket`, which rules need
 * (prometheus-operator#5939, kube-prometheus#2531); `_sum` and `_count` stay.
 */
export const waste = {
  apiServer: [
    drop(
      "(etcd_request_duration_seconds|apiserver_(request_body_size_bytes|response_sizes|watch_events_sizes|" +
        "watch_cache_read_wait_seconds|watch_list_duration_seconds|admission_controller_admission_duration_seconds|" +
        "admission_step_admission_duration_seconds))_bucket",
    ),
  ],
  cAdvisor: [
    // Four series a container that nobody reads, and what repeats kube-state-metrics or the kubelet.
    drop("container_(memory_failures_total|memory_failcnt|blkio_device_usage_total|ulimits_soft|last_seen)"),
  ],
  stateMetrics: [
    // One series for each object, to say its version.
    drop("kube_.+_metadata_resource_version"),
    drop("kube_(configmap|secret)_(annotations|created|info|labels|owner|type)"),
    drop("kube_pod_(tolerations|status_qos_class|service_account|scheduler|restart_policy)"),
    drop("kube_endpoint_(address|info|labels|ports)"),
    // Evicted and SchedulingGated have rules.
    drop("kube_pod_status_reason;(NodeAffinity|NodeLost|Shutdown|UnexpectedAdmissionError)", "reason"),
  ],
} as const satisfies Readonly<Record<string, readonly MetricRelabeling[]>>;

/** The part of the values of kube-prometheus-stack that says what scrapes drop. */
export interface WasteValues {
  readonly kubeApiServer: { readonly serviceMonitor: { readonly metricRelabelings: readonly MetricRelabeling[] } };
  readonly kubelet: { readonly serviceMonitor: { readonly cAdvisorMetricRelabelings: readonly MetricRelabeling[] } };
  readonly "kube-state-metrics": {
    readonly prometheus: {
      readonly monitor: { readonly http: { readonly metricRelabelings: readonly MetricRelabeling[] } };
    };
  };
}

/** Values by which kube-prometheus-stack's monitors drop waste. */
export const wasteValues: WasteValues = {
  kubeApiServer: { serviceMonitor: { metricRelabelings: [...ofTheChart.apiServer, ...waste.apiServer] } },
  kubelet: { serviceMonitor: { cAdvisorMetricRelabelings: [...ofTheChart.cAdvisor, ...waste.cAdvisor] } },
  "kube-state-metrics": { prometheus: { monitor: { http: { metricRelabelings: waste.stateMetrics } } } },
};
