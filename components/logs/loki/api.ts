/** What whoever speaks Loki's API is asked and sent. */
import { streamLabels } from "../../agents/lines.ts";
import type { DataSource, Linked, Lookup } from "../../capabilities.ts";

export const pushPath = "/loki/api/v1/push";

/** What OTLP is sent to, below its address. */
export const otlpPath = "/otlp";

/** It makes streams of the attributes that it knows. */
export const otlpHeaders = {};

/**
 * `limits_config.otlp_config`, by which the attributes of a log agent's lines are labels, too. Of a record whose body is a map it makes a line of
 * JSON (pkg/loghttp/push/otlp.go 3.7), as the agents that push do.
 */
export const otlpConfig = {
  resource_attributes: { attributes_config: [{ action: "index_label", attributes: streamLabels }] },
} as const;

export const lookup: Lookup = {
  path: "/loki/api/v1/query_range",
  query: { query: '{service_name="<service>"} |= "<traceId>"', since: "1h", limit: "1" },
  found: ["data", "result"],
};

/** The same by a label that it makes of an attribute only if it is told to (`otlpConfig`). */
export const lookupByLabel: Lookup = {
  ...lookup,
  query: { ...lookup.query, query: '{job="<service>"} |= "<traceId>"' },
  otherwise: "by its label job: its owners may not have it make our labels (docs/external-loki.md)",
};

/**
 * A log agent's line has the id in its text, a record that came by OTLP has it as structured metadata, and its stream has other
 * labels (`k8s_namespace_name` for `namespace`). Loki gives every stream a `service_name`.
 */
export const linesOfTrace = [
  '{service_name=~".+"}',
  'regexp "(?P<id_in_line>$${__trace.traceId})"',
  'id_in_line="$${__trace.traceId}" or trace_id="$${__trace.traceId}"',
].join(" | ");

/** In provisioning files Grafana replaces `$NAME` from its environment, so a literal `$` is written `$$`. */
export function dataSource({ traces }: Linked): DataSource {
  const toTrace = { datasourceUid: traces, url: "$${__value.raw}", urlDisplayLabel: "Trace" };
  return {
    name: "Loki",
    type: "loki",
    jsonData:
      traces === undefined
        ? {}
        : {
            derivedFields: [
              // Lines that a log agent read: the id stands in the line. Lines that came by OTLP: it is structured metadata.
              {
                name: "trace_id",
                matcherType: "regex",
                matcherRegex: '"trace_?[iI][dD]"\\s*:\\s*"(\\w+)"',
                ...toTrace,
              },
              { name: "Trace", matcherType: "label", matcherRegex: "trace_id", ...toTrace },
            ],
          },
  };
}
