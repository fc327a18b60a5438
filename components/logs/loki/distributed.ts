/** Mode: distributed. Its pods are another release, which is there before the pods of mode: monolithic go. */
import type { z } from "zod";
import { byteCount } from "../../../settings/formats.ts";
import { containerResources, memoryMiB } from "../../../settings/resources.ts";
import type { Endpoint, ObjectStorage } from "../../capabilities.ts";
import type { Flow, Requested } from "../../component.ts";
import { kebab } from "../../kebab.ts";
import { namespaces } from "../../kubernetes/namespaces.ts";
import type { VolumeClaims } from "../../kubernetes/volume-size.ts";
import type { rulerConfig } from "./ruler.ts";
import type { loki } from "./settings.ts";
import {
  type BucketAccess,
  bucketAccess,
  flushSeconds,
  type SharedValues,
  sharedValues,
  spreadPods,
} from "./values.ts";

type Settings = z.output<typeof loki>;
type Distributed = Settings["distributed"];

const namespace = namespaces.monitoring.name;

/** Of the release, and of all that the chart makes: two of them in a namespace would want the same ConfigMaps. */
export const distributedName = "loki-distributed";

export const labels = (part: string) => ({
  "app.kubernetes.io/name": distributedName,
  "app.kubernetes.io/component": part,
});

const endpointOf = (part: string): Endpoint => ({
  ...{ namespace, service: `${distributedName}-${part}`, port: 3100, path: "" },
});

/**
 * Where lines are sent, and where queries. Not the chart's gateway: its nginx refuses what is larger than 4 MB, asks a DNS server by the
 * name that kubeadm gives it, and would be two more programs in front of every line.
 */
export const [taking, answering] = [endpointOf("distributor"), endpointOf("query-frontend")];

export const distributedFlows: readonly Flow[] = [
  { name: "logs", namespace, to: labels("distributor"), ports: [3100], from: ["logAgent"] },
];

/** Parts in the order of a line's way and then of a query's. */
const parts = [
  ...(["distributor", "ingester", "queryFrontend", "queryScheduler", "querier", "indexGateway"] as const),
  ...(["compactor", "patternIngester", "ruler"] as const),
];
type Part = (typeof parts)[number];

/** Those that open the bucket (pkg/loki/loki.go of 3.7: who depends on `Store`, and the compactor). */
const inBucket: readonly Part[] = ["ingester", "querier", "indexGateway", "compactor", "ruler"];

/** Those that clients ask: not before they are ready, which the chart would let them be. */
const asked: readonly Part[] = ["distributor", "queryFrontend"];

interface PartValues extends BucketAccess {
  readonly enabled?: boolean;
  readonly replicas: number;
  readonly maxUnavailable?: 1;
  readonly resources: ReturnType<typeof containerResources>;
  readonly affinity: object;
  readonly topologySpreadConstraints: readonly object[];
  readonly service?: { readonly publishNotReadyAddresses: false };
  readonly persistence?: object;
  readonly zoneAwareReplication?: { readonly enabled: false };
  readonly terminationGracePeriodSeconds?: number;
}

type CacheValues =
  | { readonly enabled: false }
  | {
      readonly enabled: true;
      readonly replicas: number;
      readonly allocatedMemory: number;
      readonly resources: ReturnType<typeof containerResources>;
      readonly affinity: object;
    };

/** The part of the values of loki 18.11.0 that mode: distributed sets. */
export interface DistributedValues extends SharedValues, Readonly<Record<Part, PartValues>> {
  readonly deploymentMode: "Distributed";
  readonly nameOverride: typeof distributedName;
  readonly defaults: { readonly automountServiceAccountToken: false };
  readonly singleBinary: { readonly replicas: 0 };
  readonly chunksCache: CacheValues;
  readonly resultsCache: CacheValues;
  readonly memcachedExporter: { readonly enabled: false };
}

/** Over zones where nodes have some, and over nodes. */
const spreadParts = (part: string) => ({
  affinity: spreadPods(labels(part)),
  topologySpreadConstraints: [
    {
      maxSkew: 1,
      topologyKey: "topology.kubernetes.io/zone",
      whenUnsatisfiable: "ScheduleAnyway",
      labelSelector: { matchLabels: labels(part) },
    },
  ],
});

const replicasOf = (of: Distributed[Part]): number => ("replicas" in of ? of.replicas : 1);

/** As the chart would: what memcached needs beside what it is filled with. */
const asksOfCache = ({ memory }: Distributed["chunksCache"]) => {
  const whole = `${Math.ceil(memoryMiB(memory) * 1.2)}Mi`;
  return { cpu: "50m", memory: whole, memoryLimit: whole };
};

