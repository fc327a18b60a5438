import { expect } from "chai";
import { execFileSync } from "node:child_process";
import { once } from "node:events";
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { type Server, createServer } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { isDeepStrictEqual } from "node:util";
import { create as tar } from "tar";
import { parseAllDocuments, stringify } from "yaml";
import { type Api, connect } from "../../rehearsal/control-plane/api.ts";
import { obtainBinaries } from "../../rehearsal/control-plane/binaries.ts";
import { type ControlPlane, startControlPlane } from "../../rehearsal/control-plane/control-plane.ts";
import { reap, running } from "../../rehearsal/control-plane/processes.ts";
import {
  type Failure,
  type FluxControllers,
  localFlags,
  startFluxControllers,
} from "../../rehearsal/flux/controllers.ts";
import { CONTROLLERS, type Controller, assemble, fluxManifests } from "../../rehearsal/flux/manifests.ts";
import { fluxManifests as declaredFlux } from "../../components/gitops/flux-manifests.ts";
import { proxyAddresses } from "../../components/gitops/proxy.ts";
import { packChart, startRegistry } from "../../rehearsal/charts/index.ts";
import { parseSettings } from "../../settings/parse.ts";
import { chartNamed } from "../../components/catalogue.ts";
import { flux as version } from "../../settings/versions.ts";
import { createRepository } from "../../rehearsal/git/index.ts";
import { startHttpServer } from "../../rehearsal/git/http-server.ts";
import { runProgram } from "../../contract/run-program.ts";
import { render } from "../../contract/rendered.ts";
import { moduleDir, obtain } from "../../toolchain/obtain.ts";
import { makeAuthority } from "../support/authority.ts";
import { startProxy } from "../support/proxy.ts";
import { exists, until } from "../support/until.ts";
import { type Applied, apply as applyTo, pathOf } from "./support/apply.ts";

let folder: string;

before(() => {
  folder = mkdtempSync(join(tmpdir(), "flux-test-"));
});

after(async () => {
  await reap(folder);
  rmSync(folder, { recursive: true, force: true });
});

describe("Flux's manifests, assembled from modules", function () {
  this.timeout("5m");

  it("say that they are not the released file, and which images they name", async () => {
    const file = readFileSync(await fluxManifests(version), "utf8");
    expect(file.split("\n")[0]).to.equal(`# Flux ${version}: assembled from modules, not the released file.`);
    for (const name of CONTROLLERS) expect(file).to.match(new RegExp(`^# ghcr\\.io/fluxcd/${name}:v\\d`, "m"));
  });

  it("are, object by object and in order, what kustomize makes of the same files", async function () {
    const kustomize = findKustomize();
    if (kustomize === undefined) return this.skip(); // Neither kustomize nor kubectl is installed.
    const root = join(folder, "kustomize");
    const copy = (from: string, to: string) => {
      // Module files are read-only, and so would be a plain copy.
      mkdirSync(to, { recursive: true });
      cpSync(from, to, { recursive: true });
      execFileSync("chmod", ["-R", "u+w", to]);
    };
    copy(join(await moduleDir("github.com/fluxcd/flux2/v2", version), "manifests"), join(root, "manifests"));
    for (const name of CONTROLLERS) {
      const base = join(root, "manifests", "bases", name);
      const text = readFileSync(join(base, "kustomization.yaml"), "utf8");
      const release = /releases\/download\/(v[\d.]+)\//.exec(text)?.[1] ?? "";
      copy(join(await moduleDir(`github.com/fluxcd/${name}`, release), "config"), join(root, name));
      for (const [part, dir] of Object.entries({ crds: "crd", deployment: "manager" }))
        writeFileSync(join(base, `${part}.yaml`), kustomize(join(root, name, dir)));
      writeFileSync(
        join(base, "kustomization.yaml"),
        text.replaceAll(/https:\S+\.(crds|deployment)\.yaml/g, "$1.yaml"),
      );
    }
    const install = join(root, "manifests", "install", "kustomization.yaml");
    const kept = readFileSync(install, "utf8")
      .split("\n")
      .filter((line) => !/bases\/(image-|source-watcher)/.test(line));
    writeFileSync(install, kept.join("\n"));
    const expected = objectsOf(kustomize(join(root, "manifests", "install")));
    const assembled = await assemble(version);
    const name = ({ kind, metadata }: Applied) => `${kind} ${metadata.namespace ?? ""}/${metadata.name}`;
    expect(assembled.map(name)).to.deep.equal(expected.map(name));
    const different = expected.filter((object, i) => !isDeepStrictEqual(object, assembled[i])).map(name);
    expect(different).to.deep.equal([]);
  });

  it("refuse a kustomization that uses more of kustomize than is understood", async () => {
    const module = mkdtempSync(join(folder, "module-"));
    mkdirSync(join(module, "manifests", "install"), { recursive: true });
    writeFileSync(join(module, "manifests", "install", "kustomization.yaml"), "resources: []\nnameSuffix: -x\n");
    const error = await assemble("v0.0.0", () => Promise.resolve(module)).then(
      () => expect.fail("it was accepted"),
      (reason: unknown) => String(reason),
    );
    expect(error).to.include("nameSuffix");
  });
});

