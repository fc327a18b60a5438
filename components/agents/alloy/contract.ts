/** What the chart leaves open and the values fill, and values that security or data rest on: for the judges in `contract/`. */
import type { Scraped } from "../../../contract/component-files.ts";
import {
  containerSecurityContext,
  list,
  pullSecrets,
  resources,
  strict,
  text,
  tolerations,
  type FreeForm,
} from "../../../contract/handed-on.ts";
import { asks, release, setting, why, type Pin } from "../../../contract/pin.ts";
import { auditJob, journalJob, lineJob } from "../lines.ts";
import { stateFolder } from "./values.ts";

const path = { type: "string", pattern: "^/" } as const;

export const freeForm: FreeForm = {
  alloy: {
    "**/resources": resources,
    "controller/tolerations": tolerations,
    "**/pullSecrets": pullSecrets,
    "alloy/securityContext": containerSecurityContext,
    "alloy/mounts/extra": [
      "mounts, as Kubernetes has them",
      () => list(strict({ name: text, mountPath: path, readOnly: { const: true } }, ["name", "mountPath"])),
    ],
    "controller/volumes/extra": [
      "volumes, as Kubernetes has them",
      () =>
        list(
          strict(
            {
              name: text,
              hostPath: strict({ path, type: { enum: ["Directory", "DirectoryOrCreate"] } }, ["path"]),
              secret: strict({ secretName: text }, ["secretName"]),
            },
            ["name"],
          ),
        ),
    ],
  },
};

export const pins: readonly Pin[] = [
  ...release("alloy", [
    ["alloy/securityContext/runAsUser", 0, "container logs belong to root on every node; it keeps no capability"],
    ["alloy/resources", setting((s) => asks(s.alloy.resources)), why.sized],
    ["alloy/storagePath", stateFolder, "positions in files outlive the pod"],
    ["alloy/enableReporting", false, "it reports nothing to Grafana Labs"],
    ["rbac/create", false, "it asks the API server for nothing"],
    ["serviceAccount/automountServiceAccountToken", false, "it asks the API server for nothing"],
  ]),
];

// Jobs but for the first are of the lines that it reads.
export const scraped: Scraped = {
  jobs: ["alloy", lineJob, journalJob, auditJob],
  metrics: ["loki_write_", "loki_source_file_", "loki_source_journal_", "alloy_"],
};
