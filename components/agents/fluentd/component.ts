import { pushPlaces } from "../../capabilities.ts";
import { defineComponent } from "../../component.ts";
import { namespaces } from "../../kubernetes/namespaces.ts";
import { imagePullSecrets } from "../../kubernetes/pull-secrets.ts";
import { credentials } from "../../remote.ts";
import { chart } from "./chart.ts";
import { fluentd } from "./settings.ts";
import { fluentdValues } from "./values.ts";

const namespace = namespaces.nodeAgents.name;

/** Name of its ServiceAccount. */
const account = "fluentd";

export const fluentdComponent = defineComponent({
  key: "fluentd",
  title: "Fluentd",
  slot: "logAgent",
  settings: { fluentd },
  charts: [chart],
  needs: ["logs", "monitors"],
  after: ["monitors"],
  namespaces: () => [namespaces.nodeAgents],
  offers: () => ({ logAgent: true }),
  flows: () => [
    { name: "fluentd", namespace, to: { "app.kubernetes.io/name": "fluentd" }, ports: [24231], from: ["scraping"] },
  ],
  requests: ({ fluentd: { resources } }, nodes) => [{ setting: "fluentd.resources", ...resources, count: nodes }],
  check: (_settings, { all }) =>
    all("logs")
      .filter(({ offer }) => offer.push.as === "loki" && offer.jsonLines === undefined)
      .map(({ key, offer }) => ({
        path: "logAgent",
        message: `is fluentd, whose image has nothing that sends in Loki's way, and ${offer.title} (${key}) takes no other of its ways. Set logAgent to fluentBit, or logs to victoriaLogs or elasticsearch.`,
      })),
  secrets: ({ environment, all }) =>
    credentials(
      "fluentd",
      namespace,
      all("logs").flatMap(({ offer }) => pushPlaces(offer.push)),
      environment,
    ),
  extras: () => [
    {
      name: "account",
      object: {
        apiVersion: "v1",
        kind: "ServiceAccount",
        metadata: { name: account, namespace },
        // It asks the API server for nothing: a file's path has the names.
        automountServiceAccountToken: false,
      },
    },
  ],
  releases: ({ settings, environment, all }) => [
    {
      chart,
      namespace,
      values: fluentdValues(settings.fluentd, all("logs"), environment, {
        namespace,
        pods: "fluentd-",
        account,
      }),
      override: settings.fluentd.values,
      pullSecrets: { imagePullSecrets },
    },
  ],
});
