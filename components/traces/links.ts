/** Where a span leads to in Grafana: its log lines and the metrics of its pod. The same for every store of traces. */
import type { Linked } from "../capabilities.ts";

/**
 * The containers of the span's pod. cAdvisor has a series for the pod as a whole as well (no `container`), and some
 * runtimes one for its sandbox (`POD`): a sum over everything would count the pod twice. In provisioning files Grafana reads `$$` as `$`.
 */
const containersOfSpan = 'container!="", container!="POD", $${__tags}';

/** How spans' attributes are called as labels of log lines and of metrics. */
const tags = [
  { key: "k8s.namespace.name", value: "namespace" },
  { key: "k8s.pod.name", value: "pod" },
];

const around = { spanStartTimeShift: "-5m", spanEndTimeShift: "5m" };

/** The `jsonData` of a data source for traces. */
export function linksOfTraces({ logs, metrics, linesOfTrace }: Linked): Readonly<Record<string, unknown>> {
  return {
    nodeGraph: { enabled: true },
    ...(logs === undefined || linesOfTrace === undefined
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
