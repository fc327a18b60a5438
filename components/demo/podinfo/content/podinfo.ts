import { choice } from "../../../../dashboards/kit.ts";
import { redDashboard } from "../../../../dashboards/red.ts";

/** Scrape jobs of both: a regular expression. */
const jobs = "podinfo-(frontend|backend)";

/** Requests of its callers: those of probes and of Prometheus are left out. */
const callers = `job=~"$job", namespace="demo", path!~"healthz|readyz|metrics"`;

export default redDashboard({
  name: "podinfo",
  description: "Do the frontend and its backend answer, how fast, and which path fails?",
  variable: choice(
    { name: "job", label: "Service", description: "The frontend and its backend." },
    `label_values(http_request_duration_seconds_count{job=~"${jobs}", namespace="demo"}, job)`,
    { all: jobs },
  ),
  work: "requests",
  unit: "reqps",
  counter: "http_request_duration_seconds_count",
  bucket: "http_request_duration_seconds_bucket",
  chosen: callers,
  failed: 'status=~"5.."',
  failure: "500 or above",
  by: "path",
  byLabel: "What is asked for, stacked; probes and scrapes are left out.",
  byStatus: "HTTP status of the answers. 500 and above is an error.",
  statusColors: { "200": "green", "202": "super-light-green", "500": "red" },
  duration: "Time to answer a request. No exemplars: the traces below are the way to one request.",
  slow: 1,
  exemplars: false,
  deployments: 'deployment=~"$job"',
  noReplica: "nobody gets an answer.",
  containers: 'namespace="demo", container="podinfo", pod=~"($job)-.+"',
  pods: "($job)-.+",
  container: "podinfo",
  workload: "podinfo-frontend",
  service: "podinfo-frontend",
  traces: "Requests to the frontend within the time range; each goes on to the backend.",
  logs: "What both write; podinfo sends the same records by OTLP too.",
  fields: ["method", "uri"],
  otlpLogs: false,
});
