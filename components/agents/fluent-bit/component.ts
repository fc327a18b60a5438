import { chart } from "./chart.ts";
import { pushPlaces } from "../../capabilities.ts";
import { defineComponent } from "../../component.ts";
import { namespaces } from "../../kubernetes/namespaces.ts";
import { imagePullSecrets } from "../../kubernetes/pull-secrets.ts";
import { credentials } from "../../remote.ts";
import { fluentBit } from "./settings.ts";
import { fluentBitValues } from "./values.ts";

const namespace = namespaces.nodeAgents.name;

export const fluentBitComponent = defineComponent({
  key: "fluentBit",
  title: "Fluent Bit",
  slot: "logAgent",
  settings: { fluentBit },
  charts: [chart],
  needs: ["logs", "monitors"],
  after: ["monitors"],
  namespaces: () => [namespaces.nodeAgents],
  offers: () => ({ logAgent: true }),
  flows: () => [
    {
      name: "fluent-bit",
      namespace,
      to: { "app.kubernetes.io/name": "fluent-bit" },
      ports: [2020],
      from: ["scraping"],
    },
  ],
  requests: ({ fluentBit: { resources } }, nodes) => [{ setting: "fluentBit.resources", ...resources, count: nodes }],
  secrets: ({ environment, all }) =>
    credentials(
      "fluent-bit",
      namespace,
      all("logs").flatMap(({ offer }) => pushPlaces(offer.push)),
      environment,
    ),
  releases: ({ settings, environment, all }) => [
    {
      chart,
      namespace,
      values: fluentBitValues(
        settings.fluentBit,
        all("logs").map(({ offer }) => offer),
        environment,
      ),
      override: settings.fluentBit.values,
      pullSecrets: { imagePullSecrets },
    },
  ],
});
