/**
 * What kwok is told: its own stages for nodes, pods and volumes, read from its module, with two changes, and our stage for
 * a pod whose image cannot be pulled.
 */
import { readFileSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { parseAllDocuments, stringify } from "yaml";
import { MISSING_IMAGE } from "./containers.ts";

/** The default StorageClass, called as on kind. */
export const STORAGE_CLASS = "standard";

/** A pod with this annotation, value `ImagePullBackOff`, behaves as if its images could not be pulled. */
const FAILURE_ANNOTATION = "rehearsal/failure";

const MODULE_STAGES = ["node/fast", "node/heartbeat-with-lease", "pod/fast", "volume/fast"];

interface Stage {
  kind?: string;
  metadata?: { name?: string };
  spec?: { selector?: { matchExpressions?: { key: string; operator: string; values?: string[] }[] } };
}

// "fails" for a pod that is to fail, for kwok's jq expressions.
const FAILS = `if ([.spec.containers[].image, (.spec.initContainers // [])[].image] | any(contains("${MISSING_IMAGE}"))) or .metadata.annotations["${FAILURE_ANNOTATION}"] == "ImagePullBackOff" then "fails" else "runs" end`;

const IMAGE_PULL_BACK_OFF = `
apiVersion: kwok.x-k8s.io/v1alpha1
kind: Stage
metadata:
  name: pod-image-pull-back-off
spec:
  resourceRef:
    apiGroup: v1
    kind: Pod
  selector:
    matchExpressions:
      - key: '.metadata.deletionTimestamp'
        operator: DoesNotExist
      - key: '${FAILS}'
        operator: In
        values: [fails]
      - key: '.status.containerStatuses.[].state.waiting.reason'
        operator: NotIn
        values: [ImagePullBackOff]
  next:
    event:
      type: Warning
      reason: Failed
      message: 'Failed to pull image: not found (simulated by the rehearsal)'
    statusTemplate: |
      {{ $now := Now }}
      {{ $failing := eq (or (index (or .metadata.annotations dict) "${FAILURE_ANNOTATION}") "") "ImagePullBackOff" }}
      conditions:
      - {type: PodScheduled, status: "True", lastTransitionTime: {{ $now | Quote }}}
      - {type: Initialized, status: "True", lastTransitionTime: {{ $now | Quote }}}
      - {type: Ready, status: "False", reason: ContainersNotReady, lastTransitionTime: {{ $now | Quote }}}
      - {type: ContainersReady, status: "False", reason: ContainersNotReady, lastTransitionTime: {{ $now | Quote }}}
      containerStatuses:
      {{ range .spec.containers }}
      - image: {{ .image | Quote }}
        imageID: ""
        name: {{ .name | Quote }}
        ready: false
        restartCount: 0
        state:
          waiting:
            reason: ImagePullBackOff
            message: {{ printf "Back-off pulling image %q: not found (simulated by the rehearsal)" .image | Quote }}
      {{ end }}
      phase: Pending
`;

/**
 * kwok's configuration file.
 *
 * @param module folder of the Go module sigs.k8s.io/kwok
 * @throws Error when the module has no stages where they are looked for
 */
export function kwokConfiguration(module: string): string {
  const stages: Stage[] = [];
  for (const set of MODULE_STAGES) {
    const folder = join(module, "kustomize", "stage", ...set.split("/"));
    for (const file of readdirSync(folder).sort()) {
      if (!file.endsWith(".yaml")) continue;
      // The volume stages match on the name of kwok's own class.
      const text = readFileSync(join(folder, file), "utf8").replaceAll("'kwok-volume'", `'${STORAGE_CLASS}'`);
      for (const document of parseAllDocuments(text)) {
        const stage = document.toJS() as Stage | null;
        if (stage?.kind === "Stage") stages.push(stage);
      }
    }
  }
  const ready = stages.find((stage) => stage.metadata?.name === "pod-ready")?.spec?.selector?.matchExpressions;
  if (ready === undefined) throw new Error(`No stage "pod-ready" in the kwok module at ${module}.`);
  ready.push({ key: FAILS, operator: "NotIn", values: ["fails"] });
  // kwok reads YAML 1.1, where more words are booleans.
  return [
    ...stages.map((stage) => stringify(stage, { lineWidth: 0, version: "1.1" })),
    IMAGE_PULL_BACK_OFF.trimStart(),
  ].join("---\n");
}
