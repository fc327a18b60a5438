/** Composes an environment: cluster, GitHub, Flux, and the components of its plan. */
import * as path from "node:path";
import { pathToFileURL } from "node:url";
import * as github from "@pulumi/github";
import * as k8s from "@pulumi/kubernetes";
import * as pulumi from "@pulumi/pulumi";
import { githubAddresses } from "../settings/github.ts";
import { sshServer } from "../settings/host-keys.ts";
import type { Stack } from "../settings/read.ts";
import { byDigest } from "../settings/digests.ts";
import type { SecretName } from "../settings/secrets.ts";
import * as versions from "../settings/versions.ts";
import { type Capability, clusterUrl, type Viewed } from "./capabilities.ts";
import type { Cluster, ExposedService } from "./cluster/cluster.ts";
import type { Generation } from "./cluster/generation.ts";
import { ExistingCluster } from "./cluster/existing-cluster.ts";
import { KindCluster } from "./cluster/kind-cluster.ts";
import { registryName, type WantedRegistry } from "./cluster/registry.ts";
import { contentOf, environmentContent } from "./content.ts";
import { contexts, homes, namespacesOf, type Seen, seen } from "./context.ts";
import { Deployed } from "./deploy.ts";
import { allowed } from "./flows.ts";
import { ChartSources } from "./gitops/chart-source.ts";
import { DeployKey } from "./gitops/deploy-key.ts";
import { explainUnready } from "./gitops/diagnosis.ts";
import { Flux } from "./gitops/flux.ts";
import { githubKnownHosts } from "./gitops/known-hosts.ts";
import { type LocalContent, localContent, LocalRegistry } from "./gitops/local-registry.ts";
import { environmentFolder, sourceName } from "./gitops/names.ts";
import { Repository } from "./gitops/repository.ts";
import { Source, type SyncedFolder, yamlScalars } from "./gitops/source.ts";
import { HostPort } from "./kubernetes/host-port.ts";
import { commonLabels, labelling } from "./kubernetes/labels.ts";
import type { Manifest } from "./kubernetes/manifest.ts";
import { Namespace } from "./kubernetes/namespace.ts";
import { ownNamespaces } from "./occupancy.ts";
import type { Outputs, ServiceUrl } from "./outputs.ts";
import { type Chosen, plan, prerequisites, providers, working } from "./plan.ts";
import { preflightHook, preflightInput } from "./preflight.ts";
import { TelemetryProbe } from "./probe/telemetry-probe.ts";
import { requestedResources } from "./requests.ts";

export interface EnvironmentArgs {
  readonly stack: Stack;
  /** Flux's objects (`fluxManifests`). */
  readonly fluxManifests: readonly Manifest[];
  /** Which Kind cluster of this name is wanted (`clusterGeneration`).
   * @default the first */
  readonly clusterGeneration?: Generation;
  /** Content of `network.ca`, PEM.
   * @default none */
  readonly ca?: string;
  /** Which existing cluster it is (`clusterUid`).
   * @default not asked */
  readonly clusterUid?: string | undefined;
  /** Which registry beside the Kind cluster is wanted (`registryGeneration`). @default nobody has looked */
  readonly registry?: WantedRegistry;
  /** Kubeconfig of an existing cluster, for whoever only looks at what is declared. @default it is read */
  readonly kubeconfig?: { readonly file: string; readonly text: string };
}

/** By what images are pulled: by digest, too, where one is pinned and the settings do not say otherwise. */
const imageNames =
  ({ network }: Stack["settings"]) =>
  (name: string) =>
    network.imagesByDigest ? byDigest(name) : name;

/**
 * Where the runbooks are: at GitHub beside the content that Flux syncs, else in this clone. A browser follows no link from a page
 * to a file, but opens it when the address is pasted; nothing else has them for certain.
 */
function runbooks({ settings: { repository, source }, github: { owner } }: Stack): string {
  if (source.type === "local-registry")
    return pathToFileURL(path.resolve(import.meta.dirname, "../docs/runbooks")).href;
  const branch = repository.branch.split("/").map(encodeURIComponent).join("/");
  return `${githubAddresses(repository.apiUrl).web}/${owner}/${repository.name}/blob/${branch}/docs/runbooks`;
}