describe("flags of a local Flux controller", () => {
  const where = {
    of: Object.fromEntries(CONTROLLERS.map((name, i) => [name, { metrics: 1000 + i, health: 2000 + i }])) as Record<
      Controller,
      { metrics: number; health: number }
    >,
    storage: 3000,
    events: 3001,
    receiver: 3002,
  };

  it("are the declared ones, but for addresses, folders and leader election", () => {
    const declared = [
      "--events-addr=http://notification-controller.flux-system.svc.cluster.local./",
      "--concurrent=10",
      "--enable-leader-election",
      "--storage-path",
      "/data",
      "--storage-adv-addr=source-controller.flux-system.svc.cluster.local.",
      "--requeue-dependency=5s",
      "--misspelt",
    ];
    expect(localFlags("source-controller", declared, where, "/dir", true)).to.have.members([
      "--concurrent=10",
      "--requeue-dependency=5s",
      "--misspelt",
      "--events-addr=http://127.0.0.1:3001/",
      "--storage-path=/dir/data",
      "--storage-addr=127.0.0.1:3000",
      "--storage-adv-addr=127.0.0.1:3000",
      "--metrics-addr=127.0.0.1:1000",
      "--health-addr=127.0.0.1:2000",
    ]);
  });

  it("send events nowhere when no notification-controller is run", () => {
    const flags = localFlags("helm-controller", ["--events-addr=http://somewhere/"], where, "/dir", false);
    expect(flags.filter((flag) => flag.startsWith("--events-addr"))).to.deep.equal(["--events-addr="]);
  });
});

