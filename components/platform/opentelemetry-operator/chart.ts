import { pinned } from "../../../settings/versions.ts";

// renovate: datasource=docker depName=ghcr.io/open-telemetry/opentelemetry-helm-charts/opentelemetry-operator
export const chart = pinned({
  name: "opentelemetry-operator",
  version: "0.122.0",
  repository: "oci://ghcr.io/open-telemetry/opentelemetry-helm-charts",
});
