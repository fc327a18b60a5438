import { pinned } from "../../../settings/versions.ts";

// renovate: datasource=helm depName=jaeger registryUrl=https://jaegertracing.github.io/helm-charts
export const chart = pinned({
  name: "jaeger",
  version: "4.11.1",
  repository: "https://jaegertracing.github.io/helm-charts",
});
