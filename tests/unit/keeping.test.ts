/** What is said before an `up` of what its stores have: by the state, which knows them as they were. */
import { expect } from "chai";
import { keptBy, leftBehind } from "../../components/keeping.ts";
import { plan } from "../../components/plan.ts";
import { type SettingsInput, settingsSchema } from "../../settings/schema.ts";

const chosen = (settings: SettingsInput) => plan(settingsSchema.parse(settings)).chosen;

/** As the state gives it back. */
const kept = (settings: SettingsInput) =>
  JSON.parse(JSON.stringify(keptBy(chosen(settings)))) as ReturnType<typeof keptBy>;

const along = " How samples are taken along: components/metrics/victoria-metrics/README.md.";
const claims = "(kubectl --namespace monitoring get persistentvolumeclaims)";
const seaweed = "http://seaweedfs-all-in-one.object-storage.svc:8333";
const bucket = { storage: { type: "objectStorage" } } as const;

const changes: readonly (readonly [string, SettingsInput, SettingsInput, readonly string[]])[] = [
  [
    "another store of metrics",
    {},
    { metrics: "victoriaMetrics" },
    [
      `metrics: Prometheus goes. What it has is in its pods and goes with them; VictoriaMetrics begins without it.${along}`,
    ],
  ],
  [
    "and back, off volumes",
    { metrics: "victoriaMetrics", victoriaMetrics: { storage: "5Gi" } },
    {},
    [
      `metrics: VictoriaMetrics goes. What it has is on its volumes (single) and stays there, and nothing reads it ${claims}; Prometheus begins without it.${along}`,
    ],
  ],
  [
    "a cluster in place of one program",
    { metrics: "victoriaMetrics" },
    { metrics: "victoriaMetrics", victoriaMetrics: { mode: "cluster" } },
    [
      `metrics: VictoriaMetrics begins anew, in its pods (cluster). What it has is in its pods (single) and goes with them.${along}`,
    ],
  ],
  [
    "a first volume",
    {},
    { prometheus: { storage: "5Gi" } },
    [`metrics: Prometheus begins anew, on its volumes. What it has is in its pods and goes with them.${along}`],
  ],
  [
    "Thanos and its storage",
    { thanos: { enabled: true }, objectStorage: "seaweedfs" },
    {},
    [
      `metrics: Thanos goes. What it has is in the bucket thanos of ${seaweed} and goes with SeaweedFS as it was: copy the bucket before.`,
    ],
  ],
  [
    "a shorter time for a copy of metrics",
    { logs: "elasticsearch", metricbeat: { enabled: true, retention: "30d" } },
    { logs: "elasticsearch", metricbeat: { enabled: true } },
    ["elasticsearch: metricbeat.retention goes from 30d to 7d: Elasticsearch deletes what is older."],
  ],
  [
    "no copy of metrics any more",
    { logs: "elasticsearch", metricbeat: { enabled: true } },
    { logs: "elasticsearch" },
    [],
  ],
  [
    "Thanos alone",
    { thanos: { enabled: true }, objectStorage: "seaweedfs", loki: bucket },
    { objectStorage: "seaweedfs", loki: bucket },
    [`metrics: Thanos goes. What it has is in the bucket thanos of ${seaweed} and stays there, and nothing reads it.`],
  ],
  [
    "another storage for everybody, by three servers in place of one",
    { objectStorage: "seaweedfs", loki: bucket, tempo: bucket, traces: "tempo" },
    { objectStorage: "seaweedfs", loki: bucket, tempo: bucket, traces: "tempo", seaweedfs: { replicas: 3 } },
    (["logs: Loki", "traces: Tempo"] as const).map(
      (who) =>
        `${who} begins anew, in the bucket ${who.endsWith("Loki") ? "loki" : "tempo"} of http://seaweedfs-cluster-s3.object-storage.svc:8333. What it has is in the bucket ${who.endsWith("Loki") ? "loki" : "tempo"} of ${seaweed} and goes with SeaweedFS as it was: copy the bucket before.`,
    ),
  ],
  [
    "other pods on the same bucket",
    { objectStorage: "seaweedfs", loki: bucket },
    { objectStorage: "seaweedfs", loki: { ...bucket, mode: "distributed" } },
    [
      "logs: Loki's pods become others (loki.mode). Those of before write to the bucket what they still hold as they end; what one has not written after 5 minutes stays on its volume, where nothing reads it. How it is had: components/logs/loki/README.md.",
    ],
  ],
  [
    "another version on the same bucket",
    { objectStorage: "seaweedfs", traces: "tempo", tempo: { ...bucket, mode: "distributed" } },
    { objectStorage: "seaweedfs", traces: "tempo", tempo: bucket },
    [
      "traces: Tempo's pods become those of another version of it (tempo.mode), and until the old ones are gone both would join blocks of the same bucket, which is not safe. Set tempo.storage.bucket to another one, too: components/traces/tempo/README.md.",
    ],
  ],
  [
    "other pods, and a bucket in place of volumes",
    {},
    { objectStorage: "seaweedfs", loki: { ...bucket, mode: "distributed" } },
    [
      `logs: Loki begins anew, in the bucket loki of ${seaweed}. What it has is on its volumes and stays there, and nothing reads it ${claims}.`,
    ],
  ],
  [
    "no logs and other traces",
    {},
    { logs: "none", logAgent: "none", traces: "tempo" },
    [
      `logs: Loki goes. What it has is on its volumes and stays there, and nothing reads it ${claims}.`,
      "traces: Jaeger goes. What it has is in its pods (memory) and goes with them; Tempo begins without it.",
    ],
  ],
  [
    "shorter retentions",
    { loki: { retention: "30d" }, thanos: { enabled: true, retention: { oneHour: "0d" } }, objectStorage: "seaweedfs" },
    { loki: { retention: "168h" }, thanos: { enabled: true, retention: { raw: "60d" } }, objectStorage: "seaweedfs" },
    [
      "logs: loki.retention goes from 30d to 168h: Loki deletes what is older.",
      "metrics: thanos.retention.oneHour goes from 0d to 2y: Thanos deletes what is older.",
    ],
  ],
  [
    "nothing of it",
    { prometheus: { retention: "24h" } },
    { prometheus: { retention: "2d" }, traces: ["jaeger", "tempo"] },
    [],
  ],
];

describe("what stores have, before it is left behind", () => {
  for (const [what, before, after, expected] of changes) {
    it(`is told of for ${what}`, () => {
      const found = leftBehind(kept(before), chosen(after)).map(({ check, message }) => `${check}: ${message}`);
      expect(found.toSorted()).to.deep.equal(expected.toSorted());
      expect(leftBehind(kept(after), chosen(after)), "without a change").to.deep.equal([]);
    });
  }
});
