/** Composes an environment: cluster, delivery, Flux, and the components of its plan. */
import { nodeSources } from "./agents/node-sources.ts";
import * as pulumi from "@pulumi/pulumi";
import { imageNames } from "../settings/digests.ts";
import type { Stack } from "../settings/read.ts";
import type { SecretName } from "../settings/secrets.ts";
import * as versions from "../settings/versions.ts";
import { type Capability, isRemote } from "./capabilities.ts";
import type { Generation } from "./cluster/generation.ts";
import { clusterProvider, openCluster } from "./cluster/open.ts";
import type { WantedRegistry } from "./cluster/registry.ts";
import { componentFolders, environmentContent } from "./content.ts";
import { contexts, namespacesOf } from "./context.ts";
import { deploy } from "./deploy.ts";
import { allowed } from "./flows.ts";
import { ChartSources } from "./gitops/chart-source.ts";
import { deliver, runbooks } from "./gitops/delivery.ts";
import { explainUnready } from "./gitops/diagnosis.ts";
import { Flux } from "./gitops/flux.ts";
import { FluxGuest } from "./gitops/guest.ts";
import { localContent } from "./gitops/local-registry.ts";
import { environmentFolder, fluxHome, sourceName } from "./gitops/names.ts";
import { Source } from "./gitops/source.ts";
import { exposeInterfaces } from "./interfaces.ts";
import { keptBy } from "./keeping.ts";
import { commonLabels, labelling } from "./kubernetes/labels.ts";
import type { Manifest } from "./kubernetes/manifest.ts";
import { Namespace } from "./kubernetes/namespace.ts";
import { Platform } from "./kubernetes/platform.ts";
import { declaredDefinitions, ownNamespaces } from "./occupancy.ts";
import { deployedVersions, interfaceOutputs, type Outputs } from "./outputs.ts";
import { plan, providers, working } from "./plan.ts";
import { type PreflightInputs, preflightHook, preflightInput } from "./preflight.ts";
import { probedStores, TelemetryProbe } from "./probe/telemetry-probe.ts";
import { SharedSecrets } from "./shared-secrets.ts";
import { variables } from "./variables.ts";

export interface EnvironmentArgs {
  readonly stack: Stack;
  /** Flux's objects (`fluxManifests`); none where the cluster provides it. */
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
            declaredDefinitions(settings),
          ]),
    );
    const inputs: PreflightInputs = {
      preflight,
      keeps: keptBy(chosen),
      ...(args.clusterUid === undefined ? {} : { cluster: args.clusterUid }),
    };
    super("observability:index:Environment", name, inputs, { ...opts, hooks: preflightHook(stack) });
    const cluster = openCluster(args, this);
    const shared = cluster.lifetime === undefined;

    // The key and the repository belong to GitHub: nothing of them is deleted "with the cluster".
    const delivery = deliver(args, cluster, content, this);
    const { proxy } = settings.network;

    // On a cluster of our own, a create that was cut off is picked up again; elsewhere nothing is adopted.
    const provider = clusterProvider("cluster", cluster, { upsertExistingObjects: !shared }, this);
    const home = fluxHome(settings);
    const ownFlux = chosen.some(({ component: { key }, provided }) => key === "flux" && !provided);
    // What an earlier environment left to others (`Flux`): preflight has refused what is somebody else's.
    const kept =
      shared && ownFlux
        ? clusterProvider("kept-definitions", cluster, { upsertExistingObjects: true, enablePatchForce: true }, this)
        : undefined;
    const platform = new Platform("platform", cluster, provider, {
      parent: this,
      transformations: [labelling(commonLabels(stack.name))],
    });
    const inCluster = { parent: platform };

    const { registryCredentials } = stack.secrets;
    const credentials = registryCredentials !== undefined;
    const image = imageNames(settings.network.imagesByDigest);
    const context = contexts(
      chosen,
      {
        name: stack.name,
        clusterName: cluster.name,
        kind: settings.cluster.type === "kind",
        scrapeControlPlane: settings.cluster.type === "kind" && settings.cluster.kind.scrapeControlPlane,
        redact: settings.redact,
        nodeSources: nodeSources(settings),
        credentials,
        secrets: Object.keys(stack.secrets) as SecretName[],
        ca: args.ca,
        image,
        runbooks: runbooks(stack),
      },
      settings.applications.namespaces,
      cluster.hostPorts,
    );
    const flux = ownFlux
      ? new Flux(
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
        )
      : new FluxGuest("flux", { registryCredentials }, inCluster);
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

    const explain = explainUnready(cluster);
    const sources = new ChartSources(
      "charts",
      {
        home,
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
    const sharedSecrets = new SharedSecrets(inCluster);
    const { deployed, made } = deploy(
      chosen,
      context,
      namespaces,
      {
        sources,
        cluster,
        secrets: stack.secrets,
        members: stack.members,
        shared: sharedSecrets,
        prerequisites: [flux],
      },
      inCluster,
    );
    /** What has to be there for a capability to work. */
    const capable = (...capabilities: readonly Capability[]) => made(working(chosen, capabilities));

    const [gateway] = providers(chosen, "gateway").flatMap(({ offers }) => offers.gateway ?? []);
    if (settings.probe.enabled && gateway !== undefined && !isRemote(gateway.otlpHttp)) {
      new TelemetryProbe(
        "probe",
        {
          stores: probedStores(chosen),
          gateway: gateway.otlpHttp,
          secrets: stack.secrets,
          shared: sharedSecrets,
          settings: settings.probe,
          ca: settings.network.ca,
          cluster,
          of: [settings, versions, chosen.map(({ component: { charts } }) => charts)],
          prerequisites: capable("gateway", "traces", "logs", "metrics"),
        },
        inCluster,
      );
    }
    exposeInterfaces(chosen, cluster.hostPorts, namespaces, inCluster);

    const ready = [...namespaces.values(), ...capable("monitors")];
    const environment = {
      name: "environment",
      path: environmentFolder(stack.name, settings),
      components: environmentContent(chosen),
      prerequisites: ready,
    };
    const folders = [
      environment,
      ...componentFolders(chosen, context, (one) => [...ready, ...capable("injection"), ...made([one])]),
    ];
    const source = new Source(
      sourceName,
      {
        home,
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

    this.outputs = {
      kubeconfigPath: cluster.kubeconfigPath,
      kubeconfig: cluster.kubeconfig,
      ...interfaceOutputs(chosen, context, cluster, deployed, sharedSecrets),
      ...delivery.outputs,
      componentVersions: {
        ...deployedVersions(chosen, deployed),
        ...(ownFlux ? { flux: versions.flux } : {}),
        ...(settings.cluster.type === "kind" ? { "kind-node": settings.cluster.kind.nodeImage } : {}),
      },
    };
    this.registerOutputs();
  }
}
