import type { SettingsInput } from "../../../settings/schema.ts";

const query = "sum by (<<.GroupBy>>) (<<.Series>>{<<.LabelMatchers>>})";

export const variants: Readonly<Record<string, SettingsInput>> = {
  one: { autoscaler: "prometheusAdapter" },
  "three with rules": {
    autoscaler: "prometheusAdapter",
    prometheusAdapter: {
      replicas: 3,
      rules: [
        {
          series: 'queue_length{namespace!="",service!=""}',
          resources: { namespace: "namespace", service: "service" },
          query,
        },
      ],
      externalRules: [{ series: "orders_open{}", resources: {}, matches: "^(.*)_open$", as: "open_$1", query }],
    },
  },
};

/** The store is a server that is there: how it wants to be asked goes through a Secret, a header and certificates. */
const asking = (metrics: object): SettingsInput => ({
  ...{ autoscaler: "prometheusAdapter", metrics: "external", network: { ca: "company.pem" } },
  external: { metrics: { queryUrl: "https://mimir.example.com/prometheus", ...metrics } },
});

export const alone: Readonly<Record<string, SettingsInput>> = {
  "a store behind a user, a tenant and the company's CA": asking({ user: "reader", tenant: "team-a", ca: "company" }),
  "a store behind a token": asking({}),
};

export const under: SettingsInput = { autoscaler: "prometheusAdapter" };

const values = "prometheus-adapter-release.spec.values";

export const effects = [
  ["prometheusAdapter.replicas", 3],
  [
    "prometheusAdapter.rules",
    [{ series: "queue_length{}", query }],
    `${values}.rules.custom.1.seriesQuery`,
    "queue_length{}",
  ],
  [
    "prometheusAdapter.externalRules",
    [{ series: "orders_open{}", query }],
    `${values}.rules.external.0.seriesQuery`,
    "orders_open{}",
  ],
  ["prometheusAdapter.resources.cpu", "33m"],
  ["prometheusAdapter.resources.memory", "17Mi"],
  ["prometheusAdapter.resources.memoryLimit", "3Gi"],
  [
    "prometheusAdapter.values",
    { planted: "prometheusAdapter.values" },
    `${values}.planted`,
    "prometheusAdapter.values",
  ],
] as const;
