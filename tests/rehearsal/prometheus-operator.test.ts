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
        checks: [{ name: "shop", target: "https://shop.example.com/" }],
        ...targets,
        applications: { namespaces: ["team-web", "team-shop"] },
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
        alertmanager: { replicas: 3 },
      },
    });
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
      ...["team-web", "team-shop", "other"].map(named),
    ])
      await apply(object);
    const ofOperator = (object: Manifest) => object.apiVersion.startsWith(`${group}/`);
    // The operator takes no certificates that are none: those of the API server are as good as any.
    const secrets = all
      .filter(({ kind, metadata }) => kind === "Secret" && metadata.namespace === namespace)
      .map((object) => JSON.parse(JSON.stringify(object).replaceAll(masked("company.pem"), pem())) as Manifest);
    const chart = (await templated(stack)).filter((object) => ofOperator(object) || object.kind === "Secret");
    const others = documented.map((object) => ({ ...object, metadata: { ...object.metadata, namespace: "other" } }));
    for (const object of [...secrets, ...chart, ...all.filter(ofOperator), ...documented, ...others])
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
  async function made(secret: string, file: string): Promise<string> {
    const path = `/api/v1/namespaces/${namespace}/secrets/${secret}`;
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

  it("makes Prometheus's configuration of every monitor, check and discovery, which promtool takes", async () => {
    const text = await made(`prometheus-${stack}-prometheus`, "prometheus.yaml.gz");
    const { scrape_configs: jobs } = parse(text) as { scrape_configs: readonly { job_name: string }[] };
    const names = jobs.map(({ job_name: name }) => name);
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
    for (const monitor of monitors.flat())
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
    // Files that are mounted into the pod are not here.
    const here = JSON.stringify(config).replaceAll(/"(?:credentials|ca|cert|key)_file":"[^"]+"/g, (found) =>
      found.replace(/:".*/, `:${JSON.stringify(plane.kubeconfigPath)}`),
    );
    writeFileSync(join(folder, "prometheus.yaml"), here);
    execFileSync(await obtainProgram("promtool"), [
      "check",
      "config",
      "--syntax-only",
      join(folder, "prometheus.yaml"),
    ]);
  });

  it("takes all our rules, and says of a wrong one that it is", async () => {
    const ours = await cluster.list(`/apis/${group}/v1/prometheusrules`);
    expect(ours.length).to.be.greaterThan(5);
    // A file each, in as many ConfigMaps as they need.
    await until("a file for each", async () => {
      const maps = (await cluster.list(`/api/v1/namespaces/${namespace}/configmaps`)) as unknown as readonly {
        readonly metadata: { readonly name: string };
        readonly data?: object;
      }[];
      const files = maps.filter(({ metadata: { name } }) => name.includes("rulefiles")).map(({ data = {} }) => data);
      return files.flatMap((one) => Object.keys(one)).length === ours.length;
    });
    await apply({
      apiVersion: `${group}/v1`,
      kind: "PrometheusRule",
      metadata: { name: "wrong", namespace: "team-web" },
      spec: { groups: [{ name: "wrong", rules: [{ alert: "Wrong", expr: "sum(" }] }] },
    });
    await until("the operator refuses it", () => Promise.resolve(/wrong.*(?:parse error|unclosed)/i.test(said)));
  });

  it("makes the StatefulSets that the settings say", async () => {
    const of = async (name: string) =>
      (await until(name, () =>
        cluster.get(`/apis/apps/v1/namespaces/${namespace}/statefulsets/${name}`).catch(() => undefined),
      )) as unknown as { spec: { replicas: number } };
    expect((await of(`prometheus-${stack}-prometheus`)).spec.replicas).to.equal(1);
    expect((await of(`alertmanager-${stack}-alertmanager`)).spec.replicas).to.equal(3);
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
    const own = "team-web/own-alerts/web";
    expect(to({ ...alert, namespace: "team-web" })).to.deep.equal([own]);
    expect(to({ ...alert, namespace: "team-web", severity: "critical" })).to.deep.equal([own, "urgent"]);
    expect(to({ ...alert, namespace: "team-shop", severity: "critical" })).to.deep.equal(["urgent"]);
    expect(to({ ...alert, namespace: "team-shop" })).to.deep.equal(["ops"]);
    expect(to(alert)).to.deep.equal(["ops"]);
    // Nobody's namespace: its owners' objects are not taken.
    expect(readFileSync(config, "utf8")).to.not.include("other/");
  });
});
