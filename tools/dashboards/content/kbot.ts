import type { Dashboard } from "../builder.ts";
import { dashboardUrl, jobs, logStreams } from "../names.ts";

/** kbot is scraped by Prometheus (job "kbot"); the collector's copy of the same metrics carries another job. */
const bot = `job="${jobs.kbot}", namespace="demo"`;
const command = `${bot}, command=~"$command"`;
const container = `namespace="demo", container="kbot"`;

const logs = logStreams({ namespace: "demo", pod: "kbot-.+" });

const messages = "kbot_messages_processed_total";
const duration = "kbot_message_duration_seconds_bucket";

function quantile(share: number): string {
  return `histogram_quantile(${share}, sum by (le) (rate(${duration}{${command}}[$__rate_interval])))`;
}

const errorRatio =
  `sum(rate(${messages}{${command}, status!="success"}[$__rate_interval])) / ` +
  `(sum(rate(${messages}{${command}}[$__rate_interval])) > 0)`;

export const kbot: Dashboard = {
  uid: "kbot",
  title: "kbot",
  description: "Does the bot answer, how fast, and which command fails?",
  folder: "demo",
  tags: ["demo"],
  sources: ["prometheus", "loki", "jaeger"],
  variables: [
    {
      name: "command",
      label: "Command",
      description: "Commands of the bot.",
      query: `label_values(${messages}{${bot}}, command)`,
    },
  ],
  annotations: [
    {
      name: "Restarts",
      description: "kbot's container started again",
      title: "kbot restarted",
      color: "orange",
      expr: `changes(kube_pod_container_status_restarts_total{${container}}[2m]) > 0`,
    },
  ],
  rows: [
    {
      title: "At a glance",
      panels: [
        {
          kind: "stat",
          title: "Messages",
          description: "Messages processed a second, all statuses, for the selected commands.",
          unit: "messages/s",
          width: 4,
          height: 4,
          decimals: 2,
          targets: [{ expr: `sum(rate(${messages}{${command}}[$__rate_interval]))`, legend: "messages" }],
        },
        {
          kind: "stat",
          title: "Errors",
          description:
            "Share of the messages whose status is not success. The alert KbotErrorRatioHigh fires above 5 %.",
          unit: "percentunit",
          width: 4,
          height: 4,
          decimals: 1,
          noValue: "no messages",
          thresholds: [
            { from: 0, color: "green" },
            { from: 0.01, color: "yellow" },
            { from: 0.05, color: "red" },
          ],
          targets: [{ expr: errorRatio, legend: "errors" }],
        },
        {
          kind: "stat",
          title: "Duration, p95",
          description:
            "95 of 100 messages are processed at least this fast. The alert KbotLatencyHigh fires above 2 s.",
          unit: "s",
          width: 4,
          height: 4,
          noValue: "no messages",
          thresholds: [
            { from: 0, color: "green" },
            { from: 1, color: "yellow" },
            { from: 2, color: "red" },
          ],
          targets: [{ expr: quantile(0.95), legend: "p95" }],
        },
        {
          kind: "stat",
          title: "Active connections",
          description: "Connections that the bot holds now.",
          unit: "short",
          width: 4,
          height: 4,
          targets: [{ expr: `sum(kbot_active_connections{${bot}})`, legend: "connections" }],
        },
        {
          kind: "stat",
          title: "Ready replicas",
          description: "Replicas of the Deployment that are ready. Zero: Telegram gets no answer.",
          unit: "short",
          width: 4,
          height: 4,
          thresholds: [
            { from: 0, color: "red" },
            { from: 1, color: "green" },
          ],
          targets: [
            {
              expr: `sum(kube_deployment_status_replicas_ready{namespace="demo", deployment="kbot"})`,
              legend: "ready",
              instant: true,
            },
          ],
        },
        {
          kind: "stat",
          title: "Restarts",
          description: "Container restarts within the time range.",
          unit: "short",
          width: 4,
          height: 4,
          decimals: 0,
          thresholds: [
            { from: 0, color: "green" },
            { from: 1, color: "orange" },
          ],
          links: [
            { title: "Workload", url: dashboardUrl("workload", { namespace: "demo", workload: "kbot" }) },
            { title: "Logs", url: dashboardUrl("logs", { namespace: "demo", container: "kbot" }) },
          ],
          targets: [
            {
              expr: `sum(increase(kube_pod_container_status_restarts_total{${container}}[$__range]))`,
              legend: "restarts",
              instant: true,
            },
          ],
        },
      ],
    },
    {
      title: "Messages",
      panels: [
        {
          kind: "timeseries",
          title: "Messages by command",
          description: "What people ask the bot, stacked.",
          unit: "messages/s",
          width: 8,
          stack: true,
          targets: [
            {
              expr: `sum by (command) (rate(${messages}{${command}}[$__rate_interval]))`,
              legend: "{{command}}",
            },
          ],
        },
        {
          kind: "timeseries",
          title: "Messages by status",
          description: "How processing ended. Anything but success is an error.",
          unit: "messages/s",
          width: 8,
          stack: true,
          targets: [
            { expr: `sum by (status) (rate(${messages}{${command}}[$__rate_interval]))`, legend: "{{status}}" },
          ],
          overrides: [
            { field: "success", color: "green" },
            { field: "error", color: "red" },
          ],
        },
        {
          kind: "timeseries",
          title: "Error ratio by command",
          description: "Which command fails. The dashed line is the alert's threshold.",
          unit: "percentunit",
          width: 8,
          min: 0,
          thresholds: [
            { from: 0, color: "green" },
            { from: 0.05, color: "red" },
          ],
          showThresholds: true,
          noValue: "no errors",
          targets: [
            {
              expr:
                `sum by (command) (rate(${messages}{${command}, status!="success"}[$__rate_interval])) / ` +
                `(sum by (command) (rate(${messages}{${command}}[$__rate_interval])) > 0)`,
              legend: "{{command}}",
            },
          ],
        },
      ],
    },
    {
      title: "Duration",
      panels: [
        {
          kind: "timeseries",
          title: "Duration quantiles",
          description: "Time to process a message. A diamond is an exemplar: one real message; follow it to its trace.",
          unit: "s",
          width: 12,
          min: 0,
          targets: [
            { expr: quantile(0.5), legend: "p50" },
            { expr: quantile(0.95), legend: "p95", exemplar: true },
            { expr: quantile(0.99), legend: "p99" },
          ],
        },
        {
          kind: "heatmap",
          title: "Duration distribution",
          description: "Messages by duration: darker is more. Two bands mean two kinds of work.",
          unit: "s",
          width: 12,
          targets: [
            {
              expr: `sum by (le) (increase(${duration}{${command}}[$__rate_interval]))`,
              legend: "{{le}}",
              format: "heatmap",
            },
          ],
        },
      ],
    },
    {
      title: "Resources",
      panels: [
        {
          kind: "timeseries",
          title: "CPU",
          description: "CPU of kbot's container against what it requests.",
          unit: "cores",
          decimals: 3,
          width: 12,
          min: 0,
          targets: [
            {
              expr: `sum by (pod) (rate(container_cpu_usage_seconds_total{${container}}[$__rate_interval]))`,
              legend: "{{pod}}",
            },
            {
              expr: `max(kube_pod_container_resource_requests{${container}, resource="cpu"})`,
              legend: "request",
            },
          ],
          overrides: [{ field: "request", limit: true, color: "gray" }],
        },
        {
          kind: "timeseries",
          title: "Memory",
          description: "Working set against request and limit; at the limit the kernel kills the container.",
          unit: "bytes",
          width: 12,
          min: 0,
          targets: [
            { expr: `sum by (pod) (container_memory_working_set_bytes{${container}})`, legend: "{{pod}}" },
            {
              expr: `max(kube_pod_container_resource_requests{${container}, resource="memory"})`,
              legend: "request",
            },
            { expr: `max(kube_pod_container_resource_limits{${container}, resource="memory"})`, legend: "limit" },
          ],
          overrides: [
            { field: "request", limit: true, color: "gray" },
            { field: "limit", limit: true, color: "red" },
          ],
        },
      ],
    },
    {
      title: "Traces and logs",
      panels: [
        {
          kind: "traces",
          title: "Traces",
          description: "Traces of the service kbot within the time range. Open one to see its spans, logs and metrics.",
          unit: "string",
          width: 8,
          height: 10,
          source: "jaeger",
          targets: [{ expr: "kbot" }],
        },
        {
          kind: "logs",
          title: "Log lines",
          description:
            "What kbot writes and what it sends by OTLP. A line with a trace_id carries a link to its trace.",
          unit: "string",
          width: 16,
          height: 10,
          source: "loki",
          targets: [{ expr: logs.agent }, { expr: logs.otlp }],
        },
      ],
    },
  ],
};
