import { pinned } from "../../../settings/versions.ts";

// renovate: datasource=helm depName=jaeger registryUrl=https://jaegertracing.github.io/helm-charts
export const chart = pinned({
  name: "jaeger",
  version: "4.11.1",
  repository: "https://jaegertracing.github.io/helm-charts",
});

/** What deletes indices of Elasticsearch, of the version of the chart's Jaeger. */
// renovate: datasource=docker depName=jaegertracing/jaeger-es-index-cleaner
export const cleaner = "jaegertracing/jaeger-es-index-cleaner:2.19.0";
