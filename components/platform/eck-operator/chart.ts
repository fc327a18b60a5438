import { pinned } from "../../../settings/versions.ts";

// renovate: datasource=helm depName=eck-operator registryUrl=https://helm.elastic.co
export const chart = pinned({ name: "eck-operator", version: "3.5.0", repository: "https://helm.elastic.co" });
