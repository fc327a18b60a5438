/** Values that security or data rest on: for the judges in `contract/`. */
import { asks, of, setting, why, type Pin } from "../../../contract/pin.ts";

const pod = "spec/deployment/podTemplate/spec";

export const pins: readonly Pin[] = [
  ...of("Beat monitoring/metricbeat", [
    ["spec/version", setting((s) => s.elasticsearch.version), "Elasticsearch takes what is as old as itself"],
    ["spec/deployment/replicas", 1, "of two each would know a part of what a counter was"],
    ["spec/deployment/strategy/type", "Recreate", "the same for the moment of an update"],
    ["spec/config/output.elasticsearch/password", "${ELASTICSEARCH_PASSWORD}", "the object is no place for a password"],
    ["spec/config/setup.template.enabled", false, "its user may make none, and it would not start"],
    ["spec/config/setup.ilm.enabled", false, "it would write to a stream of another name"],
    [`${pod}/automountServiceAccountToken`, false, why.contained],
    [`${pod}/securityContext/runAsNonRoot`, true, why.contained],
    [`${pod}/containers/0/resources`, setting((s) => asks(s.metricbeat.resources)), why.sized],
    [`${pod}/volumes/0/emptyDir`, {}, "the operator's volume of this name is a folder of the node"],
  ]),
];
