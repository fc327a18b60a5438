import type { z } from "zod";
import { containerResources } from "../../../settings/resources.ts";
import { clusterUrl, isRemote, type Place } from "../../capabilities.ts";
import type { SecretObject, SecretTree } from "../../component.ts";
import { spread } from "../../kubernetes/hardened.ts";
import { namespaces } from "../../kubernetes/namespaces.ts";
import { registryCredentialsName } from "../../kubernetes/pull-secrets.ts";
import { companyCaOf, type Known, secretOf, secretText, tenantHeader } from "../../remote.ts";
import type { prometheusAdapter, Rule } from "./settings.ts";

/** Labels of its pods. */
export const labels = {
  "app.kubernetes.io/name": "prometheus-adapter",
  "app.kubernetes.io/instance": "prometheus-adapter",
};

/** A rule in the adapter's own words (v0.12, pkg/config). */
interface DiscoveryRule {
  readonly seriesQuery: string;
  readonly resources: {
    readonly overrides: Readonly<Record<string, { readonly group?: string; readonly resource: string }>>;
    readonly namespaced?: false;
  };
  readonly name: { readonly matches: string; readonly as: string };
  readonly metricsQuery: string;
}

/** The part of the values of prometheus-adapter 5.3.0 that the environment sets. Its own security context is the usual hardening. */
export interface PrometheusAdapterValues {
  readonly replicas: number;
  readonly logLevel: 2;
  readonly prometheus: { readonly url: string; readonly port: number; readonly path: "" };
  readonly rules: {
    readonly default: false;
    readonly custom: readonly DiscoveryRule[];
    readonly external?: readonly DiscoveryRule[];
  };
  readonly extraArguments: readonly string[];
  readonly extraVolumes?: readonly object[];
  readonly extraVolumeMounts?: readonly object[];
  readonly resources: ReturnType<typeof containerResources>;
  readonly certManager?: { readonly enabled: true };
  readonly affinity?: ReturnType<typeof spread>;
  readonly podDisruptionBudget?: { readonly enabled: true; readonly maxUnavailable: 1 };
}

/** Requests per second of each pod that counts them under the usual name. */
const requests: Rule = {
  series: 'http_requests_total{namespace!="",pod!=""}',
  resources: { namespace: "namespace", pod: "pod" },
  matches: "^http_requests_total$",
  as: "http_requests_per_second",
  query: "sum by (<<.GroupBy>>) (rate(<<.Series>>{<<.LabelMatchers>>}[2m]))",
};

/** Name of the metric that the adapter makes of a counter. */
export const perSecond = { http_requests_total: requests.as } as const;

const discovery = ({ series, resources, matches, as, query }: Rule): DiscoveryRule => ({
  seriesQuery: series,
  resources: {
    overrides: Object.fromEntries(
      Object.entries(resources).map(([label, kind]) => {
        const [resource = "", ...group] = kind.split(".");
        return [label, { ...(group.length === 0 ? {} : { group: group.join(".") }), resource }];
      }),
    ),
    // Else the adapter asks for the namespace of who asks, by a label that the rule does not name.
    ...(Object.values(resources).includes("namespace") ? {} : { namespaced: false }),
  },
  name: { matches, as },
  metricsQuery: query,
});

const asker = "prometheus-adapter";
const accessFolder = "/etc/prometheus-access";
const accessKey = "kubeconfig";

/**
 * How a store wants to be asked, as the adapter reads it: a kubeconfig (cmd/adapter, `--prometheus-auth-config`), for it knows no
 * other way to send a user's password. Its certificates are trusted alone. No Secret where the store wants nothing.
 */
export function access(store: Place | undefined, known: Known): SecretObject[] {
  if (store === undefined || !isRemote(store)) return [];
  const { access: wanted } = store;
  const ca = companyCaOf(store, known);
  const secret = secretText(wanted, known);
  if (secret === undefined && ca === undefined) return [];
  const user: SecretTree =
    secret === undefined
      ? {}
      : wanted.user === undefined
        ? { token: secret }
        : { username: wanted.user, password: secret };
  const trusted: SecretTree =
    ca === undefined ? {} : { "certificate-authority-data": Buffer.from(ca).toString("base64") };
  const name = "metrics";
  const kubeconfig: SecretTree = {
    apiVersion: "v1",
    kind: "Config",
    "current-context": name,
    contexts: [{ name, context: { cluster: name, user: name } }],
    clusters: [{ name, cluster: { server: store.url, ...trusted } }],
    users: [{ name, user }],
  };
  return [
    { name: secretOf(asker), namespace: namespaces.monitoring.name, data: { [accessKey]: { json: kubeconfig } } },
  ];
}

/** Where the adapter asks: the chart writes host and port of the address apart, of a server that is there already it is one text. */
function address(store: Place): PrometheusAdapterValues["prometheus"] {
  return { url: clusterUrl(store), port: 0, path: "" };
}

/** @param certificates whether cert-manager issues certificates; without it the API server cannot tell the adapter from another */
export function prometheusAdapterValues(
  settings: z.output<typeof prometheusAdapter>,
  store: Place,
  certificates: boolean,
  known: Known,
): PrometheusAdapterValues {
  const { replicas, rules, externalRules } = settings;
  const [secret] = access(store, known);
  const tenant = isRemote(store) ? store.access.tenant : undefined;
  return {
    replicas,
    // 4, the chart's own, logs every request.
    logLevel: 2,
    prometheus: address(store),
    rules: {
      // They ask for every series of the store, every minute.
      default: false,
      custom: [requests, ...rules].map(discovery),
      ...(externalRules.length === 0 ? {} : { external: externalRules.map(discovery) }),
    },
    extraArguments: [
      // A metric is there while a series of it has a sample within this time: by default that of asking for them, a minute.
      "--metrics-max-age=5m",
      ...(tenant === undefined ? [] : [`--prometheus-header=${tenantHeader}=${tenant}`]),
      ...(secret === undefined ? [] : [`--prometheus-auth-config=${accessFolder}/${accessKey}`]),
    ],
    ...(secret === undefined
      ? {}
      : {
          extraVolumes: [{ name: "prometheus-access", secret: { secretName: secret.name } }],
          extraVolumeMounts: [{ name: "prometheus-access", mountPath: accessFolder, readOnly: true }],
        }),
    resources: containerResources(settings.resources),
    ...(certificates ? { certManager: { enabled: true } } : {}),
    ...(replicas === 1 ? {} : { affinity: spread(labels), podDisruptionBudget: { enabled: true, maxUnavailable: 1 } }),
  };
}

/** By name alone (templates/deployment.yaml). */
export const pullSecrets = { image: { pullSecrets: [registryCredentialsName] } };
