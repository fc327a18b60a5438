import { pinned } from "../../../settings/versions.ts";

// renovate: datasource=helm depName=seaweedfs registryUrl=https://seaweedfs.github.io/seaweedfs/helm
export const chart = pinned({
  name: "seaweedfs",
  version: "4.44.0",
  repository: "https://seaweedfs.github.io/seaweedfs/helm",
});
