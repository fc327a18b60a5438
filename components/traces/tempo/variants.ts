export const variants = {
  alone: { traces: "tempo", tempo: { retention: "7d", storage: { size: "20Gi" } } },
  "beside Jaeger": { traces: ["jaeger", "tempo"] },
};

export const effects = [
  ["traces", ["jaeger", "tempo"], "tempo-release", "monitoring"],
  ["tempo.retention", "3d", "tempo-release.spec.values.tempo.retention", "259200s"],
  ["tempo.storage.size", "7Gi", "tempo-release.spec.values.persistence.size"],
  ["tempo.values", { added: "yes" }, "tempo-release", "yes"],
];
