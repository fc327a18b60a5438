/** What a stack tells people and CI. Names and shapes are a contract: `schemas/outputs.schema.json`. */
import type * as pulumi from "@pulumi/pulumi";
import { clusterUrl, isRemote, type Viewed } from "./capabilities.ts";
import type { Cluster } from "./cluster/cluster.ts";
import { type contexts, type Seen, seen } from "./context.ts";
import type { Deployed } from "./deploy.ts";
import { type Chosen, providers } from "./plan.ts";
import { isClusterName } from "./remote.ts";
import type { SharedSecrets } from "./shared-secrets.ts";

/** Where a service answers. */
export interface ServiceUrl {
  /** URL on the host that made the environment; null where the cluster maps no port to it, and of names that only pods know. */
  readonly host: string | null;
  /** URL inside the cluster. */
  readonly cluster: string;
}

export interface Outputs {
  /** Absolute path of the kubeconfig: `export KUBECONFIG=$(pulumi stack output kubeconfigPath)`. */
  readonly kubeconfigPath: string;
  /** Secret. */
  readonly kubeconfig: pulumi.Output<string>;
  /** Grafana's URL: on the host where there is one, else in the cluster. Null, as the next two, without Grafana. */
  readonly grafanaUrl: string | null;
  readonly grafanaUser: string | null;
  /** Secret. */
  readonly grafanaPassword: pulumi.Output<string> | null;
  /** Kibana's URL: on the host where a port of it leads there, else in the cluster. Null, as the next two, without Kibana. */
  readonly kibanaUrl: string | null;
  readonly kibanaUser: string | null;
  /** Secret. */
  readonly kibanaPassword: pulumi.Output<string> | null;
  /** By capability: `dashboards`, `metrics`, `alerts`, `logs`, `traces`; and `otlpGrpc`, `otlpHttp` for applications. */
  readonly serviceUrls: Readonly<Record<string, ServiceUrl>>;
  /** `SHA256:...` of the deploy key, as GitHub shows it; null where nothing is at GitHub (`source.type`). */
  readonly deployKeyFingerprint: pulumi.Output<string> | null;
  /** `owner/name` of the repository that Flux syncs; null as above. */
  readonly repository: pulumi.Output<string> | null;
  /** Version of each part: charts, Flux, node image, collector. */
  readonly componentVersions: Readonly<Record<string, string>>;
}

/** Texts of several by name. */
export function together(texts: readonly (Readonly<Record<string, string>> | undefined)[]): Record<string, string> {
  return Object.fromEntries(texts.flatMap((some) => Object.entries(some ?? {})));
}

/** Where people and programs find what they look into: by the name of the capability, further ones with their own behind it. */
export function serviceUrlsOf(
  chosen: readonly Chosen[],
  context: ReturnType<typeof contexts>,
  cluster: Cluster,
): Record<string, ServiceUrl> {
  const one = (viewed: Viewed, { key, endpoint, ui }: Seen, index: number): [string, ServiceUrl] => {
    const [any] = chosen;
    const name = index === 0 ? viewed : `${viewed}-${key}`;
    if (isRemote(endpoint))
      return [name, { host: isClusterName(endpoint.url) ? null : endpoint.url, cluster: endpoint.url }];
    const mapped = index === 0 && ui !== undefined && viewed in cluster.hostPorts;
    const host = mapped && any !== undefined ? context(any).browserUrl(viewed) : null;
    return [name, { host, cluster: clusterUrl(endpoint) }];
  };
  const stores = (["dashboards", "metrics", "alerts", "traces", "logs"] as const).flatMap((viewed) =>
    seen(chosen, viewed).map((found, index) => one(viewed, found, index)),
  );
  const gateways = providers(chosen, "gateway").flatMap(({ offers: { gateway } }) =>
    gateway === undefined
      ? []
      : Object.entries({ otlpGrpc: gateway.otlpGrpc, otlpHttp: gateway.otlpHttp, ...gateway.older }).map(
          ([name, place]) => [name, { host: null, cluster: clusterUrl(place) }] as const,
        ),
  );
  return Object.fromEntries([...stores, ...gateways]);
}

/** Where the interfaces are, and how one logs in to Grafana. */
export function interfaceOutputs(
  chosen: readonly Chosen[],
  context: ReturnType<typeof contexts>,
  cluster: Cluster,
  deployed: ReadonlyMap<string, Deployed>,
  shared: SharedSecrets,
): Pick<
  Outputs,
  "grafanaUrl" | "grafanaUser" | "grafanaPassword" | "kibanaUrl" | "kibanaUser" | "kibanaPassword" | "serviceUrls"
> {
  const serviceUrls = serviceUrlsOf(chosen, context, cluster);
  const [dashboards] = providers(chosen, "dashboards");
  const login = dashboards?.offers.dashboards?.login;
  const stores = providers(chosen, "logs").flatMap(({ offers }) => offers.logs ?? []);
  const kibana = stores.find(({ login: asked }) => asked !== undefined)?.login;
  // A port of the host leads to the first store's.
  const ofLogs = stores[0]?.login === undefined ? undefined : serviceUrls["logs"];
  return {
    grafanaUrl: serviceUrls["dashboards"]?.host ?? serviceUrls["dashboards"]?.cluster ?? null,
    grafanaUser: login?.user ?? null,
    grafanaPassword: deployed.get(dashboards?.component.key ?? "")?.generated[login?.password ?? ""] ?? null,
    kibanaUrl: kibana === undefined ? null : (ofLogs?.host ?? clusterUrl(kibana.at)),
    kibanaUser: kibana?.user ?? null,
    kibanaPassword: kibana === undefined ? null : shared.password(kibana.password),
    serviceUrls,
  };
}

/** Versions of charts that are deployed, and of images that components name themselves. */
export function deployedVersions(
  chosen: readonly Chosen[],
  deployed: ReadonlyMap<string, Deployed>,
): Record<string, string> {
  return {
    ...together([...deployed.values()].map(({ charts }) => charts)),
    ...together(chosen.map(({ component, settings }) => component.images?.(settings))),
  };
}
