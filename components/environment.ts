/** Composes an environment: the one place that knows who depends on whom. */
import * as path from "node:path";
import { pathToFileURL } from "node:url";
import * as github from "@pulumi/github";
import * as k8s from "@pulumi/kubernetes";
import * as pulumi from "@pulumi/pulumi";
import { demoFolder } from "../settings/demo.ts";
import { githubAddresses } from "../settings/github.ts";
import { sshServer } from "../settings/host-keys.ts";
import type { Stack } from "../settings/read.ts";
import { requestedResources } from "../settings/resources.ts";
import { byDigest } from "../settings/digests.ts";
import * as versions from "../settings/versions.ts";
import { clusterUrl, type Endpoint } from "./capabilities.ts";
import type { Cluster, ExposedService } from "./cluster/cluster.ts";
import type { Generation } from "./cluster/generation.ts";
import { ExistingCluster } from "./cluster/existing-cluster.ts";
import { KindCluster } from "./cluster/kind-cluster.ts";
import { registryName, type WantedRegistry } from "./cluster/registry.ts";
import { kbotRepositoryAccess, kbotRepositoryPatch, KbotSecret, kbotVariables } from "./demo/kbot.ts";
import { Podinfo, podinfoImage, podinfoPort } from "./demo/podinfo.ts";
import { ChartSources } from "./gitops/chart-source.ts";
import { DeployKey } from "./gitops/deploy-key.ts";
import { explainUnready } from "./gitops/diagnosis.ts";
import { Flux } from "./gitops/flux.ts";
import { pullSecretsPatches, Source, type SyncedFolder, yamlScalars } from "./gitops/source.ts";
import { githubKnownHosts } from "./gitops/known-hosts.ts";
import { type LocalContent, localContent, LocalRegistry } from "./gitops/local-registry.ts";
import { environmentFolder, sourceName } from "./gitops/names.ts";
import { Repository } from "./gitops/repository.ts";
import { HostPort } from "./kubernetes/host-port.ts";
import { commonLabels, labelling } from "./kubernetes/labels.ts";
import type { Manifest } from "./kubernetes/manifest.ts";
import { type Allow, Namespace } from "./kubernetes/namespace.ts";
import { AnnotatedPods } from "./monitoring/annotated-pods.ts";
import { CertManager } from "./monitoring/cert-manager.ts";
import type { ReleaseArgs } from "./monitoring/component.ts";
import { FluentBit } from "./monitoring/fluent-bit.ts";
import { Instrumentation } from "./monitoring/instrumentation.ts";
import { Jaeger, jaegerSelector, jaegerStore } from "./monitoring/jaeger.ts";
import {
  alertmanagerEndpoint,
  grafanaEndpoint,
  KubePrometheusStack,
  kubePrometheusStackSelectors,
  prometheusStore,
} from "./monitoring/kube-prometheus-stack.ts";
import { Loki, lokiStore } from "./monitoring/loki.ts";
import { namespaces } from "./monitoring/namespaces.ts";
import { collectorGateway, OpentelemetryCollector } from "./monitoring/opentelemetry-collector.ts";
import { OpentelemetryOperator } from "./monitoring/opentelemetry-operator.ts";
import { PrometheusOperatorCrds } from "./monitoring/prometheus-operator-crds.ts";
import { ownNamespaces } from "./occupancy.ts";
import type { Outputs, ServiceUrl } from "./outputs.ts";
import { preflightHook, preflightInput } from "./preflight.ts";
import { TelemetryProbe } from "./probe/telemetry-probe.ts";

/** User interfaces: where they are, the pods behind them, and the port of those pods. */
const interfaces: Readonly<
  Record<ExposedService, { endpoint: Endpoint; selector: Readonly<Record<string, string>>; podPort: number }>
> = {
  grafana: { endpoint: grafanaEndpoint, selector: kubePrometheusStackSelectors.grafana, podPort: 3000 },
  prometheus: { endpoint: prometheusStore.endpoint, selector: kubePrometheusStackSelectors.prometheus, podPort: 9090 },
  alertmanager: { endpoint: alertmanagerEndpoint, selector: kubePrometheusStackSelectors.alertmanager, podPort: 9093 },
  jaeger: { endpoint: jaegerStore.endpoint, selector: jaegerSelector, podPort: 16686 },
};

