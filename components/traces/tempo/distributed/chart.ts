import { pinned } from "../../../../settings/versions.ts";

// renovate: datasource=docker depName=ghcr.io/grafana-community/helm-charts/tempo-distributed
export const chart = pinned({
  name: "tempo-distributed",
  version: "3.3.0",
  repository: "oci://ghcr.io/grafana-community/helm-charts",
});