/** From where Flux fetches, and what has to be there first. */
interface Delivery {
  readonly origin: ConstructorParameters<typeof Source>[1]["origin"];
  readonly prerequisites: readonly pulumi.Resource[];
  readonly outputs: Pick<Outputs, "deployKeyFingerprint" | "repository">;
  /** Hosts that Flux never asks through a proxy. @default none */
  readonly direct?: readonly string[];
  /** Told the folders that Flux applies. */
  readonly end?: (folders: readonly pulumi.Resource[]) => void;
}

/** One environment: cluster, deploy key, Flux and every component. */
export class Environment extends pulumi.ComponentResource {
  readonly outputs: Outputs;

  constructor(name: string, args: EnvironmentArgs, opts?: pulumi.ComponentResourceOptions) {
    const { stack } = args;
    const { settings } = stack;
    const { chosen } = plan(settings);
    const content = settings.source.type === "local-registry" ? localContent(stack.name, settings) : undefined;
    const preflight = preflightInput(
      stack,
      content?.artifact.digest,
      args.clusterUid === undefined
        ? args.clusterGeneration?.generation
        : // What may be in the way is looked at again when the environment needs another name.
          JSON.stringify([
            args.clusterUid,
            ownNamespaces(settings),
            chosen.flatMap(({ component: { charts } }) => charts),
            settings.provided,
          ]),
    );
    const inputs = { preflight, ...(args.clusterUid === undefined ? {} : { cluster: args.clusterUid }) };
    super("observability:index:Environment", name, inputs, { ...opts, hooks: preflightHook(stack) });
    const cluster = this.cluster(args);
    const shared = cluster.lifetime === undefined;

    // The key and the repository belong to GitHub: nothing of them is deleted "with the cluster".
    const delivery = this.delivery(args, cluster, content);
    const { proxy } = settings.network;

    const provider = this.provider("cluster", cluster, {
      // On a cluster of our own, a create that was cut off is picked up again; elsewhere nothing is adopted.
      upsertExistingObjects: !shared,
    });
    // What an earlier environment left to others (`Flux`): preflight has refused what is somebody else's.
    const kept = shared
      ? this.provider("kept-definitions", cluster, { upsertExistingObjects: true, enablePatchForce: true })
      : undefined;
    const platform = new Platform("platform", cluster, provider, {
      parent: this,
      transformations: [labelling(commonLabels(stack.name))],
    });
    const inCluster = { parent: platform };

    const { registryCredentials } = stack.secrets;
    const credentials = registryCredentials !== undefined;
    const image = imageNames(settings);
    const context = contexts(
      chosen,
      {
        name: stack.name,
        clusterName: cluster.name,
        kind: settings.cluster.type === "kind",
        scrapeControlPlane: settings.cluster.type === "kind" && settings.cluster.kind.scrapeControlPlane,
        credentials,
        secrets: Object.keys(stack.secrets) as SecretName[],
        ca: args.ca,
        image,
      },
      settings.applications.namespaces,
      cluster.hostPorts,
    );
    const flux = new Flux(
      "flux",
      {
        manifests: args.fluxManifests,
        image,
        registryCredentials,
        proxy: proxy && { ...proxy, noProxy: [...proxy.noProxy, ...(delivery.direct ?? [])] },
        proxyCredentials: stack.secrets.proxyCredentials,
        ...(kept === undefined ? {} : { kept }),
      },
      inCluster,
    );
    const mayEnter = allowed(chosen, context, cluster.hostPorts);
    const namespaces = new Map(
      namespacesOf(chosen, context).map(({ name: namespace, podSecurity }) => {
        const allow = mayEnter.get(namespace) ?? [];
        return [
          namespace,
          new Namespace(namespace, { namespace, podSecurity, allow, registryCredentials }, inCluster),
        ] as const;
      }),
    );

    // Charts are fetched at once; components wait only for what they need.
    const explain = explainUnready(cluster);
    const sources = new ChartSources(
      "charts",
      {
        settings: settings.charts,
        shared,
        ca: args.ca,
        credentials,
        imagesByDigest: settings.network.imagesByDigest,
        prerequisites: [flux],
        explain,
      },
      inCluster,
    );
    const deployed = new Map<string, Deployed>();
    const made = (some: readonly Chosen[]) => some.flatMap(({ component: { key } }) => deployed.get(key) ?? []);
    for (const one of chosen.filter(({ provided }) => !provided)) {
      const { key } = one.component;
      const parts = chosen.filter(({ component: { partOf } }) => partOf === key);
      const own = homes(chosen, one, context).flatMap((namespace) => namespaces.get(namespace) ?? []);
      deployed.set(
        key,
        new Deployed(
          {
            chosen: one,
            context: context(one),
            parts: parts.map((part) => ({ chosen: part, context: context(part) })),
            sources,
            cluster,
            secrets: stack.secrets,
            alertingSecrets: stack.alertingSecrets,
            prerequisites: [flux, ...own, ...made(prerequisites(chosen, one))],
          },
          inCluster,
        ),
      );
    }
    /** What has to be there for a capability to work. */
    const capable = (...capabilities: readonly Capability[]) => made(working(chosen, capabilities));

    const [gateway] = providers(chosen, "gateway").flatMap(({ offers }) => offers.gateway ?? []);
    if (settings.probe.enabled && gateway !== undefined) {
      const stores = (["traces", "logs", "metrics"] as const).flatMap((signal) =>
        providers(chosen, signal).flatMap(({ offers }) => {
          const store = offers[signal];
          if (store === undefined) return [];
          const { endpoint, lookup, title } = store;
          return [{ signal, title, endpoint, lookup }];
        }),
      );
      new TelemetryProbe(
        "probe",
        {
          stores,
          gateway,
          settings: settings.probe,
          cluster,
          of: [settings, versions, chosen.map(({ component: { charts } }) => charts)],
          prerequisites: capable("gateway", "traces", "logs", "metrics"),
        },
        inCluster,
      );
    }
    for (const viewed of Object.keys(cluster.hostPorts) as ExposedService[]) {
      const mapping = cluster.hostPorts[viewed];
      const first = seen(chosen, viewed).find(({ ui }) => ui !== undefined);
      if (mapping === undefined || first?.ui === undefined) continue;
      const { namespace } = first.endpoint;
      const { selector, podPort: targetPort } = first.ui;
      const own = namespaces.get(namespace);
      new HostPort(
        viewed,
        { namespace, selector, targetPort, mapping, prerequisites: own === undefined ? [] : [own] },
        inCluster,
      );
    }

    const ready = [...namespaces.values(), ...capable("monitors")];
    const folders: SyncedFolder[] = [
      {
        name: "environment",
        path: environmentFolder(stack.name, settings),
        components: environmentContent(chosen),
        prerequisites: ready,
      },
      ...chosen.flatMap((one) => {
        const folder = one.component.folder?.(context(one));
        return folder === undefined
          ? []
          : [
              {
                ...folder,
                components: folder.content === undefined ? [] : contentOf(folder.content, chosen),
                prerequisites: [...ready, ...capable("injection"), ...made([one])],
              },
            ];
      }),
    ];
    const source = new Source(
      sourceName,
      {
        origin: delivery.origin,
        folders,
        interval: settings.flux.interval,
        substitute: variables(stack, cluster, chosen, context),
        labels: commonLabels(stack.name),
        prerequisites: [flux, ...delivery.prerequisites],
        explain,
      },
      inCluster,
    );
    delivery.end?.(source.folders);

    const serviceUrls = urls(chosen, context, cluster);
    const [dashboards] = providers(chosen, "dashboards");
    const grafana = dashboards?.offers.dashboards;
    this.outputs = {
      kubeconfigPath: cluster.kubeconfigPath,
      kubeconfig: cluster.kubeconfig,
      grafanaUrl: serviceUrls["dashboards"]?.host ?? serviceUrls["dashboards"]?.cluster ?? null,
      grafanaUser: grafana?.user ?? null,
      grafanaPassword: deployed.get(dashboards?.component.key ?? "")?.generated[grafana?.password ?? ""] ?? null,
      serviceUrls,
      ...delivery.outputs,
      componentVersions: {
        ...together([...deployed.values()].map(({ charts }) => charts)),
        ...together(chosen.map(({ component, settings: own }) => component.images?.(own))),
        flux: versions.flux,
        ...(settings.cluster.type === "kind" ? { "kind-node": settings.cluster.kind.nodeImage } : {}),
      },
    };
    this.registerOutputs();
  }

