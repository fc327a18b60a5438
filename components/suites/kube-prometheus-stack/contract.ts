/** What the chart leaves open and the values fill, and values that security or data rest on: for the judges in `contract/`. */
import { pullSecrets, resources, type FreeForm } from "../../../contract/handed-on.ts";
import { release, type Pin } from "../../../contract/pin.ts";

export const freeForm: FreeForm = {
  "kube-prometheus-stack": {
    "**/resources": resources,
    "global/imagePullSecrets": pullSecrets,
  },
};

export const pins: readonly Pin[] = [
  ...release("kube-prometheus-stack", [
    ["crds/enabled", false, "a release of their own brings them, so that monitors can come before this one"],
  ]),
];
