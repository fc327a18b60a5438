/** What the chart leaves open and the values fill, and values that security or data rest on: for the judges in `contract/`. */
import type { Scraped } from "../../../contract/component-files.ts";
import { auditJob, journalJob, lineJob } from "../lines.ts";
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

export const freeForm: FreeForm = {
  "fluent-bit": {
    "**/resources": resources,
    tolerations,
    imagePullSecrets: pullSecrets,
    securityContext: containerSecurityContext,
    env: [
      "variables of its container, as Kubernetes has them",
      () =>
        list(
          strict(
            {
              name: text,
              valueFrom: strict({
                secretKeyRef: strict({ name: text, key: text }, ["name", "key"]),
                fieldRef: strict({ fieldPath: { const: "spec.nodeName" } }, ["fieldPath"]),
              }),
            },
            ["name", "valueFrom"],
          ),
        ),
    ],
    luaScripts: [
      "scripts by their file names, which the chart mounts in /fluent-bit/scripts",
      () => strict({ "redact.lua": text, "records.lua": text }),
    ],
    extraVolumes: [
      "volumes, as Kubernetes has them",
      () =>
        list(
          strict(
            {
              name: text,
              secret: strict({ secretName: text, items: list(strict({ key: text, path: text }, ["key", "path"])) }, [
                "secretName",
                "items",
              ]),
              hostPath: strict({ path: text, type: { enum: ["Directory", "DirectoryOrCreate"] } }, ["path", "type"]),
            },
            ["name"],
          ),
        ),
    ],
    extraVolumeMounts: [
      "mounts, as Kubernetes has them",
      () =>
        list(
          strict({ name: text, mountPath: { type: "string", pattern: "^/" }, readOnly: { const: true } }, [
            "name",
            "mountPath",
            "readOnly",
          ]),
        ),
    ],
  },
};

export const pins: readonly Pin[] = [
  ...release("fluent-bit", [
    ["securityContext/runAsUser", 0, "container logs belong to root on every node; it keeps no capability"],
    ["resources", setting((s) => asks(s.fluentBit.resources)), why.sized],
    ["config/inputs/Inotify_Watcher", setting((s) => `${s.fluentBit.inotify}`), "fluentBit.inotify"],
    ["config/service/Flush", "1", "how long a line may wait in the agent, in seconds"],
    ["config/outputs/storage.total_limit_size", setting((s) => s.fluentBit.bufferSize), "fluentBit.bufferSize"],
    ["testFramework/enabled", false, why.noTest],
  ]),
];

// The others are of the lines that it reads.
export const scraped: Scraped = { jobs: ["fluent-bit", lineJob, journalJob, auditJob], metrics: ["fluentbit_"] };
