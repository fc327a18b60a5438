import { pinned } from "../../../settings/versions.ts";

// renovate: datasource=docker depName=ghcr.io/prometheus-community/charts/prometheus-operator-crds
export const chart = pinned({
  name: "prometheus-operator-crds",
  version: "31.0.1",
  repository: "oci://ghcr.io/prometheus-community/charts",
});
