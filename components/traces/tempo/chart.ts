import { pinned } from "../../../settings/versions.ts";

// renovate: datasource=docker depName=ghcr.io/grafana-community/helm-charts/tempo
export const chart = pinned({
  name: "tempo",
  version: "2.2.4",
  repository: "oci://ghcr.io/grafana-community/helm-charts",
});
