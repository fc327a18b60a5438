import { expect } from "chai";
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import {
  existsSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  readlinkSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { createConnection } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { parse, stringify } from "yaml";
import { type Api, connect } from "../../rehearsal/control-plane/api.ts";
import { obtainBinaries } from "../../rehearsal/control-plane/binaries.ts";
import { type Binaries, type ControlPlane, startControlPlane } from "../../rehearsal/control-plane/control-plane.ts";
import { prepareKind } from "../../rehearsal/control-plane/kind-state.ts";
import { guard, launch, logFile, reap, running } from "../../rehearsal/control-plane/processes.ts";
import { exists, until } from "../support/until.ts";

const PROGRAMS = ["etcd", "kube-apiserver", "kube-controller-manager", "kube-scheduler", "kwok"];

let folder: string;
let binaries: Binaries;

before(async function () {
  // The first time, the programs are built.
  this.timeout("30m");
  folder = mkdtempSync(join(tmpdir(), "control-plane-test-"));
  binaries = await obtainBinaries();
});

after(async () => {
  await reap(folder);
  rmSync(folder, { recursive: true, force: true });
});

function listens(server: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = createConnection({ host: "127.0.0.1", port: Number(new URL(server).port) });
    socket.once("connect", () => {
      socket.destroy();
      resolve(true);
    });
    socket.once("error", () => {
      resolve(false);
    });
  });
}

async function nothingLeft(pids: readonly number[], server: string, dir: string): Promise<void> {
  await until("processes, port and folder are gone", async () => {
    return !pids.some(exists) && !(await listens(server)) && !existsSync(dir);
  });
}

async function create(api: Api, path: string, object: object): Promise<void> {
  const { status, body } = await api.call("POST", path, object);
  expect(status, JSON.stringify(body)).to.be.within(200, 299);
}

interface Pod {
  status: {
    phase: string;
    containerStatuses?: { ready: boolean; state: { waiting?: { reason: string; message: string } } }[];
  };
}

const pod = (name: string, image: string, annotations: Record<string, string> = {}, spec: object = {}) => ({
  apiVersion: "v1",
  kind: "Pod",
  metadata: { name, annotations },
  spec: { containers: [{ name: "main", image }], ...spec },
});

