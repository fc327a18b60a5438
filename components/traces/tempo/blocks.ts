/** What Tempo is told of its bucket and of limits, whichever version it is. */
import type { ObjectStorage } from "../../capabilities.ts";
import { caFile } from "../../storage/client.ts";

/** Blocks in a bucket. Tempo's S3 client takes the credentials from its environment by itself. */
export function bucketOf(objects: ObjectStorage, bucket: string) {
  const ca = caFile(objects);
  return {
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
  } as const;
}

/**
 * Limits are for tenants that do not know each other. Here one collector sends, and after an outage all that waited at
 * once: what is over the rate is refused without a word about trying again (gRPC's RESOURCE_EXHAUSTED without
 * RetryInfo), which the collector takes as final, and traces over their number are dropped. What the collector
 * has under way at a time is limited anyway. Zero is no limit for the number, but nothing at all for bytes.
 */
export const unlimited = () =>
  ({
    defaults: {
      ingestion: { rate_limit_bytes: 1_000_000_000, burst_size_bytes: 1_000_000_000, max_traces_per_user: 0 },
    },
  }) as const;
