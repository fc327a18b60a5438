/** Values that security or data rest on: for the judges in `contract/`. */
import type { Scraped } from "../../../contract/component-files.ts";
import { asks, of, setting, why, type Pin } from "../../../contract/pin.ts";
import { auditJob, journalJob, lineJob } from "../lines.ts";
import { byteCount } from "../../../settings/formats.ts";

export const pins: readonly Pin[] = [
  ...of("OpenTelemetryCollector node-agents/*", [
    ["spec/resources", setting((s) => asks(s.logCollector.resources)), why.sized],
    ["spec/securityContext/runAsUser", 0, "container logs belong to root on every node; it keeps no capability"],
    ["spec/observability/metrics/enableMetrics", true, why.unmeasured],
    ["spec/args/feature-gates", "stanza.synchronousLogEmitter", "lines are on disk before their position is kept"],
    [
      "spec/config/exporters/**/sending_queue/queue_size",
      setting((s) => byteCount(s.logCollector.bufferSize)),
      "logCollector.bufferSize",
    ],
    [
      "spec/config/exporters/otlp_http/*/sending_queue/num_consumers",
      1,
      "Loki refuses what comes too late: keep the order",
    ],
    ["spec/config/receivers/file_log/start_at", "end", "the first start is no reason to send what was there before"],
  ]),
];

// The others are of the lines that it reads.
export const scraped: Scraped = {
  jobs: ["log-agent-collector-monitoring", lineJob, journalJob, auditJob],
  metrics: [
    ...["accepted", "refused"].map((what) => `otelcol_receiver_${what}_log`),
    ...["sent", "send_failed", "enqueue_failed"].map((what) => `otelcol_exporter_${what}_log`),
    ...["otelcol_exporter_queue_", "otelcol_process_", "otelcol_fileconsumer_"],
  ],
};
