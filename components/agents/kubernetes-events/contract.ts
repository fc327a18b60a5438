/** Values that security or data rest on: for the judges in `contract/`. */
import type { Scraped } from "../../../contract/component-files.ts";
import { asks, of, setting, why, type Pin } from "../../../contract/pin.ts";
import { eventJob } from "../lines.ts";

export const pins: readonly Pin[] = [
  ...of("OpenTelemetryCollector monitoring/kubernetes-events", [
    ["spec/resources", setting((s) => asks(s.kubernetesEvents.resources)), why.sized],
    ["spec/mode", "statefulset", "of a Deployment two would run at once, and send each event twice"],
    ["spec/replicas", 1, "each replica would send every event"],
    ["spec/podSecurityContext/runAsNonRoot", true, why.contained],
    ["spec/observability/metrics/enableMetrics", true, why.unmeasured],
    ["spec/config/receivers/k8s_objects/storage", "file_storage", "without it a restart sends an hour's events again"],
    ["spec/config/receivers/k8s_objects/include_initial_state", true, "what came while it was away is not lost"],
  ]),
];

// The second is of the lines that it sends.
export const scraped: Scraped = {
  jobs: ["kubernetes-events-collector-monitoring", eventJob],
  metrics: [
    ...["accepted", "refused"].map((what) => `otelcol_receiver_${what}_log`),
    ...["sent", "send_failed", "enqueue_failed"].map((what) => `otelcol_exporter_${what}_log`),
    ...["otelcol_exporter_queue_", "otelcol_process_"],
  ],
};
