export const variants = {
  alone: { traces: "tempo", tempo: { retention: "7d", storage: { size: "20Gi" } } },
  "in a bucket": { traces: "tempo", objectStorage: "seaweedfs", tempo: { storage: { type: "objectStorage" } } },
  "in a bucket of the company's": {
    ...{ traces: "tempo", objectStorage: "s3", tempo: { storage: { type: "objectStorage" } } },
    s3: {
      endpoint: "https://storage.example.com:9000",
      ca: "company",
      serviceAccountAnnotations: { "example.com/role": "traces" },
    },
    network: { ca: "company.pem" },
  },
  "beside Jaeger": { traces: ["jaeger", "tempo"] },
};

export const effects = [
  ["traces", ["jaeger", "tempo"], "tempo-release", "monitoring"],
  ["tempo.retention", "3d", "tempo-release.spec.values.tempo.retention", "259200s"],
  ["tempo.storage.type", "objectStorage", "tempo-release.spec.values.tempo.storage.trace.backend", "s3"],
  ["tempo.storage.bucket", "spans", "tempo-release.spec.values.tempo.storage.trace.s3.bucket"],
  ["tempo.storage.size", "7Gi", "tempo-release.spec.values.persistence.size"],
  ["tempo.values", { added: "yes" }, "tempo-release", "yes"],
];
