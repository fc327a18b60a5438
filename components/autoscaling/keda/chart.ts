import { pinned } from "../../../settings/versions.ts";

// renovate: datasource=helm depName=keda registryUrl=https://kedacore.github.io/charts
export const chart = pinned({ name: "keda", version: "2.20.2", repository: "https://kedacore.github.io/charts" });
