/** Grafana's data sources and the links between them, generated from the stores that the environment has. */
import { clusterUrl, dataSourceUid, type LogStore, type TraceStore } from "../capabilities.ts";

/** A provisioned data source of Grafana, as far as the environment sets it. */
export interface GrafanaDataSource {
  readonly name: string;
  readonly uid: string;
  readonly type: string;
  readonly access: "proxy";
  readonly url: string;
  readonly jsonData: Readonly<Record<string, unknown>>;
}

/**
 * Data sources beside Prometheus and Alertmanager, which kube-prometheus-stack makes itself with the same UIDs.
 *
 * In provisioning files Grafana replaces `$NAME` from its environment, so a literal `$` is written `$$`.
 */
export function grafanaDataSources(stores: {
  readonly logs: LogStore;
  readonly traces: TraceStore;
}): GrafanaDataSource[] {
  const { logs, traces } = stores;
  const toTrace = { datasourceUid: dataSourceUid.traces, url: "$${__value.raw}", urlDisplayLabel: "Trace" };
  /** How spans' attributes are called as labels of log lines and of metrics. */
  const tags = [
    { key: "k8s.namespace.name", value: "namespace" },
    { key: "k8s.pod.name", value: "pod" },
  ];
  return [
    {
      name: "Loki",
      uid: dataSourceUid.logs,
      type: logs.dataSourceType,
      access: "proxy",
      url: clusterUrl(logs.endpoint),
      jsonData: {
        derivedFields: [
          // Lines that a log agent read: the id stands in the line. Lines that came by OTLP: it is structured metadata.
          { name: "trace_id", matcherType: "regex", matcherRegex: '"trace_?[iI][dD]"\\s*:\\s*"(\\w+)"', ...toTrace },
          { name: "Trace", matcherType: "label", matcherRegex: "trace_id", ...toTrace },
        ],
      },
    },
    {
      name: "Jaeger",
      uid: dataSourceUid.traces,
      type: traces.dataSourceType,
      access: "proxy",
      url: clusterUrl(traces.endpoint),
      jsonData: {
        nodeGraph: { enabled: true },
        tracesToLogsV2: {
          datasourceUid: dataSourceUid.logs,
          spanStartTimeShift: "-5m",
          spanEndTimeShift: "5m",
          tags,
          customQuery: true,
          query: '{$${__tags}} |= "$${__trace.traceId}"',
        },
        tracesToMetrics: {
          datasourceUid: dataSourceUid.metrics,
          spanStartTimeShift: "-5m",
          spanEndTimeShift: "5m",
          tags,
          queries: [
            {
              name: "CPU of the pod",
              query: "sum(rate(container_cpu_usage_seconds_total{$${__tags}}[2m]))",
            },
            {
              name: "Memory of the pod",
              query: "sum(container_memory_working_set_bytes{$${__tags}})",
            },
          ],
        },
      },
    },
  ];
}
