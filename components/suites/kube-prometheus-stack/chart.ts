import { pinned } from "../../../settings/versions.ts";

// renovate: datasource=docker depName=ghcr.io/prometheus-community/charts/kube-prometheus-stack
export const chart = pinned({
  name: "kube-prometheus-stack",
  version: "88.5.3",
  repository: "oci://ghcr.io/prometheus-community/charts",
});
