/** What the chart leaves open and the values fill, and values that security or data rest on: for the judges in `contract/`. */
import type { Scraped } from "../../../contract/component-files.ts";
import {
  annotations,
  containerSecurityContext,
  env,
  podSecurityContext,
  pullSecretNames,
  resources,
  volumeMounts,
  volumes,
  type FreeForm,
} from "../../../contract/handed-on.ts";
import { asks, release, setting, why, type Pin } from "../../../contract/pin.ts";

const drained = "what waited out an outage comes at once, and what Tempo refuses then is lost";

export const freeForm: FreeForm = {
  tempo: {
    "**/resources": resources,
    "tempo/pullSecrets": pullSecretNames,
    securityContext: podSecurityContext,
    "tempo/extraEnv": env,
    "tempo/extraVolumeMounts": volumeMounts,
    extraVolumes: volumes,
    "serviceAccount/annotations": annotations,
    "tempo/storage/trace/s3": [
      "Tempo's own configuration, absent from values.yaml; read by its documented keys (contract/tempo-reader.ts)",
      () => ({ type: "object" }),
    ],
    "tempo/securityContext": containerSecurityContext,
    "tempo/overrides/defaults": [
      "Tempo's own limits, empty in the chart; read by its documented keys (contract/tempo-reader.ts)",
      () => ({ type: "object" }),
    ],
  },
};

export const pins: readonly Pin[] = [
  ...release("tempo", [
    ["tempo/resources", setting((s) => asks(s.tempo.resources)), why.sized],
    [
      "tempo/memBallastSizeMbs",
      0,
      "with the chart's 1024 the heap outgrows the container's limit before memory is collected",
    ],
    ["tempo/reportingEnabled", false, why.reported],
    ["tempo/livenessProbe/failureThreshold", 60, "ten minutes to read the write-ahead log after a crash"],
    ["tempo/metricsGenerator/enabled", false, "metrics of spans have one source: the collector"],
    ["tempo/overrides/defaults/ingestion/rate_limit_bytes", 1_000_000_000, drained],
    ["tempo/overrides/defaults/ingestion/burst_size_bytes", 1_000_000_000, drained],
    ["tempo/overrides/defaults/ingestion/max_traces_per_user", 0, drained],
    ["securityContext/runAsUser", 10001, why.contained],
    ["securityContext/runAsGroup", 10001, why.contained],
    ["securityContext/fsGroup", 10001, "its volumes belong to the user that writes them"],
    ["serviceAccount/automountServiceAccountToken", false, why.contained],
    ["persistence/enabled", true, "traces outlive the pod"],
    ["persistence/size", setting((s) => s.tempo.storage.size), "tempo.storage.size"],
    ["serviceMonitor/enabled", true, why.unmeasured],
  ]),
];

export const scraped: Scraped = { jobs: ["tempo"], metrics: ["tempo_", "tempodb_"] };
