/** What whoever speaks Alertmanager's API is asked. */
import type { DataSource } from "../../capabilities.ts";

export function dataSource(): DataSource {
  return {
    name: "Alertmanager",
    type: "alertmanager",
    jsonData: { handleGrafanaManagedAlerts: false, implementation: "prometheus" },
  };
}
