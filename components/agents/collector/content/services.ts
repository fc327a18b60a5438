import {
  choice,
  type Columns,
  dashboard,
  lines,
  link,
  nodeGraph,
  range,
  rows,
  steps,
  table,
  withExemplars,
} from "../../../../dashboards/kit.ts";

/** What others ask of a service, not what it asks itself. */
const asked = 'span_kind=~"SPAN_KIND_(SERVER|CONSUMER)"';
const failed = 'status_code="STATUS_CODE_ERROR"';
const chosen = `service_name=~"$service", ${asked}`;
const spans = (by: string, matchers: string) =>
  `sum by (${by}) (rate(traces_span_metrics_calls_total{${matchers}}[$__rate_interval]))`;
const errors = (by: string, matchers: string) =>
  `(${spans(by, `${matchers}, ${failed}`)} or 0 * ${spans(by, matchers)}) / (${spans(by, matchers)} > 0)`;
const duration = (by: string, matchers: string) =>
  `histogram_quantile(0.95, sum by (${by}, le) (rate(traces_span_metrics_duration_seconds_bucket{${matchers}}[$__rate_interval])))`;

const calls = (metric: string) =>
  `sum by (client, server) (rate(traces_service_graph_request_${metric}[$__rate_interval]))`;
const callsFailed = `(${calls("failed_total")} or 0 * ${calls("total")}) / (${calls("total")} > 0)`;
const callsDuration = `histogram_quantile(0.95, sum by (client, server, le) (rate(traces_service_graph_request_server_seconds_bucket[$__rate_interval])))`;
/** A call as one text, by which columns are joined. */
const named = (expr: string) => rows(`label_join(${expr}, "call", " → ", "client", "server")`);

/** Columns of three queries: rate, errors, duration. */
const red = (width: number): Columns => ({
  "Value #A": { title: "Requests", unit: "reqps", width },
  "Value #B": {
    ...{ title: "Errors", unit: "percentunit", width },
    thresholds: steps("text", [0.01, "yellow"], [0.05, "red"]),
  },
  "Value #C": { title: "p95", unit: "s", width },
});

export default dashboard(
  {
    uid: "services",
    title: "Services",
    description: "Which service is slow or fails, who calls it, and whom does it call?",
    folder: "Applications",
    of: "collector",
    needs: ["scraping"],
    tags: ["applications"],
    variables: [
      choice(
        { name: "service", label: "Service", description: "Services that send traces (`service.name`)." },
        "label_values(traces_span_metrics_calls_total, service_name)",
      ),
    ],
  },
  {
    "All services": [
      table(
        {
          title: "Services",
          description:
            "What others ask of each, counted from its spans: requests, the share that failed, and how long 95 of 100 took at most.",
          width: 12,
          height: 11,
        },
        {
          service_name: { title: "Service", links: [link("This service", "services", { service: "${__value.raw}" })] },
          ...red(100),
        },
        "-Errors",
        rows(spans("service_name", asked)),
        rows(errors("service_name", asked)),
        rows(duration("service_name", asked)),
      ),
      nodeGraph(
        {
          title: "Who calls whom",
          description:
            "Requests a second, from the spans of both sides. A database or a service without spans is there by what its callers say of it, else as unknown; user is whoever calls from outside.",
          unit: "reqps",
          width: 12,
          height: 11,
        },
        calls("total"),
      ),
      table(
        {
          title: "Calls",
          description: "From a service to another, as the one that is called sees them.",
          width: 24,
        },
        {
          call: "Call",
          ...red(130),
        },
        "-Errors",
        named(calls("total")),
        named(callsFailed),
        named(callsDuration),
      ),
    ],
    "The chosen services": [
      lines(
        { title: "Requests", description: "Asked of each service, a second.", unit: "reqps", width: 8 },
        range(spans("service_name", chosen), "{{service_name}}"),
      ).min(0),
      lines(
        { title: "Errors", description: "Share of the requests that failed.", unit: "percentunit", width: 8 },
        range(errors("service_name", chosen), "{{service_name}}"),
      ).min(0),
      lines(
        {
          title: "Duration, p95",
          description:
            "95 of 100 requests took no longer. Each diamond is a trace; with sampling it may not have been kept.",
          unit: "s",
          width: 8,
        },
        withExemplars(duration("service_name", chosen), "{{service_name}}"),
      ).min(0),
      table(
        {
          title: "What is asked",
          description: "By the name of the span. Names that are beyond the limit of each pod are counted together.",
          width: 24,
        },
        {
          span_name: "Request",
          ...red(130),
        },
        "-Requests",
        rows(spans("span_name", chosen)),
        rows(errors("span_name", chosen)),
        rows(duration("span_name", chosen)),
      ),
    ],
  },
);