describe("Flux controllers as local processes", function () {
  this.timeout("3m");

  let plane: ControlPlane;
  let controllers: FluxControllers;
  let api: Api;
  let kubeconfig: string;
  const dir = () => join(folder, "flux");
  const log: string[] = [];
  const failures: Failure[] = [];

  before(async function () {
    // The first time, the programs are built.
    this.timeout("30m");
    const [control, binaries] = [await obtainBinaries(), await obtain(CONTROLLERS)];
    plane = await startControlPlane({ name: "flux", dir: join(folder, "plane"), binaries: control });
    // A copy, so that it can come late and vanish.
    kubeconfig = join(folder, "kubeconfig");
    api = connect(plane.kubeconfig);
    controllers = await startFluxControllers({
      kubeconfig,
      binaries,
      dir: dir(),
      onLog: (line) => log.push(line),
      onFailure: (failure) => failures.push(failure),
    });
  });

  after(async () => {
    await controllers.stop();
    await plane.stop();
  });

  const apply = (object: Applied) => applyTo(api, object);

  const named = async <T>(apiVersion: string, kind: string, name: string, namespace = "flux-system"): Promise<T> =>
    (await api.get(await pathOf(api, { apiVersion, kind, metadata: { name, namespace } }))) as T;

  const change = async (controller: Controller, spec: object) => {
    const path = `/apis/apps/v1/namespaces/flux-system/deployments/${controller}`;
    const { status, body } = await api.call("PATCH", path, { spec }, "application/strategic-merge-patch+json");
    expect(status, JSON.stringify(body)).to.equal(200);
  };

  interface Deployment {
    spec: { replicas: number; template: { spec: { containers: { args: string[] }[] } } };
    status?: { availableReplicas?: number; replicas?: number };
  }

  const setArgs = async (controller: Controller, edit: (args: string[]) => string[]) => {
    const found = await named<Deployment>("apps/v1", "Deployment", controller);
    const args = edit(found.spec.template.spec.containers[0]?.args ?? []);
    await change(controller, { template: { spec: { containers: [{ name: "manager", args }] } } });
  };

  const untilHealthy = (names: readonly Controller[]) =>
    until(`${names.join(", ")} healthy`, () =>
      Promise.resolve(isDeepStrictEqual([...controllers.healthy()].sort(), [...names].sort())),
    );

  const untilAvailable = (name: Controller, replicas: number) =>
    until(`${name} has ${replicas} pods available`, async () => {
      const { status } = await named<Deployment>("apps/v1", "Deployment", name);
      return (status?.availableReplicas ?? 0) === replicas;
    });

  /** Waits until Flux says something of an object's condition Ready: `<status> <message>`. */
  const untilReady = (object: Applied, said: RegExp) =>
    until(String(said), async () => {
      const annotations = { "reconcile.fluxcd.io/requestedAt": String(Date.now()) };
      await apply({ ...object, metadata: { ...object.metadata, annotations } } as Applied);
      const { status } = (await api.get(await pathOf(api, object))) as {
        status?: { conditions?: { type: string; status: string; message: string }[] };
      };
      const ready = status?.conditions?.find(({ type }) => type === "Ready");
      return said.test(`${ready?.status ?? ""} ${ready?.message ?? ""}`);
    });

  it("start when the cluster and then their Deployments appear", async () => {
    expect(running(dir())).to.deep.equal([]);
    writeFileSync(kubeconfig, plane.kubeconfig, { mode: 0o600 });
    expect(running(dir())).to.deep.equal([]);
    for (const object of objectsOf(readFileSync(await fluxManifests(version), "utf8"))) await apply(object);
    await untilHealthy(CONTROLLERS);
    for (const name of CONTROLLERS) await untilAvailable(name, 1);
  });

  /** A release that says its greeting. */
  const example = (greeting: string) => ({
    apiVersion: "helm.toolkit.fluxcd.io/v2",
    kind: "HelmRelease",
    metadata: { name: "example", namespace: "flux-system" },
    spec: {
      interval: "1h",
      targetNamespace: "default",
      chart: { spec: { chart: "example", version: "0.1.0", sourceRef: { kind: "HelmRepository", name: "local" } } },
      values: { greeting },
    },
  });

  it("reconcile: a release from a chart repository becomes Ready, and its objects are in the cluster", async () => {
    const charts = await serveChart(join(folder, "charts"));
    try {
      await apply({
        apiVersion: "source.toolkit.fluxcd.io/v1",
        kind: "HelmRepository",
        metadata: { name: "local", namespace: "flux-system" },
        spec: { interval: "1h", url: charts.url },
      });
      await apply(example("from a test"));
      await until("the release is Ready", async () => {
        const release = await named<{ status?: { conditions?: { type: string; status: string }[] } }>(
          "helm.toolkit.fluxcd.io/v2",
          "HelmRelease",
          "example",
        );
        return release.status?.conditions?.some(({ type, status }) => type === "Ready" && status === "True") === true;
      });
      const made = await named<{ data: object }>("v1", "ConfigMap", "default-example", "default");
      expect(made.data).to.deep.equal({ greeting: "from a test" });
    } finally {
      charts.server.close();
    }
  });

  it("send events through the local notification-controller", async () => {
    const heard: string[] = [];
    const server = createServer((request, response) => {
      request.setEncoding("utf8").on("data", (chunk: string) => heard.push(chunk));
      request.on("end", () => response.end());
    });
    const port = await listen(server);
    try {
      await apply({
        apiVersion: "notification.toolkit.fluxcd.io/v1beta3",
        kind: "Provider",
        metadata: { name: "test", namespace: "flux-system" },
        spec: { type: "generic", address: `http://127.0.0.1:${port}/` },
      });
      await apply({
        apiVersion: "notification.toolkit.fluxcd.io/v1beta3",
        kind: "Alert",
        metadata: { name: "test", namespace: "flux-system" },
        spec: { providerRef: { name: "test" }, eventSources: [{ kind: "HelmRelease", name: "*" }] },
      });
      await until("an event arrives", async () => {
        await apply(example(`at ${Date.now()}`));
        return heard.some((text) => text.includes("HelmRelease"));
      });
    } finally {
      server.close();
    }
  });

  // Another environment of source-controller starts it again, without what it had fetched.
  it("reach a registry with a password and a CA of its own, through a proxy with a password, as the program declares them", async () => {
    const [right, wrong] = ["right", "wrong"].map((name) => makeAuthority(mkdtempSync(join(folder, `${name}-ca-`))));
    if (right === undefined || wrong === undefined) return expect.fail("no CA was made");
    const { name: chart, version: tag } = chartNamed("prometheus-operator-crds");
    const packed = await packChart({
      "Chart.yaml": stringify({ apiVersion: "v2", name: chart, version: tag }),
      "values.yaml": "{}\n",
    });
    const registry = await startRegistry([packed], 0, { tls: right, credentials: "robot:p@ss" });
    const login = "user:p@ss:w/rd %";
    const proxy = await startProxy(registry.port, login);
    try {
      // No name server knows this host: only the proxy does.
      const host = "outside.example";
      const settings = {
        flux: { manifests: await fluxManifests(version) },
        network: { ca: right.ca, proxy: { httpsProxy: `http://127.0.0.1:${proxy.port}` } },
        charts: { mirror: { url: `oci://${host}/charts` } },
      };
      const { flux, network } = parseSettings(settings, { file: "Pulumi.dev.yaml", secrets: [] });
      const manifests = await declaredFlux(flux);
      const { resources } = await runProgram({
        settings,
        secrets: ["registryCredentials", "proxyCredentials"],
        fluxManifests: manifests,
      });
      const objects = resources.map(({ inputs }) => inputs as unknown as Applied);
      const inFlux = (what: string, name: string) => {
        const found = objects.find(
          ({ kind, metadata }) =>
            kind === what && metadata.namespace === "flux-system" && metadata.name.startsWith(name),
        );
        return found ?? expect.fail(`the program declares no ${what} ${name}`);
      };
      const give = (ca: string, password: string) => {
        const auths = { [host]: { auth: Buffer.from(`robot:${password}`).toString("base64") } };
        return Promise.all([
          apply({ ...inFlux("Secret", "network-ca"), stringData: { "ca.crt": readFileSync(ca, "utf8") } }),
          apply({
            ...inFlux("Secret", "registry-credentials"),
            stringData: { ".dockerconfigjson": JSON.stringify({ auths }) },
          }),
        ]);
      };
      const source = inFlux("OCIRepository", chart);
      const untilSaid = (what: RegExp) => untilReady(source, what);
      if (network.proxy === undefined) return expect.fail("the settings have no proxy");
      await apply({ ...inFlux("Secret", "proxy-"), stringData: proxyAddresses(network.proxy, login) });
      await change("source-controller", inFlux("Deployment", "source-controller")["spec"] as object);
      await give(wrong.ca, "p@ss");
      await untilSaid(/^False .*x509: certificate signed by unknown authority/);
      await give(right.ca, "wrong");
      await untilSaid(/^False .*(401|UNAUTHORIZED)/);
      await give(right.ca, "p@ss");
      await untilSaid(/^True stored artifact/);
      expect(new Set(proxy.tunnels)).to.deep.equal(
        new Set([`${host}:443 Basic ${Buffer.from(login).toString("base64")}`]),
      );
      await api.call(
        "DELETE",
        `/apis/${source.apiVersion}/namespaces/flux-system/ocirepositories/${source.metadata.name}`,
      );
    } finally {
      proxy.close();
      await registry.close();
    }
  });

  it("read the demo's repository with a password and a CA of its own, as the program declares them", async () => {
    const authority = makeAuthority(mkdtempSync(join(folder, "git-ca-")));
    const root = mkdtempSync(join(folder, "git-"));
    await createRepository(root, "acme", "kbot", { files: { "helm/Chart.yaml": "name: kbot\n" } });
    const git = await startHttpServer(root, () => true, { tls: authority, credentials: "robot:p@ss" });
    try {
      const repository = `https://robot@127.0.0.1:${git.port}/acme/kbot`;
      const settings = {
        network: { ca: authority.ca },
        demo: { app: "kbot", repository, image: { repository: "a/kbot" } },
      } as const;
      const { declared, content } = await render({ settings, secrets: ["telegramToken", "demoRepositoryToken"] });
      const secret = declared.find(({ metadata }) => metadata.name === "kbot-repository");
      const source = content.find(({ kind }) => kind === "GitRepository");
      const folderOf = declared.find(({ kind, metadata }) => kind === "Kustomization" && metadata.name === "demo");
      const { patches } = folderOf?.["spec"] as { patches: { target: { kind: string }; patch: string }[] };
      expect(patches.map(({ target }) => target.kind)).to.deep.equal(["GitRepository"]);
      if (secret === undefined || source === undefined) return expect.fail("the program declares no access");
      await apply({ apiVersion: "v1", kind: "Namespace", metadata: { name: "demo" } });
      const patch = JSON.parse(patches[0]?.patch ?? "") as { spec: object };
      const patched = { ...source, spec: { ...(source["spec"] as object), ...patch.spec } };
      const give = (password: string) =>
        apply({ ...secret, stringData: { username: "robot", password, "ca.crt": readFileSync(authority.ca, "utf8") } });
      expect(secret["stringData"])
        .to.have.all.keys("username", "password", "ca.crt")
        .and.include({ username: "robot" });
      const untilSaid = (what: RegExp) => untilReady(patched, what);
      await give("wrong");
      await untilSaid(/^False .*(authentication required|401|[Uu]nauthorized|authorization failed)/);
      await give("p@ss");
      await untilSaid(/^True stored artifact/);
      await api.call("DELETE", `/apis/${source.apiVersion}/namespaces/demo/gitrepositories/kbot`);
    } finally {
      await git.close();
    }
  });

  it("start again with flags that change, which reach the process", async () => {
    await setArgs("helm-controller", (args) => [...args, "--concurrent=10", "--requeue-dependency=5s"]);
    await until("it was started with them", () =>
      Promise.resolve(
        log.some((line) => line.startsWith("helm-controller started") && line.includes("--requeue-dependency=5s")),
      ),
    );
    await untilHealthy(CONTROLLERS);
    const helm = running(dir()).find(({ name }) => name === "helm-controller");
    if (existsSync("/proc/self/cmdline"))
      expect(readFileSync(`/proc/${helm?.pid ?? 0}/cmdline`, "utf8").split("\0")).to.include("--concurrent=10");
    await untilAvailable("helm-controller", 1);
  });

  it("a flag that is wrong fails, is reported and shows in the Deployment; the right one heals it", async () => {
    await setArgs("kustomize-controller", (args) => [...args, "--no-such-flag"]);
    await until("a failure is reported", () => Promise.resolve(failures.length > 0));
    expect(failures[0]).to.include({ controller: "kustomize-controller", how: "code 2" });
    expect(failures[0]?.lastLines).to.include("unknown flag: --no-such-flag");
    await untilAvailable("kustomize-controller", 0);
    const pods = (await api.get("/api/v1/namespaces/flux-system/pods")) as { items: Pod[] };
    const waiting = pods.items.flatMap(({ status }) => status.containerStatuses?.[0]?.state.waiting ?? []);
    expect(waiting[0]).to.have.property("reason", "CrashLoopBackOff");
    expect(waiting[0]?.message).to.include("unknown flag");
    await setArgs("kustomize-controller", (args) => args.filter((flag) => flag !== "--no-such-flag"));
    await untilHealthy(CONTROLLERS);
    await untilAvailable("kustomize-controller", 1);
  });

  it("come back when they are killed", async () => {
    const before = running(dir()).find(({ name }) => name === "source-controller");
    if (before === undefined) expect.fail("source-controller does not run");
    process.kill(before.pid, "SIGKILL");
    await until("another one is healthy", () => {
      const now = running(dir()).find(({ name }) => name === "source-controller");
      return Promise.resolve(now !== undefined && now.pid !== before.pid && controllers.healthy().length === 4);
    });
    expect(failures.at(-1)).to.include({ controller: "source-controller", how: "SIGKILL" });
    await untilAvailable("source-controller", 1);
  });

  it("stop with their Deployment, and with the cluster", async () => {
    await change("notification-controller", { replicas: 0 });
    await untilHealthy(CONTROLLERS.filter((name) => name !== "notification-controller"));
    renameSync(kubeconfig, `${kubeconfig}.away`);
    await until("none runs", () => Promise.resolve(running(dir()).length === 0));
    renameSync(`${kubeconfig}.away`, kubeconfig);
    await untilHealthy(CONTROLLERS.filter((name) => name !== "notification-controller"));
  });

  it("leave nothing after stop", async () => {
    const pids = running(dir()).map(({ pid }) => pid);
    expect(pids).to.have.lengthOf(3);
    await controllers.stop();
    expect(pids.filter(exists)).to.deep.equal([]);
    expect(existsSync(dir())).to.equal(false);
  });

  interface Pod {
    status: { containerStatuses?: { state: { waiting?: { reason: string; message: string } } }[] };
  }
});

