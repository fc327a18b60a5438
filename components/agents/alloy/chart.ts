import { pinned } from "../../../settings/versions.ts";

// renovate: datasource=docker depName=ghcr.io/grafana/helm-charts/alloy
export const chart = pinned({
  name: "alloy",
  version: "1.11.1",
  repository: "oci://ghcr.io/grafana/helm-charts",
});
