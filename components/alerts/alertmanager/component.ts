import type { z } from "zod";
import { containerResources } from "../../../settings/resources.ts";
import { defineComponent } from "../../component.ts";
import { namespaces } from "../../kubernetes/namespaces.ts";
import { stackService } from "../../suites/kube-prometheus-stack/names.ts";
import { dataSource } from "./api.ts";
import { checkAlerting, alertingWarnings, usedAlertingSecrets } from "./check.ts";
import {
  type AlertmanagerConfig,
  alertmanagerConfig,
  alertmanagerTemplates,
  type AlertRule,
  inhibitorRules,
  receiversSecret,
} from "./config.ts";
import { alerting, alertmanager, type Alerting } from "./settings.ts";

const { endpoint, selector } = stackService("alertmanager", 9093, "/alertmanager");

/** The part of the values of kube-prometheus-stack 88.5.3 that is Alertmanager's. */
export interface AlertmanagerValues {
  readonly additionalPrometheusRulesMap: Readonly<
    Record<string, { readonly groups: readonly { readonly name: string; readonly rules: readonly AlertRule[] }[] }>
  >;
  readonly alertmanager: {
    readonly podDisruptionBudget: { readonly enabled: boolean };
    readonly config: AlertmanagerConfig;
    readonly templateFiles: Readonly<Record<string, string>>;
    readonly alertmanagerSpec: {
      readonly replicas: number;
      readonly routePrefix: string;
      readonly externalUrl: string;
      readonly resources: ReturnType<typeof containerResources>;
      readonly secrets?: readonly string[];
      readonly alertmanagerConfigNamespaceSelector: {
        readonly matchExpressions: readonly {
          readonly key: string;
          readonly operator: "In";
          readonly values: readonly string[];
        }[];
      };
      readonly alertmanagerConfigMatcherStrategy: { readonly type: "OnNamespace" };
      readonly additionalArgs: readonly { readonly name: string; readonly value: string }[];
    };
  };
}

/**
 * @param environment name of the stack, for the messages
 * @param teams namespaces whose owners may route what their namespace raises (AlertmanagerConfig)
 */
export function alertmanagerValues(
  settings: { readonly alertmanager: z.output<typeof alertmanager>; readonly alerting: Alerting },
  environment: string,
  externalUrl: string,
  teams: readonly string[],
): AlertmanagerValues {
  const rules = inhibitorRules(settings.alerting);
  const { replicas, resources } = settings.alertmanager;
  return {
    additionalPrometheusRulesMap: rules.length === 0 ? {} : { inhibitors: { groups: [{ name: "inhibitors", rules }] } },
    alertmanager: {
      config: alertmanagerConfig(settings.alerting, environment),
      templateFiles: alertmanagerTemplates(),
      // With one replica it would keep its node from being drained.
      podDisruptionBudget: { enabled: replicas > 1 },
      alertmanagerSpec: {
        ...(usedAlertingSecrets(settings.alerting).length === 0 ? {} : { secrets: [receiversSecret] }),
        alertmanagerConfigNamespaceSelector: {
          matchExpressions: [{ key: "kubernetes.io/metadata.name", operator: "In", values: teams }],
        },
        // Their routes and inhibitions see alerts of their own namespace, and no other.
        alertmanagerConfigMatcherStrategy: { type: "OnNamespace" },
        // A new Alertmanager knows nothing until Prometheus has told it all again (every minute, and an evaluation):
        // without patience it would send what is silenced.
        additionalArgs: [{ name: "dispatch.start-delay", value: "2m" }],
        replicas,
        routePrefix: endpoint.path,
        externalUrl,
        resources: containerResources(resources),
      },
    },
  };
}

export const alertmanagerComponent = defineComponent({
  key: "alertmanager",
  title: "Alertmanager",
  slot: "alerts",
  settings: { alertmanager, alerting },
  charts: [],
  needs: ["prometheusOperator"],
  partOf: "kubePrometheusStack",
  namespaces: () => [namespaces.monitoring],
  offers: () => ({
    alerts: {
      endpoint,
      // The operator's own, without an address of its own (0.93.1, pkg/alertmanager/statefulset.go, `defaultOperatedServiceName`); the port's
      // name is the chart's (`alertmanagerSpec.portName`).
      replicas: { ...endpoint, service: "alertmanager-operated", portName: "http-web" },
      ui: { selector, podPort: endpoint.port },
      dataSource,
    },
  }),
  requests: ({ alertmanager: { resources, replicas } }) => [
    { setting: "alertmanager.resources", ...resources, count: replicas },
  ],
  check: ({ alerting: settings }, { members, now }) =>
    checkAlerting(settings, members && (members.alertingSecrets ?? []), now),
  warnings: ({ alerting: settings }, now) => alertingWarnings(settings, now),
  secrets: ({ settings }) => {
    const used = usedAlertingSecrets(settings.alerting);
    if (used.length === 0) return [];
    const data = Object.fromEntries(used.map((name) => [name, { group: "alertingSecrets" as const, member: name }]));
    return [{ name: receiversSecret, namespace: namespaces.monitoring.name, data }];
  },
  part: ({ settings, environment, browserUrl }) => ({
    values: alertmanagerValues(settings, environment.name, browserUrl("alerts"), [
      ...environment.applications,
      namespaces.monitoring.name,
    ]),
  }),
});
