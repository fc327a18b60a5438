/** What the chart leaves open and the values fill, and values that security or data rest on: for the judges in `contract/`. */
import type { Scraped } from "../../../contract/component-files.ts";
import { podSecurityContext, pullSecrets, resources, type FreeForm } from "../../../contract/handed-on.ts";
import { asks, release, setting, why, type Pin } from "../../../contract/pin.ts";

export const freeForm: FreeForm = {
  "victoria-logs-single": {
    "**/resources": resources,
    "server/retentionPeriod": [
      "a number of months in the chart; what has a unit is handed on as it is (vlogs.args)",
      () => ({ type: "string", pattern: "^\\d+[hdwy]$" }),
    ],
    "server/imagePullSecrets": pullSecrets,
    "server/podSecurityContext": podSecurityContext,
  },
};

export const pins: readonly Pin[] = [
  ...release("victoria-logs-single", [
    ["server/retentionPeriod", setting((s) => s.victoriaLogs.retention), "victoriaLogs.retention"],
    [
      "server/retentionMaxDiskUsagePercent",
      setting((s) => String(s.victoriaLogs.storage.fullAt)),
      "a full volume takes no more lines; before that the oldest go",
    ],
    ["server/persistentVolume/enabled", true, "lines outlive the pod"],
    ["server/persistentVolume/size", setting((s) => s.victoriaLogs.storage.size), "victoriaLogs.storage.size"],
    ["server/resources", setting((s) => asks(s.victoriaLogs.resources)), why.sized],
    ["server/service/clusterIP", "", "senders keep the address of a pod that is gone until they look it up again"],
    ["server/serviceMonitor/enabled", true, why.unmeasured],
    ["serviceAccount/automountToken", false, why.contained],
  ]),
];

export const scraped: Scraped = { jobs: ["victoria-logs"], metrics: ["vl_"] };
