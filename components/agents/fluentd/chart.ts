import { pinned } from "../../../settings/versions.ts";

// renovate: datasource=docker depName=ghcr.io/fluent/helm-charts/fluentd
export const chart = pinned({
  name: "fluentd",
  version: "0.6.0",
  repository: "oci://ghcr.io/fluent/helm-charts",
});
