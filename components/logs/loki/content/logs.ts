import { logsDashboard } from "../../../../dashboards/logs.ts";

export default logsDashboard("loki", "Levels as Loki detects them in the line.");
