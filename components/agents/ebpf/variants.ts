import type { SettingsInput } from "../../../settings/schema.ts";

export const variants: Readonly<Record<string, SettingsInput>> = {
  "seen from the kernel": { ebpf: { namespaces: ["shop", "billing"] } },
};

export const alone: Readonly<Record<string, SettingsInput>> = {
  "seen from the kernel, with one trace over all": {
    ebpf: { namespaces: ["shop"], propagation: true, extraCapabilities: ["SYS_ADMIN"] },
    instrumentation: { samplingRatio: 0.5 },
  },
};

const values = "ebpf-opentelemetry-ebpf-instrumentation-release.spec.values";

export const decided = [
  {
    under: { ebpf: { namespaces: ["shop"] } },
    effects: [
      ["ebpf.namespaces", ["other"], `${values}.config.data.discovery.instrument.0.k8s_namespace`, "other"],
      ["ebpf.ignoredPaths", ["/ping"], `${values}.config.data.routes.ignored_patterns.0`, "/ping"],
      ["ebpf.propagation", true],
      ["ebpf.extraCapabilities", ["SYS_RESOURCE"], `${values}.extraCapabilities.0`, "SYS_RESOURCE"],
      ["ebpf.values", { added: "yes" }, `${values}.added`, "yes"],
    ],
    resources: ["ebpf.resources"],
  },
] as const;
