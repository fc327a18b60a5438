/** What whoever speaks Tempo's API is asked. */
import type { DataSource, Linked, Lookup } from "../../capabilities.ts";
import { linksOfTraces } from "../links.ts";

export const lookup: Lookup = { path: "/api/v2/traces/<traceId>", found: ["trace", "resourceSpans"] };

/** Its service graph is drawn from metrics that the gateway makes (traces_service_graph_*). */
export function dataSource(linked: Linked): DataSource {
  const { metrics } = linked;
  const serviceMap = metrics === undefined ? {} : { serviceMap: { datasourceUid: metrics } };
  return { name: "Tempo", type: "tempo", jsonData: { ...linksOfTraces(linked), ...serviceMap } };
}
