/** What the chart leaves open and the values fill, and values that security or data rest on: for the judges in `contract/`. */
import type { Scraped } from "../../../contract/component-files.ts";
import {
  containerSecurityContext,
  list,
  map,
  named,
  podSecurityContext,
  resources,
  strict,
  text,
  type FreeForm,
  type HandedOn,
} from "../../../contract/handed-on.ts";
import { asks, release, setting, why, type Pin } from "../../../contract/pin.ts";

/** The chart takes `enabled` out of it and hands the rest on. */
const switched = ([reason, schema]: HandedOn): HandedOn => [
  reason,
  () => {
    const made = schema() as { readonly properties?: object };
    return { ...made, properties: { ...made.properties, enabled: { const: true } } };
  },
];

export const freeForm: FreeForm = {
  seaweedfs: {
    "**/resources": resources,
    "**/podSecurityContext": switched(podSecurityContext),
    "**/containerSecurityContext": switched(containerSecurityContext),
    "**/podAnnotations": ["annotations of pods", () => map(text)],
    "**/extraEnvironmentVars": ["variables of SeaweedFS (weed/command/scaffold/master.toml)", () => map(text)],
    "**/createBuckets": ["buckets that the chart's Job makes", () => list(strict({ name: named }, ["name"]))],
    "**/extraArgs": ["flags of weed", () => list({ type: "string", pattern: "^-filer=" })],
    "allInOne/data/annotations": ["annotations of the claim", () => map(text)],
    "volume/dataDirs": [
      "volumes of a server",
      () =>
        list(
          strict(
            {
              name: { const: "data" },
              type: { const: "persistentVolumeClaim" },
              size: { type: "string", pattern: "^\\d+(\\.\\d+)?[KMGT]i?$" },
              maxVolumes: { const: 0 },
            },
            ["name", "type", "size", "maxVolumes"],
          ),
        ),
    ],
  },
};

const single = ({
  objectStorage,
  seaweedfs,
}: {
  readonly objectStorage: unknown;
  readonly seaweedfs: { readonly replicas: number };
}) => objectStorage === "seaweedfs" && seaweedfs.replicas === 1;
const replicated = (settings: Parameters<typeof single>[0]) =>
  settings.objectStorage === "seaweedfs" && settings.seaweedfs.replicas === 3;

const room = "each bucket has volumes of its own: by default seven of a gigabyte, and the second finds no room";

export const pins: readonly Pin[] = [
  ...release(
    "seaweedfs",
    [
      ["allInOne/resources", setting((s) => asks(s.seaweedfs.resources)), why.sized],
      ["allInOne/data/size", setting((s) => s.seaweedfs.storage.size), "seaweedfs.storage.size"],
      ["allInOne/data/type", "persistentVolumeClaim", "objects outlive the pod"],
      ["allInOne/data/annotations/helm.sh/resource-policy", "keep", "and the release"],
    ],
    single,
  ),
  ...["seaweedfs", "seaweedfs-cluster"].flatMap((name) =>
    release(
      name,
      [
        ["global/seaweedfs/createClusterRole", false, "it may delete every pod of the cluster"],
        ["global/seaweedfs/automountServiceAccountToken", false, why.contained],
        ["global/seaweedfs/monitoring/enabled", true, why.unmeasured],
        ["master/volumeSizeLimitMB", 256, room],
      ],
      name === "seaweedfs" ? single : replicated,
    ),
  ),
  ...release(
    "seaweedfs-cluster",
    [
      ["volume/resources", setting((s) => asks(s.seaweedfs.resources)), why.sized],
      ["global/seaweedfs/enableReplication", true, "any one of three servers may be away"],
      ["global/seaweedfs/replicationPlacement", "001", "each object is on two servers"],
      ["volume/resizeHook/enabled", false, "its Job would have rights over every claim of the namespace"],
    ],
    replicated,
  ),
];

export const scraped: Scraped = {
  jobs: ["seaweedfs-all-in-one", ...["master", "volume", "filer", "s3"].map((server) => `seaweedfs-cluster-${server}`)],
  metrics: ["SeaweedFS_"],
};
