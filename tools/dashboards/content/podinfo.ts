import { jobs } from "../names.ts";
import { demoDashboard } from "./demo.ts";

/** Requests of its callers: those of probes and of Prometheus are left out. */
const callers = `job=~"$job", namespace="demo", path!~"healthz|readyz|metrics"`;

export const podinfo = demoDashboard({
  name: "podinfo",
  description: "Do the frontend and its backend answer, how fast, and which path fails?",
  variable: {
    name: "job",
    label: "Service",
    description: "The frontend and its backend.",
    query: `label_values(http_request_duration_seconds_count{job=~"${jobs.podinfo}", namespace="demo"}, job)`,
    all: jobs.podinfo,
  },
  work: { many: "requests", one: "request", unit: "reqps" },
  counter: "http_request_duration_seconds_count",
  bucket: "http_request_duration_seconds_bucket",
  chosen: callers,
  failed: 'status=~"5.."',
  failure: "500 or above",
  by: "path",
  panels: {
    byLabel: ["Requests by path", "What is asked for, stacked; probes and scrapes are left out."],
    byStatus: ["Requests by status", "HTTP status of the answers. 500 and above is an error."],
    errors: ["Error ratio by path", "Which path fails."],
    duration:
      "Time to answer a request. Its histogram carries no exemplars: the traces below are the way to one request.",
  },
  statusColors: [
    { field: "200", color: "green" },
    { field: "500", color: "red" },
  ],
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
  otlpLogs: false,
});
