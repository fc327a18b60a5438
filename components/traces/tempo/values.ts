import type { z } from "zod";
import { durationSeconds } from "../../../settings/formats.ts";
import { containerResources } from "../../../settings/resources.ts";
import type { ObjectStorage } from "../../capabilities.ts";
import { hardened, runsAs } from "../../kubernetes/hardened.ts";
import { accountAnnotations, caVolume, credentialVariables } from "../../storage/client.ts";
import { bucketOf, unlimited } from "./blocks.ts";
import type { tempo } from "./settings.ts";

/** The part of the values of tempo 2.2.4 that the environment sets. */
export interface TempoValues {
  readonly tempo: {
    readonly memBallastSizeMbs: 0;
    readonly reportingEnabled: false;
    readonly metricsGenerator: { readonly enabled: false };
    readonly retention: string;
    readonly storage?: { readonly trace: ReturnType<typeof bucketOf> };
    readonly extraEnv?: ReturnType<typeof credentialVariables>;
    readonly extraVolumeMounts?: readonly object[];
    readonly overrides: ReturnType<typeof unlimited>;
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

/**
 * Values of mode: monolithic: one process, its write-ahead log on a volume, its blocks there too or in a bucket.
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
      overrides: unlimited(),
      // The chart asks for readiness there: after a crash that comes when the write-ahead log has been read, and the chart's
      // one minute would end it in the middle, over and over.
      livenessProbe: { failureThreshold: 60 },
      resources: containerResources(resources),
      securityContext: hardened,
      ...(objects === undefined
        ? {}
        : {
            storage: { trace: bucketOf(objects, storage.bucket) },
            extraEnv: credentialVariables(objects, storage.bucket),
          }),
      ...(volumes.length === 0 ? {} : { extraVolumeMounts: volumeMounts }),
    },
    ...(volumes.length === 0 ? {} : { extraVolumes: volumes }),
    securityContext: runsAs(10001, { runAsGroup: 10001, fsGroup: 10001 }),
    serviceAccount: { automountServiceAccountToken: false, ...accountAnnotations(objects).serviceAccount },
    persistence: { enabled: true, size: storage.size },
    serviceMonitor: { enabled: true },
  };
}
