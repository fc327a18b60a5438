import { pushPlaces } from "../../capabilities.ts";
import { defineComponent } from "../../component.ts";
import { namespaces } from "../../kubernetes/namespaces.ts";
import { imagePullSecrets } from "../../kubernetes/pull-secrets.ts";
import { credentials } from "../../remote.ts";
import { chart } from "./chart.ts";
import { alloy } from "./settings.ts";
import { alloyValues } from "./values.ts";

const namespace = namespaces.nodeAgents.name;

export const alloyComponent = defineComponent({
  key: "alloy",
  title: "Grafana Alloy",
  slot: "logAgent",
  settings: { alloy },
  charts: [chart],
  needs: ["logs", "monitors"],
  after: ["monitors"],
  namespaces: () => [namespaces.nodeAgents],
  offers: () => ({ logAgent: true }),
  flows: () => [
    { name: "alloy", namespace, to: { "app.kubernetes.io/name": "alloy" }, ports: [12345], from: ["scraping"] },
  ],
  requests: ({ alloy: { resources } }, nodes) => [{ setting: "alloy.resources", ...resources, count: nodes }],
  check: (_settings, { all }) =>
    all("logs")
      .filter(({ offer }) => offer.push.as !== "loki")
      .map(({ key, offer }) => ({
        path: "logAgent",
        message: `is alloy, which sends in Loki's way alone, and ${offer.title} (${key}) does not take that. Set logAgent to fluentBit.`,
      })),
  secrets: ({ environment, all }) =>
    credentials(
      "alloy",
      namespace,
      all("logs").flatMap(({ offer }) => pushPlaces(offer.push)),
      environment,
    ),
  releases: ({ settings, environment, all }) => [
    {
      chart,
      namespace,
      values: alloyValues(settings.alloy, all("logs"), environment, { namespace, pods: "alloy-" }),
      override: settings.alloy.values,
      pullSecrets: { global: { image: { pullSecrets: imagePullSecrets } } },
    },
  ],
});
