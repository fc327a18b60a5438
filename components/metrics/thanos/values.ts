import { createHash } from "node:crypto";
import { isIP } from "node:net";
import { stringify } from "yaml";
import type { z } from "zod";
import { durationSeconds } from "../../../settings/formats.ts";
import { containerResources } from "../../../settings/resources.ts";
import { address, type Endpoint, type ObjectStorage } from "../../capabilities.ts";
import { namespaces } from "../../kubernetes/namespaces.ts";
import { spread } from "../../kubernetes/hardened.ts";
import { caFile, caVolume, credentialVariables } from "../../storage/client.ts";
import { chart } from "./chart.ts";
import type { thanos } from "./settings.ts";

type Settings = z.output<typeof thanos>;
type Resources = ReturnType<typeof containerResources>;

const namespace = namespaces.monitoring.name;

/** Names that the chart gives to what it makes; all speak HTTP on one port and gRPC on another. */
export const httpPort = 10902;
export const grpcPort = 10901;
export const service = (part: string): string => `${chart.name}-${part}`;
export const labels = (part: string) => ({ "app.kubernetes.io/name": chart.name, "app.kubernetes.io/component": part });

/** Where the API is served, as Prometheus' own: addresses stay what they were. */
export const path = "/prometheus";

/** Labels that the operator gives to what replicas of Prometheus and of Thanos Ruler write, each once in an answer. */
const replicaLabels = ["prometheus_replica", "thanos_ruler_replica"];

interface Part {
  readonly enabled: true;
  readonly resources: Resources;
  readonly extraArgs?: readonly string[];
}

interface Stored extends Part {
  readonly persistence: { readonly enabled: true; readonly storageClass: ""; readonly size: string };
  readonly extraEnv: readonly object[];
  readonly extraVolumes: readonly object[];
  readonly extraVolumeMounts: readonly object[];
  readonly serviceAccount: { readonly annotations: Readonly<Record<string, string>> };
}

interface Replicated {
  readonly replicas: number;
  readonly affinity: object;
  readonly podDisruptionBudget: { readonly enabled: boolean; readonly maxUnavailable?: 1 };
}

/** The part of the values of thanos 1.24.1 (stevehipwell) that the environment sets. */
export interface ThanosValues {
  readonly objstoreConfig: { readonly create: false; readonly name: string; readonly key: string };
  readonly serviceMonitor: { readonly enabled: true };
  readonly autoGomemlimit: { readonly enabled: true };
  readonly additionalReplicaLabels: readonly string[];
  readonly query: Part &
    Replicated &
    Partial<Pick<Stored, "extraVolumes" | "extraVolumeMounts">> & { readonly enableDnsDiscovery: false };
  readonly queryFrontend: { readonly enabled: false } | Part;
  readonly storeGateway: Stored & Replicated;
  readonly compact: Stored & { readonly deduplication: { readonly enabled: false } };
}

/**
 * The bucket as Thanos is told of it (docs/storage.md of Thanos 0.42). Without credentials: it replaces `$(NAME)` in this file, and
 * reads AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY by itself.
 */
export function bucketConfig(storage: ObjectStorage, bucket: string): string {
  const { protocol, host } = new URL(storage.url);
  const ca = caFile(storage);
  return stringify({
    type: "S3",
    config: {
      bucket,
      endpoint: host,
      region: storage.region,
      insecure: protocol === "http:",
      bucket_lookup_type: storage.pathStyle ? "path" : "auto",
      ...(ca === undefined ? {} : { http_config: { tls_config: { ca_file: ca } } }),
    },
  });
}

/** The Secret with that configuration: pods do not see that one has changed, but that another has to be mounted. */
export function bucketSecret(storage: ObjectStorage, bucket: string) {
  const sum = createHash("sha256").update(bucketConfig(storage, bucket)).digest("hex").slice(0, 8);
  return { name: `thanos-bucket-${sum}`, key: "bucket.yaml" };
}

/** The company's certificates, for stores that show one of theirs. */
export const storesCa = { secret: "thanos-stores-ca", key: "ca.crt" };
const storesCaFolder = "/etc/thanos-stores";
const storesCaFile = `${storesCaFolder}/${storesCa.key}`;
export const showsCompanys = (stores: Settings["stores"]) => stores.some(({ ca }) => ca === "company");

