/**
 * The whole environment on real Kind: the unchanged program (index.ts) on the real engine, and in its pods the real programs of
 * the components that are Go modules, with the configuration that the program declares.
 *
 * What stands in: the charts (support/charts.ts), GitHub, Git and the chart registry (the rehearsal's, on
 * 127.0.0.1). Not covered, because there is no way to make their images here: Grafana, Fluent Bit, Go auto-instrumentation.
 */
import { expect } from "chai";
import { mkdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { after, afterEach, before, describe, it } from "mocha";
import { connect, type Api } from "../../rehearsal/control-plane/api.ts";
import { freePorts } from "../../rehearsal/control-plane/processes.ts";
import { startRegistry, type ChartRegistry } from "../../rehearsal/charts/index.ts";
import { configText, openEnvironment, type ConfigValue, type Environment } from "../../rehearsal/engine.ts";
import { CONTROLLERS, fluxManifests as assembledManifests } from "../../rehearsal/flux/manifests.ts";
import { createRepository, startGitServer, type GitServer } from "../../rehearsal/git/index.ts";
import { startGitHub, type GitHub } from "../../rehearsal/github/index.ts";
import { startStandIns } from "../../rehearsal/providers/index.ts";
import { fluxManifests } from "../../components/gitops/flux-manifests.ts";
import { parseSettings } from "../../settings/parse.ts";
import { flux as fluxVersion } from "../../settings/versions.ts";
import { obtainComponent } from "../kind-tier/components.ts";
import { obtain } from "../../toolchain/obtain.ts";
import { programImage } from "../support/image.ts";
import {
  inDocker,
  kindTier,
  loadImage,
  makeHost,
  openListeners,
  say,
  temporaryFolder,
  type Host,
  type KindTier,
} from "../support/kind-tier.ts";
import { deployRelay, relayHost, relayImage, relayProgram, startRelay } from "../support/relay.ts";
import { until } from "../support/until.ts";
import { buildOnEachOther } from "../support/steps.ts";
import { queriesOf, readDashboards, withGrafanaValues } from "../contract/support/content.ts";
import { tierCharts, type PodImage } from "./support/charts.ts";

const name = "kind-environment";
const project = "observability";
const owner = "acme";
const repository = "fleet";
const token = "ghp_stand_in";
const root = join(import.meta.dirname, "../..");

/** The relay's ports for pods, in the order of its servers. */
const relayPorts = { git: 7001, registry: 7002 } as const;
const relayNodePort = 30777;

interface Pod {
  readonly metadata: { readonly name: string; readonly namespace: string };
  readonly spec: { readonly containers: readonly { readonly image: string }[] };
  readonly status: {
    readonly phase: string;
    readonly podIP?: string;
    readonly containerStatuses?: readonly { readonly name: string; readonly ready: boolean; restartCount: number }[];
  };
}

interface Container {
  readonly name: string;
  readonly env?: readonly { readonly name: string; readonly value?: string }[];
}

interface PodSpec {
  readonly initContainers?: readonly Container[];
  readonly containers: readonly Container[];
}

interface FluxObject {
  readonly metadata: { readonly name: string };
  readonly status?: { readonly conditions?: readonly { type: string; status: string; message: string }[] };
}

interface Target {
  readonly health: string;
  readonly lastError: string;
  readonly scrapePool: string;
  readonly labels: Readonly<Record<string, string>>;
}

/** Of Jaeger's own API. */
interface Traces {
  readonly data: readonly {
    readonly traceID: string;
    readonly processes: Readonly<
      Record<string, { readonly serviceName: string; readonly tags: readonly { key: string; value: unknown }[] }>
    >;
  }[];
}

interface RuleGroup {
  readonly name: string;
  /** Seconds between two evaluations. */
  readonly interval: number;
  readonly rules: readonly { readonly name: string; readonly health: string; readonly lastError?: string }[];
}

describe("an environment, in real pods on real Kind (charts are stand-ins, the programs are real)", function () {
  this.timeout(45 * 60_000);
  buildOnEachOther(this);
  let tier: KindTier;
  let host: Host;
  let folder: string;
  let hub: GitHub;
  let git: GitServer;
  let registry: ChartRegistry;
  let environment: Environment;
  let api: Api;
  /** Images that were made of the programs. */
  const imageNames: string[] = [];
  let ports: { readonly metrics: number; readonly alerts: number };
  let clean: { readonly docker: string[]; readonly files: string[]; readonly listeners: string[] };
  const cleanUp: (() => unknown)[] = [];

  const pods = async (namespace?: string) => {
    const path = namespace === undefined ? "/api/v1/pods" : `/api/v1/namespaces/${namespace}/pods`;
    return ((await api.get(path)) as { items: Pod[] } | undefined)?.items ?? [];
  };
  const json = async <T>(url: string): Promise<T> => {
    const response = await fetch(url, { signal: AbortSignal.timeout(10_000) });
    if (!response.ok) throw new Error(`GET ${url}: ${response.status}`);
    return (await response.json()) as T;
  };
  const prometheus = async <T>(path: string): Promise<T> =>
    (await json<{ data: T }>(`http://127.0.0.1:${ports.metrics}/prometheus/api/v1/${path}`)).data;
  const samples = async (query: string) =>
    (
      await prometheus<{ result: { metric: Record<string, string>; value: [number, string] }[] }>(
        `query?query=${encodeURIComponent(query)}`,
      )
    ).result;
  /** What a Service that has no host port answers, by way of the API server. */
  const service = (name: string, path: string) =>
    api.get(`/api/v1/namespaces/monitoring/services/${name}/proxy/${path}`);

  before(async function () {
    tier = await kindTier(this);
    host = makeHost(tier);
    cleanUp.push(() => {
      host.remove();
    });
    const temporary = temporaryFolder("kind-environment-");
    folder = temporary.path;
    cleanUp.push(() => {
      temporary.remove();
    });
    clean = { docker: await inDocker(tier), files: host.files(), listeners: openListeners() };

    // GitHub, Git and the registry, on 127.0.0.1.
    const repositories = join(folder, "repositories");
    await createRepository(repositories, owner, repository, { folders: { "flux-repo": join(root, "flux-repo") } });
    hub = await startGitHub({
      root: repositories,
      owner,
      token,
      repositories: [{ name: repository }],
    });
    cleanUp.push(() => hub.close());
    git = await startGitServer({ root: repositories, access: hub });
    cleanUp.push(() => git.close());
    hub.servedAt({ ssh: git.ssh.address, http: git.http.address });

    const [prometheusPort = 0, alertmanagerPort = 0] = await freePorts(2);
    ports = { metrics: prometheusPort, alerts: alertmanagerPort };
    const groups = {
      cluster: {
        kind: {
          nodeImage: tier.nodeImage,
          kubeconfigFolder: host.kubeconfigFolder,
          ports: { dashboards: null, traces: null, ...ports },
          readyTimeoutSeconds: 600,
        },
      },
      repository: {
        name: repository,
        path: "flux-repo/clusters/dev",
        apiUrl: hub.baseUrl,
        sshUrl: `ssh://git@${relayHost}:${relayPorts.git}/${owner}/${repository}.git`,
        knownHosts: git.ssh.knownHosts.replaceAll(/^\S+/gm, `[${relayHost}]:${relayPorts.git}`),
      },
      charts: { mirror: { url: `oci://${relayHost}:${relayPorts.registry}/charts`, insecure: true } },
      flux: { manifests: await assembledManifests(fluxVersion) },
      // The images are made here, under the names of the released ones.
      network: { imagesByDigest: false },
      // Of Grafana and of Go's instrumentation there are no images here.
      dashboards: "none",
      instrumentation: { go: false },
    };
    const settings = parseSettings(groups, { file: "test", secrets: [] });
    const charts = await tierCharts(settings, tier.released);
    registry = await startRegistry(charts.archives);
    cleanUp.push(() => registry.close());
    const images = await makeImages(settings.flux, charts.images);

    let prepared: Promise<void> | undefined;
    const standIns = await startStandIns({
      kubernetes: "api",
      environment: host.env,
      async onCall(call) {
        // The images have to be there before the first pod asks for them.
        if (call.provider === "kubernetes" && call.method === "create" && !call.preview) {
          prepared ??= prepareCluster(images);
          await prepared;
        }
      },
    });
    cleanUp.push(() => standIns.close());
    const { pulumi } = await obtain(["pulumi"], { onProgress: say });
    let programs = 0;
    environment = await openEnvironment({
      stack: name,
      project,
      pulumi,
      env: { ...standIns.env, ...host.env },
      parallel: 32,
      program: async () => {
        programs += 1;
        return { ...((await import(`../../index.ts?kind=${programs}`)) as Record<string, unknown>) };
      },
      config: {
        "github:owner": owner,
        "github:token": { secret: token },
        ...Object.fromEntries(
          Object.entries(groups).map(([key, value]): [string, ConfigValue] => [`${project}:${key}`, configText(value)]),
        ),
      },
    });
    cleanUp.push(async () => {
      await environment.destroy().catch(() => undefined);
      await environment.close();
    });
  });

  afterEach(async function () {
    if (this.currentTest?.state === "failed") await tellWhy();
  });

  after(async function () {
    this.timeout(5 * 60_000);
    for (const work of cleanUp.reverse()) await work();
  });

  /** One archive per program, under the names that the pods ask for. */
  async function makeImages(flux: Parameters<typeof fluxManifests>[0], wanted: readonly PodImage[]): Promise<string[]> {
    mkdirSync(join(folder, "images"));
    const archives: string[] = [];
    const add = async (image: string, program: string, path?: string, others?: Readonly<Record<string, string>>) => {
      const file = join(folder, "images", `${archives.length}.tar`);
      archives.push(file);
      imageNames.push(image);
      await programImage(file, image, program, path, others);
    };
    const controllers = await obtain(CONTROLLERS, { onProgress: say });
    for (const manifest of await fluxManifests(flux)) {
      if (manifest.kind !== "Deployment") continue;
      const controller = CONTROLLERS.find((candidate) => candidate === manifest.metadata.name);
      const spec = manifest["spec"] as { template: { spec: { containers: { image: string }[] } } };
      const image = spec.template.spec.containers[0]?.image;
      if (controller === undefined || image === undefined) expect.fail(`unknown Deployment ${manifest.metadata.name}`);
      await add(image, controllers[controller]);
    }
    for (const { name: image, component, path, others = {} } of wanted) {
      if (component === undefined) {
        imageNames.push(image);
        continue;
      }
      const more: Record<string, string> = {};
      for (const [place, other] of Object.entries(others))
        more[place] = await obtainComponent(other, { onProgress: say });
      await add(image, await obtainComponent(component, { onProgress: say }), path, more);
    }
    await add(relayImage, await relayProgram(say));
    return archives;
  }

  /** Puts the images into the node, and the relay into the cluster. */
  async function prepareCluster(images: readonly string[]): Promise<void> {
    const started = Date.now();
    for (const image of images) await loadImage(host, name, image);
    say(`${images.length} images loaded in ${Math.round((Date.now() - started) / 1000)} s`);
    api = connect(readFileSync(join(host.kubeconfigFolder, `${name}.yaml`), "utf8"));
    await deployRelay(api, Object.values(relayPorts), relayNodePort);
    // The environment has no host port to spare for the relay: the node's own address leads there from this host.
    const format = "{{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}";
    const node = (await tier.engine.docker(["inspect", "--format", format, `${name}-control-plane`])).trim();
    const servers = [git.ssh.port, registry.port];
    cleanUp.push(startRelay({ host: node, port: relayNodePort }, servers));
  }

  /** What a person would look at: releases that are not ready, pods that do not run, and what they last said. */
  async function tellWhy(): Promise<void> {
    if ((api as Api | undefined) === undefined) return;
    const releases = (await api.get("/apis/helm.toolkit.fluxcd.io/v2/helmreleases")) as
      { items: FluxObject[] } | undefined;
    for (const { metadata, status } of releases?.items ?? []) {
      const ready = status?.conditions?.find(({ type }) => type === "Ready");
      if (ready?.status !== "True") say(`release ${metadata.name}: ${ready?.message ?? "no condition"}`);
    }
    for (const { metadata, spec, status } of await pods()) {
      const containers = status.containerStatuses ?? [];
      if (status.phase === "Succeeded" || (containers.length > 0 && containers.every(({ ready }) => ready))) continue;
      say(
        `pod ${metadata.namespace}/${metadata.name} ${status.phase}: ${spec.containers.map(({ image }) => image).join(", ")}`,
      );
      say(JSON.stringify(containers));
      for (const { name: container } of containers.filter(({ ready }) => !ready)) {
        const path = `/api/v1/namespaces/${metadata.namespace}/pods/${metadata.name}/log?tailLines=15&container=${container}`;
        const { body } = await api.call("GET", path);
        say(typeof body === "string" ? body : JSON.stringify(body));
      }
    }
  }

  it("is brought up by the unchanged program, which waits until every release is ready and telemetry arrives", async () => {
    const started = Date.now();
    const { changes } = await environment.up();
    say(`cluster, Flux, content and all releases: ${Math.round((Date.now() - started) / 1000)} s`);
    const stats = ["stats", "--no-stream", "--format", "{{.MemUsage}}", `${name}-control-plane`];
    say(`memory of the node: ${(await tier.engine.docker(stats)).trim()}`);
    expect(changes["create"]).to.be.above(100);
    const releases = (await api.get("/apis/helm.toolkit.fluxcd.io/v2/helmreleases")) as { items: FluxObject[] };
    const { resources = [] } = await environment.exportDeployment();
    const declared = resources.filter(({ type }) => type.endsWith(":HelmRelease") && type.startsWith("kubernetes:"));
    expect(declared).to.have.length.greaterThan(5);
    expect(releases.items.map(({ metadata }) => `flux-system/${metadata.name}`)).to.have.members(
      declared.map(({ id }) => id),
    );
    for (const { metadata, status } of releases.items) {
      expect(status?.conditions?.find(({ type }) => type === "Ready")?.status, metadata.name).to.equal("True");
    }
    const probe = resources.find(({ urn }) => urn.endsWith("::probe-telemetry"));
    const verdict = JSON.parse(String(probe?.outputs?.["stdout"])) as Record<string, number>;
    say(`the probe of up found: ${JSON.stringify(verdict)} (seconds)`);
    expect(Object.keys(verdict)).to.deep.equal(["Jaeger", "Loki", "Prometheus"]);
    const again = await environment.up();
    expect(again.changes, again.output).to.deep.equal({ same: changes["create"] });
  });

  it("fetched its content over SSH with the deploy key and with nothing else", async () => {
    const { deployKeyFingerprint } = await environment.outputs();
    expect(git.ssh.fetches).to.not.deep.equal([]);
    for (const { outcome, fingerprint } of git.ssh.fetches)
      expect(`${outcome} ${fingerprint}`).to.equal(`served ${String(deployKeyFingerprint?.value)}`);
    expect(hub.deployKeys(owner, repository).map(({ readOnly }) => readOnly)).to.deep.equal([true]);
  });

  it("runs the real programs of its components, and no pod of anything else", async () => {
    const ours = new Set(imageNames);
    const running = new Map<string, string[]>();
    for (const { metadata, spec, status } of await pods()) {
      const where = `${metadata.namespace}/${metadata.name}`;
      if (["kube-system", "local-path-storage"].includes(metadata.namespace) || status.phase === "Succeeded") continue;
      expect(status.phase, where).to.equal("Running");
      expect(
        status.containerStatuses?.every(({ ready }) => ready),
        where,
      ).to.equal(true);
      for (const { image } of spec.containers) {
        expect(ours.has(image), `${where} runs ${image}, which was made here`).to.equal(true);
        running.set(image, [...(running.get(image) ?? []), where]);
      }
    }
    // cert-manager's check of its API is a Job that has ended.
    const missing = [...ours].filter((image) => !running.has(image) && !image.includes("startupapicheck"));
    expect(missing, "images that no pod runs").to.deep.equal([]);
    for (const [image, where] of [...running].sort()) say(`${image}: ${where.join(", ")}`);
  });

  // Pending on purpose: their images cannot be made of Go modules.
  it("runs Grafana");
  it("runs Fluent Bit");

  it("has certificates of cert-manager in the webhooks of the OpenTelemetry operator", async () => {
    const path =
      "/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations/opentelemetry-operator-validation";
    const { webhooks } = (await api.get(path)) as { webhooks: { clientConfig: { caBundle?: string } }[] };
    for (const { clientConfig } of webhooks) expect(clientConfig.caBundle).to.be.a("string").and.not.equal("");
    const { status, body } = await api.call(
      "POST",
      "/apis/opentelemetry.io/v1beta1/namespaces/monitoring/opentelemetrycollectors?dryRun=All",
      {
        apiVersion: "opentelemetry.io/v1beta1",
        kind: "OpenTelemetryCollector",
        metadata: { name: "wrong" },
        spec: {
          mode: "deployment",
          config: { receivers: {}, exporters: {}, service: { pipelines: {} } },
          targetAllocator: { enabled: true },
        },
      },
    );
    // The operator says no to what the definition allows: a target allocator needs another mode.
    expect((body as { message: string }).message).to.include("admission webhook");
    expect(status).to.be.within(400, 499);
  });

  // What starts the agent in each (docs/instrumentation.md).
  for (const [language, variable, value] of [
    ["java", "JAVA_TOOL_OPTIONS", "-javaagent:/otel-auto-instrumentation-java"],
    ["nodejs", "NODE_OPTIONS", "--require /otel-auto-instrumentation-nodejs"],
    ["python", "PYTHONPATH", "/otel-auto-instrumentation-python"],
    ["dotnet", "CORECLR_PROFILER_PATH", "/otel-auto-instrumentation-dotnet"],
  ] as const) {
    it(`injects the agent for ${language} into a pod that asks for it, in a namespace that is restricted`, async () => {
      const pod = {
        apiVersion: "v1",
        kind: "Pod",
        metadata: {
          name: "shop",
          annotations: { [`instrumentation.opentelemetry.io/inject-${language}`]: "monitoring/default" },
        },
        spec: {
          securityContext: { runAsNonRoot: true, runAsUser: 1000, seccompProfile: { type: "RuntimeDefault" } },
          containers: [
            {
              name: "shop",
              image: "shop:1",
              securityContext: { allowPrivilegeEscalation: false, capabilities: { drop: ["ALL"] } },
            },
          ],
        },
      };
      const { status, body } = await api.call("POST", "/api/v1/namespaces/demo/pods?dryRun=All", pod);
      expect(status, JSON.stringify(body)).to.equal(201);
      const { initContainers = [], containers } = (body as { spec: PodSpec }).spec;
      expect(initContainers.map(({ name: container }) => container)).to.deep.equal([
        `opentelemetry-auto-instrumentation-${language}`,
      ]);
      const env: Record<string, unknown> = Object.fromEntries(
        (containers[0]?.env ?? []).map(({ name, value: given }) => [name, given]),
      );
      expect(env).to.include({
        OTEL_EXPORTER_OTLP_ENDPOINT: "http://otel-collector.monitoring.svc:4318",
        OTEL_LOGS_EXPORTER: "otlp",
      });
      expect(env[variable]).to.include(value);
    });
  }

  it("scrapes every target that is there", async () => {
    const expected = [
      ["apiserver", "kubelet", "coredns", "kube-controller-manager", "kube-scheduler", "kube-etcd", "kube-proxy"],
      ["kube-state-metrics", "node-exporter", "kube-prometheus-stack-prometheus", "kube-prometheus-stack-alertmanager"],
      ["kube-prometheus-stack-operator", "loki", "otel-collector", "otel-collector-monitoring", "jaeger"],
      ["podinfo-backend", "podinfo-frontend"],
    ].flat();
    const up = async () => {
      const { activeTargets } = await prometheus<{ activeTargets: Target[] }>("targets?state=active");
      return activeTargets;
    };
    let down: string[] = [];
    let missing: string[] = [];
    await until(
      "every target is scraped",
      async () => {
        const targets = await up();
        down = targets
          .filter(({ health }) => health !== "up")
          .map((target) => `${target.scrapePool}: ${target.lastError}`);
        const jobs = new Set(targets.map(({ labels }) => labels["job"]));
        missing = expected.filter((job) => !jobs.has(job));
        return missing.length === 0 && down.length === 0;
      },
      180,
    ).catch((error: unknown) => {
      throw new Error(`missing: ${missing.join(", ")}; not up:\n${down.join("\n")}`, { cause: error });
    });
  });

  it("evaluates every rule without an error on what was really scraped", async () => {
    const evaluated = async () => {
      const { groups } = await prometheus<{ groups: RuleGroup[] }>("rules");
      return groups.flatMap(({ name: group, interval, rules }) =>
        rules.map(({ name: rule, health, lastError = "" }) => ({
          rule: `${group}/${rule}`,
          interval,
          health,
          lastError,
        })),
      );
    };
    const rules = await until(
      "every rule was evaluated whose turn comes within a minute",
      async () => {
        const all = await evaluated();
        const due = all.filter(({ interval }) => interval <= 60);
        return due.length > 30 && due.every(({ health }) => health !== "unknown") && all;
      },
      180,
    );
    const wrong = rules.filter(({ health }) => health === "err");
    expect(wrong.map(({ rule, lastError }) => `${rule}: ${lastError}`)).to.deep.equal([]);
    const later = rules.filter(({ health }) => health === "unknown").map(({ rule }) => rule);
    say(`${rules.length} rules; not evaluated yet, their turn comes later: ${later.join(", ") || "none"}`);
    const firing = await samples('ALERTS{alertstate="firing"}');
    say(`firing: ${firing.map(({ metric }) => metric["alertname"]).join(", ")}`);
  });

  it("hands alerts to the real Alertmanager", async () => {
    const alerts = `http://127.0.0.1:${ports.alerts}/alertmanager/api/v2/alerts`;
    await until(
      "Watchdog in Alertmanager",
      async () => {
        const all = await json<{ labels: Record<string, string> }[]>(alerts);
        return all.some(({ labels }) => labels["alertname"] === "Watchdog");
      },
      180,
    );
  });

  it("brings podinfo's trace over two services to its store, with the namespaces and the pods, and its id is in both logs", async () => {
    const podOf = async (role: string) => {
      const found = (await pods("demo")).find(({ metadata }) => metadata.name.startsWith(`podinfo-${role}-`));
      return found?.metadata.name ?? expect.fail(`podinfo-${role} has no pod`);
    };
    const expected = { "podinfo-frontend": await podOf("frontend"), "podinfo-backend": await podOf("backend") };
    const { traceID: traceId, processes } = await until(
      "a trace of frontend and backend in Jaeger",
      async () => {
        const path = "api/traces?service=podinfo-backend&limit=50";
        const found = (await service("jaeger-query:16686", path)) as Traces | undefined;
        return found?.data.find((trace) => Object.keys(trace.processes).length === 2);
      },
      120,
    );
    const told = Object.values(processes).map(({ serviceName, tags }) => {
      const of = Object.fromEntries(tags.map(({ key, value }) => [key, value]));
      expect(of).to.include({ "k8s.namespace.name": "demo", "k8s.container.name": "podinfo" });
      expect(of["k8s.deployment.name"]).to.equal(serviceName);
      return [serviceName, of["k8s.pod.name"]];
    });
    expect(Object.fromEntries(told)).to.deep.equal(expected);
    // What a log agent reads; there is none here. This podinfo (6.9.2) sends no log records itself.
    for (const pod of Object.values(expected)) {
      const log = await api.call("GET", `/api/v1/namespaces/demo/pods/${pod}/log?tailLines=500`);
      const lines = String(log.body).split("\n");
      expect(
        lines.some((line) => line.includes(`"trace_id":"${traceId}"`)),
        `${pod} has a line with ${traceId}`,
      ).to.equal(true);
    }
    say(`trace ${traceId}: ${Object.values(expected).join(" to ")}`);
    const rates = 'count by (job) (job_receiver_signal:otelcol_receiver_accepted:rate5m{signal="traces"} > 0)';
    await until(
      "the recorded rates of spans that the collector and Jaeger took, by the names that their metrics really have",
      async () => (await samples(rates)).length === 2,
      240,
    );
  });

  it("has each metric of podinfo once, by its monitor, and no word of the collector about targets", async () => {
    const requests = 'http_request_duration_seconds_count{path=~"api_echo|echo"}';
    const jobsOf = async (query: string) => (await samples(query)).map(({ metric }) => metric["job"] ?? "").sort();
    await until(
      "the requests of both in Prometheus",
      async () => (await jobsOf(`sum by (job) (${requests}) > 0`)).length > 1,
      180,
    );
    expect(await jobsOf(`sum by (job) (${requests})`)).to.deep.equal(["podinfo-backend", "podinfo-frontend"]);
    expect(await samples('{__name__=~"up|scrape_.+", exported_job!=""}')).to.deep.equal([]);
  });

  it("runs the queries of every dashboard on what was really scraped, without an error", async () => {
    const queries = readDashboards().flatMap((file) => queriesOf(file, "prometheus"));
    const errors: string[] = [];
    const empty: string[] = [];
    for (const { where, expr } of queries) {
      const query = withGrafanaValues(expr, (variable) => (variable === "metric" ? "up" : ".*"));
      // What parses and does not run (a join of many to many, say) is an answer with another status.
      const found = await samples(query).catch((error: unknown) => {
        errors.push(`${where}: ${query}: ${String(error)}`);
        return undefined;
      });
      if (found?.length === 0) empty.push(where);
    }
    expect(errors).to.deep.equal([]);
    // Recorded by rules of the real chart, of Fluent Bit, of the chart's own job labels, or nothing has happened yet.
    const dashboards = new Set(empty.map((where) => where.split(",")[0]?.split("/").at(-1)));
    say(`${queries.length} queries, ${empty.length} of them without data, of ${[...dashboards].join(", ")}`);
    expect(queries.length - empty.length).to.be.above(40);
  });

  it("runs where Pod Security is enforced: what does not meet it is refused by the API server", async () => {
    const refused = {
      monitoring: "restricted",
      "cert-manager": "restricted",
      demo: "restricted",
      "flux-system": "restricted",
    };
    const privileged = {
      apiVersion: "v1",
      kind: "Pod",
      metadata: { name: "privileged" },
      spec: { containers: [{ name: "a", image: "a:1", securityContext: { privileged: true } }] },
    };
    for (const [namespace, level] of Object.entries(refused)) {
      const { status, body } = await api.call("POST", `/api/v1/namespaces/${namespace}/pods?dryRun=All`, privileged);
      expect(status, namespace).to.equal(403);
      expect((body as { message: string }).message).to.include(`violates PodSecurity "${level}:`);
    }
    // Its pods need the host.
    expect((await api.call("POST", "/api/v1/namespaces/node-agents/pods?dryRun=All", privileged)).status).to.equal(201);
  });

  // Pending on purpose: the pod network of the node image that is built here enforces no NetworkPolicy.
  it("has its network policies enforced");

  it("is gone after destroy, and so is the deploy key", async () => {
    const started = Date.now();
    await environment.destroy();
    say(`destroyed in ${Math.round((Date.now() - started) / 1000)} s`);
    expect(hub.deployKeys(owner, repository)).to.deep.equal([]);
    expect(await inDocker(tier)).to.deep.equal(clean.docker);
    expect(host.files()).to.deep.equal(clean.files);
    expect(openListeners()).to.deep.equal(clean.listeners);
  });
});
