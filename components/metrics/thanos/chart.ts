import { pinned } from "../../../settings/versions.ts";

// renovate: datasource=docker depName=ghcr.io/stevehipwell/helm-charts/thanos
export const chart = pinned({
  name: "thanos",
  version: "1.24.1",
  repository: "oci://ghcr.io/stevehipwell/helm-charts",
});
