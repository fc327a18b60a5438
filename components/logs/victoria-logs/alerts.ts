/** vmalert, which looks at lines of VictoriaLogs for alerts. */
import { ruleFile } from "../../alerts/log-alerts/rules.ts";
import type { LogAlerts } from "../../alerts/log-alerts/settings.ts";
import { clusterUrl, type Endpoint } from "../../capabilities.ts";
import type { Context, Extra, SecretObject } from "../../component.ts";
import { hardened, ownPod } from "../../kubernetes/hardened.ts";
import { namespaces } from "../../kubernetes/namespaces.ts";
import { notifiers } from "../../metrics/notifiers.ts";
import { credentials } from "../../remote.ts";
import { type ContainerResources, containerResources } from "../../../settings/resources.ts";
import { victoriaLogsAlert } from "./lines.ts";

const namespace = namespaces.monitoring.name;

/** Of all its objects, and of its job. */
export const alertsName = "log-alerts";
const labels = { "app.kubernetes.io/name": alertsName };
const port = 8080;
const folders = { config: "/etc/vmalert", external: "/etc/vmalert-external" };
const files = { rules: "rules.json", notifiers: "notifiers.json" };

interface Given extends Omit<Context<unknown>, "settings"> {
  readonly settings: {
    readonly logAlerts: LogAlerts;
    readonly victoriaLogs: { readonly alert: { readonly image: string; readonly resources: ContainerResources } };
  };
}

/** What an Alertmanager that is there already wants. */
const wanted = ({ offered, environment }: Given): SecretObject[] =>
  credentials(alertsName, namespace, [offered("alerts")?.endpoint], environment);

/** What it is told: the rules, and whom it tells. */
export function alertSecrets(given: Given): SecretObject[] {
  const { settings, environment, offered } = given;
  const router = offered("alerts");
  if (router === undefined) return [];
  const told = {
    ...notifiers(router, environment, folders.external),
    // A label that vmalert makes of the query's words, and Loki does not.
    alert_relabel_configs: [{ action: "labeldrop", regex: "stats_result" }],
  };
  const data = {
    [files.rules]: ruleFile(settings.logAlerts, "victoriaLogs", victoriaLogsAlert, given),
    [files.notifiers]: JSON.stringify(told),
  };
  return [{ name: alertsName, namespace, data }, ...wanted(given)];
}

/** @param store VictoriaLogs, as it is asked  @param ui path of its interface */
export function alertObjects(given: Given, store: Endpoint, ui: string): Extra[] {
  const { settings, environment, browserUrl } = given;
  const { image, resources } = settings.victoriaLogs.alert;
  const metadata = { name: alertsName, namespace, labels };
  const external = wanted(given);
  const links = browserUrl("logs");
  const probe = { httpGet: { path: "/health", port: "http" } };
  const objects: readonly Extra["object"][] = [
    {
      apiVersion: "apps/v1",
      kind: "Deployment",
      metadata,
      spec: {
        // Each rule has one evaluator.
        replicas: 1,
        selector: { matchLabels: labels },
        template: {
          metadata: { labels },
          spec: {
            ...ownPod(65534, environment, { runAsGroup: 65534 }),
            containers: [
              {
                name: "vmalert",
                image: environment.image(image),
                args: [
                  `-rule=${folders.config}/${files.rules}`,
                  "-rule.defaultRuleType=vlogs",
                  // A query of a user's that is wrong is counted and told; all others are evaluated.
                  "-rule.validateExpressions=false",
                  `-datasource.url=${clusterUrl(store)}`,
                  `-notifier.config=${folders.config}/${files.notifiers}`,
                  // What the settings say counts without a restart.
                  "-configCheckInterval=30s",
                  // The same labels as other alerts have: routes and silences fit all.
                  "-disableAlertgroupLabel",
                  `-external.url=${links.endsWith(ui) ? links.slice(0, -ui.length) : links}`,
                  `-external.alert.source=${ui.slice(1)}/#/?query={{.Expr|queryEscape}}`,
                  `-httpListenAddr=:${port}`,
                  "-loggerFormat=json",
                ],
                ports: [{ name: "http", containerPort: port }],
                readinessProbe: probe,
                livenessProbe: probe,
                resources: containerResources(resources),
                securityContext: hardened,
                volumeMounts: [
                  { name: "config", mountPath: folders.config, readOnly: true },
                  ...external.map(() => ({ name: "external", mountPath: folders.external, readOnly: true })),
                ],
              },
            ],
            volumes: [
              { name: "config", secret: { secretName: alertsName } },
              ...external.map(({ name: secretName }) => ({ name: "external", secret: { secretName } })),
            ],
          },
        },
      },
    },
    {
      apiVersion: "v1",
      kind: "Service",
      metadata,
      spec: { selector: labels, ports: [{ name: "http", port, targetPort: "http" }] },
    },
    {
      apiVersion: "monitoring.coreos.com/v1",
      kind: "ServiceMonitor",
      metadata,
      spec: { selector: { matchLabels: labels }, endpoints: [{ port: "http" }] },
    },
  ];
  return objects.map((object) => ({ name: `alerts-${object.kind.toLowerCase()}`, object }));
}
