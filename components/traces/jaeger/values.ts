import { createHash } from "node:crypto";
import type { z } from "zod";
import { durationSeconds } from "../../../settings/formats.ts";
import { canonicalBytes, containerResources } from "../../../settings/resources.ts";
import { hardened, runsAs } from "../../kubernetes/hardened.ts";
import { type Elastic, elasticBackend, elasticVolume } from "./elasticsearch.ts";
import type { jaeger } from "./settings.ts";

/** Name of its claim. It stays when Jaeger goes, as those of StatefulSets do. */
const claim = "jaeger-badger";
const volume = "badger";
const folder = "/badger";

/** Configuration of Jaeger 2, which is a collector's: as far as the environment sets it. */
interface JaegerConfig {
  readonly service: {
    readonly extensions: readonly string[];
    readonly pipelines: {
      readonly traces: {
        readonly receivers: readonly string[];
        readonly processors: readonly string[];
        readonly exporters: readonly string[];
      };
    };
    readonly telemetry: object;
  };
  readonly extensions: object;
  readonly receivers: object;
  readonly processors: object;
  readonly exporters: object;
}

/** The part of the values of jaeger 4.11.1 that the environment sets. */
export interface JaegerValues {
  readonly jaeger: {
    readonly replicas: 1;
    readonly resources: ReturnType<typeof containerResources>;
    readonly podLabels: Readonly<Record<string, string>>;
    readonly podSecurityContext: object;
    readonly securityContext: object;
    readonly extraVolumes?: readonly object[];
    readonly extraVolumeMounts?: readonly object[];
  };
  readonly userconfig: JaegerConfig;
  readonly extraObjects?: readonly object[];
}

/**
 * Where traces are kept. Badger drops what is older by itself, and keeps what it has not written yet in its log
 * (internal/storage/v1/badger/config.go of Jaeger 2).
 */
function backend(
  { storage, maxTraces, retention }: z.output<typeof jaeger>,
  elastic: Elastic | undefined,
): Readonly<Record<string, object>> {
  if (elastic !== undefined) return { elasticsearch: { elasticsearch: elasticBackend(elastic) } };
  if (storage.type === "memory") return { memory: { memory: { max_traces: maxTraces } } };
  return {
    badger: {
      badger: {
        ephemeral: false,
        directories: { keys: `${folder}/keys`, values: `${folder}/values` },
        ttl: { spans: `${durationSeconds(retention)}s` },
      },
    },
  };
}

/** The volume of Badger: the chart has none. */
function onVolume(size: string) {
  return {
    pod: {
      extraVolumes: [{ name: volume, persistentVolumeClaim: { claimName: claim } }],
      extraVolumeMounts: [{ name: volume, mountPath: folder }],
    },
    extraObjects: [
      {
        apiVersion: "v1",
        kind: "PersistentVolumeClaim",
        metadata: { name: claim, annotations: { "helm.sh/resource-policy": "keep" } },
        spec: { accessModes: ["ReadWriteOnce"], resources: { requests: { storage: canonicalBytes(size) } } },
      },
    ],
  };
}

/**
 * Values of Jaeger: one process. Its configuration is `userconfig`, not `config` as its README says.
 * @param elastic for `storage.type: elasticsearch`
 */
export function jaegerValues(settings: z.output<typeof jaeger>, elastic?: Elastic): JaegerValues {
  const userconfig: JaegerConfig = {
    service: {
      extensions: ["jaeger_storage", "jaeger_query", "healthcheckv2"],
      pipelines: {
        traces: { receivers: ["otlp"], processors: ["batch"], exporters: ["jaeger_storage_exporter"] },
      },
      telemetry: {
        resource: { "service.name": "jaeger" },
        metrics: {
          level: "detailed",
          // Names as collectors have them by default (`otelcol_receiver_accepted_spans`): rules and dashboards ask for those.
          readers: [
            {
              pull: {
                exporter: {
                  prometheus: {
                    host: "0.0.0.0",
                    port: 8888,
                    without_type_suffix: true,
                    without_units: true,
                    without_scope_info: true,
                  },
                },
              },
            },
          ],
        },
      },
    },
    extensions: {
      // The chart's probes ask here.
      healthcheckv2: { use_v2: true, http: { endpoint: "0.0.0.0:13133" } },
      jaeger_query: {
        storage: { traces: settings.storage.type },
        http: { endpoint: "0.0.0.0:16686" },
        grpc: { endpoint: "0.0.0.0:16685" },
      },
      jaeger_storage: { backends: backend(settings, elastic) },
    },
    receivers: { otlp: { protocols: { grpc: { endpoint: "0.0.0.0:4317" }, http: { endpoint: "0.0.0.0:4318" } } } },
    processors: { batch: {} },
    exporters: { jaeger_storage_exporter: { trace_storage: settings.storage.type } },
  };
  const disk = settings.storage.type === "badger" ? onVolume(settings.storage.size) : undefined;
  const pod = disk?.pod ?? (elastic === undefined ? {} : elasticVolume(elastic));
  const hash = createHash("sha256").update(JSON.stringify(userconfig)).digest("hex").slice(0, 12);
  return {
    jaeger: {
      replicas: 1,
      resources: containerResources(settings.resources),
      // The chart puts no checksum of the configuration on the pod: without this a change would not restart it.
      podLabels: { "config-hash": hash },
      podSecurityContext: runsAs(10001, { runAsGroup: 10001, fsGroup: 10001 }),
      securityContext: hardened,
      ...pod,
    },
    userconfig,
    ...(disk === undefined ? {} : { extraObjects: disk.extraObjects }),
  };
}
