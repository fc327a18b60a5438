import { bars, colors, dashboard, lines, none, range, stack, stat, states } from "../../../../dashboards/kit.ts";

const sidecar = 'job="thanos-sidecar"';
const store = 'job="thanos-store-gateway"';
const compact = 'job="thanos-compact"';
const query = 'job="thanos-query"';
const all = 'job=~"thanos-.+"';
const hourly = (metric: string, of: string) => `sum(increase(${metric}{${of}}[1h]))`;

export default dashboard(
  {
    uid: "thanos",
    title: "Thanos",
    description: "Do samples get into the bucket, does the compactor keep it in order, and does a query see all of it?",
    folder: "Platform",
    of: "thanos",
    needs: ["scraping"],
    tags: ["platform", "metrics"],
  },
  {
    "At a glance": [
      stat(
        {
          title: "Since the last upload",
          description: "Time since a sidecar has uploaded a block. Prometheus makes one every two hours.",
          unit: "s",
          width: 6,
        },
        range(`time() - max(thanos_objstore_bucket_last_successful_upload_time{${sidecar}})`, "since the last upload"),
      ).decimals(0),
      stat(
        {
          title: "Compactor halted",
          description: "1: it has stopped for good, until somebody has looked. ThanosCompactHalted fires.",
          unit: "short",
          width: 6,
        },
        range(`max(thanos_compact_halted{${compact}})`, "halted"),
      )
        .decimals(0)
        .thresholds(none()),
      stat(
        {
          title: "Blocks that are read",
          description: "Blocks of the bucket that store gateways have loaded, each counted once by each of them.",
          unit: "short",
          width: 6,
        },
        range(`sum(thanos_bucket_store_blocks_loaded{${store}})`, "blocks"),
      ).decimals(0),
      stat(
        {
          title: "Bucket operations that fail",
          description: "Share of what Thanos asks of the bucket. ThanosBucketOperationsFailing fires above 5%.",
          unit: "percentunit",
          width: 6,
        },
        range(
          `sum(rate(thanos_objstore_bucket_operation_failures_total{${all}}[$__rate_interval])) / sum(rate(thanos_objstore_bucket_operations_total{${all}}[$__rate_interval]))`,
          "failed",
        ),
      ).thresholds(none("red", 0.05)),
    ],
    "Into the bucket": [
      bars(
        {
          title: "Blocks uploaded, within an hour",
          description: "By sidecar. A block is two hours of one Prometheus.",
          unit: "short",
          width: 8,
        },
        "sum",
        range(`sum by (pod) (increase(thanos_shipper_uploads_total{${sidecar}}[1h]))`, "{{pod}}"),
      ),
      lines(
        {
          title: "Attempts to upload that fail, within an hour",
          description: "A sidecar tries every 30 seconds. ThanosUploadsFailing fires when none works for half an hour.",
          unit: "short",
          width: 8,
        },
        range(`sum by (pod) (increase(thanos_shipper_dir_sync_failures_total{${sidecar}}[1h]))`, "{{pod}}"),
      ).min(0),
      states(
        {
          title: "Sidecar reaches its Prometheus",
          description: "ThanosSidecarCutOff fires when one does not.",
          unit: "short",
          width: 8,
        },
        { 1: ["yes", "green"], 0: ["no", "red"] },
        range(`max by (pod) (thanos_sidecar_prometheus_up{${sidecar}})`, "{{pod}}"),
      ),
    ],
    "In the bucket": [
      lines(
        {
          title: "What the compactor has done, within an hour",
          description:
            "Blocks joined, blocks of one sample in five minutes or an hour made of them, and blocks deleted.",
          unit: "short",
          width: 8,
        },
        range(hourly("thanos_compact_group_compactions_total", compact), "joined"),
        range(hourly("thanos_compact_downsample_total", compact), "downsampled"),
        range(hourly("thanos_compact_blocks_cleaned_total", compact), "deleted"),
      )
        .min(0)
        .overrides(colors({ joined: "blue", downsampled: "purple", deleted: "gray" })),
      lines(
        {
          title: "What it has to do",
          description: "Compactions, and blocks to downsample, that wait. What grows for days is more than it can do.",
          unit: "short",
          width: 8,
        },
        range(`sum(thanos_compact_todo_compactions{${compact}})`, "compactions"),
        range(`sum(thanos_compact_todo_downsample_blocks{${compact}})`, "blocks to downsample"),
      ).min(0),
      stack(
        {
          title: "Bucket operations, by part",
          description: "What each part of Thanos asks of the bucket.",
          unit: "reqps",
          width: 8,
        },
        range(`sum by (job) (rate(thanos_objstore_bucket_operations_total{${all}}[$__rate_interval]))`, "{{job}}"),
      ),
    ],
    "Out of it": [
      lines(
        {
          title: "Connections of the query",
          description:
            "To sidecars, store gateways and other clusters. ThanosQueryWithoutStores fires when a kind is missing.",
          unit: "short",
          width: 8,
        },
        range(`sum by (store_type) (thanos_store_nodes_grpc_connections{${query}})`, "{{store_type}}"),
      ).min(0),
      lines(
        {
          title: "Time to answer a query, p99",
          description: "Of a moment (query) and of a range (query_range), as the query itself measures it.",
          unit: "s",
          width: 8,
        },
        range(
          `histogram_quantile(0.99, sum by (handler, le) (rate(http_request_duration_seconds_bucket{${query}, handler=~"query|query_range"}[$__rate_interval])))`,
          "{{handler}}",
        ),
      )
        .min(0)
        .noValue("no queries"),
      lines(
        { title: "Memory", description: "Resident memory of each pod's part.", unit: "bytes", width: 8 },
        range(`sum by (pod, job) (process_resident_memory_bytes{${all}})`, "{{pod}} {{job}}"),
      ).min(0),
    ],
  },
);