  private cluster({ stack, clusterGeneration, clusterUid, kubeconfig }: EnvironmentArgs): Cluster {
    const { cluster } = stack.settings;
    if (cluster.type === "existing" && cluster.existing !== undefined) {
      const known = { uid: clusterUid, read: kubeconfig };
      return new ExistingCluster("existing", { ...cluster.existing, ...known }, { parent: this });
    }
    const requests = requestedResources(stack.settings);
    return new KindCluster(
      "cluster",
      {
        project: stack.project,
        stack: stack.name,
        settings: cluster.kind,
        nodeImage: imageNames(stack.settings)(cluster.kind.nodeImage),
        ca: stack.settings.network.ca,
        registryCredentials: stack.secrets.registryCredentials,
        requests,
        ...(clusterGeneration === undefined ? {} : { generation: clusterGeneration }),
      },
      { parent: this },
    );
  }

  private provider(name: string, cluster: Cluster, args: k8s.ProviderArgs): k8s.Provider {
    return new k8s.Provider(
      name,
      {
        kubeconfig: cluster.kubeconfig,
        context: cluster.context,
        ...(cluster.identifier === undefined ? {} : { clusterIdentifier: cluster.identifier }),
        // A Secret that is replaced is gone for a moment: Flux would fail a fetch during a key rotation.
        enableSecretMutable: true,
        ...args,
      },
      {
        parent: this,
        // An argument of the plugin, which the SDK does not know (4.34, `CheckConfig`): an empty kubeconfig is an error and
        // never leads to the ambient one. Unknown as long as the kubeconfig is: the plugin would crash on that.
        transformations: [
          ({ props, opts }) => ({ props: { ...props, strictMode: cluster.kubeconfig.apply(() => "true") }, opts }),
        ],
        ...(cluster.lifetime === undefined ? {} : { deletedWith: cluster.lifetime }),
      },
    );
  }

