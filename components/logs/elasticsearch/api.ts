/** What Elasticsearch is asked and sent. */
import type { DataSource, Linked, Lookup } from "../../capabilities.ts";

/** Streams of log lines in OpenTelemetry's form, for which Elasticsearch has templates itself (x-pack/plugin/otel-data, logs-otel@template). */
export const streams = "logs-*.otel-*";

/** The one of the log agent's lines. */
export const agentStream = "logs-containers.otel-default";

/** Makes of an agent's record what Elasticsearch makes of one that comes by OTLP. */
export const agentPipeline = "observability-fluent-bit";

/** What OTLP is sent to, below its address (Elasticsearch's documentation, "Elasticsearch OTLP/HTTP endpoint"). */
export const otlpPath = "/_otlp";

/** Its answer has a list of the documents that it found. */
export const lookup: Lookup = {
  path: `/${streams}/_search`,
  query: { q: 'trace_id:"<traceId>"', size: "1" },
  found: ["hits", "hits"],
};

/** Grafana's type of its data source. */
export const sourceType = "elasticsearch";

/** In provisioning files Grafana replaces `$NAME` from its environment, so a literal `$` is written `$$`. */
const id = '"$${__trace.traceId}"';

/** A line of plain text has the id in its message. */
export const linesOfTrace = `trace_id:${id} OR body.text:${id}`;

export function dataSource({ traces }: Linked): DataSource {
  return {
    name: "Elasticsearch",
    type: sourceType,
    jsonData: {
      index: streams,
      timeField: "@timestamp",
      logMessageField: "body.text",
      logLevelField: "severity_text",
      maxConcurrentShardRequests: 5,
      ...(traces === undefined
        ? {}
        : {
            dataLinks: [
              { field: "^trace_id$", url: "$${__value.raw}", datasourceUid: traces, urlDisplayLabel: "Trace" },
            ],
          }),
    },
  };
}
