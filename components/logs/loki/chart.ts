import { pinned } from "../../../settings/versions.ts";

// renovate: datasource=docker depName=ghcr.io/grafana-community/helm-charts/loki
export const chart = pinned({
  name: "loki",
  version: "18.11.0",
  repository: "oci://ghcr.io/grafana-community/helm-charts",
});