describe("control plane of local processes", function () {
  let plane: ControlPlane;
  let api: Api;
  const steps: string[] = [];

  before(async () => {
    plane = await startControlPlane({
      name: "first",
      dir: join(folder, "first"),
      binaries,
      nodes: [{ name: "first-control-plane", labels: { "ingress-ready": "true" } }],
      onLog: (line) => steps.push(line),
    });
    api = connect(plane.kubeconfig);
  });

  after(async () => {
    await plane.stop();
  });

  it("has a kubeconfig like kind's, for its owner only", () => {
    const config = parse(plane.kubeconfig) as {
      "current-context": string;
      clusters: { name: string; cluster: Record<string, string> }[];
      users: { name: string; user: Record<string, string> }[];
    };
    expect(config["current-context"]).to.equal("kind-first");
    expect(config.clusters[0]).to.have.property("name", "kind-first");
    expect(config.clusters[0]?.cluster.server).to.match(/^https:\/\/127\.0\.0\.1:\d+$/);
    expect(Object.keys(config.users[0]?.user ?? {})).to.have.members(["client-certificate-data", "client-key-data"]);
    expect(statSync(plane.kubeconfigPath).mode & 0o777).to.equal(0o600);
    expect(readFileSync(plane.kubeconfigPath, "utf8")).to.equal(plane.kubeconfig);
    expect(steps.at(-1)).to.equal("API ready");
  });

  it("has one labelled node, Ready, and CoreDNS, Available and marked as simulated", async () => {
    const nodes = (await api.get("/api/v1/nodes")) as { items: { metadata: { name: string; labels: object } }[] };
    expect(nodes.items.map(({ metadata }) => metadata.name)).to.deep.equal(["first-control-plane"]);
    expect(nodes.items[0]?.metadata.labels).to.include({ "ingress-ready": "true" });
    const dns = (await api.get("/apis/apps/v1/namespaces/kube-system/deployments/coredns")) as {
      metadata: { annotations: object };
      status: { conditions: { type: string; status: string }[] };
    };
    expect(dns.metadata.annotations).to.have.property("rehearsal/simulated");
    expect(dns.status.conditions).to.deep.include.members([
      { ...dns.status.conditions.find(({ type }) => type === "Available"), status: "True" },
    ]);
  });

  it("runs under records that name its five programs", () => {
    expect(running(plane.dir).map(({ name }) => name)).to.have.members(PROGRAMS);
  });

  it("listens on 127.0.0.1 only", function () {
    if (!existsSync("/proc/net/tcp")) this.skip();
    const pids = running(plane.dir).map(({ pid }) => pid);
    const sockets = new Set(
      pids.flatMap((pid) =>
        readdirSync(`/proc/${pid}/fd`).flatMap((fd) => {
          try {
            return /^socket:\[(\d+)\]$/.exec(readlinkSync(`/proc/${pid}/fd/${fd}`))?.[1] ?? [];
          } catch {
            return [];
          }
        }),
      ),
    );
    const listening = ["/proc/net/tcp", "/proc/net/tcp6"]
      .flatMap((file) => (existsSync(file) ? readFileSync(file, "utf8").split("\n").slice(1) : []))
      .map((line) => line.trim().split(/\s+/))
      // State 0A is LISTEN; field 9 is the socket's inode.
      .filter((fields) => fields[3] === "0A" && sockets.has(fields[9] ?? ""));
    expect(listening, "etcd (2) and the API server").to.have.lengthOf(3);
    for (const fields of listening) expect(fields[1]).to.match(/^0100007F:/);
  });

  it("binds claims without a class and of the class standard", async () => {
    for (const [name, spec] of Object.entries({ "no-class": {}, standard: { storageClassName: "standard" } })) {
      await create(api, "/api/v1/namespaces/default/persistentvolumeclaims", {
        apiVersion: "v1",
        kind: "PersistentVolumeClaim",
        metadata: { name },
        spec: { accessModes: ["ReadWriteOnce"], resources: { requests: { storage: "1Gi" } }, ...spec },
      });
      await until(`the claim ${name} is Bound`, async () => {
        const path = `/api/v1/namespaces/default/persistentvolumeclaims/${name}`;
        return ((await api.get(path)) as { status: { phase: string } }).status.phase === "Bound";
      });
    }
    const using = { volumes: [{ name: "data", persistentVolumeClaim: { claimName: "no-class" } }] };
    await create(api, "/api/v1/namespaces/default/pods", pod("uses-claim", "example/app:1", {}, using));
    await untilRunning("uses-claim");
  });

  it("completes a Job", async () => {
    await create(api, "/apis/batch/v1/namespaces/default/jobs", {
      apiVersion: "batch/v1",
      kind: "Job",
      metadata: { name: "once" },
      spec: { template: { spec: { restartPolicy: "Never", containers: [{ name: "main", image: "example/job:1" }] } } },
    });
    await until("the Job is complete", async () => {
      const job = (await api.get("/apis/batch/v1/namespaces/default/jobs/once")) as { status: { succeeded?: number } };
      return job.status.succeeded === 1;
    });
  });

  it("keeps a pod whose image is missing, or that is marked so, in ImagePullBackOff, beside one that runs", async () => {
    const pods = "/api/v1/namespaces/default/pods";
    await create(api, pods, pod("missing-image", "example/does-not-exist:1"));
    await create(api, pods, pod("marked", "example/app:1", { "rehearsal/failure": "ImagePullBackOff" }));
    await create(api, pods, pod("fine", "example/app:1"));
    await untilRunning("fine");
    for (const name of ["missing-image", "marked"]) {
      const found = await until(`the pod ${name} is in ImagePullBackOff`, async () => {
        const { status } = (await api.get(`${pods}/${name}`)) as Pod;
        return status.containerStatuses?.[0]?.state.waiting?.reason === "ImagePullBackOff" && status;
      });
      expect(found.phase).to.equal("Pending");
      expect(found.containerStatuses?.[0]?.state.waiting?.message).to.include("simulated");
    }
    await until("an event says so", async () => {
      const events = (await api.get("/api/v1/namespaces/default/events")) as {
        items: { reason: string; involvedObject: { name: string } }[];
      };
      return events.items.some((event) => event.reason === "Failed" && event.involvedObject.name === "missing-image");
    });
    // Nothing makes them run later either, and kwok's own stages do not even try.
    await sleep(2000);
    expect(((await api.get(`${pods}/missing-image`)) as Pod).status.phase).to.equal("Pending");
    const failed = readFileSync(logFile(plane.dir, "kwok"), "utf8").match(
      /failed to apply stage.*(missing-image|marked)/,
    );
    expect(failed?.[0]).to.equal(undefined);
  });

  it("refuses a pod that the Pod Security label of its namespace forbids", async () => {
    await create(api, "/api/v1/namespaces", {
      apiVersion: "v1",
      kind: "Namespace",
      metadata: { name: "strict", labels: { "pod-security.kubernetes.io/enforce": "restricted" } },
    });
    const path = "/api/v1/namespaces/strict/pods";
    const answer = await until("the namespace has its service account", async () => {
      const found = await api.call("POST", path, pod("root", "example/app:1"));
      return !JSON.stringify(found.body).includes("serviceaccount") && found;
    });
    expect(answer.status).to.equal(403);
    expect(JSON.stringify(answer.body)).to.include('violates PodSecurity \\"restricted:latest\\"');
  });

  it("gives namespaces a service account and the cluster's authority, and deletes them with what is in them", async () => {
    const path = "/api/v1/namespaces/short-lived";
    await create(api, "/api/v1/namespaces", { apiVersion: "v1", kind: "Namespace", metadata: { name: "short-lived" } });
    await until("kube-root-ca.crt is published", () => api.get(`${path}/configmaps/kube-root-ca.crt`));
    await until("the default service account is there", () => api.get(`${path}/serviceaccounts/default`));
    const token = await api.call("POST", `${path}/serviceaccounts/default/token`, {
      apiVersion: "authentication.k8s.io/v1",
      kind: "TokenRequest",
      spec: {},
    });
    expect(token.status).to.equal(201);
    await create(api, `${path}/pods`, pod("inside", "example/app:1"));
    await api.call("DELETE", path);
    await until("the namespace is gone", async () => (await api.call("GET", path)).status === 404);
  });

  it("runs beside another one, which leaves nothing after stop", async () => {
    const second = await startControlPlane({ name: "second", dir: join(folder, "second"), binaries });
    expect(second.server).to.not.equal(plane.server);
    const nodes = (await connect(second.kubeconfig).get("/api/v1/nodes")) as { items: unknown[] };
    expect(nodes.items).to.have.lengthOf(1);
    const pids = running(second.dir).map(({ pid }) => pid);
    expect(pids).to.have.lengthOf(PROGRAMS.length);
    await second.stop();
    await nothingLeft(pids, second.server, second.dir);
    expect(await api.get("/readyz")).to.equal("ok");
  });

  it("leaves nothing when its starter is killed (SIGKILL)", async () => {
    const dir = join(folder, "orphan");
    const starter = start(
      `const { startControlPlane } = await import(${JSON.stringify(module("control-plane.ts"))});
       const plane = await startControlPlane({ name: "orphan", dir: ${JSON.stringify(dir)}, binaries: ${JSON.stringify(binaries)} });
       console.log(plane.server); setInterval(() => {}, 1000);`,
    );
    const server = await firstLine(starter);
    const pids = running(dir).map(({ pid }) => pid);
    expect(pids).to.have.lengthOf(PROGRAMS.length);
    starter.kill("SIGKILL");
    await nothingLeft(pids, server, dir);
  });

  it("leaves nothing when its starter is killed half-way", async () => {
    const dir = join(folder, "half");
    const starter = start(
      `const { startControlPlane } = await import(${JSON.stringify(module("control-plane.ts"))});
       await startControlPlane({ name: "half", dir: ${JSON.stringify(dir)}, binaries: ${JSON.stringify(binaries)}, onLog: console.log });`,
    );
    expect(await firstLine(starter)).to.equal("etcd");
    await until("the API server was started", () =>
      Promise.resolve(running(dir).some(({ name }) => name === "kube-apiserver")),
    );
    const pids = running(dir).map(({ pid }) => pid);
    starter.kill("SIGKILL");
    await until("processes and folder are gone", () => Promise.resolve(!pids.some(exists) && !existsSync(dir)));
  });

  it("says which program did not start, with its last lines", async () => {
    const broken = { ...binaries, etcd: "/bin/false" };
    const attempt = startControlPlane({ name: "broken", dir: join(folder, "broken"), binaries: broken });
    const error = await attempt.then(
      () => expect.fail("it started"),
      (reason: unknown) => String(reason),
    );
    expect(error).to.match(/etcd ended \(code 1\)\. Its last lines:\n\(no output\)/);
    expect(existsSync(join(folder, "broken"))).to.equal(false);
  });

  function untilRunning(name: string): Promise<unknown> {
    return until(`the pod ${name} runs`, async () => {
      const found = (await api.get(`/api/v1/namespaces/default/pods/${name}`)) as Pod;
      return found.status.phase === "Running" && found.status.containerStatuses?.[0]?.ready === true;
    });
  }
});

