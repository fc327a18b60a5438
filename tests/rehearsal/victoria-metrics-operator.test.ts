/**
 * The real VictoriaMetrics operator on a real API server, run as the stand-in of its chart says, before what an environment declares:
 * it makes its objects of ours and of the Prometheus Operator's, and VictoriaMetrics' own programs read what it made. Pods are
 * simulated: vminsert, vmselect and vmstorage, which cannot be built here, are seen as the objects that they would be.
 */
import { expect } from "chai";
import { type ChildProcess, execFileSync, spawn, spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { gunzipSync } from "node:zlib";
import { parse, parseAllDocuments } from "yaml";
import { fetchOutside, trust } from "../../components/company-network.ts";
import type { Manifest } from "../../components/kubernetes/manifest.ts";
import { labelsOf, ports, type Program } from "../../components/metrics/victoria-metrics/api.ts";
import { variants as scraped } from "../../components/metrics/scrape-targets/variants.ts";
import { obtainProgram } from "../../contract/readers.ts";
import { render, type Rendered } from "../../contract/rendered.ts";
import { masked } from "../../contract/run-program.ts";
import { obtainBinaries } from "../../rehearsal/control-plane/binaries.ts";
import { type ControlPlane, startControlPlane } from "../../rehearsal/control-plane/control-plane.ts";
import { freePorts } from "../../rehearsal/control-plane/processes.ts";
import { type Authority, makeAuthority } from "../support/authority.ts";
import { awkward } from "../support/awkward.ts";
import { Running } from "../support/running.ts";
import { until } from "../support/until.ts";
import { apply, pathOf } from "./support/apply.ts";
import { type KubeObject, TestCluster } from "./support/cluster.ts";
import { templated } from "./support/templated.ts";

const namespace = "monitoring";
const prometheus = "monitoring.coreos.com";
const victoria = "/apis/operator.victoriametrics.com/v1beta1";

/** Kinds of the Prometheus Operator, and what each is made into. */
const conversions = [
  ["v1/servicemonitors", "vmservicescrapes"],
  ["v1/podmonitors", "vmpodscrapes"],
  ["v1/probes", "vmprobes"],
  ["v1alpha1/scrapeconfigs", "vmscrapeconfigs"],
  ["v1/prometheusrules", "vmrules"],
] as const;

interface Definition {
  readonly spec: {
    readonly group: string;
    readonly versions: readonly [{ readonly name: string }];
    readonly names: { readonly plural: string };
  };
}

interface Container {
  readonly name: string;
  readonly image: string;
  readonly args?: readonly string[];
  readonly resources?: { readonly requests?: object; readonly limits?: object };
  readonly securityContext?: object;
}

interface Mounting extends Container {
  readonly volumeMounts: readonly { readonly name: string; readonly mountPath: string }[];
}

interface Volume {
  readonly name: string;
  readonly secret?: { readonly secretName: string };
  readonly configMap?: { readonly name: string };
}

interface Workload extends KubeObject {
  readonly spec: {
    readonly replicas: number;
    readonly volumeClaimTemplates?: readonly { readonly spec: { readonly resources: object } }[];
    readonly template: {
      readonly metadata: { readonly labels: object };
      readonly spec: {
        readonly containers: readonly Container[];
        readonly initContainers?: readonly Container[];
        readonly affinity?: object;
        readonly securityContext?: object;
        readonly volumes?: readonly object[];
      };
    };
  };
}

/** A team's own objects, one of each kind, as a user writes them. */
const theirs: Manifest[] = [
  {
    apiVersion: `${prometheus}/v1`,
    kind: "ServiceMonitor",
    metadata: { name: "cart", namespace: "team-web" },
    spec: { selector: { matchLabels: { app: "cart" } }, endpoints: [{ port: "metrics" }] },
  },
  {
    apiVersion: `${prometheus}/v1`,
    kind: "PrometheusRule",
    metadata: { name: "wrong", namespace: "team-web" },
    spec: { groups: [{ name: "wrong", rules: [{ alert: "Wrong", expr: "sum(" }] }] },
  },
];

describe("the VictoriaMetrics operator, before what an environment declares", function () {
  this.timeout("10m");
  const folder = mkdtempSync(join(tmpdir(), "victoria-metrics-operator-"));
  let plane: ControlPlane;
  let cluster: TestCluster;
  let operator: ChildProcess;
  const running = new Running();
  let authority: Authority;
  let single: Rendered;
  let ours: Manifest[];
  let said = "";

  /** An object with what stands for certificates and secrets. */
  function real(object: Manifest): Manifest {
    const texts = { "company.pem": readFileSync(authority.ca, "utf8"), right: awkward };
    return Object.entries(texts).reduce(
      (one, [name, text]) =>
        JSON.parse(JSON.stringify(one).replaceAll(masked(name), () => JSON.stringify(text).slice(1, -1))) as Manifest,
      object,
    );
  }

  /** The configuration that the operator has made for vmagent, once it has a job. */
  const scrapeConfig = async (job: string) =>
    await soon(`vmagent's job ${job}`, async () => {
      const { data } = (await cluster.get(`/api/v1/namespaces/${namespace}/secrets/vmagent-metrics`)) as unknown as {
        readonly data: Readonly<Record<string, string>>;
      };
      const text = gunzipSync(Buffer.from(data["vmagent.yaml.gz"] ?? "", "base64")).toString("utf8");
      return text.includes(job) ? text : undefined;
    });

  /** Waits, and says what the operator has said where that is in vain. */
  const soon = async <T>(what: string, look: () => Promise<T | undefined>) =>
    await until(what, async () => {
      if (operator.exitCode !== null) throw new Error(`the operator ended:\n${said.slice(-3000)}`);
      return await look().catch(() => undefined);
    }).catch((error: unknown) => {
      throw new Error(`${error instanceof Error ? error.message : ""}\n${said.slice(-3000)}`);
    });

  /** One that the operator made for a program. */
  const workload = async (kind: string, name: string) =>
    (await soon(name, () => cluster.get(`/apis/apps/v1/namespaces/${namespace}/${kind}/${name}`))) as Workload;

  before(async function () {
    this.timeout("30m");
    authority = makeAuthority(folder);
    const settings = {
      metrics: "victoriaMetrics" as const,
      checks: [{ name: "shop", target: "https://shop.example.com/" }],
      network: { ca: "company.pem" },
      remoteWrite: [
        {
          ...{ name: "years", url: "https://127.0.0.1:1/api/v1/write", ca: "company" as const, tenant: "team-a" },
          ...{ user: "writer", secret: "right", dropMetrics: ["shop_debug"] },
        },
        {
          ...{ name: "picky", url: "http://127.0.0.1:2/write?db=a,b", tenant: "team-a" },
          headers: { "X-Team": `a, 'b' "c" {{ d }} (` },
        },
      ],
      ...scraped["targets found in each way"],
      applications: { namespaces: ["team-web"] },
      alertmanager: { replicas: 3 },
    };
    single = await render({ settings: { ...settings, victoriaMetrics: { storage: "20Gi" } } });
    const several = await render({ settings: { ...settings, victoriaMetrics: { mode: "cluster", storage: "20Gi" } } });
    const binaries = await obtainBinaries();
    const program = await obtainProgram("victoria-metrics-operator");
    plane = await startControlPlane({ name: "vm-operator", dir: join(folder, "cluster"), binaries });
    cluster = new TestCluster(plane.kubeconfigPath);
    const chart = await templated(single, "victoria-metrics-operator", folder);
    const definitions = [...(await templated(single, "prometheus-operator-crds", folder)), ...chart].filter(
      ({ kind }) => kind === "CustomResourceDefinition",
    );
    for (const definition of definitions) await apply(cluster.api, definition);
    for (const definition of definitions as unknown as Definition[]) {
      const { group, versions, names } = definition.spec;
      const path = `/apis/${group}/${versions[0].name}/${names.plural}`;
      await until(`${names.plural} are served`, () => cluster.list(path).catch(() => undefined));
    }
    const all = [...single.declared, ...single.content];
    const named = (name: string): Manifest => ({ apiVersion: "v1", kind: "Namespace", metadata: { name } });
    for (const object of [...all.filter(({ kind }) => kind === "Namespace"), named("team-web")])
      await apply(cluster.api, object);
    const monitors = (object: Manifest) => object.apiVersion.startsWith(`${prometheus}/`);
    const stack = (await templated(single, "kube-prometheus-stack", folder)).filter(monitors);
    const secrets = all
      .filter(({ kind, metadata }) => kind === "Secret" && metadata.namespace === namespace)
      .map((object) => real(object));
    // A team's own route, as docs/alerts.md shows it.
    const routes = parseAllDocuments(
      /```yaml\n(apiVersion: monitoring\.coreos\.com\/v1alpha1\nkind: AlertmanagerConfig.*?)```/s.exec(
        readFileSync(new URL("../../docs/alerts.md", import.meta.url), "utf8"),
      )?.[1] ?? "",
    ).map((document) => document.toJS() as Manifest);
    ours = [...single.declared, ...several.declared.filter(({ kind }) => kind === "VMCluster")].filter(
      ({ apiVersion }) => apiVersion.startsWith("operator.victoriametrics.com/"),
    );
    for (const object of [...secrets, ...stack, ...all.filter(monitors), ...routes, ...theirs, ...ours])
      await apply(cluster.api, object);
    const [container] = (chart.find(({ kind }) => kind === "Deployment") as unknown as Workload).spec.template.spec
      .containers as readonly (Container & { env: readonly { name: string; value?: string }[] })[];
    operator = spawn(
      program,
      [
        ...(container?.args ?? []).filter((flag) => flag !== "--leader-elect"),
        ...["--metrics-bind-address=127.0.0.1:0", "--health-probe-bind-address=127.0.0.1:0", "--pprof-addr="],
      ],
      {
        env: {
          KUBECONFIG: plane.kubeconfigPath,
          ...Object.fromEntries((container?.env ?? []).map(({ name, value = "" }) => [name, value])),
          // Not waited for: it looks at all again so often.
          VM_FORCERESYNCINTERVAL: "2s",
        },
        stdio: ["ignore", "pipe", "pipe"],
      },
    );
    for (const stream of [operator.stdout, operator.stderr])
      stream?.on("data", (chunk: Buffer) => (said += chunk.toString()));
  });
  after(async () => {
    running.end();
    (operator as ChildProcess | undefined)?.kill();
    (cluster as TestCluster | undefined)?.close();
    await (plane as ControlPlane | undefined)?.stop();
    rmSync(folder, { recursive: true, force: true });
  });

  it("converts every monitor, check, discovery and rule of everybody, and no AlertmanagerConfig", async () => {
    for (const [from, to] of conversions) {
      const names = (list: readonly KubeObject[]) =>
        list.map(({ metadata }) => `${metadata.namespace ?? ""}/${metadata.name}`).sort();
      const wanted = names(await cluster.list(`/apis/${prometheus}/${from}`));
      expect(wanted, from).to.not.deep.equal([]);
      const made = await soon(`all ${to}`, async () => {
        const list = await cluster.list(`${victoria}/${to}`);
        return list.length >= wanted.length ? list : undefined;
      });
      expect(names(made), to).to.deep.equal(wanted);
      for (const { metadata } of made)
        expect(metadata.ownerReferences?.map(({ name }) => name)).to.deep.equal([metadata.name]);
    }
    expect(await cluster.list(`/apis/${prometheus}/v1alpha1/alertmanagerconfigs`)).to.not.deep.equal([]);
    expect(await cluster.list(`${victoria}/vmalertmanagerconfigs`)).to.deep.equal([]);
  });

  it("makes the programs that the settings say, each under the names, ports and labels that others know them by", async () => {
    const made: [Program, string, number][] = [
      ["vmsingle", "deployments", 1],
      ["vmagent", "statefulsets", 1],
      ["vmalert", "deployments", 1],
      ["vminsert", "deployments", 2],
      ["vmselect", "statefulsets", 2],
      ["vmstorage", "statefulsets", 3],
    ];
    for (const [program, kind, replicas] of made) {
      const { spec } = await workload(kind, `${program}-metrics`);
      expect(spec.replicas, program).to.equal(replicas);
      const { template } = spec;
      expect(template.metadata.labels, program).to.include(labelsOf(program));
      const service = await soon(`the Service of ${program}`, () =>
        cluster.get(`/api/v1/namespaces/${namespace}/services/${program}-metrics`),
      );
      expect(service.spec?.["selector"], program).to.deep.equal(labelsOf(program));
      expect(service.metadata.labels, program).to.include(labelsOf(program));
      expect(JSON.stringify(service.spec?.["ports"]), program).to.include(`"port":${ports[program]}`);
      for (const container of [...template.spec.containers, ...(template.spec.initContainers ?? [])]) {
        expect(container.image, program).to.match(/^docker\.io\/victoriametrics\/.+:.*\d/);
        expect(container.resources, `${program} ${container.name}`).to.have.nested.property("limits.memory");
        expect(container.securityContext, `${program} ${container.name}`).to.deep.include({
          readOnlyRootFilesystem: true,
          allowPrivilegeEscalation: false,
          capabilities: { drop: ["ALL"] },
        });
      }
      expect(template.spec.securityContext, program).to.deep.include({
        runAsNonRoot: true,
        seccompProfile: { type: "RuntimeDefault" },
      });
      if (replicas > 1) {
        expect(JSON.stringify(template.spec.affinity), program).to.include("kubernetes.io/hostname");
        const budget = `/apis/policy/v1/namespaces/${namespace}/poddisruptionbudgets/${program}-metrics`;
        const { spec: budgeted } = await soon(`the budget of ${program}`, () => cluster.get(budget));
        expect(budgeted?.["maxUnavailable"], program).to.equal(1);
      }
    }
  });

  it("replicates every sample of the cluster over nodes that each have a volume", async () => {
    const flags = async (kind: string, name: string) =>
      (await workload(kind, name)).spec.template.spec.containers[0]?.args ?? [];
    const nodes = [0, 1, 2].map((index) => `vmstorage-metrics-${index}.vmstorage-metrics.${namespace}:8400`).join(",");
    expect(await flags("deployments", "vminsert-metrics")).to.include.members([
      "-replicationFactor=2",
      `-storageNode=${nodes}`,
    ]);
    expect(await flags("statefulsets", "vmselect-metrics")).to.include.members([
      "-replicationFactor=2",
      "-dedup.minScrapeInterval=1ms",
      `-storageNode=${nodes.replaceAll("8400", "8401")}`,
    ]);
    const storage = await workload("statefulsets", "vmstorage-metrics");
    expect(JSON.stringify(storage.spec.volumeClaimTemplates)).to.include('"storage":"20Gi"');
  });

  it("makes a configuration that vmagent takes, with a job for each, and its buffer on disk, bounded", async () => {
    const secret = await scrapeConfig("serviceScrape/team-web/cart/0");
    const { scrape_configs: jobs } = parse(secret) as {
      readonly scrape_configs: readonly { readonly job_name: string; readonly relabel_configs: readonly object[] }[];
    };
    // What a conversion loses of a ScrapeConfig: its jobName.
    for (const [name, job] of [
      ["application-pods", "application-pods"],
      ["targets-fleet", "fleet"],
    ])
      expect(
        jobs.find(({ job_name: found }) => found === `scrapeConfig/monitoring/${name ?? ""}`)?.relabel_configs,
      ).to.deep.include({ action: "replace", target_label: "job", replacement: job });
    for (const [kind, to] of [
      ["serviceScrape", "vmservicescrapes"],
      ["podScrape", "vmpodscrapes"],
      ["probe", "vmprobes"],
      ["scrapeConfig", "vmscrapeconfigs"],
    ] as const)
      for (const { metadata } of await cluster.list(`${victoria}/${to}`)) {
        const job = `${kind}/${metadata.namespace ?? ""}/${metadata.name}`;
        expect(
          jobs.some(({ job_name: name }) => name.startsWith(job)),
          job,
        ).to.equal(true);
      }
    // Files that are mounted into the pod are not here.
    const file = join(folder, "vmagent.yaml");
    writeFileSync(
      file,
      secret.replaceAll(/((?:credentials|ca|cert|key|bearer_token|password)_file: ).+/g, `$1${plane.kubeconfigPath}`),
    );
    execFileSync(
      await obtainProgram("vmagent"),
      [
        "-dryRun",
        "-promscrape.config.strictParse",
        `-promscrape.config=${file}`,
        "-remoteWrite.url=http://127.0.0.1:1/",
      ],
      { stdio: "pipe" },
    );
    const { template } = (await workload("statefulsets", "vmagent-metrics")).spec;
    const { args = [] } = template.spec.containers[0] ?? {};
    expect(args).to.include(`-remoteWrite.maxDiskUsagePerURL=${1024 ** 3}`);
    expect(args.join(" ")).to.include("-remoteWrite.url=http://vmsingle-metrics.monitoring.svc:8428/api/v1/write,");
    // Three servers, and room beside what they may hold.
    expect(JSON.stringify(template.spec.volumes)).to.include('"sizeLimit":"3840Mi"');
  });

  it("has vmagent send to further servers, by TLS and with a password, under names that alerts know", async () => {
    const [storePort = 0, yearsPort = 0, agentPort = 0] = await freePorts(3);
    const sent: unknown[] = [];
    const picky = createServer((request, response) => {
      const { "x-team": team, "x-scope-orgid": tenant } = request.headers;
      sent.push({ url: decodeURIComponent(request.url ?? ""), team, tenant });
      request.resume().on("end", () => response.writeHead(400).end());
    });
    await new Promise<void>((ready) => picky.listen(0, "127.0.0.1", ready));
    const shop = createServer((_, response) => response.end("shop_orders_total 7\nshop_debug 1\n"));
    await new Promise<void>((ready) => shop.listen(0, "127.0.0.1", ready));
    try {
      const portOf = (server: Server) => (server.address() as AddressInfo).port;
      const password = join(folder, "password");
      writeFileSync(password, awkward);
      const store = await obtainProgram("victoria-metrics");
      for (const [name, port, more] of [
        ["store", storePort, []],
        [
          "years",
          yearsPort,
          [
            ...["-tls", `-tlsCertFile=${join(folder, "server.crt")}`, `-tlsKeyFile=${join(folder, "server.key")}`],
            ...["-httpAuth.username=writer", `-httpAuth.password=file://${password}`],
          ],
        ],
      ] as const)
        running.start(
          store,
          [
            `-httpListenAddr=127.0.0.1:${port}`,
            `-storageDataPath=${join(folder, name)}`,
            "-retentionPeriod=1d",
            "-search.latencyOffset=0s",
            ...more,
          ],
          folder,
        );
      // What it is told, with the files that it is given; of what it scrapes its own monitor's rules.
      const { spec } = (await workload("statefulsets", "vmagent-metrics")).spec.template;
      const container = spec.containers.find(({ name }) => name === "vmagent") as Mounting;
      let flags = (container.args ?? []).join("\n");
      for (const { name, mountPath } of container.volumeMounts) {
        const { secret, configMap } = (spec.volumes as readonly Volume[]).find((one) => one.name === name) ?? {};
        const own = join(folder, "mounts", name);
        mkdirSync(own, { recursive: true });
        flags = flags.replaceAll(`${mountPath}/`, `${own}/`);
        const from =
          secret === undefined ? configMap && `configmaps/${configMap.name}` : `secrets/${secret.secretName}`;
        if (from === undefined) continue;
        const { data } = (await cluster.get(`/api/v1/namespaces/${namespace}/${from}`)) as unknown as {
          readonly data: Readonly<Record<string, string>>;
        };
        for (const [key, text] of Object.entries(data))
          writeFileSync(join(own, key), secret === undefined ? text : Buffer.from(text, "base64"));
      }
      const config = await scrapeConfig("serviceScrape/monitoring/victoria-metrics/0");
      const own = (
        parse(config) as { readonly scrape_configs: readonly { readonly job_name: string }[] }
      ).scrape_configs.find(({ job_name: job }) => job === "serviceScrape/monitoring/victoria-metrics/0") as
        { readonly metric_relabel_configs?: readonly object[] } | undefined;
      const scrape = join(folder, "scrape.yaml");
      const at = (port: number) => [{ targets: [`127.0.0.1:${port}`] }];
      writeFileSync(
        scrape,
        JSON.stringify({
          global: { scrape_interval: "1s" },
          scrape_configs: [
            {
              job_name: "vmagent-metrics",
              static_configs: at(agentPort),
              metric_relabel_configs: own?.metric_relabel_configs,
            },
            { job_name: "shop", static_configs: at(portOf(shop)) },
          ],
        }),
      );
      const changed: readonly (readonly [string, string])[] = [
        ["-httpListenAddr=", `127.0.0.1:${agentPort}`],
        ["-promscrape.config=", scrape],
        ["-remoteWrite.tmpDataPath=", join(folder, "buffer")],
      ];
      const addresses = {
        "http://vmsingle-metrics.monitoring.svc:8428": `http://127.0.0.1:${storePort}`,
        "https://127.0.0.1:1/": `https://127.0.0.1:${yearsPort}/`,
        "http://127.0.0.1:2/": `http://127.0.0.1:${portOf(picky)}/`,
      };
      const args = Object.entries(addresses)
        .reduce((text, [from, to]) => text.replace(from, to), flags)
        .split("\n")
        .filter((flag) => !changed.some(([name]) => flag.startsWith(name)))
        .concat(changed.map((pair) => pair.join("")));
      running.start(await obtainProgram("vmagent"), args, folder);

      const { ca } = authority;
      const asked = async (server: string, query: string) => {
        const response = await fetchOutside(`${server}/api/v1/query?${new URLSearchParams({ query }).toString()}`, {
          headers: { authorization: `Basic ${Buffer.from(`writer:${awkward}`).toString("base64")}` },
        }).catch(() => undefined);
        if (response?.ok !== true) return undefined;
        const { data } = (await response.json()) as { data: { result: { metric: Record<string, string> }[] } };
        return data.result.length === 0 ? undefined : data.result.map(({ metric }) => metric);
      };
      trust(ca);
      const [here, years] = [`http://127.0.0.1:${storePort}`, `https://127.0.0.1:${yearsPort}`];
      const [there] = await running.soon("a sample at the other server", () =>
        asked(years, "last_over_time(shop_orders_total[5m])"),
      );
      expect(there).to.include({ cluster: "dev", job: "shop" });
      await running.soon("all samples at the store", () => asked(here, "last_over_time(shop_debug[5m])"));
      expect(await asked(here, "last_over_time(shop_orders_total[5m])")).to.deep.equal([
        { __name__: "shop_orders_total", job: "shop", instance: there?.["instance"] },
      ]);
      expect(await asked(years, "last_over_time(shop_debug[5m])"), "what is dropped for it").to.equal(undefined);
      const refused = "last_over_time(vmagent_remotewrite_packets_dropped_total[5m]) > 0";
      const failing = await running.soon("what is refused, by name", () => asked(here, refused));
      expect(failing.map((metric) => metric["remote_name"])).to.deep.equal(["picky"]);
      expect(sent[0]).to.deep.equal({ url: "/write?db=a,b", team: `a, 'b' "c" {{ d }} (`, tenant: "team-a" });
      const queues = (await asked(here, "last_over_time(vm_persistentqueue_bytes_pending[5m])")) ?? [];
      expect(queues.map((metric) => metric["remote_name"])).to.have.members(["metrics_store", "years", "picky"]);
    } finally {
      picky.close();
      shop.close();
    }
  });

  it("gives vmalert all rules but the wrong one, of which it says that it is, and each Alertmanager", async () => {
    const file = join(folder, "rules.yaml");
    const ruled = await soon("vmalert's rules", async () => {
      const maps = (await cluster.list(`/api/v1/namespaces/${namespace}/configmaps`)) as unknown as readonly {
        readonly metadata: { readonly name: string };
        readonly binaryData?: Readonly<Record<string, string>>;
      }[];
      const texts = maps
        .filter(({ metadata }) => metadata.name.startsWith("vm-metrics-rulefiles"))
        .map(({ binaryData = {} }) =>
          gunzipSync(Buffer.from(binaryData["rules.yaml"] ?? "", "base64")).toString("utf8"),
        );
      return texts.length > 0 ? texts : undefined;
    });
    for (const [index, text] of ruled.entries()) {
      expect(text).to.not.match(/alert: Wrong$/m);
      writeFileSync(`${file}.${index}.yaml`, text);
    }
    const vmalert = await obtainProgram("vmalert");
    execFileSync(vmalert, ["-dryRun", `-rule=${file}.*.yaml`], { stdio: "pipe" });
    const rules = (await cluster.list(`/apis/${prometheus}/v1/prometheusrules`)).filter(
      ({ metadata }) => metadata.name !== "wrong",
    );
    const groups = rules.flatMap(({ spec }) => spec?.["groups"] as readonly object[]);
    expect(ruled.flatMap((text) => (parse(text) as { groups: object[] }).groups)).to.have.length(groups.length);
    await soon("the wrong rule is said to be", async () => {
      const { status } = await cluster.get(`${victoria}/namespaces/team-web/vmrules/wrong`);
      return status?.["updateStatus"] === "failed" && JSON.stringify(status).includes("sum(") ? status : undefined;
    });
    const flags = (await workload("deployments", "vmalert-metrics")).spec.template.spec.containers[0]?.args ?? [];
    expect(flags).to.include("-notifier.config=/etc/vm/notifier_config/notifiers.yaml");
    const notifiers = single.declared.find(({ metadata }) => metadata.name === "vmalert-notifiers");
    writeFileSync(join(folder, "notifiers.yaml"), Object.values(notifiers?.["stringData"] as object).join(""));
    const started = spawnSync(
      vmalert,
      [
        ...[`-rule=${file}.0.yaml`, `-notifier.config=${join(folder, "notifiers.yaml")}`],
        ...["-datasource.url=http://127.0.0.1:1", "-httpListenAddr=127.0.0.1:0"],
      ],
      { encoding: "utf8", timeout: 20_000 },
    );
    // It has read whom to tell, strictly, and ends for want of what comes after.
    expect(started.stderr).to.match(/`-remoteWrite\.url` isn't set/);
  });

  it("fights with nobody over an object, and what is declared again changes nothing", async () => {
    const collections = [
      ...["vmsingles", "vmagents", "vmalerts", "vmclusters", ...conversions.map(([, to]) => to)].map(
        (one) => `${victoria}/${one}`,
      ),
      ...["deployments", "statefulsets"].map((one) => `/apis/apps/v1/namespaces/${namespace}/${one}`),
      `/api/v1/namespaces/${namespace}/services`,
    ];
    await soon("everything works", async () => {
      const parents = await Promise.all(
        ["vmsingles", "vmagents", "vmalerts", "vmclusters"].map((one) => cluster.list(`${victoria}/${one}`)),
      );
      return parents.flat().every(({ status }) => status?.["updateStatus"] === "operational") ? true : undefined;
    });
    const versions = async () => {
      const lists = await Promise.all(collections.map((path) => cluster.list(path)));
      return Object.fromEntries(
        lists.flatMap((list, index) =>
          list.map(({ metadata }) => [
            `${collections[index] ?? ""} ${metadata.namespace ?? ""}/${metadata.name}`,
            (metadata as unknown as { resourceVersion: string }).resourceVersion,
          ]),
        ),
      );
    };
    const before = await versions();
    await sleep(7_000);
    expect(await versions()).to.deep.equal(before);
    for (const object of ours) {
      const path = await pathOf(cluster.api, object);
      const { metadata } = await cluster.get(path);
      await apply(cluster.api, object);
      expect((await cluster.get(path)).metadata.generation, object.kind).to.equal(metadata.generation);
    }
  });

  it("deletes its copy of what is deleted, and all of a program with its object", async () => {
    await cluster.api.call("DELETE", `/apis/${prometheus}/v1/namespaces/team-web/servicemonitors/cart`);
    await soon("the copy goes", async () =>
      (await cluster.exists(`${victoria}/namespaces/team-web/vmservicescrapes/cart`)) ? undefined : true,
    );
    for (const object of ours) await cluster.api.call("DELETE", await pathOf(cluster.api, object));
    await soon("its objects go", async () => {
      const left = await Promise.all(
        ["vmsingles", "vmagents", "vmalerts", "vmclusters"].map((one) => cluster.list(`${victoria}/${one}`)),
      );
      return left.flat().length === 0 ? true : undefined;
    });
    await soon("its programs go", async () => {
      const left = await Promise.all(
        ["deployments", "statefulsets"].map((one) => cluster.list(`/apis/apps/v1/namespaces/${namespace}/${one}`)),
      );
      return left.flat().filter(({ metadata }) => metadata.name.startsWith("vm")).length === 0 ? true : undefined;
    });
  });
});