/** Whom queries are put to, as a file of Thanos' own (cmd/thanos/endpointset.go of 0.42): flags have one TLS for all. */
export function endpointsConfig(inCluster: readonly Endpoint[], stores: Settings["stores"]): string {
  return stringify({
    endpoints: [
      // Each pod behind the name is asked.
      ...inCluster.map((endpoint) => ({ address: `dns+${address(endpoint)}` })),
      ...stores.map(({ address: other, tls, ca }) => ({
        // Its resolver knows names alone.
        address: isIP(other.replace(/:\d+$/, "").replaceAll(/[[\]]/g, "")) === 0 ? `dns+${other}` : other,
        ...(tls
          ? { client_config: { tls_config: { enabled: true, ...(ca === "company" ? { ca_file: storesCaFile } : {}) } } }
          : {}),
      })),
    ],
  });
}

/** A duration as all of Thanos' flags take it, and 0d for ever. */
const days = (duration: string) => (durationSeconds(duration) === 0 ? "0d" : duration);

/** What the query frontend asks for: it holds answers. */
export const frontend = { cpu: "20m", memory: "64Mi", memoryLimit: "512Mi" };

/** Values of Thanos. @param asked whom queries are put to */
export function thanosValues(settings: Settings, storage: ObjectStorage, asked: readonly Endpoint[]): ThanosValues {
  const { bucket, retention, query, queryFrontend, storeGateway, compactor } = settings;
  const part = (of: { readonly resources: Parameters<typeof containerResources>[0] }) => ({
    enabled: true as const,
    resources: containerResources(of.resources),
  });
  const stored = ({ size, ...of }: Settings["compactor"]): Stored => {
    const { volumes, volumeMounts } = caVolume(storage);
    return {
      ...part(of),
      // The chart's own class is Kind's; an empty one is the cluster's default.
      persistence: { enabled: true, storageClass: "", size },
      extraEnv: credentialVariables(storage, bucket),
      extraVolumes: volumes,
      extraVolumeMounts: volumeMounts,
      serviceAccount: { annotations: storage.serviceAccount },
    };
  };
  const replicated = (name: string, replicas: number): Replicated => ({
    replicas,
    affinity: spread(labels(name)),
    // With one replica it would keep its node from being drained.
    podDisruptionBudget: replicas > 1 ? { enabled: true, maxUnavailable: 1 } : { enabled: false },
  });
  return {
    objstoreConfig: { create: false, ...bucketSecret(storage, bucket) },
    serviceMonitor: { enabled: true },
    autoGomemlimit: { enabled: true },
    additionalReplicaLabels: replicaLabels,
    query: {
      ...part(query),
      ...replicated("query", query.replicas),
      enableDnsDiscovery: false,
      extraArgs: [
        `--endpoint.sd-config=${endpointsConfig(asked, settings.stores)}`,
        `--web.route-prefix=${path}`,
        // A year is drawn of one sample an hour.
        "--query.auto-downsampling",
      ],
      ...(showsCompanys(settings.stores)
        ? {
            extraVolumes: [{ name: "stores-ca", secret: { secretName: storesCa.secret } }],
            extraVolumeMounts: [{ name: "stores-ca", mountPath: storesCaFolder, readOnly: true }],
          }
        : {}),
    },
    queryFrontend: queryFrontend
      ? {
          ...part({ resources: frontend }),
          extraArgs: [
            `--query-range.response-cache-config=${stringify({
              type: "IN-MEMORY",
              config: { max_size: "256MB", validity: "1h" },
            })}`,
          ],
        }
      : { enabled: false },
    storeGateway: { ...stored(storeGateway), ...replicated("store-gateway", storeGateway.replicas) },
    compact: {
      ...stored(compactor),
      // By default it would join the replicas' blocks in the bucket, for good, whatever differs between them.
      deduplication: { enabled: false },
      extraArgs: [
        `--retention.resolution-raw=${days(retention.raw)}`,
        `--retention.resolution-5m=${days(retention.fiveMinutes)}`,
        `--retention.resolution-1h=${days(retention.oneHour)}`,
      ],
    },
  };
}

/** Endpoints of what has Store APIs here. */
export const storeGatewayEndpoint: Endpoint = {
  namespace,
  service: `${service("store-gateway")}-headless`,
  port: grpcPort,
  path: "",
};
