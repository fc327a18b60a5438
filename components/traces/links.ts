/** Where a span leads to in Grafana: its log lines and the metrics of its pod. The same for every store of traces. */
import type { Linked } from "../capabilities.ts";

/**
 * Every line of a trace, whichever way it came: a log agent's line has the id in its text, a record that came by OTLP has
 * it as structured metadata, and its stream has other labels (`k8s_namespace_name` for `namespace`). Loki gives every
 * stream a `service_name`. No braces as of Go templates: the chart passes data sources through Helm's template engine.
 *
 * In provisioning files Grafana replaces `$NAME` from its environment, so a literal `$` is written `$$`.
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

/** How spans' attributes are called as labels of log lines and of metrics. */
const tags = [
  { key: "k8s.namespace.name", value: "namespace" },
  { key: "k8s.pod.name", value: "pod" },
];

const around = { spanStartTimeShift: "-5m", spanEndTimeShift: "5m" };

/** The `jsonData` of a data source for traces. */
export function linksOfTraces({ logs, metrics }: Linked): Readonly<Record<string, unknown>> {
  return {
    nodeGraph: { enabled: true },
    ...(logs === undefined
      ? {}
      : { tracesToLogsV2: { datasourceUid: logs, ...around, customQuery: true, query: linesOfTrace } }),
    ...(metrics === undefined
      ? {}
      : {
          tracesToMetrics: {
            datasourceUid: metrics,
            ...around,
            tags,
            queries: [
              {
                name: "CPU of the pod",
                query: `sum(rate(container_cpu_usage_seconds_total{${containersOfSpan}}[2m]))`,
              },
              { name: "Memory of the pod", query: `sum(container_memory_working_set_bytes{${containersOfSpan}})` },
            ],
          },
        }),
  };
}
