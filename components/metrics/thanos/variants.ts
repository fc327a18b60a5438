import type { SettingsInput } from "../../../settings/schema.ts";

export const variants = {
  "in the cluster": { thanos: { enabled: true }, objectStorage: "seaweedfs" },
  "years, in S3": {
    thanos: {
      ...{ enabled: true, bucket: "acme-metrics", retention: { oneHour: "0d" }, queryFrontend: false },
      ...{ query: { replicas: 2 }, storeGateway: { replicas: 2 }, stores: [{ address: "thanos.example.com:443" }] },
    },
    prometheus: { replicas: 2 },
    objectStorage: "s3",
    s3: { credentialsSecret: "object-storage-keys" },
  },
} satisfies Readonly<Record<string, SettingsInput>>;

/** Replicated storage; and pods with an identity of their own, behind the company's certificates. */
export const alone = {
  "in replicated storage": { thanos: { enabled: true }, objectStorage: "seaweedfs", seaweedfs: { replicas: 3 } },
  "with an identity, behind the company's CA": {
    thanos: { enabled: true, stores: [{ address: "thanos.example.com:10901", ca: "company" }] },
    objectStorage: "s3",
    network: { ca: "company.pem" },
    s3: {
      ...{ endpoint: "https://storage.example.com:9000", ca: "company" },
      serviceAccountAnnotations: { "eks.amazonaws.com/role-arn": "arn:aws:iam::111122223333:role/metrics" },
    },
  },
} satisfies Readonly<Record<string, SettingsInput>>;

const args = (part: string) => `thanos-release.spec.values.${part}.extraArgs`;

export const effects = [
  ["thanos.enabled", true, "thanos-release", "thanos"],
  ["thanos.bucket", "acme-blocks", "thanos-bucket.stringData", "bucket: acme-blocks"],
  ["thanos.retention.raw", "45d", args("compact"), "--retention.resolution-raw=45d"],
  ["thanos.retention.fiveMinutes", "90d", args("compact"), "--retention.resolution-5m=90d"],
  ["thanos.retention.oneHour", "0d", args("compact"), "--retention.resolution-1h=0d"],
  ["thanos.stores", [{ address: "thanos.example.com:443" }], args("query"), "address: dns+thanos.example.com:443"],
  ["thanos.query.replicas", 2],
  ["thanos.queryFrontend", false, "thanos-release.spec.values.queryFrontend.enabled", "false"],
  ["thanos.storeGateway.replicas", 2],
  ["thanos.storeGateway.size", "7Gi"],
  ["thanos.compactor.size", "30Gi"],
  ["thanos.values", { added: "yes" }, "thanos-release", "yes"],
];
