import { stringify } from "yaml";
import type { z } from "zod";
import { containerResources } from "../../../settings/resources.ts";
import { hardened, runsAs, spread } from "../../kubernetes/hardened.ts";
import { chart } from "./chart.ts";
import type { seaweedfs } from "./settings.ts";

type Settings = z.output<typeof seaweedfs>;
type Resources = ReturnType<typeof containerResources>;

/** A part of values that the chart hands on when it says `enabled`. */
type Switched<T> = { readonly enabled: true } & T;

/** What every server is given. */
interface Server {
  readonly podSecurityContext: Switched<typeof podSecurity>;
  readonly containerSecurityContext: Switched<typeof hardened>;
  readonly resources: Resources;
  /** The chart's own account, whose token nobody mounts. */
  readonly serviceAccountName: "seaweedfs";
  /** YAML, as a text. */
  readonly extraVolumes: string;
  readonly extraVolumeMounts: string;
}

/** A server of the replicated form. */
interface Replicated extends Server {
  readonly enabled: true;
  readonly replicas: number;
  readonly affinity: string;
}

interface S3 {
  readonly enabled: true;
  readonly enableAuth: true;
  readonly existingConfigSecret: string;
  readonly createBuckets: readonly { readonly name: string }[];
  readonly createBucketsHook: { readonly resources: Resources };
}

interface Claim {
  readonly type: "persistentVolumeClaim";
  readonly size: string;
}

/** The part of the values of seaweedfs 4.44.0 that the environment sets. */
export interface SeaweedfsValues {
  readonly global: {
    readonly seaweedfs: {
      readonly createClusterRole: false;
      readonly automountServiceAccountToken: false;
      readonly monitoring: { readonly enabled: true };
      readonly enableReplication: boolean;
      readonly replicationPlacement: string;
    };
  };
  readonly allInOne?: Server & {
    readonly enabled: true;
    readonly s3: S3;
    readonly data: Claim & { readonly annotations: Readonly<Record<string, string>> };
    readonly podAnnotations: Readonly<Record<string, string>>;
    readonly extraEnvironmentVars: Readonly<Record<string, string>>;
  };
  readonly master:
    | { readonly enabled: false; readonly volumeSizeLimitMB: number }
    | (Replicated & {
        readonly volumeSizeLimitMB: number;
        readonly data: Claim;
        readonly logs: { readonly type: "none" };
        readonly extraEnvironmentVars: Readonly<Record<string, string>>;
      });
  readonly volume:
    | { readonly enabled: false }
    | (Replicated & {
        readonly dataDirs: readonly (Claim & { readonly name: "data"; readonly maxVolumes: 0 })[];
        readonly resizeHook: { readonly enabled: false };
      });
  readonly filer:
    | ({ readonly enabled: false } & Pick<
        Server,
        "podSecurityContext" | "containerSecurityContext" | "serviceAccountName"
      >)
    | (Replicated & { readonly data: Claim; readonly logs: { readonly type: "none" } });
  readonly s3?: Omit<Replicated, "affinity"> &
    S3 & {
      readonly logs: { readonly type: "none" };
      readonly podAnnotations: Readonly<Record<string, string>>;
      readonly extraArgs: readonly string[];
    };
}

/** What masters ask for, and the Job that makes buckets: they hold next to nothing. */
export const small = { cpu: "20m", memory: "64Mi", memoryLimit: "256Mi" };

/** The user of the image (docker/Dockerfile.go_build of SeaweedFS). */
const podSecurity = runsAs(1000, { runAsGroup: 1000, fsGroup: 1000, fsGroupChangePolicy: "OnRootMismatch" });

const secured = {
  serviceAccountName: "seaweedfs",
  podSecurityContext: { enabled: true, ...podSecurity },
  containerSecurityContext: { enabled: true, ...hardened },
} as const;

/** Sockets, and logs where the chart gives no folder for them. */
const temporary = {
  extraVolumes: stringify([{ name: "tmp", emptyDir: { sizeLimit: "1Gi" } }]),
  extraVolumeMounts: stringify([{ name: "tmp", mountPath: "/tmp" }]),
};

/**
 * A bucket has volumes of its own, and the first object makes seven of them by default, each of a gigabyte: the second
 * bucket would find no room on a small disk.
 */
