import type { z } from "zod";
import { durationSeconds } from "../../../settings/formats.ts";
import { containerResources } from "../../../settings/resources.ts";
import { hardened } from "../../kubernetes/hardened.ts";
import type { tempo } from "./settings.ts";

/** The part of the values of tempo 2.2.4 that the environment sets. */
export interface TempoValues {
  readonly tempo: {
    readonly memBallastSizeMbs: 0;
    readonly reportingEnabled: false;
    readonly metricsGenerator: { readonly enabled: false };
    readonly retention: string;
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
  readonly serviceAccount: { readonly automountServiceAccountToken: false };
  readonly persistence: { readonly enabled: true; readonly size: string };
  readonly serviceMonitor: { readonly enabled: true };
}

/** Values of Tempo: one process, its write-ahead log and its blocks on a volume. */
export function tempoValues({ retention, storage, resources }: z.output<typeof tempo>): TempoValues {
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
    },
    securityContext: {
      runAsNonRoot: true,
      runAsUser: 10001,
      runAsGroup: 10001,
      fsGroup: 10001,
      seccompProfile: { type: "RuntimeDefault" },
    },
    serviceAccount: { automountServiceAccountToken: false },
    persistence: { enabled: true, size: storage.size },
    serviceMonitor: { enabled: true },
  };
}
