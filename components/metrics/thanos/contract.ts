/** What the chart leaves open and the values fill, and values that security or data rest on: for the judges in `contract/`. */
import type { Scraped } from "../../../contract/component-files.ts";
import {
  affinity,
  annotations,
  env,
  list,
  pullSecrets,
  resources,
  strict,
  text,
  volumeMounts,
  volumes,
  type FreeForm,
} from "../../../contract/handed-on.ts";
import { asks, release, setting, why, type Pin } from "../../../contract/pin.ts";

export const freeForm: FreeForm = {
  thanos: {
    "**/resources": resources,
    "**/affinity": affinity,
    imagePullSecrets: pullSecrets,
    additionalReplicaLabels: ["names of labels", () => list(text)],
    "**/extraArgs": [
      "flags of Thanos; the program itself judges them (tests/contract/thanos.test.ts)",
      () => list({ type: "string", pattern: "^--[a-z0-9.-]+(=|$)" }),
    ],
    "**/extraEnv": env,
    "**/extraVolumeMounts": volumeMounts,
    "**/extraVolumes": volumes,
    "**/serviceAccount/annotations": annotations,
    "**/podDisruptionBudget/maxUnavailable": ["null in the chart", () => ({ const: 1 })],
    "objstoreConfig/name": ["null in the chart", () => text],
    "**/podDisruptionBudget": [
      "null in the chart",
      () => strict({ enabled: { type: "boolean" }, maxUnavailable: { const: 1 } }, ["enabled"]),
    ],
  },
};

export const pins: readonly Pin[] = [
  ...release(
    "thanos",
    [
      ["query/replicas", setting((s) => s.thanos.query.replicas), "thanos.query.replicas"],
      ["query/resources", setting((s) => asks(s.thanos.query.resources)), why.sized],
      ["storeGateway/replicas", setting((s) => s.thanos.storeGateway.replicas), "thanos.storeGateway.replicas"],
      ["storeGateway/resources", setting((s) => asks(s.thanos.storeGateway.resources)), why.sized],
      ["storeGateway/persistence/size", setting((s) => s.thanos.storeGateway.size), "thanos.storeGateway.size"],
      ["compact/resources", setting((s) => asks(s.thanos.compactor.resources)), why.sized],
      ["compact/persistence/size", setting((s) => s.thanos.compactor.size), "thanos.compactor.size"],
      ["compact/persistence/enabled", true, "blocks are joined on a disk; without one a node fills up"],
      ["compact/deduplication/enabled", false, "it joins the blocks of replicas for good"],
      ["objstoreConfig/create", false, "its Secret has no credentials, and is ours"],
      ["serviceMonitor/enabled", true, why.unmeasured],
    ],
    ({ thanos }) => thanos.enabled,
  ),
  ...release(
    "kube-prometheus-stack",
    [
      ["prometheus/prometheusSpec/thanos/resources", setting((s) => asks(s.thanos.sidecar.resources)), why.sized],
      ["prometheus/prometheusSpec/disableCompaction", true, "what Prometheus compacts is not uploaded"],
    ],
    ({ thanos, metrics }) => thanos.enabled && metrics === "prometheus",
  ),
];

export const scraped: Scraped = {
  jobs: ["thanos-sidecar", "thanos-query", "thanos-query-frontend", "thanos-store-gateway", "thanos-compact"],
  metrics: ["thanos_"],
};