  private delivery(
    { stack, registry }: EnvironmentArgs,
    cluster: Cluster,
    content: LocalContent | undefined,
  ): Delivery {
    if (content === undefined || !(cluster instanceof KindCluster)) return this.github(stack);
    const local = new LocalRegistry(
      "registry",
      {
        project: stack.project,
        stack: stack.name,
        cluster,
        image: imageNames(stack.settings)(stack.settings.source.registryImage),
        content,
        ...(registry === undefined ? {} : { registry }),
      },
      { parent: this },
    );
    const end = (folders: readonly pulumi.Resource[]) => {
      local.awaitApplied(folders);
    };
    const outputs = { deployKeyFingerprint: null, repository: null };
    const direct = [registryName(cluster.name)];
    return { origin: local.origin, prerequisites: [local.pushed], outputs, direct, end };
  }

  private github(stack: Stack): Delivery {
    const { settings, github: account } = stack;
    const provider = new github.Provider(
      "github",
      {
        owner: account.owner,
        baseUrl: settings.repository.apiUrl,
        ...(account.token === undefined ? {} : { token: account.token }),
      },
      {
        parent: this,
        // The SDK would take GITHUB_TOKEN for an input, so that each new token of a CI run is a change of the stack, kept in
        // its state. The plugin reads the variable by itself.
        transformations: [
          ({ props, opts }) => ({
            props: account.token === undefined ? { ...(props as object), token: undefined } : props,
            opts,
          }),
        ],
      },
    );
    const options = { parent: this, providers: [provider] };
    const repository = new Repository(
      "repository",
      {
        settings: settings.repository,
        ca: settings.network.ca,
        stack: stack.name,
        folder: environmentFolder(stack.name, settings),
        ...account,
      },
      options,
    );
    const deployKey = new DeployKey(
      "deploy-key",
      {
        repository: settings.repository.name,
        title: `flux ${stack.project}/${stack.name}`,
        rotation: settings.deployKey.rotation,
        github: { ...account, apiUrl: settings.repository.apiUrl },
        prerequisites: repository.ready,
      },
      options,
    );
    const gitUrl =
      settings.repository.sshUrl ??
      `${githubAddresses(settings.repository.apiUrl).ssh ?? ""}/${account.owner}/${settings.repository.name}.git`;
    return {
      origin: {
        url: gitUrl,
        branch: settings.repository.branch,
        privateKey: deployKey.privateKey,
        publicKey: deployKey.publicKey,
        keyVersion: String(settings.deployKey.rotation),
        knownHosts: settings.repository.knownHosts ?? githubKnownHosts(sshServer(gitUrl)),
      },
      prerequisites: [deployKey.registration, ...repository.ready],
      outputs: {
        deployKeyFingerprint: deployKey.fingerprint,
        repository: pulumi.output(`${account.owner}/${settings.repository.name}`),
      },
    };
  }
}

