import { logsDashboard } from "../../../../dashboards/logs.ts";

export default logsDashboard(
  "elasticsearch",
  "The line's own level, or the first word of the line that is one.",
  "Lucene: words, wildcards and AND, OR, NOT; looked for in the message, in the fields of a line of JSON and in trace_id.",
);
