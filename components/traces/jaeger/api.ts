/** What whoever speaks Jaeger's API is asked. */
import type { DataSource, Linked, Lookup } from "../../capabilities.ts";
import { linksOfTraces } from "../links.ts";

export const lookup: Lookup = { path: "/api/traces/<traceId>", found: ["data"] };

export function dataSource(linked: Linked): DataSource {
  return { name: "Jaeger", type: "jaeger", jsonData: linksOfTraces(linked) };
}