function together(texts: readonly (Readonly<Record<string, string>> | undefined)[]): Record<string, string> {
  return Object.fromEntries(texts.flatMap((some) => Object.entries(some ?? {})));
}

/** Values that the manifests of `flux-repo/` may use. */
function variables(
  stack: Stack,
  cluster: Cluster,
  chosen: readonly Chosen[],
  context: ReturnType<typeof contexts>,
): Record<string, string> {
  const [gateway] = providers(chosen, "gateway").flatMap(({ offers }) => offers.gateway ?? []);
  const [dashboards] = providers(chosen, "dashboards");
  return {
    ...yamlScalars({
      CLUSTER_NAME: cluster.name,
      ...together(chosen.map((one) => one.component.variables?.(context(one)))),
      ...(gateway === undefined
        ? {}
        : { COLLECTOR_OTLP_GRPC: clusterUrl(gateway.otlpGrpc), COLLECTOR_OTLP_HTTP: clusterUrl(gateway.otlpHttp) }),
    }),
    // Something follows them in the manifests.
    RUNBOOK_BASE_URL: runbooks(stack),
    GRAFANA_URL: dashboards === undefined ? "" : context(dashboards).browserUrl("dashboards"),
  };
}

/** Where people and programs find what they look into: by the name of the capability, further ones with their own behind it. */
function urls(
  chosen: readonly Chosen[],
  context: ReturnType<typeof contexts>,
  cluster: Cluster,
): Record<string, ServiceUrl> {
  const one = (viewed: Viewed, { key, endpoint, ui }: Seen, index: number): [string, ServiceUrl] => {
    const [any] = chosen;
    const mapped = index === 0 && ui !== undefined && viewed in cluster.hostPorts;
    const host = mapped && any !== undefined ? context(any).browserUrl(viewed) : null;
    return [index === 0 ? viewed : `${viewed}-${key}`, { host, cluster: clusterUrl(endpoint) }];
  };
  const stores = (["dashboards", "metrics", "alerts", "traces", "logs"] as const).flatMap((viewed) =>
    seen(chosen, viewed).map((found, index) => one(viewed, found, index)),
  );
  const gateways = providers(chosen, "gateway").flatMap(({ offers: { gateway } }) =>
    gateway === undefined
      ? []
      : (["otlpGrpc", "otlpHttp"] as const).map(
          (name) => [name, { host: null, cluster: clusterUrl(gateway[name]) }] as const,
        ),
  );
  return Object.fromEntries([...stores, ...gateways]);
}

/**
 * Everything inside the cluster. The engine hands `deletedWith` and the provider down to all that is below: on a cluster
 * of our own, `destroy` removes the cluster and asks it for nothing.
 */
class Platform extends pulumi.ComponentResource {
  constructor(name: string, cluster: Cluster, provider: k8s.Provider, opts: pulumi.ComponentResourceOptions) {
    super(
      "observability:index:Platform",
      name,
      {},
      {
        ...opts,
        providers: [provider],
        ...(cluster.lifetime === undefined ? {} : { deletedWith: cluster.lifetime }),
      },
    );
    this.registerOutputs();
  }
}
