import { pinned } from "../../../settings/versions.ts";

// renovate: datasource=docker depName=ghcr.io/fluent/helm-charts/fluent-bit
export const chart = pinned({
  name: "fluent-bit",
  version: "0.58.1",
  repository: "oci://ghcr.io/fluent/helm-charts",
});