describe("records of processes", () => {
  it("are acted upon only when the process is still the one that was recorded", async () => {
    const dir = mkdtempSync(join(folder, "records-"));
    const stranger = spawn("sleep", ["60"]);
    const pid = stranger.pid ?? 0;
    try {
      launch(dir, { name: "mine", command: "/bin/sleep", args: ["60"] });
      const mine = await until("it is recorded", () => Promise.resolve(running(dir)[0]));
      writeFileSync(join(dir, "processes", "stranger.process"), `${pid}\n1\n`);
      expect(await reap(dir)).to.deep.equal(["mine"]);
      expect(exists(mine.pid)).to.equal(false);
      expect(exists(pid), "a process that reuses a recorded id").to.equal(true);
    } finally {
      stranger.kill("SIGKILL");
    }
  });

  it("are found while a program renames folders beside them, as etcd does when it starts", async () => {
    const dir = mkdtempSync(join(folder, "renamed-"));
    const rename = `const fs = require("node:fs");
      for (;;) { fs.mkdirSync("wal.tmp"); fs.renameSync("wal.tmp", "wal"); fs.rmdirSync("wal"); }`;
    launch(dir, { name: "etcd", command: process.execPath, args: ["-e", rename] });
    await until("folders come and go", () =>
      Promise.resolve(existsSync(join(dir, "wal")) || existsSync(join(dir, "wal.tmp"))),
    );
    for (let look = 0; look < 2000; look += 1) expect(running(dir)).to.have.lengthOf(1);
    expect(await reap(dir)).to.deep.equal(["etcd"]);
  });

  it("are left alone by a guard that was called off", async () => {
    const dir = mkdtempSync(join(folder, "kept-"));
    launch(dir, { name: "kept", command: "/bin/sleep", args: ["60"] });
    await until("it is recorded", () => Promise.resolve(running(dir)[0]));
    await guard(dir).release();
    expect(running(dir)).to.have.lengthOf(1);
    await reap(dir);
  });
});

