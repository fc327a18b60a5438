/** Values that security or data rest on: for the judges in `contract/`. */
import type { Scraped } from "../../../contract/component-files.ts";
import { asks, of, setting, why, type Pin } from "../../../contract/pin.ts";

export const pins: readonly Pin[] = of("ThanosRuler monitoring/*", [
  ["spec/replicas", 1, "two would write each recorded series twice"],
  ["spec/resources", setting((s) => asks(s.thanosRuler.resources)), why.sized],
  ["spec/evaluationInterval", setting((s) => s.thanosRuler.evaluationInterval), "thanosRuler.evaluationInterval"],
  ["spec/rule*Selector", {}, "rules of every namespace count, whatever their labels"],
  ["spec/alertDropLabels", ["prometheus_replica"], "of two agents that scrape the same: one alert"],
  ["spec/remoteWrite/0/queueConfig/retryOnRateLimit", true, "what a store is too busy for would be lost"],
  [
    "spec/remoteWrite/0/writeRelabelConfigs",
    [{ action: "labeldrop", regex: "thanos_ruler_replica" }],
    "with it the state of an alert would not be found again after a restart",
  ],
  ["spec/securityContext/runAsUser", 1000, why.contained],
]).map((pin) => ({ ...pin, there: ({ ruler }) => ruler === "thanosRuler" }));

export const scraped: Scraped = {
  jobs: ["thanos-ruler"],
  metrics: ["thanos_rule_", "thanos_alert_", "prometheus_rule_", "prometheus_remote_storage_"],
};
