import { pinned } from "../../../settings/versions.ts";

// renovate: datasource=docker depName=quay.io/jetstack/charts/cert-manager
export const chart = pinned({
  name: "cert-manager",
  version: "v1.21.1",
  repository: "oci://quay.io/jetstack/charts",
});
