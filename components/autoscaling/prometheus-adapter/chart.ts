import { pinned } from "../../../settings/versions.ts";

// renovate: datasource=docker depName=ghcr.io/prometheus-community/charts/prometheus-adapter
export const chart = pinned({
  name: "prometheus-adapter",
  version: "5.3.0",
  repository: "oci://ghcr.io/prometheus-community/charts",
});
