import { choice, range, stat } from "../../../../dashboards/kit.ts";
import { redDashboard } from "../../../../dashboards/red.ts";

const bot = 'job="kbot", namespace="demo"';

export default redDashboard({
  name: "kbot",
  description: "Does the bot answer, how fast, and which command fails?",
  variable: choice(
    { name: "command", label: "Command", description: "Commands of the bot." },
    `label_values(kbot_messages_processed_total{${bot}}, command)`,
  ),
  work: "messages",
  unit: "suffix: messages/s",
  counter: "kbot_messages_processed_total",
  bucket: "kbot_message_duration_seconds_bucket",
  chosen: `${bot}, command=~"$command"`,
  failed: 'status!="success"',
  failure: "not success",
  by: "command",
  byLabel: "What people ask the bot, stacked.",
  byStatus: "How processing ended. Anything but success is an error.",
  statusColors: { success: "green", error: "red" },
  duration: "Time to process a message. A diamond is an exemplar: one real message; follow it to its trace.",
  slow: 2,
  exemplars: true,
  glance: (width) =>
    stat(
      { title: "Active connections", description: "Connections that the bot holds now.", unit: "short", width },
      range(`sum(kbot_active_connections{${bot}})`, "connections"),
    ),
  deployments: 'deployment="kbot"',
  noReplica: "Telegram gets no answer.",
  containers: 'namespace="demo", container="kbot"',
  pods: "kbot-.+",
  container: "kbot",
  workload: "kbot",
  service: "kbot",
  traces: "Traces of the service kbot within the time range.",
  logs: "What kbot writes and what it sends by OTLP.",
  fields: ["command", "duration"],
  otlpLogs: true,
});
