/**
 * The real Prometheus Operator on a real API server, before what an environment declares and what the stand-in of
 * kube-prometheus-stack makes of its values: it makes its objects of them, and the programs that they are for read what it
 * made. No pod runs.
 */
import { expect } from "chai";
import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gunzipSync } from "node:zlib";
import { parse, parseAllDocuments, stringify } from "yaml";
import type { SettingsInput } from "../../settings/schema.ts";
import type { Manifest } from "../../components/kubernetes/manifest.ts";
import { obtainProgram } from "../../contract/readers.ts";
import { variants as scraped } from "../../components/metrics/scrape-targets/variants.ts";
import { releases, render, type Rendered } from "../../contract/rendered.ts";
import { masked } from "../../contract/run-program.ts";
import { packFixture } from "../../rehearsal/charts/fixtures.ts";
import { obtainBinaries } from "../../rehearsal/control-plane/binaries.ts";
import { type ControlPlane, startControlPlane } from "../../rehearsal/control-plane/control-plane.ts";
import { obtainComponent } from "../kind-tier/components.ts";
import { until } from "../support/until.ts";
import { apply as applyTo } from "./support/apply.ts";
import { freePorts } from "../../rehearsal/control-plane/processes.ts";
import { TestCluster } from "./support/cluster.ts";

const targets = scraped["targets found in each way"] ?? {};

const stack = "kube-prometheus-stack";
const namespace = "monitoring";
const group = "monitoring.coreos.com";

/** A team's own route, as docs/alerts.md shows it. */
const documented = parseAllDocuments(
  /```yaml\n(apiVersion: monitoring\.coreos\.com\/v1alpha1\nkind: AlertmanagerConfig.*?)```/s.exec(
    readFileSync(new URL("../../docs/alerts.md", import.meta.url), "utf8"),
  )?.[1] ?? "",
).map((document) => document.toJS() as Manifest);

/** A Prometheus of somebody else's that scrapes here, as its page shows it. */
const neighbour = parse(
  /```yaml\n(apiVersion: monitoring\.coreos\.com\/v1\nkind: Prometheus\n.*?)```/s.exec(
    readFileSync(new URL("../../components/external/README.md", import.meta.url), "utf8"),
  )?.[1] ?? "",
) as Manifest;

interface Example {
  readonly settings?: SettingsInput;
  readonly object?: Manifest;
}

/** The page about the operator's kinds: by kind, its example as settings, or as an object. */
const examples = new Map<string, Example>(
  [
    ...readFileSync(new URL("../../docs/prometheus-operator.md", import.meta.url), "utf8").matchAll(
      /^## (\w+)\n[\s\S]*?```yaml\n([\s\S]*?)```/gm,
    ),
  ].map(([, kind = "", text = ""]) => {
    const { config, ...object } = parse(text) as Manifest & { readonly config?: Readonly<Record<string, unknown>> };
    if (config === undefined) return [kind, { object }];
    const settings = Object.entries(config).map(([key, value]) => [key.replace(/^observability:/, ""), value] as const);
    return [kind, { settings: Object.fromEntries(settings) }];
  }),
);
const example = (kind: string) => examples.get(kind)?.settings ?? {};

/** As the bucket's own Secret gives them. */
const bucketCredentials = ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"].map((key) => ({
  name: key,
  valueFrom: { secretKeyRef: { name: "object-storage-thanos-1", key } },
}));

interface Definition {
  readonly spec: {
    readonly versions: readonly [{ readonly name: string }];
    readonly names: { readonly plural: string };
  };
}

