import {
  dashboard,
  line,
  lines,
  low,
  none,
  perSecond,
  range,
  redAbove,
  redBelow,
  stack,
  stat,
} from "../../../../dashboards/kit.ts";

const own = 'job="monitoring/elasticsearch"';
const rate = (metric: string, matchers = "") => `rate(${metric}{${own}${matchers}}[$__rate_interval])`;
const free = `min by (name) (elasticsearch_filesystem_data_available_bytes{${own}} / elasticsearch_filesystem_data_size_bytes{${own}})`;
const heap = `elasticsearch_jvm_memory_used_bytes{${own}, area="heap"} / elasticsearch_jvm_memory_max_bytes{${own}, area="heap"}`;

export default dashboard(
  {
    uid: "elasticsearch",
    title: "Elasticsearch",
    description: "Does Elasticsearch keep every line and a copy of it, does it answer in time, and is there room?",
    folder: "Platform",
    of: "elastic-metrics",
    needs: ["scraping"],
    tags: ["platform", "logs"],
  },
  {
    "At a glance": [
      stat(
        {
          title: "Shards on no node",
          description:
            "Copies that are missing, or data that is not found. ElasticsearchShardsUnassigned fires above zero.",
          unit: "short",
          width: 6,
        },
        range(`max(elasticsearch_cluster_health_unassigned_shards{${own}})`, "shards"),
      )
        .decimals(0)
        .thresholds(none()),
      stat(
        {
          title: "Room left",
          description: "Share of the fullest disk that is free. ElasticsearchDiskFillsUp fires below 15%.",
          unit: "percentunit",
          width: 6,
        },
        range(`min(${free})`, "free"),
      ).thresholds(low(0.15, 0.25)),
      stat(
        {
          title: "Requests refused",
          description:
            "Writes and searches that found too many before them, a second. ElasticsearchRejects fires above zero.",
          unit: perSecond("requests"),
          width: 6,
        },
        range(`sum(${rate("elasticsearch_thread_pool_rejected_count", ', type=~"write|search"')})`, "refused"),
      ).thresholds(none("red", 0.001)),
      stat(
        { title: "Nodes", description: "Nodes that are in the cluster.", unit: "short", width: 6 },
        range(`max(elasticsearch_cluster_health_number_of_nodes{${own}})`, "nodes"),
      ).decimals(0),
    ],
    Work: [
      stack(
        {
          title: "Documents written",
          description: "Lines and spans that each node writes; a copy counts as another.",
          unit: perSecond("documents"),
          width: 12,
        },
        range(`sum by (name) (${rate("elasticsearch_indices_indexing_index_total")})`, "{{name}}"),
      ),
      lines(
        {
          title: "Time of a search",
          description: "How long a shard takes to answer a search, on average.",
          unit: "s",
          width: 12,
        },
        range(
          `sum by (name) (${rate("elasticsearch_indices_search_query_time_seconds")}) / (sum by (name) (${rate("elasticsearch_indices_search_query_total")}) > 0)`,
          "{{name}}",
        ),
      )
        .min(0)
        .noValue("no searches"),
    ],
    Room: [
      line(
        lines(
          {
            title: "Room left, by node",
            description: "Share of each disk that is free. Dashed: ElasticsearchDiskFillsUp fires below.",
            unit: "percentunit",
            width: 12,
          },
          range(free, "{{name}}"),
        )
          .min(0)
          .max(1),
        redBelow(0.15),
      ),
      line(
        lines(
          {
            title: "Heap",
            description:
              "Share of each node's heap that is used. ElasticsearchHeapFull fires where it is never below the dashed line.",
            unit: "percentunit",
            width: 12,
          },
          range(`max by (name) (${heap})`, "{{name}}"),
        )
          .min(0)
          .max(1),
        redAbove(0.85),
      ),
    ],
    Nodes: [
      lines(
        {
          title: "CPU",
          description: "Processor time of each node.",
          unit: "suffix: cores",
          width: 12,
        },
        range(`sum by (name) (${rate("elasticsearch_process_cpu_seconds_total")})`, "{{name}}"),
      ).min(0),
      lines(
        {
          title: "Time in collections",
          description: "Share of its time that each node spends on making room in its heap.",
          unit: "percentunit",
          width: 12,
        },
        range(`sum by (name) (${rate("elasticsearch_jvm_gc_collection_seconds_sum")})`, "{{name}}"),
      ).min(0),
    ],
  },
);
