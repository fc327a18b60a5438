/** What VictoriaLogs is asked and sent. */
import type { DataSource, Linked, Lookup } from "../../capabilities.ts";
import { messageFields, streamLabels } from "../../agents/lines.ts";
import { pluginVersion } from "./chart.ts";

/**
 * It takes Loki's pushes. A line of JSON becomes fields; its message is the first of these that it has
 * (app/vlinsert/loki/loki_json.go 1.52).
 */
export const pushPath = `/insert/loki/api/v1/push?_msg_field=${messageFields.join(",")}`;

/** What OTLP is sent to, below its address. */
export const otlpPath = "/insert/opentelemetry";

/** By default every attribute of a resource would be part of the stream's name, and each process a stream. */
export const otlpHeaders = {
  "VL-Stream-Fields": "service.name,k8s.namespace.name,k8s.pod.name,k8s.container.name",
};

/** The same of a log agent's lines: of a record whose body is a map it makes fields (app/vlinsert/opentelemetry/pb.go 1.52). */
export const lineHeaders = {
  "VL-Stream-Fields": streamLabels.join(","),
  "VL-Msg-Field": messageFields.join(","),
  // What it adds of a record without them, which no line has: "Unspecified" would be taken for a level.
  "VL-Ignore-Fields": "scope.name,scope.version,severity_number,severity_text",
};

/** The same as a line of JSON for each record, labels among its fields (its documentation, "JSON stream API"). */
export const jsonLines = `/insert/jsonline?_stream_fields=${[...streamLabels, "cluster"].join(",")}&_msg_field=${messageFields.join(",")}&_time_field=@timestamp`;

/** Its answer to a query is a line of JSON for each row; values of a field are one document. */
export const lookup: Lookup = {
  path: "/select/logsql/field_values",
  query: { query: '"service.name":="<service>" trace_id:="<traceId>" _time:1h', field: "trace_id" },
  found: ["values"],
};

/** Grafana's type of its data source, and the name of the plugin that knows it. */
const sourceType = "victoriametrics-logs-datasource";

export const usualPlugin = `${sourceType}@${pluginVersion.slice(1)}`;

/** What a line of JSON calls its trace; a record that came by OTLP has the first. */
export const traceFields = ["trace_id", "traceId", "traceID"] as const;

/** In provisioning files Grafana replaces `$NAME` from its environment, so a literal `$` is written `$$`. */
const id = '"$${__trace.traceId}"';

/** A line of plain text has the id in its message. */
export const linesOfTrace = [...traceFields.map((field) => `${field}:=${id}`), id].join(" or ");

export function dataSource({ traces }: Linked): DataSource {
  return {
    name: "VictoriaLogs",
    type: sourceType,
    plugin: usualPlugin,
    jsonData:
      traces === undefined
        ? {}
        : {
            derivedFields: traceFields.map((field) => ({
              name: `Trace (${field})`,
              matcherType: "label",
              matcherRegex: field,
              datasourceUid: traces,
              url: "$${__value.raw}",
              urlDisplayLabel: "Trace",
            })),
          },
  };
}
