import { pinned } from "../../../settings/versions.ts";

// renovate: datasource=docker depName=ghcr.io/stefanprodan/charts/podinfo
export const chart = pinned({ name: "podinfo", version: "6.14.1", repository: "oci://ghcr.io/stefanprodan/charts" });
