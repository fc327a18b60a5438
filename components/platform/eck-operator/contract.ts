/** What the chart leaves open and the values fill, and values that security or data rest on: for the judges in `contract/`. */
import type { Scraped } from "../../../contract/component-files.ts";
import { list, named, podSecurityContext, pullSecrets, resources, type FreeForm } from "../../../contract/handed-on.ts";
import { asks, release, setting, why, type Pin } from "../../../contract/pin.ts";

export const freeForm: FreeForm = {
  "eck-operator": {
    "**/resources": resources,
    imagePullSecrets: pullSecrets,
    managedNamespaces: ["names of namespaces; empty in the chart, which is all of them", () => list(named)],
    podSecurityContext,
  },
};

export const pins: readonly Pin[] = [
  ...release("eck-operator", [
    ["installCRDs", true, "its definitions come with it"],
    ["managedNamespaces/0", "monitoring", "it reads and writes every Secret of a namespace that it manages"],
    ["createClusterScopedResources", false, "a ClusterRole would let it into every namespace"],
    ["webhook/enabled", false, "a webhook is the whole cluster's"],
    ["telemetry/disabled", true, "nothing is told to Elastic"],
    ["config/validateStorageClass", false, "it may not read what belongs to no namespace"],
    ["config/metrics/port", "8080", why.unmeasured],
    ["podMonitor/enabled", true, why.unmeasured],
    ["resources", setting((s) => asks(s.eckOperator.resources)), why.sized],
  ]),
];

export const scraped: Scraped = { jobs: ["monitoring/elastic-operator"], metrics: ["elastic_"] };
