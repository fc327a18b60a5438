/** What the chart leaves open and the values fill, and values that security or data rest on: for the judges in `contract/`. */
import type { Scraped } from "../../../contract/component-files.ts";
import {
  containerSecurityContext,
  env,
  type FreeForm,
  pullSecrets,
  resources,
  strict,
  text,
  tolerations,
  volumeMounts,
  volumes,
} from "../../../contract/handed-on.ts";
import { asks, release, setting, why, type Pin } from "../../../contract/pin.ts";
import { auditJob, journalJob, lineJob } from "../lines.ts";

export const freeForm: FreeForm = {
  fluentd: {
    "**/resources": resources,
    tolerations,
    imagePullSecrets: pullSecrets,
    securityContext: containerSecurityContext,
    env,
    volumes,
    volumeMounts,
    fileConfigs: [
      "files by their names, all of the chart's replaced: what Fluentd begins with includes those that end in .conf",
      () => {
        const names = ["01_sources", "02_filters", "03_dispatch", "04_outputs"].map((name) => `${name}.conf`);
        const all = ["main", ...names, "filter_observability.rb", "records.rb"];
        return strict(Object.fromEntries(all.map((name) => [name, text])), all);
      },
    ],
  },
};

export const pins: readonly Pin[] = [
  ...release("fluentd", [
    ["securityContext/runAsUser", 0, "container logs belong to root on every node; it keeps no capability"],
    ["resources", setting((s) => asks(s.fluentd.resources)), why.sized],
    ["variant", "elasticsearch9", "the image whose client speaks with the version of Elasticsearch here"],
    ["rbac/create", false, "it asks the API server for nothing"],
    ["podSecurityPolicy/enabled", false, "no Kubernetes has them any more"],
    ["serviceAccount/create", false, "the chart's mounts a token; it asks the API server for nothing"],
    ["dashboards/enabled", "", "of the chart's metrics, which are not all of these"],
    ["mountVarLogDirectory", false, "it would be mounted for writing"],
    ["mountDockerContainersDirectory", false, "of Docker, which no node has any more"],
    ["metrics/serviceMonitor/enabled", true, why.unmeasured],
  ]),
];

// The others are of the lines that it reads.
export const scraped: Scraped = { jobs: ["fluentd", lineJob, journalJob, auditJob], metrics: ["fluentd_"] };
