/** What whoever speaks Tempo's API is asked. */
import type { DataSource, Linked, Lookup } from "../../capabilities.ts";
import { linksOfTraces } from "../links.ts";

export const lookup: Lookup = { path: "/api/v2/traces/<traceId>", found: ["trace", "resourceSpans"] };

/** No service graph: it is drawn from metrics (traces_service_graph_*) that nobody makes here. */
export function dataSource(linked: Linked): DataSource {
  return { name: "Tempo", type: "tempo", jsonData: linksOfTraces(linked) };
}
