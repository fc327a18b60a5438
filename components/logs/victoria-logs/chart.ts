import { pinned } from "../../../settings/versions.ts";

// renovate: datasource=docker depName=ghcr.io/victoriametrics/helm-charts/victoria-logs-single
export const chart = pinned({
  name: "victoria-logs-single",
  version: "0.13.9",
  repository: "oci://ghcr.io/victoriametrics/helm-charts",
});

/** Of Grafana's plugin for it, which no image of Grafana has. */
// renovate: datasource=github-releases depName=VictoriaMetrics/victorialogs-datasource
export const pluginVersion = "v0.30.1";
