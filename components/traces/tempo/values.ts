import type { z } from "zod";
import { durationSeconds } from "../../../settings/formats.ts";
import { containerResources } from "../../../settings/resources.ts";
import type { ObjectStorage } from "../../capabilities.ts";
import { hardened } from "../../kubernetes/hardened.ts";
import { accountAnnotations, caFile, caVolume, credentialVariables } from "../../storage/client.ts";
import type { tempo } from "./settings.ts";

/** The part of the values of tempo 2.2.4 that the environment sets. */
export interface TempoValues {
  readonly tempo: {
    readonly memBallastSizeMbs: 0;
    readonly reportingEnabled: false;
    readonly metricsGenerator: { readonly enabled: false };
    readonly retention: string;
    readonly storage?: {
      readonly trace: {
        readonly backend: "s3";
        readonly s3: {
          readonly bucket: string;
          readonly endpoint: string;
          readonly region: string;
          readonly insecure: boolean;
          readonly forcepathstyle: boolean;
          readonly tls_ca_path?: string;
        };
      };
    };
    readonly extraEnv?: ReturnType<typeof credentialVariables>;
    readonly extraVolumeMounts?: readonly object[];
    readonly overrides: {
      readonly defaults: {
        readonly ingestion: {
          readonly rate_limit_bytes: number;
          readonly burst_size_bytes: number;
          readonly max_traces_per_user: number;
        };
      };
    };
    readonly livenessProbe: { readonly failureThreshold: number };
    readonly resources: ReturnType<typeof containerResources>;
    readonly securityContext: typeof hardened;
  };
  readonly securityContext: object;
  readonly extraVolumes?: readonly object[];
  readonly serviceAccount: {
    readonly automountServiceAccountToken: false;
    readonly annotations?: Readonly<Record<string, string>>;
  };
  readonly persistence: { readonly enabled: true; readonly size: string };
  readonly serviceMonitor: { readonly enabled: true };
}

/** Blocks in a bucket. Tempo's S3 client takes the credentials from its environment by itself. */
function blocks(objects: ObjectStorage, bucket: string) {
  const ca = caFile(objects);
  return {
    trace: {
      backend: "s3",
      s3: {
        bucket,
        // Host and port: whether by TLS is another key.
        endpoint: new URL(objects.url).host,
        region: objects.region,
        insecure: objects.url.startsWith("http:"),
        forcepathstyle: objects.pathStyle,
        ...(ca === undefined ? {} : { tls_ca_path: ca }),
      },
    },
  } as const;
}

/**
 * Values of Tempo: one process, its write-ahead log on a volume, its blocks there too or in a bucket.
 *
 * @param objects where its bucket is. @default it keeps everything on its volume
 */
export function tempoValues(
  { retention, storage, resources }: z.output<typeof tempo>,
  objects?: ObjectStorage,
): TempoValues {
  const { volumes, volumeMounts } = caVolume(objects);
  return {
    tempo: {
      // The chart's ballast of 1 GiB lets the heap grow past the container's limit before memory is collected.
      memBallastSizeMbs: 0,
      reportingEnabled: false,
      // Metrics of spans have one source: the collector.
      metricsGenerator: { enabled: false },
      // Go's form, which has no days.
      retention: `${durationSeconds(retention)}s`,
      overrides: {
        defaults: {
          // Limits for tenants that do not know each other. Here one collector sends, and after an outage all that waited at
          // once: what is over the rate is refused without a word about trying again (gRPC's RESOURCE_EXHAUSTED without
          // RetryInfo), which the collector takes as final, and traces over their number are dropped. What the collector
          // has under way at a time is limited anyway. Zero is no limit for the number, but nothing at all for bytes.
          ingestion: { rate_limit_bytes: 1_000_000_000, burst_size_bytes: 1_000_000_000, max_traces_per_user: 0 },
        },
      },
      // The chart asks for readiness there: after a crash that comes when the write-ahead log has been read, and the chart's
      // one minute would end it in the middle, over and over.
      livenessProbe: { failureThreshold: 60 },
      resources: containerResources(resources),
      securityContext: hardened,
      ...(objects === undefined
        ? {}
        : { storage: blocks(objects, storage.bucket), extraEnv: credentialVariables(objects, storage.bucket) }),
      ...(volumes.length === 0 ? {} : { extraVolumeMounts: volumeMounts }),
    },
    ...(volumes.length === 0 ? {} : { extraVolumes: volumes }),
    securityContext: {
      runAsNonRoot: true,
      runAsUser: 10001,
      runAsGroup: 10001,
      fsGroup: 10001,
      seccompProfile: { type: "RuntimeDefault" },
    },
    serviceAccount: { automountServiceAccountToken: false, ...accountAnnotations(objects).serviceAccount },
    persistence: { enabled: true, size: storage.size },
    serviceMonitor: { enabled: true },
  };
}
