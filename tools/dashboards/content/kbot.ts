import { jobs } from "../names.ts";
import { demoDashboard } from "./demo.ts";

const bot = `job="${jobs.kbot}", namespace="demo"`;

export const kbot = demoDashboard({
  name: "kbot",
  description: "Does the bot answer, how fast, and which command fails?",
  variable: {
    name: "command",
    label: "Command",
    description: "Commands of the bot.",
    query: `label_values(kbot_messages_processed_total{${bot}}, command)`,
  },
  work: { many: "messages", one: "message", unit: "messages/s" },
  counter: "kbot_messages_processed_total",
  bucket: "kbot_message_duration_seconds_bucket",
  chosen: `${bot}, command=~"$command"`,
  failed: 'status!="success"',
  failure: "not success",
  by: "command",
  panels: {
    byLabel: ["Messages by command", "What people ask the bot, stacked."],
    byStatus: ["Messages by status", "How processing ended. Anything but success is an error."],
    errors: ["Error ratio by command", "Which command fails."],
    duration: "Time to process a message. A diamond is an exemplar: one real message; follow it to its trace.",
  },
  statusColors: [
    { field: "success", color: "green" },
    { field: "error", color: "red" },
  ],
  slow: 2,
  exemplars: true,
  glance: {
    kind: "stat",
    title: "Active connections",
    description: "Connections that the bot holds now.",
    unit: "short",
    width: 4,
    height: 4,
    targets: [{ expr: `sum(kbot_active_connections{${bot}})`, legend: "connections" }],
  },
  deployments: 'deployment="kbot"',
  noReplica: "Telegram gets no answer.",
  containers: 'namespace="demo", container="kbot"',
  pods: "kbot-.+",
  container: "kbot",
  workload: "kbot",
  service: "kbot",
  traces: "Traces of the service kbot within the time range.",
  logs: "What kbot writes and what it sends by OTLP.",
  otlpLogs: true,
});