function persistence(part: Part, size: string): object {
  // The chart reads the size of some in a list, of which the first is the volume.
  return part === "indexGateway"
    ? { enabled: true, size }
    : { enabled: true, claims: [{ name: "data", accessModes: ["ReadWriteOnce"], size }] };
}

function partValues(
  part: Part,
  { distributed, storage: { bucket } }: Settings,
  objects: ObjectStorage,
  ruled: boolean,
): PartValues {
  const of = distributed[part];
  const replicas = replicasOf(of);
  return {
    ...(part === "patternIngester" ? { enabled: replicas > 0 } : {}),
    replicas,
    // The chart makes a budget where there are several.
    ...(part === "compactor" ? {} : { maxUnavailable: 1 }),
    resources: containerResources(of.resources),
    ...spreadParts(kebab(part)),
    ...(asked.includes(part) ? { service: { publishNotReadyAddresses: false } } : {}),
    ...("size" in of ? { persistence: persistence(part, of.size) } : {}),
    // By zone the chart makes three StatefulSets, which an update restarts at once: no line could be written meanwhile.
    ...(part === "ingester"
      ? { zoneAwareReplication: { enabled: false }, terminationGracePeriodSeconds: flushSeconds }
      : {}),
    // It asks ingesters and the bucket itself, as a querier does.
    ...(part === "ruler" ? { enabled: ruled } : {}),
    ...(inBucket.includes(part) ? bucketAccess(bucket, objects, part === "ruler" && ruled) : {}),
  };
}

function cacheValues(of: Distributed["chunksCache"], part: string): CacheValues {
  if (of.replicas === 0) return { enabled: false };
  return {
    enabled: true,
    replicas: of.replicas,
    allocatedMemory: Math.floor(byteCount(of.memory) / 1024 ** 2),
    resources: containerResources(asksOfCache(of)),
    affinity: spreadPods(labels(part)),
  };
}

/**
 * Values of mode: distributed.
 *
 * @param objects where its bucket is
 * @param ruler what its rulers are told. @default there are none
 */
export function distributedValues(
  settings: Settings,
  objects: ObjectStorage,
  ruler?: ReturnType<typeof rulerConfig>,
): DistributedValues {
  const { ingester, chunksCache, resultsCache, patternIngester } = settings.distributed;
  const shared = sharedValues(
    settings,
    { replicas: ingester.replicas, memoryLimit: ingester.resources.memoryLimit },
    objects,
    ruler,
  );
  return {
    ...shared,
    deploymentMode: "Distributed",
    nameOverride: distributedName,
    loki: {
      ...shared.loki,
      extraMemberlistConfig: {
        ...shared.loki.extraMemberlistConfig,
        // Pods of others that gossip in this namespace may get the address of one of ours.
        cluster_label: `${distributedName}.${namespace}`,
      },
      pattern_ingester: { enabled: patternIngester.replicas > 0 },
    },
    defaults: { automountServiceAccountToken: false },
    ...(Object.fromEntries(
      parts.map((part) => [part, partValues(part, settings, objects, ruler !== undefined)]),
    ) as Record<Part, PartValues>),
    singleBinary: { replicas: 0 },
    chunksCache: cacheValues(chunksCache, "memcached-chunks-cache"),
    resultsCache: cacheValues(resultsCache, "memcached-results-cache"),
    // Loki counts what it finds in its caches itself.
    memcachedExporter: { enabled: false },
  };
}

/** @param ruled whether it is the one that evaluates rules */
export function distributedRequests({ distributed }: Settings, ruled: boolean): readonly Requested[] {
  return [
    ...parts.map((part) => ({
      setting: `loki.distributed.${part}.resources`,
      ...distributed[part].resources,
      count: part === "ruler" && !ruled ? 0 : replicasOf(distributed[part]),
    })),
    ...(["chunksCache", "resultsCache"] as const).map((cache) => ({
      setting: `loki.distributed.${cache}.memory`,
      ...asksOfCache(distributed[cache]),
      count: distributed[cache].replicas,
    })),
  ];
}

export const distributedVolumes: readonly VolumeClaims[] = (["ingester", "indexGateway", "compactor"] as const).map(
  (part) => ({
    setting: `loki.distributed.${part}.size`,
    size: [part, "persistence", ...(part === "indexGateway" ? ["size"] : ["claims", "0", "size"])],
    namespace,
    statefulSet: `${distributedName}-${kebab(part)}`,
    claim: "data",
  }),
);
