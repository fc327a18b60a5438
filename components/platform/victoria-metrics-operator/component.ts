import { chart } from "./chart.ts";
import { defineComponent } from "../../component.ts";
import { namespaces } from "../../kubernetes/namespaces.ts";
import { imagePullSecrets } from "../../kubernetes/pull-secrets.ts";
import { victoriaMetricsOperator } from "./settings.ts";
import { victoriaMetricsOperatorValues } from "./values.ts";

const namespace = namespaces.monitoring.name;

/** Kinds that the environment makes objects of, or that are made of Prometheus'. */
const kinds = [
  ...["vmagents", "vmalerts", "vmclusters", "vmsingles"],
  ...["vmpodscrapes", "vmprobes", "vmrules", "vmscrapeconfigs", "vmservicescrapes"],
];

export const victoriaMetricsOperatorComponent = defineComponent({
  key: "victoriaMetricsOperator",
  title: "The VictoriaMetrics operator",
  settings: { victoriaMetricsOperator },
  charts: [chart],
  whenNeeded: true,
  single: {
    name: "A VictoriaMetrics operator",
    groups: [".operator.victoriametrics.com"],
    images: ["victoriametrics/operator"],
  },
  provided: {
    by: "victoriaMetricsOperator",
    definitions: kinds.map((plural) => `${plural}.operator.victoriametrics.com`),
  },
  needs: ["monitors"],
  // It converts what is there when it starts, and what comes later.
  after: ["monitors"],
  namespaces: () => [namespaces.monitoring],
  offers: () => ({ victoriaMetricsOperator: true }),
  requests: ({ victoriaMetricsOperator: { resources } }) => [
    { setting: "victoriaMetricsOperator.resources", ...resources, count: 1 },
  ],
  releases: ({ settings }) => [
    {
      chart,
      namespace,
      values: victoriaMetricsOperatorValues(settings.victoriaMetricsOperator),
      override: settings.victoriaMetricsOperator.values,
      pullSecrets: { imagePullSecrets },
    },
  ],
});
