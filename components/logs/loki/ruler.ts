/** Loki's own ruler: it evaluates alerts on lines, in whichever of Loki's pods a ruler runs. */
import { ruleFile } from "../../alerts/log-alerts/rules.ts";
import type { LogAlerts } from "../../alerts/log-alerts/settings.ts";
import { type AlertRouter, dataSourceUid, isRemote } from "../../capabilities.ts";
import type { Context, SecretObject } from "../../component.ts";
import { namespaces } from "../../kubernetes/namespaces.ts";
import { lokiAlert } from "./lines.ts";

const name = "loki-alerts";

/** Rules of every tenant in a folder of its own; without tenants Loki calls the one `fake`. */
const directory = "/etc/loki/alerts";

/** Where it tells alerts: every replica of an Alertmanager here, which Loki finds by SRV alone. */
function told({ endpoint, replicas }: AlertRouter): object {
  if (isRemote(endpoint)) return { alertmanager_url: endpoint.url };
  const { namespace, service, portName } = replicas ?? { ...endpoint, portName: undefined };
  return portName === undefined
    ? { alertmanager_url: `http://${service}.${namespace}.svc:${endpoint.port}${endpoint.path}` }
    : {
        alertmanager_url: `http://_${portName}._tcp.${service}.${namespace}.svc${endpoint.path}`,
        enable_alertmanager_discovery: true,
      };
}

/** `loki.rulerConfig` of the chart. @param several whether more than one pod has a ruler */
export const rulerConfig = (
  { offered, browserUrl }: Pick<Context<unknown>, "offered" | "browserUrl">,
  several: boolean,
) => {
  const router = offered("alerts");
  return {
    storage: { type: "local", local: { directory } },
    ...(router === undefined ? {} : told(router)),
    enable_alertmanager_v2: true,
    // An alert's link to its query leads into Grafana.
    ...(offered("dashboards") === undefined ? {} : { external_url: browserUrl("dashboards") }),
    datasource_uid: dataSourceUid.logs,
    // Else every pod would evaluate every rule.
    ...(several ? { enable_sharding: true } : {}),
  };
};

/** What a pod with a ruler mounts. */
export const rulerVolumes = {
  volumes: [{ name: "alerts", secret: { secretName: name } }],
  volumeMounts: [{ name: "alerts", mountPath: `${directory}/fake`, readOnly: true }],
} as const;

/** The rules. Loki looks for others every minute. */
export const rulerRules = (settings: LogAlerts, context: Context<unknown>): SecretObject => ({
  ...{ name, namespace: namespaces.monitoring.name },
  data: { "rules.yaml": ruleFile(settings, "loki", lokiAlert, context) },
});
