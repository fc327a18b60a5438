/** What whoever speaks Prometheus' API is asked. */
import type { DataSource, Linked, Lookup } from "../../capabilities.ts";

/** Where it takes remote write. */
export const writePath = "/api/v1/write";

export const lookup: Lookup = {
  path: "/api/v1/query",
  query: { query: "max(<metric>) >= <timestamp>" },
  found: ["data", "result"],
};

/**
 * Exemplars lead to their trace.
 *
 * @param scrapeInterval how often targets are scraped. @default Grafana's guess
 */
export function dataSource({ traces }: Linked, scrapeInterval?: string): DataSource {
  return {
    name: "Prometheus",
    type: "prometheus",
    jsonData: {
      httpMethod: "POST",
      ...(scrapeInterval === undefined ? {} : { timeInterval: scrapeInterval }),
      ...(traces === undefined ? {} : { exemplarTraceIdDestinations: [{ datasourceUid: traces, name: "trace_id" }] }),
    },
  };
}