const growth = {
  limit: 256,
  // Strings: they become variables.
  variables: { WEED_MASTER_VOLUME_GROWTH_COPY_1: "1", WEED_MASTER_VOLUME_GROWTH_COPY_2: "1" },
};

/** Namespace of the pods, and what the Secret with who may do what is called. */
export interface Told {
  readonly namespace: string;
  readonly usersSecret: string;
  readonly buckets: readonly string[];
}

/** Values of SeaweedFS: all servers in one pod. */
export function singleValues({ storage, resources }: Settings, told: Told): SeaweedfsValues {
  return {
    ...both(false),
    allInOne: {
      enabled: true,
      s3: s3(told),
      // The claim is the chart's: it stays when the release goes, as those of a StatefulSet do.
      data: { ...claim(storage.size), annotations: { "helm.sh/resource-policy": "keep" } },
      podAnnotations: readAtStart(told),
      extraEnvironmentVars: growth.variables,
      ...secured,
      ...temporary,
      resources: containerResources(resources),
    },
    master: { enabled: false, volumeSizeLimitMB: growth.limit },
    volume: { enabled: false },
    // The Job that makes buckets takes its security contexts from here.
    filer: { enabled: false, ...secured },
  };
}

/** Values of SeaweedFS: three of each server, and two gateways. */
export function replicatedValues({ replicas, storage, resources }: Settings, told: Told): SeaweedfsValues {
  const gateway = {
    enabled: true as const,
    ...secured,
    ...temporary,
    resources: containerResources(resources),
  };
  const server = (component: string) => ({
    ...gateway,
    replicas,
    // The chart's own demands a node for each: with fewer, pods would stay Pending for ever.
    affinity: stringify(
      spread({
        "app.kubernetes.io/name": chart.name,
        "app.kubernetes.io/instance": replicatedName,
        "app.kubernetes.io/component": component,
      }),
    ),
  });
  return {
    ...both(true),
    master: {
      ...server("master"),
      resources: containerResources(small),
      volumeSizeLimitMB: growth.limit,
      data: claim("1Gi"),
      logs: { type: "none" },
      extraEnvironmentVars: growth.variables,
    },
    volume: {
      ...server("volume"),
      dataDirs: [{ name: "data", ...claim(storage.size), maxVolumes: 0 }],
      // It would run kubectl with rights over every claim of the namespace.
      resizeHook: { enabled: false },
    },
    filer: { ...server("filer"), data: claim("5Gi"), logs: { type: "none" } },
    s3: {
      ...gateway,
      ...s3(told),
      replicas: 2,
      logs: { type: "none" },
      podAnnotations: readAtStart(told),
      // What one filer writes the others know a moment later. Both gateways ask the first, and the next while it is away;
      // by the chart's own Service each request would ask another.
      extraArgs: [`-filer=${filers(told.namespace, replicas)}`],
    },
  };
}

/** Name of the release with three of each: it has another topology, and volumes of its own. */
export const replicatedName = "seaweedfs-cluster";

function filers(namespace: string, count: number): string {
  const one = (index: number) => `${replicatedName}-filer-${index}.${replicatedName}-filer.${namespace}:8888`;
  return Array.from({ length: count }, (_, index) => one(index)).join(",");
}

const claim = (size: string): Claim => ({ type: "persistentVolumeClaim", size });

function both(replicated: boolean): Pick<SeaweedfsValues, "global"> {
  return {
    global: {
      seaweedfs: {
        // It may delete every pod of the cluster, for a migration of long ago.
        createClusterRole: false,
        automountServiceAccountToken: false,
        monitoring: { enabled: true },
        enableReplication: replicated,
        // One more copy, on another server of the same rack: any one of three may be away.
        replicationPlacement: replicated ? "001" : "000",
      },
    },
  };
}

function s3({ usersSecret, buckets }: Told): S3 {
  return {
    enabled: true,
    enableAuth: true,
    existingConfigSecret: usersSecret,
    createBuckets: buckets.map((name) => ({ name })),
    createBucketsHook: { resources: containerResources(small) },
  };
}

/** Users are read when the server starts: it starts again when there are others. */
const readAtStart = ({ usersSecret, buckets }: Told) => ({
  "observability/users": [usersSecret, ...buckets].join(" "),
});
