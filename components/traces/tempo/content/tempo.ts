import {
  colors,
  dashboard,
  lines,
  none,
  perSecond,
  range,
  redAbove,
  line,
  stack,
  stat,
} from "../../../../dashboards/kit.ts";

/** One job, or one for each part of mode: distributed. */
const tempo = 'job=~"tempo(-.+)?"';
/** What people and Grafana ask: the querier inside is asked once more for each part of a query (`querier_api_...`). */
const asked = `${tempo}, route=~"api_.+"`;
/** Any loss is too much; below this it is what rates leave of a single event. */
const loss = none("red", 0.001);
const rate = (metric: string, matchers = tempo) => `sum(rate(${metric}{${matchers}}[$__rate_interval]))`;
const increase = (metric: string) => `sum(increase(${metric}{${tempo}}[1h]))`;
const quantile = (share: number, by: string, metric: string, matchers = tempo) =>
  `histogram_quantile(${share}, sum by (${by}) (rate(${metric}_bucket{${matchers}}[$__rate_interval])))`;

export default dashboard(
  {
    uid: "tempo",
    title: "Tempo",
    description: "Does Tempo keep every span that reaches it, and does it answer in time?",
    folder: "Platform",
    of: "tempo",
    needs: ["scraping"],
    tags: ["platform", "traces"],
  },
  {
    "At a glance": [
      stat(
        {
          title: "Spans into Tempo",
          description: "Spans that reach Tempo a second.",
          unit: perSecond("spans"),
          width: 6,
        },
        range(rate("tempo_distributor_spans_received_total"), "spans"),
      ).noValue("no spans"),
      stat(
        {
          title: "Spans discarded",
          description: "Spans that Tempo threw away, a second. TempoDiscardsSpans fires above zero.",
          unit: perSecond("spans"),
          width: 6,
        },
        range(`${rate("tempo_discarded_spans_total")} or vector(0)`, "discarded"),
      ).thresholds(loss),
      stat(
        {
          title: "Live traces",
          description: "Traces that are held in memory because spans of them may still come.",
          unit: "short",
          width: 6,
        },
        range(`sum(tempo_ingester_live_traces{${tempo}}) or sum(tempo_live_store_live_traces{${tempo}})`, "traces"),
      ).decimals(0),
      stat(
        {
          title: "Blocks",
          description:
            "Bytes of all blocks on the volume or in the bucket, counted every five minutes. What is not in a block yet comes on top.",
          unit: "bytes",
          width: 6,
        },
        range(`sum(max by (tenant, status) (tempodb_backend_bytes_total{${tempo}}))`, "blocks"),
      ).noValue("no block yet"),
    ],
    "Spans on their way": [
      lines(
        {
          title: "Spans",
          description:
            "Refused: the sender was told, and may send them again. Discarded: gone, the reason is in the next panel.",
          unit: perSecond("spans"),
          width: 8,
        },
        range(rate("tempo_distributor_spans_received_total"), "received"),
        range(rate("tempo_receiver_refused_spans"), "refused"),
        range(rate("tempo_discarded_spans_total"), "discarded"),
      )
        .min(0)
        .noValue("no spans")
        .overrides(colors({ received: "blue", refused: "yellow", discarded: "red" })),
      stack(
        {
          title: "Spans discarded, by reason",
          description: "trace_too_large: of a trace with more than max_bytes_per_trace. The runbook has the others.",
          unit: perSecond("spans"),
          width: 8,
        },
        range(`sum by (reason) (rate(tempo_discarded_spans_total{${tempo}}[$__rate_interval]))`, "{{reason}}"),
      ).noValue("nothing discarded"),
      lines(
        {
          title: "Time to take a batch",
          description: "How long Tempo takes to accept a batch of spans. While it waits, the collector's queue fills.",
          unit: "s",
          width: 8,
        },
        range(quantile(0.5, "le", "tempo_distributor_push_duration_seconds"), "p50"),
        range(quantile(0.99, "le", "tempo_distributor_push_duration_seconds"), "p99"),
      ).min(0),
    ],
    Blocks: [
      lines(
        {
          title: "Blocks flushed, within an hour",
          description:
            "The write-ahead log becomes a block every half an hour where spans come, what waits in Kafka every five minutes. " +
            "What fails is tried again: TempoFlushFailing fires when that fails too.",
          unit: "short",
          width: 8,
        },
        range(
          `${increase("tempo_ingester_blocks_flushed_total")} or ${increase("tempo_block_builder_flushed_blocks")}`,
          "flushed",
        ),
        range(increase("tempo_ingester_failed_flushes_total"), "failed"),
        range(increase("tempo_ingester_flush_failed_retries_total"), "failed again"),
      )
        .min(0)
        .overrides(colors({ flushed: "green", failed: "orange", "failed again": "red" })),
      line(
        lines(
          {
            title: "Maintenance errors, within an hour",
            description:
              "Compaction joins small blocks, retention deletes old ones, the poll finds new ones for queries. " +
              "Dashed: TempoMaintenanceFailing fires above.",
            unit: "short",
            width: 8,
          },
          range(increase("tempodb_compaction_errors_total"), "compaction"),
          range(increase("tempodb_retention_errors_total"), "retention"),
          range(increase("tempodb_blocklist_poll_errors_total"), "poll"),
        )
          .min(0)
          .noValue("no errors"),
        redAbove(2),
      ),
      stack(
        {
          title: "Blocks by state",
          description: "Live ones are searched. Compacted ones have been joined into others and go within an hour.",
          unit: "bytes",
          width: 8,
        },
        range(`sum by (status) (max by (tenant, status) (tempodb_backend_bytes_total{${tempo}}))`, "{{status}}"),
      ).overrides(colors({ live: "blue", compacted: "gray" })),
    ],
    "Queries and memory": [
      lines(
        {
          title: "Queries by answer",
          description: "What is asked of Tempo, by route and status code. TempoQueryErrors counts 5xx.",
          unit: "reqps",
          width: 8,
        },
        range(
          `sum by (route, status_code) (rate(tempo_request_duration_seconds_count{${asked}}[$__rate_interval]))`,
          "{{route}} {{status_code}}",
        ),
      ).min(0),
      lines(
        {
          title: "Query duration, p99",
          description: "How long Tempo takes to answer, by route: a search, one trace, names of tags.",
          unit: "s",
          width: 8,
        },
        range(quantile(0.99, "route, le", "tempo_request_duration_seconds", asked), "{{route}}"),
      ).min(0),
      lines(
        { title: "Memory", description: "Resident memory of Tempo.", unit: "bytes", width: 8 },
        range(`sum by (pod) (process_resident_memory_bytes{${tempo}})`, "{{pod}}"),
      ).min(0),
    ],
    Parts: [
      lines(
        {
          title: "Pods by part",
          description:
            "Pods that are scraped. In mode: distributed each part is a job. A part without any: TempoPartAbsent.",
          unit: "short",
          width: 12,
        },
        range(`sum by (job) (up{${tempo}})`, "{{job}}"),
      ).min(0),
      line(
        lines(
          {
            title: "Behind Kafka",
            description:
              "Only in mode: distributed. How old the spans are that each reads; blocks are made every five minutes. " +
              "Dashed: TempoBehindKafka fires above.",
            unit: "s",
            width: 12,
          },
          range(`max by (job) (tempo_ingest_group_partition_lag_seconds{${tempo}})`, "{{job}}"),
        )
          .min(0)
          .noValue("mode: monolithic has no Kafka"),
        redAbove(900),
      ),
    ],
  },
);