describe("the Prometheus Operator, before a stand-in of its chart", function () {
  this.timeout("10m");
  const folder = mkdtempSync(join(tmpdir(), "prometheus-operator-"));
  let plane: ControlPlane;
  let cluster: TestCluster;
  let operator: ChildProcess;
  let rendered: Rendered;
  /** One whose store is elsewhere: an agent scrapes, a ruler evaluates. */
  let elsewhere: Rendered;
  /** Rulers over Thanos; the object is called `years` here, beside the other's. */
  let years: Manifest | undefined;
  let said = "";

  /** The stand-in chart's objects for the values of a release, as Helm renders them. */
  async function templated(name: string): Promise<Manifest[]> {
    const release = releases(rendered.declared).find((one) => one.name === name);
    if (release === undefined) throw new Error(`there is no release ${name}`);
    const chart = join(folder, `${name}.tgz`);
    writeFileSync(chart, (await packFixture(release.chart?.name ?? "")).content);
    const values = join(folder, `${name}.yaml`);
    writeFileSync(values, stringify(release.values));
    const helm = await obtainProgram("helm");
    const args = ["template", name, chart, "--namespace", release.namespace, "--values", values, "--include-crds"];
    const text = execFileSync(helm, args, { encoding: "utf8", maxBuffer: 1 << 28 });
    return parseAllDocuments(text).flatMap((document) => (document.toJS() as Manifest | null) ?? []);
  }

  /** A certificate, as it stands in a text of JSON. */
  function pem(): string {
    const data = /certificate-authority-data: (\S+)/.exec(plane.kubeconfig)?.[1] ?? "";
    return JSON.stringify(Buffer.from(data, "base64").toString("utf8")).slice(1, -1);
  }

  const apply = async (object: Manifest) => {
    await applyTo(cluster.api, object);
  };

  before(async function () {
    this.timeout("30m");
    rendered = await render({
      settings: {
        ...example("Prometheus"),
        ...example("Alertmanager"),
        ...example("Probe"),
        scrapeTargets: [...(targets.scrapeTargets ?? []), ...(example("ScrapeConfig").scrapeTargets ?? [])],
        network: targets.network,
        applications: { namespaces: ["team-web", "team-shop"] },
        ...{ thanos: { enabled: true }, objectStorage: "seaweedfs" },
        alerting: {
          receivers: {
            slack: [
              { name: "ops", channel: "#ops", secret: "ops" },
              { name: "urgent", channel: "#urgent", secret: "ops" },
            ],
          },
          routes: [{ receiver: "urgent", severity: ["critical"] }],
          defaultReceiver: "ops",
        },
      },
    });
    const { external, ...choice } = example("PrometheusAgent");
    elsewhere = await render({
      settings: {
        ...{ ...choice, ...example("ThanosRuler"), network: { ca: "company.pem" } },
        external: { metrics: { queryUrl: "", ...external?.metrics, ca: "company" } },
      },
    });
    const { declared: ofYears } = await render({
      settings: {
        ruler: "thanosRuler",
        thanosRuler: { replicas: 2, size: "7Gi" },
        thanos: { enabled: true },
        objectStorage: "seaweedfs",
      },
    });
    const ruler = ofYears.find(({ kind }) => kind === "ThanosRuler");
    years = ruler && { ...ruler, metadata: { ...ruler.metadata, name: "years" } };
    const binaries = await obtainBinaries();
    const program = await obtainComponent("prometheus-operator");
    plane = await startControlPlane({ name: "operator", dir: join(folder, "cluster"), binaries });
    cluster = new TestCluster(plane.kubeconfigPath);
    const definitions = (await templated("prometheus-operator-crds")).filter(
      ({ kind }) => kind === "CustomResourceDefinition",
    );
    for (const definition of definitions) {
      await apply(definition);
      const { versions, names } = (definition as unknown as Definition).spec;
      const path = `/apis/${group}/${versions[0].name}/${names.plural}`;
      await until(`${names.plural} are served`, () => cluster.list(path).catch(() => undefined));
    }
    const all = [...rendered.declared, ...rendered.content];
    for (const object of [
      ...all.filter(({ kind }) => kind === "Namespace"),
      ...["team-web", "team-shop", "other", neighbour.metadata.namespace ?? ""].map(named),
    ])
      await apply(object);
    const ofOperator = (object: Manifest) => object.apiVersion.startsWith(`${group}/`);
    const ofElsewhere = elsewhere.declared.filter(({ metadata: { name } }) =>
      ["prometheus-agent", "thanos-ruler", "platform"].some((start) => name.startsWith(start)),
    );
    // The operator takes no certificates that are none: those of the API server are as good as any.
    const secrets = [...all, ...ofElsewhere]
      .filter(({ kind, metadata }) => kind === "Secret" && metadata.namespace === namespace)
      .map((object) => JSON.parse(JSON.stringify(object).replaceAll(masked("company.pem"), pem())) as Manifest);
    const chart = (await templated(stack)).filter((object) => ofOperator(object) || object.kind === "Secret");
    const others = documented.map((object) => ({ ...object, metadata: { ...object.metadata, namespace: "other" } }));
    const objects = [...all, ...ofElsewhere, ...(years === undefined ? [] : [years])].filter(ofOperator);
    const shown = [...examples.values()].flatMap(({ object }) => object ?? []);
    for (const object of [...secrets, ...chart, ...objects, ...documented, ...others, ...shown, neighbour])
      await apply(object);
    operator = spawn(program, ["--web.listen-address=127.0.0.1:0", "--web.enable-tls=false"], {
      env: { KUBECONFIG: plane.kubeconfigPath },
      stdio: ["ignore", "pipe", "pipe"],
    });
    for (const stream of [operator.stdout, operator.stderr])
      stream?.on("data", (chunk: Buffer) => (said += chunk.toString()));
  });
  after(async () => {
    (operator as ChildProcess | undefined)?.kill();
    (cluster as TestCluster | undefined)?.close();
    await (plane as ControlPlane | undefined)?.stop();
    rmSync(folder, { recursive: true, force: true });
  });

  const named = (name: string): Manifest => ({ apiVersion: "v1", kind: "Namespace", metadata: { name } });

  /** A file of a Secret that the operator made; it packs the large ones. */
  async function made(secret: string, file: string, home = namespace): Promise<string> {
    const path = `/api/v1/namespaces/${home}/secrets/${secret}`;
    const text = await until(`${file} of ${secret}`, async () => {
      if (operator.exitCode !== null) throw new Error(`the operator ended:\n${said.slice(-3000)}`);
      const { data } = (await cluster.get(path).catch(() => ({}))) as { data?: Readonly<Record<string, string>> };
      return data?.[file];
    }).catch((error: unknown) => {
      throw new Error(`${error instanceof Error ? error.message : ""}\n${said.slice(-3000)}`);
    });
    const bytes = Buffer.from(text, "base64");
    return (file.endsWith(".gz") ? gunzipSync(bytes) : bytes).toString("utf8");
  }

  const statefulSet = async (name: string) =>
    (await until(name, () =>
      cluster.get(`/apis/apps/v1/namespaces/${namespace}/statefulsets/${name}`).catch(() => undefined),
    )) as unknown as {
      readonly spec: {
        readonly replicas: number;
        readonly volumeClaimTemplates?: readonly { readonly spec: { readonly resources: object } }[];
        readonly template: {
          readonly spec: {
            readonly containers: readonly {
              readonly name: string;
              readonly args?: readonly string[];
              readonly env?: readonly { readonly name: string; readonly valueFrom?: unknown }[];
              readonly ports?: readonly { readonly name: string; readonly containerPort: number }[];
            }[];
          };
        };
      };
    };

  /** Every monitor, check and discovery, as jobs of scrape configurations begin with it. */
  async function monitored(): Promise<string[]> {
    const monitors = await Promise.all(
      [
        ...([
          ["v1", "servicemonitors", "serviceMonitor"],
          ["v1", "podmonitors", "podMonitor"],
        ] as const),
        ...([
          ["v1", "probes", "probe"],
          ["v1alpha1", "scrapeconfigs", "scrapeConfig"],
        ] as const),
      ].map(async ([version, plural, kind]) =>
        (await cluster.list(`/apis/${group}/${version}/${plural}`)).map(
          ({ metadata }) => `${kind}/${metadata.namespace ?? ""}/${metadata.name}`,
        ),
      ),
    );
    for (const kind of monitors) expect(kind).to.not.deep.equal([]);
    return monitors.flat();
  }

  /** Holds a configuration against Prometheus's own reader. Files that are mounted into the pod are not here. */
  async function check(config: object, ...more: string[]): Promise<void> {
    const here = JSON.stringify(config).replaceAll(/"(?:credentials|ca|cert|key)_file":"[^"]+"/g, (found) =>
      found.replace(/:".*/, `:${JSON.stringify(plane.kubeconfigPath)}`),
    );
    const file = join(folder, "prometheus.yaml");
    writeFileSync(file, here);
    execFileSync(await obtainProgram("promtool"), ["check", "config", "--syntax-only", ...more, file]);
  }

  interface Configuration {
    readonly global: object;
    readonly scrape_configs: readonly { readonly job_name: string }[];
    readonly rule_files?: readonly string[];
    readonly remote_write?: readonly object[];
  }

  it("knows an example of each of its kinds on their page", async () => {
    const kinds = (await cluster.list("/apis/apiextensions.k8s.io/v1/customresourcedefinitions"))
      .map(
        (definition) =>
          (definition as unknown as Definition & { spec: { group: string; names: { kind: string } } }).spec,
      )
      .filter((spec) => spec.group === group);
    expect(kinds.map(({ names }) => names.kind)).to.have.members([...examples.keys()]);
    for (const { names, versions } of kinds) {
      const there = await cluster.list(`/apis/${group}/${versions[0].name}/${names.plural}`);
      const { object } = examples.get(names.kind) ?? {};
      // Those of settings have names of ours.
      expect(there.map(({ metadata }) => metadata.name).join(), names.kind).to.match(
        new RegExp(object?.metadata.name ?? "."),
      );
    }
  });

  it("makes Prometheus's configuration of every monitor, check and discovery, which promtool takes", async () => {
    const text = await made(`prometheus-${stack}-prometheus`, "prometheus.yaml.gz");
    const { scrape_configs: jobs } = parse(text) as Configuration;
    const names = jobs.map(({ job_name: name }) => name);
    for (const monitor of await monitored())
      expect(
        names.some((name) => name.startsWith(monitor)),
        monitor,
      ).to.equal(true);
    const fleet = jobs.find(({ job_name: name }) => name === "scrapeConfig/monitoring/targets-fleet");
    expect(fleet).to.deep.include({
      scheme: "https",
      metrics_path: "/probe/metrics",
      basic_auth: { username: "prometheus", password: masked("fleet") },
    });
    // The company's certificates are for its discovery, too.
    expect(fleet).to.have.nested.property("tls_config.ca_file");
    expect(fleet).to.have.nested.property("http_sd_configs[0].tls_config.ca_file");
    const { rule_files: rules, ...config } = parse(text) as { rule_files: readonly string[] };
    expect(rules.join()).to.match(/rulefiles-0/);
    await check(config);
  });

  it("makes a neighbour's configuration of all monitors of the environment, and of nobody else's, as the page about it says", async () => {
    const { name, namespace: home } = neighbour.metadata;
    const { scrape_configs: jobs } = parse(
      await made(`prometheus-${name}`, "prometheus.yaml.gz", home),
    ) as Configuration;
    const ours = rendered.declared.filter(({ kind }) => kind === "Namespace").map(({ metadata }) => metadata.name);
    for (const monitor of await monitored())
      expect(
        jobs.some(({ job_name: job }) => job.startsWith(monitor)),
        monitor,
      ).to.equal(ours.includes(monitor.split("/")[1] ?? ""));
  });

  it("makes a sidecar of Thanos that uploads with the bucket's credentials, and a Prometheus that compacts nothing", async () => {
    const { spec } = await statefulSet(`prometheus-${stack}-prometheus`);
    const container = (name: string) => spec.template.spec.containers.find((one) => one.name === name);
    expect(container("prometheus")?.args).to.include.members([
      "--storage.tsdb.min-block-duration=2h",
      "--storage.tsdb.max-block-duration=2h",
    ]);
    const sidecar = container("thanos-sidecar");
    // The ports that contract/model.ts and the Service of the sidecars know.
    expect(sidecar?.ports?.map(({ name, containerPort }) => [name, containerPort])).to.have.deep.members([
      ["http", 10902],
      ["grpc", 10901],
    ]);
    const { name = "" } =
      rendered.declared.find(({ kind, metadata }) => kind === "Secret" && metadata.name.startsWith("thanos-bucket-"))
        ?.metadata ?? {};
    expect(sidecar?.env).to.have.deep.members([
      { name: "OBJSTORE_CONFIG", valueFrom: { secretKeyRef: { name, key: "bucket.yaml" } } },
      ...bucketCredentials,
    ]);
  });

  it("makes the agent's configuration of the same, which promtool takes, and an agent that writes with the cluster's name", async () => {
    const { scrape_configs: jobs, ...config } = parse(
      await made("prom-agent-platform", "prometheus.yaml.gz"),
    ) as Configuration;
    for (const monitor of await monitored())
      expect(
        jobs.some(({ job_name: name }) => name.startsWith(monitor)),
        monitor,
      ).to.equal(true);
    expect(config.rule_files).to.equal(undefined);
    expect(config).to.have.nested.property("global.external_labels.cluster", "dev");
    const [store] = config.remote_write ?? [];
    expect(store).to.deep.include({
      url: "https://metrics.example.com/write",
      basic_auth: { username: "platform", password: masked("externalMetricsSecret") },
    });
    expect(store).to.have.nested.property("tls_config.ca_file");
    await check({ ...config, scrape_configs: jobs }, "--agent");

    const { spec } = await statefulSet("prom-agent-platform");
    const [container] = spec.template.spec.containers;
    const [from, to] = await freePorts(2);
    const data = mkdtempSync(join(folder, "agent-"));
    const receiver = `http://127.0.0.1:${to ?? 0}`;
    const files = { agent: join(data, "agent.yaml"), store: join(data, "store.yaml") };
    const self = { job_name: "self", scrape_interval: "1s", static_configs: [{ targets: [`127.0.0.1:${from ?? 0}`] }] };
    const here = { ...store, url: `${receiver}/api/v1/write`, tls_config: undefined };
    writeFileSync(files.agent, JSON.stringify({ ...config, scrape_configs: [self], remote_write: [here] }));
    writeFileSync(files.store, "{}");
    // What the operator tells it, but for what is in the pod.
    const places =
      /^--(config\.file|web\.config\.file|web\.console|storage\.agent\.path|web\.external-url|web\.route-prefix)/;
    const told = (container?.args ?? []).filter((arg) => !places.test(arg));
    expect(told).to.include("--agent");
    const prometheus = await obtainProgram("prometheus");
    const running = [
      [
        `--config.file=${files.agent}`,
        `--storage.agent.path=${join(data, "wal")}`,
        `--web.listen-address=127.0.0.1:${from ?? 0}`,
        ...told,
      ],
      [
        ...[
          `--config.file=${files.store}`,
          `--storage.tsdb.path=${join(data, "store")}`,
          "--web.enable-remote-write-receiver",
        ],
        `--web.listen-address=127.0.0.1:${to ?? 0}`,
      ],
    ].map((args) => spawn(prometheus, args, { cwd: data, stdio: "ignore" }));
    try {
      const query = new URLSearchParams({ query: 'up{job="self", cluster="dev"}' });
      await until("what it scrapes is in the store", async () => {
        const response = await fetch(`${receiver}/api/v1/query?${query.toString()}`).catch(() => undefined);
        const answer = (await response?.json().catch(() => undefined)) as { data?: { result: unknown[] } } | undefined;
        return (answer?.data?.result.length ?? 0) > 0;
      });
    } finally {
      for (const one of running) one.kill("SIGKILL");
    }
  });

  it("makes a ruler of all our rules, which asks the store, and writes to it without a label of its own", async () => {
    const { spec } = await statefulSet("thanos-ruler-platform");
    const [container] = spec.template.spec.containers;
    for (const file of ["query", "alertmanagers", "remote-write", "alert.relabel"])
      expect(container?.args?.join(" ")).to.match(new RegExp(`--${file}[.-]config-file=`));
    expect(container?.args).to.include("--alert.label-drop=prometheus_replica");
    const write = parse(await made("thanos-ruler-platform-config", "remote-write.yaml")) as { remote_write: object[] };
    expect(write.remote_write[0]).to.deep.include({
      url: "https://metrics.example.com/write",
      write_relabel_configs: [{ regex: "thanos_ruler_replica", action: "labeldrop" }],
    });
    await check(write);
    const ours = (await cluster.list(`/apis/${group}/v1/prometheusrules`)).filter(
      ({ metadata }) => metadata.name !== "wrong",
    );
    await until("a file for each rule", async () => {
      const files = await ruleFiles("thanos-ruler-platform");
      return files.length === ours.length;
    });
  });

  it("makes rulers over Thanos that keep what they record, upload it, and tell of an alert as one", async () => {
    const { spec } = await statefulSet("thanos-ruler-years");
    expect(spec.replicas).to.equal(2);
    expect(spec.volumeClaimTemplates?.map((claim) => claim.spec.resources)).to.deep.equal([
      { requests: { storage: "7Gi" } },
    ]);
    const [container] = spec.template.spec.containers;
    expect(container?.args).to.include.members([
      ...['--label=thanos_ruler_replica="$(POD_NAME)"', '--label=cluster="dev"', "--tsdb.retention=2d"],
      ...["--alert.label-drop=thanos_ruler_replica", "--alert.label-drop=prometheus_replica"],
    ]);
    expect(container?.args?.join(" ")).to.include("--objstore.config-file=").and.not.include("remote-write");
    expect(container?.ports?.map(({ containerPort }) => containerPort)).to.include(10901);
    expect(container?.env).to.deep.include.members(bucketCredentials);
  });

  /** Files with rules that the operator has made for a program. */
  async function ruleFiles(start: string): Promise<string[]> {
    const maps = (await cluster.list(`/api/v1/namespaces/${namespace}/configmaps`)) as unknown as readonly {
      readonly metadata: { readonly name: string };
      readonly data?: object;
    }[];
    return maps
      .filter(({ metadata: { name } }) => name.startsWith(start) && name.includes("rulefiles"))
      .flatMap(({ data = {} }) => Object.keys(data));
  }

  it("takes all our rules, and says of a wrong one that it is", async () => {
    const ours = await cluster.list(`/apis/${group}/v1/prometheusrules`);
    expect(ours.length).to.be.greaterThan(5);
    // A file each, in as many ConfigMaps as they need.
    await until("a file for each", async () => (await ruleFiles("prometheus-")).length === ours.length);
    await apply({
      apiVersion: `${group}/v1`,
      kind: "PrometheusRule",
      metadata: { name: "wrong", namespace: "team-web" },
      spec: { groups: [{ name: "wrong", rules: [{ alert: "Wrong", expr: "sum(" }] }] },
    });
    await until("the operator refuses it", () => Promise.resolve(/wrong.*(?:parse error|unclosed)/i.test(said)));
  });

  it("makes the StatefulSets that the settings say", async () => {
    expect((await statefulSet(`prometheus-${stack}-prometheus`)).spec.replicas).to.equal(2);
    expect((await statefulSet(`alertmanager-${stack}-alertmanager`)).spec.replicas).to.equal(3);
  });

  it("lets a team route what its own namespace raises, and nothing else", async () => {
    const file = join(folder, "alertmanager");
    mkdirSync(file);
    const config = join(file, "alertmanager.yaml");
    writeFileSync(config, await made(`alertmanager-${stack}-alertmanager-generated`, "alertmanager.yaml.gz"));
    const amtool = await obtainProgram("amtool");
    const to = (labels: Readonly<Record<string, string>>) =>
      execFileSync(
        amtool,
        [
          ...["config", "routes", "test", `--config.file=${config}`],
          ...Object.entries(labels).map(([name, value]) => `${name}=${value}`),
        ],
        { encoding: "utf8" },
      )
        .trim()
        .split(",");
    const alert = { alertname: "CartIsSlow", severity: "warning" };
    const own = ["team-web/cart/cart", "team-web/own-alerts/web"];
    expect(to({ ...alert, namespace: "team-web" })).to.deep.equal(own);
    expect(to({ ...alert, namespace: "team-web", severity: "critical" })).to.deep.equal([...own, "urgent"]);
    expect(to({ ...alert, namespace: "team-shop", severity: "critical" })).to.deep.equal(["urgent"]);
    expect(to({ ...alert, namespace: "team-shop" })).to.deep.equal(["ops"]);
    expect(to(alert)).to.deep.equal(["ops"]);
    // Nobody's namespace: its owners' objects are not taken.
    expect(readFileSync(config, "utf8")).to.not.include("other/");
  });
});
