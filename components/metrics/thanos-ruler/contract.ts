/** Values that security or data rest on: for the judges in `contract/`. */
import type { Scraped } from "../../../contract/component-files.ts";
import { asks, of, setting, why, type Pin } from "../../../contract/pin.ts";

const ruler = "ThanosRuler monitoring/*";
const pinned = (there: NonNullable<Pin["there"]>, rows: Parameters<typeof of>[1]): Pin[] =>
  of(ruler, rows).map((pin) => ({ ...pin, there: (settings) => settings.ruler === "thanosRuler" && there(settings) }));

export const pins: readonly Pin[] = [
  ...pinned(
    () => true,
    [
      ["spec/replicas", setting((s) => s.thanosRuler.replicas), "thanosRuler.replicas"],
      ["spec/resources", setting((s) => asks(s.thanosRuler.resources)), why.sized],
      ["spec/evaluationInterval", setting((s) => s.thanosRuler.evaluationInterval), "thanosRuler.evaluationInterval"],
      ["spec/rule*Selector", {}, "rules of every namespace count, whatever their labels"],
      ["spec/alertDropLabels", ["prometheus_replica"], "of two agents that scrape the same: one alert"],
      ["spec/securityContext/runAsUser", 1000, why.contained],
    ],
  ),
  ...pinned(
    ({ thanos }) => !thanos.enabled,
    [
      ["spec/replicas", 1, "two would write each recorded series twice"],
      ["spec/remoteWrite/0/queueConfig/retryOnRateLimit", true, "what a store is too busy for would be lost"],
      [
        "spec/remoteWrite/0/writeRelabelConfigs",
        [{ action: "labeldrop", regex: "thanos_ruler_replica" }],
        "with it the state of an alert would not be found again after a restart",
      ],
    ],
  ),
  ...pinned(
    ({ thanos }) => thanos.enabled,
    [
      ["spec/remoteWrite", undefined, "with it there are no blocks, and the state of most alerts is not found again"],
      [
        "spec/storage/volumeClaimTemplate/spec/resources/requests/storage",
        setting((s) => s.thanosRuler.size),
        "thanosRuler.size",
      ],
    ],
  ),
];

export const scraped: Scraped = {
  jobs: ["thanos-ruler"],
  metrics: ["thanos_rule_", "thanos_shipper_", "thanos_alert_", "prometheus_rule_", "prometheus_remote_storage_"],
};
