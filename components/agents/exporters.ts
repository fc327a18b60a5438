/** How a collector sends: the one before the stores and the one on the nodes alike. */
import { address, asRemote, clusterUrl, isRemote, type OtlpTarget, type Place, type Remote } from "../capabilities.ts";
import { authenticates, caKey, caOf, hostPort, type Known, remotes, secretKey, tenantHeader } from "../remote.ts";

/** Folder of the collector's pod with what servers want. */
export const externalFolder = "/etc/otelcol/external";

const mebibyte = 1024 * 1024;

/**
 * How data waits for its store. The one limit is the queue's size: with the default (`max_elapsed_time` 300 s) an outage
 * that takes longer loses what the queue still has room for. What does not fit is counted in
 * `otelcol_exporter_enqueue_failed_*`.
 *
 * A batch that a store refuses for its size would now be tried for ever, so none is larger than the 4 MiB that a gRPC
 * server takes, nor than Loki's `ingestion_burst_size_mb` of 6.
 */
export const queueAndRetry = {
  retry_on_failure: { max_elapsed_time: "0s" },
  sending_queue: {
    storage: "file_storage",
    sizer: "bytes",
    queue_size: 128 * mebibyte,
    // No wait for more: the batch processor did that.
    batch: { sizer: "bytes", min_size: 0, max_size: 3 * mebibyte },
  },
} as const;

/** A store of the environment. */
export interface Named<S> {
  /** Key of the component. */
  readonly key: string;
  readonly offer: S;
}

/** An exporter for each store of a capability. The first has the capability's name, which rules and dashboards ask for. */
export function exporters<S>(
  name: string,
  stores: readonly Named<S>[],
  exporter: (store: S) => { readonly kind: string; readonly config: object },
) {
  return Object.fromEntries(
    stores.map(({ key, offer }, index) => {
      const { kind, config } = exporter(offer);
      return [`${kind}/${index === 0 ? name : `${name}-${key}`}`, config];
    }),
  );
}

/** The extension that authenticates to a server; none where it wants no secret. */
function authenticator(
  { access }: Remote,
  known: Known,
): { readonly name: string; readonly config: object } | undefined {
  if (!authenticates(access, known)) return undefined;
  // Both watch the file: another secret is sent without a restart.
  const file = `${externalFolder}/${secretKey(access)}`;
  return access.user === undefined
    ? {
        name: `bearertokenauth/${access.of}`,
        config: { filename: file, ...(access.scheme === undefined ? {} : { scheme: access.scheme }) },
      }
    : { name: `basicauth/${access.of}`, config: { client_auth: { username: access.user, password_file: file } } };
}

interface Header {
  readonly name: string;
  readonly value: string;
}

/** How a server is asked. @param headers further ones */
export function asked(remote: Remote, known: Known, headers: readonly Header[] = []) {
  const { tenant } = remote.access;
  const sent = [...(tenant === undefined ? [] : [{ name: tenantHeader, value: tenant }]), ...headers];
  const auth = authenticator(remote, known);
  return {
    ...(caOf(remote, known) === undefined ? {} : { tls: { ca_file: `${externalFolder}/${caKey(remote.access)}` } }),
    ...(sent.length === 0 ? {} : { headers: sent }),
    ...(auth === undefined ? {} : { auth: { authenticator: auth.name } }),
  };
}

/** Kind of the exporter for a target, and how it is reached. */
export function otlp({ protocol, place, headers }: OtlpTarget, known: Known) {
  const sent = Object.entries(headers ?? {}).map(([name, value]) => ({ name, value }));
  const remote = asRemote(place);
  const server = remote !== undefined ? asked(remote, known, sent) : sent.length === 0 ? {} : { headers: sent };
  if (protocol === "http") return { kind: "otlp_http", config: { endpoint: clusterUrl(place), ...server } };
  const endpoint = isRemote(place) ? hostPort(place.url) : address(place);
  const plain = clusterUrl(place).startsWith("http:");
  return { kind: "otlp_grpc", config: { endpoint, ...(plain ? { tls: { insecure: true } } : {}), ...server } };
}

/** The extensions that authenticate to servers of these places, by name. */
export function authenticators(places: readonly Place[], known: Known): Readonly<Record<string, object>> {
  const all = remotes(places).flatMap((remote) => authenticator(remote, known) ?? []);
  return Object.fromEntries(all.map(({ name, config }) => [name, config]));
}

/** What waits for a store: in a file of this folder. The folder is there in the pod; elsewhere the configuration could not even be validated. */
export const fileStorage = (directory: string) => ({
  directory,
  create_directory: true,
  // A file that a power failure broke is put aside: the collector would not start with it.
  recreate: true,
  // Gives the disk back when the queue is empty again.
  compaction: { directory, on_rebound: true, cleanup_on_start: true },
});
