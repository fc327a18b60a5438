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
 * Every line of a trace, whichever way it came: a log agent's line has the id in its text, a record that came by OTLP has
 * it as structured metadata, and its stream has other labels (`k8s_namespace_name` for `namespace`). Loki gives every
 * stream a `service_name`. No braces as of Go templates: the chart passes data sources through Helm's template engine.
 */
const linesOfTrace = [
  '{service_name=~".+"}',
  'regexp "(?P<id_in_line>$${__trace.traceId})"',
  'id_in_line="$${__trace.traceId}" or trace_id="$${__trace.traceId}"',
].join(" | ");

/**
 * The containers of the span's pod. cAdvisor has a series for the pod as a whole as well (no `container`), and some
 * runtimes one for its sandbox (`POD`): a sum over everything would count the pod twice.
 */
const containersOfSpan = 'container!="", container!="POD", $${__tags}';

/**
 * Data sources beside Prometheus and Alertmanager, which kube-prometheus-stack makes itself (`sidecar.datasources`).
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
          customQuery: true,
          query: linesOfTrace,
        },
        tracesToMetrics: {
          datasourceUid: dataSourceUid.metrics,
          spanStartTimeShift: "-5m",
          spanEndTimeShift: "5m",
          tags,
          queries: [
            {
              name: "CPU of the pod",
              query: `sum(rate(container_cpu_usage_seconds_total{${containersOfSpan}}[2m]))`,
            },
            {
              name: "Memory of the pod",
              query: `sum(container_memory_working_set_bytes{${containersOfSpan}})`,
            },
          ],
        },
      },
    },
  ];
}
