/** What a listing of everything in a cluster says of what changed. */
import { setTimeout as sleep } from "node:timers/promises";
import { isDeepStrictEqual } from "node:util";
import { until } from "../../support/until.ts";
import type { KubeObject, Listing, TestCluster } from "./cluster.ts";

/** Objects that come, go and change in any cluster by themselves; a group's APIService follows its definitions. */
export const fleeting =
  /^(Event|Event\.events\.k8s\.io|Lease\.coordination\.k8s\.io|Node|APIService\.apiregistration\.k8s\.io) /;

/** Kubernetes puts into them what other roles say that they add: Flux's, and those of the charts. */
export const aggregated = /^ClusterRole\.\S+ (admin|edit|view)$/;

export const isDefinition = (key: string) => key.startsWith("CustomResourceDefinition.");

/** Kubernetes writes them anew when pods become ready or restart; who else writes them is in the audit log. */
const following = /^EndpointSlice\.discovery\.k8s\.io /;

/** Resource versions of what does not change by itself. */
export const versions = (listing: Listing) =>
  new Map(
    [...listing]
      .filter(([key]) => !fleeting.test(key) && !following.test(key))
      .map(([key, { metadata }]) => [
        key,
        (metadata as KubeObject["metadata"] & { resourceVersion: string }).resourceVersion,
      ]),
  );

/** A listing once nothing changes by itself any more: what has come up writes its conditions some moments later. */
export async function settled(cluster: TestCluster): Promise<Listing> {
  let last = await cluster.everything();
  const unchanged = async () => {
    await sleep(2_000);
    const before = versions(last);
    last = await cluster.everything();
    return isDeepStrictEqual(versions(last), before);
  };
  await until("nothing to change by itself any more", unchanged, 300);
  return last;
}

/** What is there and was not, and the other way round, once garbage has been collected. */
export async function sinceThen(
  cluster: TestCluster,
  original: Listing,
  expected: (key: string) => boolean,
): Promise<{ left: string[]; lost: string[] } | undefined> {
  const compare = async () => {
    const now = await cluster.everything();
    const keys = (one: Listing, other: Listing) =>
      [...one.keys()].filter((key) => !other.has(key) && !fleeting.test(key) && !expected(key));
    return { left: keys(now, original), lost: keys(original, now) };
  };
  let last: { left: string[]; lost: string[] } | undefined;
  const collected = async () => {
    // A kind that goes while it is listed is looked for again.
    last = await compare().catch(() => last);
    if (last?.left.length === 0) return true;
    // A listing is hundreds of requests.
    await sleep(1_000);
    return false;
  };
  await until("garbage to be collected", collected, 300).catch(() => undefined);
  return last;
}