describe("kind stand-in", function () {
  let dir: string;
  let env: NodeJS.ProcessEnv;
  let kubeconfig: string;

  before(() => {
    dir = join(folder, "rehearsal");
    kubeconfig = join(folder, "kind.kubeconfig");
    env = { ...process.env, ...prepareKind(dir, binaries), HOME: join(folder, "home") };
  });

  /** Runs a command to its end. */
  async function run(args: readonly string[], input = "", command = "kind") {
    const child = spawn(command, args, { env });
    child.stdin.end(input);
    const exit = once(child, "close") as Promise<[number | null]>;
    const [out, err, [code]] = await Promise.all([text(child.stdout), text(child.stderr), exit]);
    return { out, err, code };
  }

  const config = (labels: Record<string, string> = {}) =>
    stringify({
      kind: "Cluster",
      apiVersion: "kind.x-k8s.io/v1alpha4",
      nodes: [
        {
          role: "control-plane",
          labels,
          extraPortMappings: [{ containerPort: 30080, hostPort: 8080, listenAddress: "127.0.0.1" }],
        },
      ],
    });

  it("says that it is a stand-in", async () => {
    expect((await run(["version"])).out).to.match(/^kind v\d+\.\d+\.\d+ .*stand-in/);
  });

  it("answers about clusters that are not there as kind does", async () => {
    expect(await run(["get", "clusters"])).to.deep.equal({ out: "", err: "No kind clusters found.\n", code: 0 });
    expect(await run(["get", "nodes", "--name", "none"])).to.deep.equal({
      out: "",
      err: 'No kind nodes found for cluster "none".\n',
      code: 0,
    });
    expect(await run(["get", "kubeconfig", "--name=none"])).to.deep.equal({
      out: "",
      err: "ERROR: could not locate any control plane nodes for cluster named 'none'. Use the --name option to select a different cluster\n",
      code: 1,
    });
    const gone = await run(["delete", "cluster", "--name", "none", "--kubeconfig", kubeconfig]);
    expect(gone).to.deep.equal({ out: "", err: 'Deleting cluster "none" ...\n', code: 0 });
    expect(existsSync(kubeconfig)).to.equal(false);
  });

  it("refuses what it does not know, and makes nothing", async () => {
    const attempts: [string[], string, RegExp][] = [
      [["create", "cluster", "--name", "x", "--bogus"], "", /^ERROR: unknown flag: --bogus/],
      [["export", "logs"], "", /^ERROR: unknown command "export logs".*stand-in/],
      [["create", "cluster", "--name", "X_", "--kubeconfig", kubeconfig], "", /not a valid cluster name/],
      [["create", "cluster", "--name", "x"], "", /needs --kubeconfig/],
      [
        ["create", "cluster", "--name", "x", "--kubeconfig", kubeconfig, "--wait", "soon"],
        "",
        /invalid duration "soon"/,
      ],
      [
        ["create", "cluster", "--name", "x", "--kubeconfig", kubeconfig, "--config", "-"],
        config().replace("labels", "lables"),
        /unable to decode config:.*lables/s,
      ],
      [
        ["create", "cluster", "--name", "x", "--kubeconfig", kubeconfig, "--image", "kindest/node:does-not-exist"],
        "",
        /ERROR: failed to create cluster: failed to pull image "kindest\/node:does-not-exist"/,
      ],
    ];
    for (const [args, input, message] of attempts) {
      const { err, code } = await run(args, input);
      expect(code, args.join(" ")).to.equal(1);
      expect(err).to.match(message);
    }
    expect((await run(["get", "clusters"])).out).to.equal("");
    expect(existsSync(kubeconfig)).to.equal(false);
    expect(existsSync(join(folder, "home", ".kube"))).to.equal(false);
  });

  it("creates a cluster that outlives the command, lists it, refuses a second of its name, and deletes it", async () => {
    writeFileSync(
      kubeconfig,
      stringify({
        apiVersion: "v1",
        kind: "Config",
        clusters: [{ name: "other", cluster: { server: "https://127.0.0.1:1" } }],
        contexts: [{ name: "other", context: { cluster: "other", user: "other" } }],
        users: [{ name: "other", user: {} }],
        "current-context": "other",
      }),
    );
    const args = ["create", "cluster", "--name", "dev", "--config", "-", "--kubeconfig", kubeconfig, "--wait", "1m30s"];
    const created = await run(args, config({ "config-hash": "abc" }));
    expect(created.code, created.err).to.equal(0);
    expect(created.out).to.equal("");
    expect(created.err).to.include("stand-in").and.include('Set kubectl context to "kind-dev"');
    expect(statSync(kubeconfig).mode & 0o777).to.equal(0o600);
    const merged = parse(readFileSync(kubeconfig, "utf8")) as {
      "current-context": string;
      clusters: { name: string }[];
    };
    expect(merged["current-context"]).to.equal("kind-dev");
    expect(merged.clusters.map(({ name }) => name)).to.deep.equal(["other", "kind-dev"]);

    expect((await run(["get", "clusters"])).out).to.equal("dev\n");
    expect((await run(["get", "nodes", "--name", "dev"])).out).to.equal("dev-control-plane\n");
    const own = (await run(["get", "kubeconfig", "--name", "dev"])).out;
    expect((await run(["get", "kubeconfig", "--name", "dev", "--internal"])).out).to.include(
      "server: https://dev-control-plane:6443",
    );
    const node = (await connect(own).get("/api/v1/nodes/dev-control-plane")) as { metadata: { labels: object } };
    expect(node.metadata.labels).to.include({ "config-hash": "abc" });

    const again = await run(args, config());
    expect(again.code).to.equal(1);
    expect(again.err).to.equal(
      'ERROR: failed to create cluster: node(s) already exist for a cluster with the name "dev"\n',
    );
    expect(await connect(own).get("/readyz"), "the one that was there").to.equal("ok");

    const pids = running(dir).map(({ pid }) => pid);
    expect(pids).to.have.lengthOf(PROGRAMS.length);
    const deleted = await run(["delete", "cluster", "--name", "dev", "--kubeconfig", kubeconfig]);
    expect(deleted).to.deep.equal({
      out: "",
      err: 'Deleting cluster "dev" ...\nDeleted nodes: ["dev-control-plane"]\n',
      code: 0,
    });
    await nothingLeft(pids, serverOf(own), join(dir, "clusters", "dev"));
    const left = parse(readFileSync(kubeconfig, "utf8")) as { "current-context": string; clusters: { name: string }[] };
    expect(left["current-context"]).to.equal("");
    expect(left.clusters.map(({ name }) => name)).to.deep.equal(["other"]);
    expect((await run(["get", "clusters"])).out).to.equal("");
  });

  it("killed half-way (SIGKILL), leaves half a cluster that is listed, is in the way, and can be deleted", async () => {
    const file = join(folder, "half.kubeconfig");
    const child = spawn("kind", ["create", "cluster", "--name", "half", "--kubeconfig", file], { env });
    await until("its first server runs", () => Promise.resolve(running(dir).some(({ name }) => name === "etcd")));
    child.kill("SIGKILL");
    await once(child, "close");
    const pids = running(dir).map(({ pid }) => pid);
    expect(pids.length).to.be.greaterThan(0);
    expect((await run(["get", "clusters"])).out).to.equal("half\n");
    expect(existsSync(file)).to.equal(false);
    expect((await run(["get", "kubeconfig", "--name", "half"])).err).to.match(
      /^ERROR: failed to get cluster internal kubeconfig/,
    );
    expect((await run(["create", "cluster", "--name", "half", "--kubeconfig", file])).err).to.include("already exist");
    expect((await run(["delete", "cluster", "--name", "half", "--kubeconfig", file])).code).to.equal(0);
    expect(pids.filter(exists)).to.deep.equal([]);
    expect((await run(["get", "clusters"])).out).to.equal("");
  });

  it("serves the cluster script: makes, starts, adopts, releases, refuses and deletes, with a worker", async () => {
    const script = fileURLToPath(new URL("../../components/cluster/kind-script.ts", import.meta.url));
    const file = join(folder, "script.kubeconfig");
    const port = { containerPort: 30080, hostPort: 18080, listenAddress: "127.0.0.1" };
    Object.assign(env, {
      KIND_CLUSTER_NAME: "scripted",
      KIND_OWNER: "6ba7b810-9dad-41d1-80b4-00c04fd430c8",
      KIND_CONFIG: stringify({
        nodes: [{ role: "control-plane", extraPortMappings: [port] }, { role: "worker" }],
      }).concat("kind: Cluster\napiVersion: kind.x-k8s.io/v1alpha4\n"),
      KIND_CONFIG_HASH: "0123456789ab",
      KUBECONFIG_FILE: file,
      KIND_READY_TIMEOUT: "600",
      KIND_LOCK_DIR: join(folder, "locks"),
      REQUESTED_CPU_MILLICORES: "100",
      REQUESTED_MEMORY_MIB: "100",
    });
    const verb = async (name: string) => run([script, name], "", process.execPath);
    const first = await verb("ensure");
    expect(first.code, first.err).to.equal(0);
    const api = connect(first.out);
    const nodes = (await api.get("/api/v1/nodes")) as { items: { metadata: { name: string; labels: object } }[] };
    expect(nodes.items.map(({ metadata }) => metadata.name)).to.have.members([
      "scripted-control-plane",
      "scripted-worker",
    ]);
    for (const { metadata } of nodes.items)
      expect(metadata.labels).to.include({ "observability.dev/owner": env["KIND_OWNER"] });
    const kept = { metadata: { name: "kept" } };
    expect((await api.call("POST", "/api/v1/namespaces", kept)).status).to.equal(201);

    // What has a port of a running cluster cannot be made; what is in a stopped one is still there when it is started.
    const beside = await run(
      ["create", "cluster", "--name", "b", "--config", "-", "--kubeconfig", kubeconfig],
      env["KIND_CONFIG"],
    );
    expect(beside.err).to.include("Bind for 127.0.0.1:18080 failed: port is already allocated");
    expect((await run(["stop", "scripted-control-plane", "scripted-worker"], "", "docker")).code).to.equal(0);
    expect(running(dir)).to.deep.equal([]);
    expect((await run(["get", "kubeconfig", "--name", "scripted"])).code).to.equal(1);
    const second = await verb("ensure");
    expect(second.code, second.err).to.equal(0);
    expect(second.err)
      .to.include("is stopped: starting scripted-control-plane, scripted-worker")
      .and.include("adopted");
    expect(parse(second.out)).to.deep.equal(parse(first.out));
    expect(await connect(second.out).get("/api/v1/namespaces/kept")).to.not.equal(undefined);

    const own = env["KIND_OWNER"];
    env["KIND_OWNER"] = "0ce4bc9c-0000-4000-8000-000000000000";
    const refused = await verb("ensure");
    expect(refused.code).to.equal(1);
    expect(refused.err)
      .to.include(`(owner ${own ?? ""})`)
      .and.include("left alone");
    expect((await verb("delete")).err).to.include("it stays");
    expect((await verb("release")).code).to.equal(0);
    const taken = await verb("ensure");
    expect(taken.code, taken.err).to.equal(0);
    expect(taken.err).to.include("taken over");

    const pids = running(dir).map(({ pid }) => pid);
    const removed = await verb("delete");
    expect(removed.code, removed.err).to.equal(0);
    await nothingLeft(pids, serverOf(first.out), join(dir, "clusters", "scripted"));
  });

  it("ends with a rehearsal that is killed (SIGKILL): its guard removes every cluster", async () => {
    const created = await run(["create", "cluster", "--name", "guarded", "--kubeconfig", kubeconfig]);
    expect(created.code, created.err).to.equal(0);
    const server = serverOf((await run(["get", "kubeconfig", "--name", "guarded"])).out);
    const pids = running(dir).map(({ pid }) => pid);
    const rehearsal = start(
      `const { guard } = await import(${JSON.stringify(module("processes.ts"))});
       guard(${JSON.stringify(dir)}); console.log("guarded"); setInterval(() => {}, 1000);`,
    );
    expect(await firstLine(rehearsal)).to.equal("guarded");
    rehearsal.kill("SIGKILL");
    await nothingLeft(pids, server, dir);
  });

  function serverOf(text: string): string {
    return (parse(text) as { clusters: [{ cluster: { server: string } }] }).clusters[0].cluster.server;
  }
});

function module(name: string): string {
  return new URL(`../../rehearsal/control-plane/${name}`, import.meta.url).href;
}

/** A process of its own that can be killed. */
function start(program: string): ChildProcess {
  return spawn(process.execPath, ["--input-type=module", "-e", program], { stdio: ["ignore", "pipe", "inherit"] });
}

async function firstLine(child: ChildProcess): Promise<string> {
  let out = "";
  child.stdout?.setEncoding("utf8").on("data", (chunk: string) => (out += chunk));
  return until(
    "the process says something",
    () => Promise.resolve(out.includes("\n") && (out.split("\n")[0] ?? "")),
    60,
  );
}
