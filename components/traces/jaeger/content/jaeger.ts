import {
  colors,
  dashboard,
  high,
  line,
  lines,
  none,
  perSecond,
  range,
  redAbove,
  stat,
} from "../../../../dashboards/kit.ts";

const jaeger = 'job="jaeger"';
/** Any loss is too much; below this it is what rates leave of a single event. */
const loss = none("red", 0.001);
const rate = (metric: string, matchers: string) => `rate(${metric}{${matchers}}[$__rate_interval])`;
const spans = (what: string) => `sum(${rate(`otelcol_${what}_spans`, jaeger)})`;
const queue = `max by (exporter) (otelcol_exporter_queue_size{${jaeger}} / (otelcol_exporter_queue_capacity{${jaeger}} > 0))`;

export default dashboard(
  {
    uid: "jaeger",
    title: "Jaeger",
    description: "Does Jaeger keep every span that reaches it?",
    folder: "Platform",
    of: "jaeger",
    needs: ["scraping"],
    tags: ["platform", "traces"],
  },
  {
    "At a glance": [
      stat(
        {
          title: "Spans into Jaeger",
          description: "Spans that reach Jaeger a second.",
          unit: perSecond("spans"),
          width: 8,
        },
        range(spans("receiver_accepted"), "spans"),
      ).noValue("no spans"),
      stat(
        {
          title: "Spans lost",
          description: "Spans that Jaeger turned away or could not store, a second.",
          unit: perSecond("spans"),
          width: 8,
        },
        range(
          ["receiver_refused", "exporter_send_failed", "exporter_enqueue_failed"]
            .map((what) => `(${spans(what)} or vector(0))`)
            .join(" + "),
          "lost",
        ),
      ).thresholds(loss),
      stat(
        {
          title: "Queue",
          description: "Spans that wait to be stored, of what there is room for.",
          unit: "percentunit",
          width: 8,
        },
        range(`max(${queue})`, "queue"),
      )
        .decimals(0)
        .thresholds(high(0.3, 0.7)),
    ],
    "Spans on their way": [
      lines(
        {
          title: "Spans",
          description:
            "Received and stored should run together. Refused means the memory limiter, failed and dropped are lost.",
          unit: perSecond("spans"),
          width: 8,
        },
        range(spans("receiver_accepted"), "received"),
        range(spans("exporter_sent"), "stored"),
        range(spans("receiver_refused"), "refused"),
        range(spans("exporter_send_failed"), "failed"),
        range(spans("exporter_enqueue_failed"), "dropped"),
      )
        .noValue("no spans")
        .overrides(colors({ received: "blue", stored: "green", refused: "yellow", failed: "orange", dropped: "red" })),
      line(
        lines(
          {
            title: "Queue over time",
            description: "Spans that wait as a share of the room. A full queue loses spans.",
            unit: "percentunit",
            width: 8,
          },
          range(queue, "{{exporter}}"),
        )
          .min(0)
          .max(1),
        redAbove(0.7),
      ),
      lines(
        { title: "Memory", description: "Resident memory of Jaeger.", unit: "bytes", width: 8 },
        range(`sum by (pod) (otelcol_process_memory_rss{${jaeger}})`, "{{pod}}"),
      ).min(0),
    ],
  },
);
