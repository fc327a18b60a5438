import { pinned } from "../../../settings/versions.ts";

// renovate: datasource=docker depName=ghcr.io/victoriametrics/helm-charts/victoria-metrics-operator
export const chart = pinned({
  name: "victoria-metrics-operator",
  version: "0.67.2",
  repository: "oci://ghcr.io/victoriametrics/helm-charts",
});

/** The operator's own: the chart is of the one before, v0.74.0, whose definitions are the same. */
// renovate: datasource=docker depName=victoriametrics/operator
export const operatorVersion = "v0.74.1";
