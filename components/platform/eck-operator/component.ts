import { defineComponent } from "../../component.ts";
import { namespaces } from "../../kubernetes/namespaces.ts";
import { imagePullSecrets } from "../../kubernetes/pull-secrets.ts";
import { chart } from "./chart.ts";
import { eckOperator } from "./settings.ts";
import { eckOperatorValues } from "./values.ts";

const namespace = namespaces.monitoring.name;

export const eckOperatorComponent = defineComponent({
  key: "eckOperator",
  title: "Elastic's operator (ECK)",
  settings: { eckOperator },
  charts: [chart],
  whenNeeded: true,
  single: { name: "An ECK operator", groups: [".k8s.elastic.co"], images: ["eck/eck-operator"] },
  provided: {
    by: "eckOperator",
    definitions: [
      "elasticsearches.elasticsearch.k8s.elastic.co",
      "kibanas.kibana.k8s.elastic.co",
      "logstashes.logstash.k8s.elastic.co",
      "beats.beat.k8s.elastic.co",
    ],
  },
  needs: ["monitors"],
  after: ["monitors"],
  namespaces: () => [namespaces.monitoring],
  offers: () => ({ elasticOperator: true }),
  requests: ({ eckOperator: { resources } }) => [{ setting: "eckOperator.resources", ...resources, count: 1 }],
  releases: ({ settings }) => [
    {
      chart,
      namespace,
      values: eckOperatorValues(settings.eckOperator),
      override: settings.eckOperator.values,
      pullSecrets: { imagePullSecrets },
    },
  ],
});