function objectsOf(yaml: string): Applied[] {
  return parseAllDocuments(yaml).flatMap((document) => (document.toJS() as Applied | null) ?? []);
}

function findKustomize(): ((folder: string) => string) | undefined {
  const commands: [string, string[]][] = [
    ["kustomize", ["build"]],
    ["kubectl", ["kustomize"]],
  ];
  for (const [command, args] of commands) {
    try {
      execFileSync(command, [...args, "--help"], { stdio: "ignore" });
      return (folder) => execFileSync(command, [...args, folder], { encoding: "utf8", maxBuffer: 1 << 26 });
    } catch {
      // Not installed.
    }
  }
  return undefined;
}

async function listen(server: Server): Promise<number> {
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  return typeof address === "object" && address !== null ? address.port : 0;
}

/** A chart repository with one chart, whose one object carries a value. */
async function serveChart(dir: string): Promise<{ url: string; server: Server }> {
  mkdirSync(join(dir, "example", "templates"), { recursive: true });
  writeFileSync(join(dir, "example", "Chart.yaml"), stringify({ apiVersion: "v2", name: "example", version: "0.1.0" }));
  writeFileSync(
    join(dir, "example", "templates", "configmap.yaml"),
    "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: {{ .Release.Name }}\ndata:\n  greeting: {{ .Values.greeting | quote }}\n",
  );
  await tar({ gzip: true, cwd: dir, file: join(dir, "example-0.1.0.tgz") }, ["example"]);
  const entry = { apiVersion: "v2", name: "example", version: "0.1.0", urls: ["example-0.1.0.tgz"] };
  writeFileSync(join(dir, "index.yaml"), stringify({ apiVersion: "v1", entries: { example: [entry] } }));
  const server = createServer((request, response) => {
    const file = join(dir, (request.url ?? "/").slice(1));
    const found = existsSync(file) && statSync(file).isFile();
    response.writeHead(found ? 200 : 404).end(found ? readFileSync(file) : "");
  });
  return { url: `http://127.0.0.1:${await listen(server)}`, server };
}
