/** Values that security or data rest on: for the judges in `contract/`. */
import type { scrapeLimits } from "../scrape-limits.ts";
import type { Scraped } from "../../../contract/component-files.ts";
import { asks, of, setting, why, type Pin } from "../../../contract/pin.ts";

const rows: Parameters<typeof of>[1] = [
  ["spec/replicas", setting((s) => s.prometheusAgent.replicas), "prometheusAgent.replicas"],
  ["spec/resources", setting((s) => asks(s.prometheusAgent.resources)), why.sized],
  ["spec/scrapeInterval", setting((s) => s.prometheusAgent.scrapeInterval), "prometheusAgent.scrapeInterval"],
  ...(
    [
      ...["sampleLimit", "labelLimit", "targetLimit"],
      ...["labelNameLengthLimit", "labelValueLengthLimit", "bodySizeLimit"],
    ] as (keyof typeof scrapeLimits)[]
  ).map((limit) => [`spec/${limit}`, setting((s) => s.prometheusAgent[limit]), `prometheusAgent.${limit}`] as const),
  [
    "spec/storage/emptyDir/sizeLimit",
    "4Gi",
    "what waits may not fill the node: PrometheusAgentBufferFillingUp knows it",
  ],
  ["spec/*Selector", {}, "monitors of every namespace count, whatever their labels"],
  ["spec/remoteWrite/0/queueConfig/retryOnRateLimit", true, "what a store is too busy for would be lost"],
  ["spec/securityContext/runAsUser", 1000, why.contained],
];

export const pins: readonly Pin[] = of("PrometheusAgent monitoring/*", rows).map((pin) => ({
  ...pin,
  there: ({ scraper }) => scraper === "prometheusAgent",
}));

export const scraped: Scraped = { jobs: ["prometheus-agent"], metrics: ["prometheus_"] };