/**
 * Where a browser finds an interface: by its port on the host, else by the port-forward of docs/commands.md. Links need it, and
 * Prometheus and Alertmanager take the path of their own redirects from it, not from their route prefix.
 */
/** By what images are pulled: by digest, too, where one is pinned and the settings do not say otherwise. */
const imageNames =
  ({ network }: Stack["settings"]) =>
  (name: string) =>
    network.imagesByDigest ? byDigest(name) : name;

function browserUrl(service: ExposedService, cluster: Cluster): string {
  const { endpoint, podPort } = interfaces[service];
  return `http://localhost:${cluster.hostPorts[service]?.hostPort ?? podPort}${endpoint.path}`;
}

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
    const content = settings.source.type === "local-registry" ? localContent(stack.name, settings) : undefined;
    const preflight = preflightInput(
      stack,
      content?.artifact.digest,
      args.clusterUid === undefined
        ? args.clusterGeneration?.generation
        : // What may be in the way is looked at again when the environment needs another name.
          JSON.stringify([args.clusterUid, ownNamespaces(settings), versions.charts]),
    );
    const inputs = { preflight, ...(args.clusterUid === undefined ? {} : { cluster: args.clusterUid }) };
    super("observability:index:Environment", name, inputs, { ...opts, hooks: preflightHook(stack) });
    const { demo } = settings;
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
    const applications = [
      ...new Set([...(demo.enabled ? [namespaces.demo] : []), ...settings.applications.namespaces]),
    ];
    const image = imageNames(settings);
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
    const uiPorts: Allow[] = (Object.keys(cluster.hostPorts) as ExposedService[]).map((service) => ({
      name: service,
      to: interfaces[service].selector,
      ports: [interfaces[service].podPort],
      from: "anyone",
    }));
    const monitoring = new Namespace(
      "monitoring",
      {
        namespace: namespaces.monitoring,
        registryCredentials,
        podSecurity: "restricted",
        allow: [
          ...uiPorts,
          { name: "logs", to: { "app.kubernetes.io/name": "loki" }, ports: [3100], from: [namespaces.nodeAgents] },
          {
            name: "telemetry",
            to: { "app.kubernetes.io/component": "opentelemetry-collector" },
            ports: [4317, 4318],
            from: applications,
          },
          {
            name: "opentelemetry-webhook",
            to: { "app.kubernetes.io/name": "opentelemetry-operator" },
            ports: [9443],
            from: "anyone",
          },
        ],
      },
      inCluster,
    );
    const nodeAgents = new Namespace(
      "node-agents",
      {
        namespace: namespaces.nodeAgents,
        registryCredentials,
        podSecurity: "privileged",
        allow: [{ name: "metrics", ports: [2020, 9100], from: [namespaces.monitoring] }],
      },
      inCluster,
    );
    const certManagerNamespace = new Namespace(
      "cert-manager-namespace",
      {
        namespace: namespaces.certManager,
        registryCredentials,
        podSecurity: "restricted",
        allow: [
          { name: "webhook", to: { "app.kubernetes.io/name": "webhook" }, ports: [10250], from: "anyone" },
          { name: "metrics", ports: [9402], from: [namespaces.monitoring] },
        ],
      },
      inCluster,
    );

    // Charts are fetched at once; releases wait only for what they need.
    const explain = explainUnready(cluster);
    const credentials = registryCredentials !== undefined;
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
    const definitions = new PrometheusOperatorCrds(
      "prometheus-operator-crds",
      { sources, prerequisites: [flux, monitoring] },
      inCluster,
    );
    const monitored = [flux, monitoring, definitions];
    const stores = { logs: lokiStore, traces: jaegerStore };
    const certManager = new CertManager(
      "cert-manager",
      { sources, prerequisites: [flux, certManagerNamespace, definitions], settings: settings.certManager },
      inCluster,
    );
    const kubePrometheusStack = new KubePrometheusStack(
      "kube-prometheus-stack",
      {
        sources,
        prerequisites: [...monitored, nodeAgents],
        settings: {
          prometheus: settings.prometheus,
          alertmanager: settings.alertmanager,
          alerting: settings.alerting,
          environment: stack.name,
          grafana: settings.grafana,
          scrapeControlPlane: settings.cluster.type === "kind" && settings.cluster.kind.scrapeControlPlane,
          externalUrls: {
            prometheus: browserUrl("prometheus", cluster),
            alertmanager: browserUrl("alertmanager", cluster),
            grafana: browserUrl("grafana", cluster),
          },
        },
        alertingSecrets: stack.alertingSecrets,
        ...stores,
      },
      inCluster,
    );
    const loki = new Loki("loki", { sources, prerequisites: monitored, settings: settings.loki, cluster }, inCluster);
    new FluentBit(
      "fluent-bit",
      { sources, prerequisites: [flux, nodeAgents, definitions], settings: settings.fluentBit, logs: lokiStore },
      inCluster,
    );
    const jaeger = new Jaeger("jaeger", { sources, prerequisites: monitored, settings: settings.jaeger }, inCluster);
    const operator = new OpentelemetryOperator(
      "opentelemetry-operator",
      { sources, prerequisites: [...monitored, certManager], settings: settings.opentelemetry },
      inCluster,
    );
    const collector = new OpentelemetryCollector(
      "opentelemetry-collector",
      {
        ...stores,
        settings: { ...settings.opentelemetry.collector, image: image(settings.opentelemetry.collector.image) },
        credentials,
        prerequisites: [operator],
      },
      inCluster,
    );
    // To service discovery no name is every namespace.
    if (applications.length > 0)
      new AnnotatedPods("annotated-pods", { applications, prerequisites: [monitoring, definitions] }, inCluster);
    const instrumentation = new Instrumentation(
      "instrumentation",
      {
        gateway: collectorGateway,
        samplingRatio: settings.opentelemetry.samplingRatio,
        clusterName: cluster.name,
        prerequisites: [operator],
      },
      inCluster,
    );
    if (settings.probe.enabled) {
      new TelemetryProbe(
        "probe",
        {
          ...stores,
          metrics: prometheusStore,
          gateway: collectorGateway,
          settings: settings.probe,
          cluster,
          of: [settings, versions],
          prerequisites: [kubePrometheusStack, loki, jaeger, collector],
        },
        inCluster,
      );
    }
    for (const service of Object.keys(cluster.hostPorts) as ExposedService[]) {
      const mapping = cluster.hostPorts[service];
      if (mapping === undefined) continue;
      const { selector, podPort } = interfaces[service];
      new HostPort(
        service,
        { namespace: namespaces.monitoring, selector, targetPort: podPort, mapping, prerequisites: [monitoring] },
        inCluster,
      );
    }

    const folders: SyncedFolder[] = [
      {
        name: "environment",
        path: environmentFolder(stack.name, settings),
        prerequisites: [monitoring, definitions],
      },
    ];
    if (demo.enabled) {
      const repository =
        demo.app === "kbot"
          ? kbotRepositoryAccess(demo.repository ?? "", args.ca, stack.secrets.demoRepositoryToken)
          : {};
      const release = { sources, prerequisites: [flux, definitions] };
      const prerequisites = [
        monitoring,
        definitions,
        instrumentation,
        ...this.demo(stack, cluster, repository, release, inCluster),
      ];
      folders.push({
        name: "demo",
        path: demoFolder(demo),
        patches: [
          ...(credentials ? pullSecretsPatches : []),
          ...(Object.keys(repository).length > 0 ? [kbotRepositoryPatch] : []),
        ],
        prerequisites,
      });
    }
    const source = new Source(
      sourceName,
      {
        origin: delivery.origin,
        folders,
        interval: settings.flux.interval,
        substitute: this.substitutions(stack, cluster),
        labels: commonLabels(stack.name),
        prerequisites: [flux, ...delivery.prerequisites],
        explain,
      },
      inCluster,
    );
    delivery.end?.(source.folders);

    const serviceUrls = this.serviceUrls(cluster);
    this.outputs = {
      kubeconfigPath: cluster.kubeconfigPath,
      kubeconfig: cluster.kubeconfig,
      grafanaUrl: serviceUrls["grafana"]?.host ?? clusterUrl(grafanaEndpoint),
      grafanaUser: settings.grafana.adminUser,
      grafanaPassword: kubePrometheusStack.grafanaPassword,
      serviceUrls,
      ...delivery.outputs,
      componentVersions: {
        ...Object.fromEntries(
          Object.values(versions.charts)
            .filter((chart) => chart !== versions.charts.podinfo || (demo.enabled && demo.app === "podinfo"))
            .map((chart) => [chart.name, chart.version]),
        ),
        flux: versions.flux,
        "opentelemetry-collector": settings.opentelemetry.collector.image,
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

  /** What the demo's content in Git needs: its namespace, and podinfo itself or kbot's Secret. */
  private demo(
    stack: Stack,
    cluster: Cluster,
    repository: ReturnType<typeof kbotRepositoryAccess>,
    { sources, prerequisites }: ReleaseArgs,
    inCluster: pulumi.ComponentResourceOptions,
  ): pulumi.Resource[] {
    const { demo, opentelemetry } = stack.settings;
    const kbot = demo.app === "kbot";
    const namespace = new Namespace(
      "demo",
      {
        namespace: namespaces.demo,
        registryCredentials: stack.secrets.registryCredentials,
        // Go instrumentation is a privileged sidecar that sees the pod's processes (opentelemetry-operator, golang.go).
        podSecurity: kbot && opentelemetry.goInstrumentation ? "privileged" : "restricted",
        allow: [{ name: "metrics", ports: [kbot ? 8080 : podinfoPort], from: [namespaces.monitoring] }],
      },
      inCluster,
    );
    if (!kbot) {
      const podinfo = new Podinfo(
        "podinfo",
        {
          sources,
          prerequisites: [...prerequisites, namespace],
          namespace: namespaces.demo,
          gateway: collectorGateway,
          samplingRatio: opentelemetry.samplingRatio,
          clusterName: cluster.name,
        },
        inCluster,
      );
      return [namespace, podinfo];
    }
    const { telegramToken: token } = stack.secrets;
    if (token === undefined) return [namespace];
    const args = { namespace: namespaces.demo, token, repository, prerequisites: [namespace] };
    return [namespace, new KbotSecret("kbot", args, inCluster)];
  }

  /** Values that the manifests of `flux-repo/` may use. */
  private substitutions(stack: Stack, cluster: Cluster): Record<string, string> {
    const { demo } = stack.settings;
    return {
      ...yamlScalars({
        CLUSTER_NAME: cluster.name,
        ...(demo.app === "kbot" ? kbotVariables(demo) : { PODINFO_IMAGE: podinfoImage }),
        COLLECTOR_OTLP_GRPC: clusterUrl(collectorGateway.otlpGrpc),
        COLLECTOR_OTLP_HTTP: clusterUrl(collectorGateway.otlpHttp),
      }),
      // Something follows them in the manifests.
      RUNBOOK_BASE_URL: runbooks(stack),
      GRAFANA_URL: browserUrl("grafana", cluster),
    };
  }

  private serviceUrls(cluster: Cluster): Record<string, ServiceUrl> {
    const url = (service: ExposedService): ServiceUrl => ({
      host: cluster.hostPorts[service] === undefined ? null : browserUrl(service, cluster),
      cluster: clusterUrl(interfaces[service].endpoint),
    });
    return {
      grafana: url("grafana"),
      prometheus: url("prometheus"),
      alertmanager: url("alertmanager"),
      jaeger: url("jaeger"),
      loki: { host: null, cluster: clusterUrl(lokiStore.endpoint) },
      otlpGrpc: { host: null, cluster: clusterUrl(collectorGateway.otlpGrpc) },
      otlpHttp: { host: null, cluster: clusterUrl(collectorGateway.otlpHttp) },
    };
  }
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
