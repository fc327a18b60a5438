import { pinned } from "../../../settings/versions.ts";

// renovate: datasource=docker depName=ghcr.io/prometheus-community/charts/prometheus-blackbox-exporter
export const chart = pinned({
  name: "prometheus-blackbox-exporter",
  version: "11.17.2",
  repository: "oci://ghcr.io/prometheus-community/charts",
});
