import { logsDashboard } from "../../../../dashboards/logs.ts";

export default logsDashboard(
  "victoriametrics-logs-datasource",
  "The line's own level, or the first word of the line that is one.",
);
