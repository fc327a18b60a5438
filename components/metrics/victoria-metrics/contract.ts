/** Values that security or data rest on: for the judges in `contract/`. */
import type { Scraped } from "../../../contract/component-files.ts";
import { asks, of, type Pin, setting, why } from "../../../contract/pin.ts";
import { byteCount } from "../../../settings/formats.ts";

const strict = ["useStrictSecurity", true, why.contained] as const;
/** Its own defaults would be beside what preflight counts. */
const sized = ["useDefaultResources", false, why.sized] as const;
const measured = [
  "disableSelfServiceScrape",
  true,
  "a monitor of ours is read by every scraper, and twice is once too often",
] as const;

const inCluster = (["storage", "insert", "select"] as const).flatMap((part) => [
  ...[strict, sized, measured].map(([key, value, because]) => [`spec/vm${part}/${key}`, value, because] as const),
  [
    `spec/vm${part}/replicaCount`,
    setting((s) => s.victoriaMetrics.cluster[part].replicas),
    `victoriaMetrics.cluster.${part}.replicas`,
  ] as const,
  [`spec/vm${part}/resources`, setting((s) => asks(s.victoriaMetrics.cluster[part].resources)), why.sized] as const,
  [
    `spec/vm${part}/podDisruptionBudget/maxUnavailable`,
    setting((s) => (s.victoriaMetrics.cluster[part].replicas > 1 ? 1 : undefined)),
    why.drained,
  ] as const,
]);

const each = [strict, sized, measured].map(([key, value, because]) => [`spec/${key}`, value, because] as const);
const reloaded = [
  "spec/configReloaderResources",
  asks({ cpu: "5m", memory: "32Mi", memoryLimit: "128Mi" }),
  why.small,
] as const;
const retention = [
  "spec/retentionPeriod",
  setting((s) => s.victoriaMetrics.retention),
  "victoriaMetrics.retention",
] as const;

/** What series are held against, by whoever takes them. */
const limited = (spec: string) =>
  (
    [
      ["maxLabelsPerTimeseries", "labelLimit"],
      ["maxLabelNameLen", "labelNameLengthLimit"],
      ["maxLabelValueLen", "labelValueLengthLimit"],
    ] as const
  ).map(
    ([flag, limit]) =>
      [
        `${spec}/extraArgs/${flag}`,
        setting((s) => String(s.victoriaMetrics[limit])),
        `victoriaMetrics.${limit}`,
      ] as const,
  );

export const pins: readonly Pin[] = [
  ...of("VMSingle monitoring/*", [
    ...each,
    retention,
    ["spec/storage/resources/requests/storage", setting((s) => s.victoriaMetrics.storage), "victoriaMetrics.storage"],
    ...limited("spec"),
    ["spec/resources", setting((s) => asks(s.victoriaMetrics.resources)), why.sized],
  ]),
  ...of("VMCluster monitoring/*", [
    ...inCluster,
    retention,
    [
      "spec/replicationFactor",
      setting((s) => s.victoriaMetrics.cluster.replicationFactor),
      "on how many nodes a sample is",
    ],
    ...limited("spec/vminsert"),
  ]),
  ...of("VMAgent monitoring/*", [
    ...each,
    reloaded,
    ["spec/statefulMode", true, "a Deployment's update has two that scrape everything twice"],
    ["spec/replicaCount", 1, "another would scrape everything twice"],
    ["spec/selectAllByDefault", true, "monitors of every namespace count"],
    ["spec/externalLabelName", "", "a label of every series keeps them from matching those that rules record"],
    ["spec/scrapeInterval", setting((s) => s.victoriaMetrics.scrapeInterval), "victoriaMetrics.scrapeInterval"],
    ["spec/sampleLimit", setting((s) => s.victoriaMetrics.sampleLimit || undefined), "victoriaMetrics.sampleLimit"],
    [
      "spec/extraArgs/promscrape.maxScrapeSize",
      setting((s) => s.victoriaMetrics.bodySizeLimit),
      "victoriaMetrics.bodySizeLimit",
    ],
    [
      "spec/remoteWriteSettings/maxDiskUsagePerURL",
      setting((s) => String(byteCount(s.victoriaMetrics.agent.buffer))),
      "an outage must not fill the node",
    ],
    ["spec/resources", setting((s) => asks(s.victoriaMetrics.agent.resources)), why.sized],
  ]),
  ...of("VMAlert monitoring/*", [
    ...each,
    reloaded,
    ["spec/replicaCount", 1, "each rule has one evaluator"],
    ["spec/selectAllByDefault", true, "rules of every namespace count"],
    ["spec/evaluationInterval", setting((s) => s.victoriaMetrics.scrapeInterval), "rules see each scrape once"],
    ["spec/resources", setting((s) => asks(s.victoriaMetrics.alert.resources)), why.sized],
  ]),
];

export const scraped: Scraped = {
  jobs: [
    "vmsingle-metrics",
    "vmagent-metrics",
    "vmalert-metrics",
    "vmstorage-metrics",
    "vminsert-metrics",
    "vmselect-metrics",
  ],
  metrics: ["vm_", "vmagent_", "vmalert_"],
};
