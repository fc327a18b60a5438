import { pinned } from "../../../settings/versions.ts";

// renovate: datasource=docker depName=ghcr.io/open-telemetry/opentelemetry-helm-charts/opentelemetry-ebpf-instrumentation
export const chart = pinned({
  name: "opentelemetry-ebpf-instrumentation",
  version: "0.12.0",
  repository: "oci://ghcr.io/open-telemetry/opentelemetry-helm-charts",
});
