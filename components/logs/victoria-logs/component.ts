import { areDeclared, evaluates } from "../../alerts/log-alerts/evaluator.ts";
import { logAlerts } from "../../alerts/log-alerts/settings.ts";
import { chart } from "./chart.ts";
import { alertObjects, alertSecrets } from "./alerts.ts";
import type { Endpoint } from "../../capabilities.ts";
import { defineComponent } from "../../component.ts";
import { namespaces } from "../../kubernetes/namespaces.ts";
import { imagePullSecrets } from "../../kubernetes/pull-secrets.ts";
import { dataSource, jsonLines, lineHeaders, linesOfTrace, lookup, otlpHeaders, otlpPath, pushPath } from "./api.ts";
import { victoriaLogs } from "./settings.ts";
import { name, victoriaLogsValues } from "./values.ts";

const namespace = namespaces.monitoring.name;
const ui = "/select/vmui";
const endpoint: Endpoint = { namespace, service: name, port: 9428, path: "" };

export const victoriaLogsComponent = defineComponent({
  key: "victoriaLogs",
  title: "VictoriaLogs",
  slot: "logs",
  settings: { victoriaLogs, logAlerts },
  charts: [chart],
  needs: ["monitors"],
  after: ["monitors"],
  namespaces: () => [namespaces.monitoring],
  offers: ({ victoriaLogs: { plugin, retention } }) => ({
    logs: {
      endpoint,
      title: "VictoriaLogs",
      push: { as: "loki", place: endpoint, path: pushPath },
      jsonLines,
      otlp: { protocol: "http", place: { ...endpoint, path: otlpPath }, headers: otlpHeaders },
      otlpLines: { as: "labelled", headers: lineHeaders },
      lookup,
      dataSource: (linked) => ({ ...dataSource(linked), plugin }),
      linesOfTrace,
      keeps: { retention: [{ setting: "victoriaLogs.retention", is: retention }], on: "volume" },
      ui: {
        selector: { app: "server", "app.kubernetes.io/instance": chart.name },
        podPort: 9428,
        path: ui,
      },
    },
  }),
  flows: () => [
    {
      name: "victoria-logs",
      namespace,
      to: { app: "server", "app.kubernetes.io/instance": chart.name },
      ports: [9428],
      from: ["logAgent"],
    },
  ],
  requests: ({ victoriaLogs: { resources, alert }, logAlerts: alerts }) => [
    { setting: "victoriaLogs.resources", ...resources, count: 1 },
    ...(areDeclared(alerts) ? [{ setting: "victoriaLogs.alert.resources", ...alert.resources, count: 1 }] : []),
  ],
  images: ({ victoriaLogs: { alert }, logAlerts: alerts }): Readonly<Record<string, string>> =>
    areDeclared(alerts) ? { vmalert: alert.image } : {},
  secrets: (context) =>
    evaluates("victoriaLogs", context.settings.logAlerts, context.all) ? alertSecrets(context) : [],
  extras: (context) =>
    evaluates("victoriaLogs", context.settings.logAlerts, context.all) ? alertObjects(context, endpoint, ui) : [],
  releases: ({ settings }) => [
    {
      chart,
      namespace,
      values: victoriaLogsValues(settings.victoriaLogs),
      override: settings.victoriaLogs.values,
      pullSecrets: { server: { imagePullSecrets } },
      // The chart's StatefulSet and the name of its claim template.
      volumes: [
        {
          setting: "victoriaLogs.storage.size",
          size: ["server", "persistentVolume", "size"],
          namespace,
          statefulSet: name,
          claim: "server-volume",
        },
      ],
    },
  ],
});
