/** How whoever scrapes or evaluates writes to the store of metrics. */
import { type Access, clusterUrl, isRemote, type Place, type RemoteWriteTarget } from "../capabilities.ts";
import type { Context, SecretObject } from "../component.ts";
import { namespaces } from "../kubernetes/namespaces.ts";
import { authenticates, caKey, caOf, credentials, type Known, secretKey, secretOf, tenantHeader } from "../remote.ts";

/** What the queue of the store is called beside those of `remoteWrite`, whose names are DNS labels. */
export const storeName = "metrics_store";

/** Servers that are sent what is scraped, whoever names them. */
export const remoteTargets = ({ all }: Pick<Context<unknown>, "all">): RemoteWriteTarget[] =>
  all("remoteWrite").flatMap(({ offer }) => offer);

/** Key of the name of a user. */
export const userKey = ({ of }: Access) => `${of}.user`;

/** The Secret of whoever writes and asks; the operator takes names of users, too, out of Secrets only. */
export function receiverSecrets(asker: string, places: readonly (Place | undefined)[], known: Known): SecretObject[] {
  const users = places.flatMap((place) =>
    place !== undefined && isRemote(place) && place.access.user !== undefined && authenticates(place.access, known)
      ? [[userKey(place.access), place.access.user] as const]
      : [],
  );
  return credentials(asker, namespaces.monitoring.name, places, known).map((secret) => ({
    ...secret,
    data: { ...secret.data, ...Object.fromEntries(users) },
  }));
}

/** Where samples are written, in the form in which people name further servers (`remoteWrite`). */
export function receiverTarget(asker: string, place: Place, known: Known): RemoteWriteTarget {
  const name = secretOf(asker);
  const target: RemoteWriteTarget = {
    name: storeName,
    url: clusterUrl(place),
    timeout: "30s",
    protocol: "1.0",
    exemplars: true,
    nativeHistograms: false,
    headers: {},
    relabelings: [],
    queue: { capacity: 10_000, minShards: 1, maxShards: 50, maxSamplesPerSend: 2000, batchSendDeadline: "5s" },
  };
  if (!isRemote(place)) return target;
  const { access } = place;
  const user = access.user === undefined ? {} : { user: { name, key: userKey(access) } };
  return {
    ...target,
    headers: access.tenant === undefined ? {} : { [tenantHeader]: access.tenant },
    ...(authenticates(access, known) ? { login: { ...user, secret: { name, key: secretKey(access) } } } : {}),
    ...(caOf(place, known) === undefined ? {} : { ca: { name, key: caKey(access) } }),
  };
}
