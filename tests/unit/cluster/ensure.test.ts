import * as fs from "node:fs";
import * as net from "node:net";

import { expect } from "chai";
import { hostsToml } from "../../../components/cluster/registry-mirrors.ts";
import { freePorts } from "../../../rehearsal/control-plane/processes.ts";

import { configOf, type Ended, type Host, hostForEachTest, owner } from "../../support/fake-kind/host.ts";
import type { FakeCluster, Step } from "../../support/fake-kind/world.ts";
import { until } from "../../support/until.ts";

describe("cluster script: ensure", () => {
  let host: Host;
  hostForEachTest((started) => (host = started));

  const creates = (): number => host.world.events().filter((event) => event.startsWith("create ")).length;
  const ok = (run: Ended): void => {
    expect(run.code, run.stderr).to.equal(0);
    expect(run.stdout).to.equal(host.kubeconfig);
    expect(fs.readFileSync(host.kubeconfigFile, "utf8")).to.equal(host.kubeconfig);
    expect(run.stderr).not.to.include(host.api.clientKey.slice(0, 40)).and.not.to.include("BEGIN");
    expect(fs.existsSync(host.lockFolder), "lock").to.equal(false);
  };

  it("makes the cluster; standard output is the kubeconfig and nothing else", async () => {
    ok(await host.run("ensure").ended);
    expect(host.world.cluster("dev")?.step).to.equal("kubeconfig");
    expect(host.api.requests).to.include.members([
      "/readyz",
      "/api/v1/nodes",
      "/apis/apps/v1/namespaces/kube-system/deployments/coredns",
    ]);
  });

  it("writes the kubeconfig for its owner only and leaves nothing beside it", async () => {
    ok(await host.ensure());
    expect(fs.statSync(host.kubeconfigFile).mode & 0o777).to.equal(0o600);
    const folder = host.kubeconfigFile.replace(/\/[^/]+$/, "");
    expect(fs.statSync(folder).mode & 0o777).to.equal(0o700);
    expect(fs.readdirSync(folder)).to.deep.equal(["dev.yaml"]);
  });

  it("replaces a kubeconfig that others can read", async () => {
    fs.mkdirSync(host.kubeconfigFile.replace(/\/[^/]+$/, ""));
    fs.writeFileSync(host.kubeconfigFile, "old", { mode: 0o644 });
    ok(await host.ensure());
    expect(fs.statSync(host.kubeconfigFile).mode & 0o777).to.equal(0o600);
  });

  it("adopts a healthy cluster of the same configuration", async () => {
    await host.made();
    const second = await host.ensure();
    ok(second);
    expect(second.stderr).to.include("adopted");
    expect(creates()).to.equal(1);
  });

  it("rebuilds when the configuration changed, and says from what to what", async () => {
    await host.made();
    const second = await host.ensure({ KIND_CONFIG: configOf(), KIND_CONFIG_HASH: "bbbb" });
    ok(second);
    expect(second.stderr).to.match(/another configuration \(aaaa, now bbbb\).*deleted and made anew/);
    expect(creates()).to.equal(2);
    expect(host.world.cluster("dev")?.labels[0]).to.deep.equal({
      "observability.dev/owner": owner,
      "observability.dev/project": "observability",
      "observability.dev/stack": "dev",
      "observability.dev/config-hash": "bbbb",
    });
  });

  /** Stops the cluster's containers, as `docker stop`, Docker Desktop or a restart of the machine does. */
  const stop = (): void => {
    host.world.setCluster("dev", { ...existing(), running: false });
  };
  const existing = (): FakeCluster => {
    const cluster = host.world.cluster("dev");
    if (cluster === undefined) throw new Error("no cluster");
    return cluster;
  };

  it("starts a cluster that is only stopped, with all its nodes, and keeps it", async () => {
    const config = { KIND_CONFIG: configOf({ workers: 2 }) };
    await host.made(config);
    for (const verb of ["ensure", "update"]) {
      stop();
      const run = await host.script(verb, config);
      ok(run);
      expect(run.stderr).to.include('cluster "dev" is stopped: starting dev-control-plane, dev-worker, dev-worker2');
    }
    expect(creates()).to.equal(1);
  });

  it("says why a stopped cluster cannot be started, and keeps it", async () => {
    const [hostPort = 0] = await freePorts(1);
    ok(await host.ensure({ KIND_CONFIG: configOf({ hostPort }) }));
    stop();
    host.world.setCluster("other", { step: "kubeconfig", running: true, labels: [{}], ports: [hostPort] });
    const run = await host.ensure({ KIND_CONFIG: configOf({ hostPort }) });
    expect(run.code).to.equal(1);
    expect(run.stderr)
      .to.include("cannot start the stopped cluster")
      .and.to.include(`port ${hostPort} is already in use`);
    expect(creates()).to.equal(1);
    expect(existing().running).to.equal(false);
  });

  it("keeps a cluster that was ready once, however ill it is, and says what is ill", async () => {
    await host.made();
    for (const [api, text] of [
      [{ readyz: 500 }, /API server: \/readyz answers 500/],
      [{ nodesReady: false }, /nodes: not Ready: dev-control-plane/],
      [{ dnsAvailable: false }, /DNS: Deployment/],
    ] as const) {
      host.world.plan = { api };
      const run = await host.ensure({ KIND_READY_TIMEOUT: "0.2" });
      expect(run.code).to.equal(1);
      expect(run.stdout).to.equal("");
      expect(run.stderr)
        .to.match(text)
        .and.to.include("It is kept as it is")
        .and.to.include("docker logs dev-control-plane");
    }
    host.world.plan = { api: { storageClass: false } };
    ok(await host.ensure());
    expect(creates()).to.equal(1);
  });

  it("keeps one that has lost a node, and says what the next up does", async () => {
    const config = { KIND_CONFIG: configOf({ workers: 1 }) };
    await host.made(config);
    host.world.setCluster("dev", { ...existing(), labels: existing().labels.slice(0, 1) });
    const run = await host.ensure(config);
    expect(run.code).to.equal(1);
    expect(run.stderr).to.include("has 1 of 2 nodes").and.to.include("It is kept");
    expect(creates()).to.equal(1);
  });

  it("makes another in its place when another generation is wanted", async () => {
    await host.made({ KIND_GENERATION: "11111111" });
    ok(await host.ensure({ KIND_GENERATION: "11111111" }));
    expect(creates()).to.equal(1);
    // Only where the engine has announced it.
    for (const env of [{ KIND_GENERATION: "22222222" }, { KIND_CONFIG_HASH: "bbbb" }]) {
      const update = await host.script("update", env);
      expect(update.code).to.equal(1);
      expect(update.stderr).to.include("not the one that the state knows").and.to.include("It is kept");
    }
    expect(creates()).to.equal(1);
    const next = await host.ensure({ KIND_GENERATION: "22222222" });
    ok(next);
    expect(next.stderr).to.include("another one is wanted in its place");
    expect(creates()).to.equal(2);
    expect(existing().labels[0]).to.include({ "observability.dev/generation": "22222222" });
  });

  /** What a run must leave as it was: the cluster with its labels, by what Docker has of it. */
  async function refuses(run: Promise<Ended>, ...sentences: readonly string[]): Promise<void> {
    const before = host.world.cluster("dev");
    const { code, stdout, stderr } = await run;
    expect(code, stderr).to.equal(1);
    expect(stdout).to.equal("");
    for (const sentence of sentences) expect(stderr).to.include(sentence);
    expect(host.world.cluster("dev")).to.deep.equal(before);
    expect(fs.existsSync(host.kubeconfigFile)).to.equal(false);
  }

  const stranger = {
    KIND_OWNER: "0ce4bc9c-0000-4000-8000-000000000000",
    KIND_PROJECT: "observability",
    KIND_STACK: "dev",
  };

  it("leaves another environment's cluster of the same name alone: two state backends, both with dev", async () => {
    await host.made();
    fs.rmSync(host.kubeconfigFile);
    const whose = `belongs to stack "dev" of "observability" (owner ${owner})`;
    // The same settings, others, stopped, in the state: nothing of that makes it theirs.
    for (const env of [{}, { KIND_CONFIG_HASH: "bbbb" }, { KIND_GENERATION: "33333333" }]) {
      await refuses(
        host.ensure({ ...stranger, ...env }),
        whose,
        "recover -- <stack> --adopt",
        "kind delete cluster --name dev",
      );
    }
    stop();
    await refuses(host.script("update", stranger), whose);
    await refuses(host.ensure(stranger), whose);
    expect(creates()).to.equal(1);
  });

  it("leaves a cluster alone that somebody else made, running or stopped", async () => {
    for (const running of [true, false]) {
      host.world.setCluster("dev", { step: "kubeconfig", running, labels: [{}] });
      for (const verb of ["ensure", "update"])
        await refuses(host.script(verb), "not made by this project", "kind delete cluster --name dev");
    }
  });

  it("leaves one alone that is half made and cannot say whose it is", async () => {
    host.world.setCluster("dev", { step: "containers", running: true, labels: [{}] });
    await refuses(host.ensure(), "half made", "does not say whose it is", "kind delete cluster --name dev");
  });

  it("takes a cluster of an earlier version, without an owner, for its own only when the state has it", async () => {
    host.world.setCluster("dev", {
      step: "kubeconfig",
      running: true,
      labels: [{ "observability.dev/config-hash": "aaaa" }],
    });
    await refuses(host.ensure(), "an earlier version of this project", "recover -- <stack> --adopt");
    const updated = await host.script("update");
    ok(updated);
    expect(updated.stderr).to.include("taken over");
    ok(await host.ensure());
    await refusesOf(stranger);
    expect(creates()).to.equal(0);
  });

  const refusesOf = async (env: Readonly<Record<string, string>>): Promise<void> => {
    fs.rmSync(host.kubeconfigFile);
    await refuses(host.ensure(env), `(owner ${owner})`);
  };

  it("takes over what was released, running or stopped, without touching what is in it", async () => {
    ok(await host.ensure({ ...stranger, KIND_GENERATION: "11111111", KIND_CONFIG: configOf({ workers: 1 }) }));
    const freed = await host.script("release");
    expect(freed.code, freed.stderr).to.equal(0);
    expect(freed.stderr).to.include(`belonged to stack "dev" of "observability" (owner ${stranger.KIND_OWNER})`);
    stop();
    fs.rmSync(host.kubeconfigFile);
    const wanted = { KIND_GENERATION: "11111111", KIND_CONFIG: configOf({ workers: 1 }) };
    await refuses(host.ensure({ ...wanted, KIND_CONFIG_HASH: "bbbb" }), "made from other settings (aaaa, now bbbb)");
    const taken = await host.ensure(wanted);
    ok(taken);
    expect(taken.stderr).to.include("taken over").and.to.include("starting dev-control-plane, dev-worker");
    ok(await host.ensure(wanted));
    fs.rmSync(host.kubeconfigFile);
    await refuses(host.ensure({ ...stranger, ...wanted }), `(owner ${owner})`);
    expect(creates()).to.equal(1);
  });

  it("releases nothing that is not of this project, and says so when there is nothing", async () => {
    const none = await host.script("release");
    expect(none.code, none.stderr).to.equal(0);
    expect(none.stderr).to.include('there is no Kind cluster "dev" here');
    host.world.setCluster("dev", { step: "kubeconfig", running: true, labels: [{}] });
    await refuses(host.script("release"), "not made by this project");
  });

  it("names what is missing when the cluster does not become ready, and keeps it", async () => {
    for (const [api, text] of [
      [{ readyz: 503 }, /API server: \/readyz answers 503[^]*nodes: not known[^]*DNS: not known/],
      [{ nodesReady: false }, /API server: ok[^]*nodes: not Ready: dev-control-plane: container runtime[^]*DNS: ok/],
      [
        { dnsAvailable: false },
        /API server: ok[^]*nodes: ok[^]*DNS: Deployment kube-system\/coredns is not Available \(0 of 2/,
      ],
    ] as const) {
      host.world.setCluster("dev", undefined);
      host.world.plan = { api };
      const run = await host.ensure({ KIND_READY_TIMEOUT: "0.2" });
      expect(run.code).to.equal(1);
      expect(run.stdout).to.equal("");
      expect(run.stderr).to.match(text).and.to.include("docker logs dev-control-plane");
      expect(host.world.cluster("dev")).not.to.equal(undefined);
      expect(fs.existsSync(host.kubeconfigFile)).to.equal(false);
    }
  });

  it("refuses an empty or unreadable kubeconfig without repeating it", async () => {
    for (const kubeconfig of ["", "just text", "a: [", "clusters: []\n"]) {
      host.world.setCluster("dev", undefined);
      host.world.plan = { kubeconfig };
      const run = await host.ensure();
      expect(run.code).to.equal(1);
      expect(run.stdout).to.equal("");
      expect(run.stderr).to.include('kind made cluster "dev" but its kubeconfig cannot be used');
      expect(host.api.requests).to.deep.equal([]);
    }
  });

  it("keeps key material off standard error even when kind prints it", async () => {
    const secret = `client-key-data: ${host.api.clientKey}`;
    host.world.plan = { fail: { after: "init", says: `boom\n${secret}\nsaid kubeadm` } };
    const run = await host.ensure();
    expect(run.code).to.equal(1);
    expect(run.stderr).to.include("said kubeadm").and.to.include("key material is left out");
    expect(run.stderr).not.to.include(host.api.clientKey.slice(0, 40));
  });

  it("says what kind said when kind fails, early or late, and the next run is clean", async () => {
    for (const after of ["image", "init", "join"] satisfies Step[]) {
      host.world.plan = { fail: { after, says: `failed at ${after}: no space left on device` } };
      const run = await host.ensure();
      expect(run.code).to.equal(1);
      expect(run.stdout).to.equal("");
      expect(run.stderr).to.include(`failed at ${after}`).and.to.include("docker system prune");
      host.world.network = false;
      expect(host.leftovers()).to.deep.equal([]);
    }
    host.world.plan = {};
    ok(await host.ensure());
  });

  it("makes two environments on one host one after the other", async () => {
    const other = { KIND_CLUSTER_NAME: "other", KUBECONFIG_FILE: `${host.folder}/private/other.yaml` };
    await host.addCluster("other");
    host.world.plan = { pauseAfter: "image" };
    const first = host.run("ensure");
    await host.paused("image");
    const second = host.run("ensure", other);
    await until("the second to say what it waits for", () => second.stderr().includes("another run holds the lock"));
    host.world.letGo();
    for (const { code, stderr } of [await first.ended, await second.ended]) expect(code, stderr).to.equal(0);
    const order = host.world.events().flatMap((event) => /^(?:create|step) (\S+) /.exec(event)?.[1] ?? []);
    expect(
      order.filter((name, index) => name !== order[index - 1]),
      "who made, in order",
    ).to.have.length(2);
    expect((await host.delete(other)).code).to.equal(0);
    expect(host.world.clusters()).to.deep.equal(["dev"]);
  });

  it("names the port and the setting when a host port is taken", async () => {
    const server = net.createServer();
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const { port } = server.address() as net.AddressInfo;
    try {
      const run = await host.ensure({ KIND_CONFIG: configOf({ hostPort: port }) });
      expect(run.code).to.equal(1);
      expect(run.stderr).to.include(`port ${port} is already in use`).and.to.include("cluster.kind.ports");
      expect(creates()).to.equal(0);
    } finally {
      server.close();
    }
  });

  it("says at once that Docker is on another machine, and makes nothing", async () => {
    host.world.plan = { engineAddress: "ssh://me@builder" };
    const run = await host.ensure();
    expect(run.code).to.equal(1);
    expect(run.stderr).to.include("another machine (ssh://me@builder)").and.to.include("unset DOCKER_HOST");
    expect(creates()).to.equal(0);
  });

  it("says what to install or start when kind or Docker is missing or silent", async () => {
    host.world.plan = {
      engine: {
        says: "Cannot connect to the Docker daemon at unix:///var/run/docker.sock. Is the docker daemon running?",
      },
    };
    const silent = await host.ensure();
    expect(silent.code).to.equal(1);
    expect(silent.stderr).to.include("Docker does not run").and.to.include("systemctl start docker");
    host.world.plan = {};
    host.uninstall("docker");
    const noDocker = await host.ensure();
    expect(noDocker.code).to.equal(1);
    expect(noDocker.stderr).to.match(/Docker is not installed or not on PATH. Install it: https/);
    host.uninstall("kind");
    const noKind = await host.ensure();
    expect(noKind.code).to.equal(1);
    expect(noKind.stderr).to.include("kind is not installed or not on PATH. Install");
  });

  it("takes an engine that falls silent for no fault of the cluster", async () => {
    await host.made();
    const says = "Cannot connect to the Docker daemon. Is the docker daemon running?";
    for (const engine of [{ says }, { says, onlyFor: "kubeconfig" as const }]) {
      host.world.plan = { engine };
      const run = await host.ensure();
      expect(run.code).to.equal(1);
      expect(run.stderr).to.include("Docker does not run").and.not.to.include("made anew");
      expect(host.world.cluster("dev")).not.to.equal(undefined);
    }
  });

  it("writes the mirrors that the nodes mount, and delete removes them", async () => {
    const folder = `${host.folder}/private/dev.certs.d`;
    const env = { KIND_REGISTRY_FOLDER: folder, KIND_REGISTRY_MIRRORS: '{"docker.io":"http://mirror:5000"}' };
    ok(await host.ensure(env));
    const file = `${folder}/docker.io/hosts.toml`;
    expect(fs.readFileSync(file, "utf8")).to.include('[host."http://mirror:5000"]').and.not.include("Authorization");
    // The folder is what the nodes have mounted: with another password it has to be the same one.
    const { ino } = fs.statSync(folder);
    for (const auth of ["b25l", "dHdv"]) {
      ok(await host.ensure({ ...env, KIND_REGISTRY_CREDENTIALS: JSON.stringify({ "mirror:5000": auth, other: "x" }) }));
      expect(fs.readFileSync(file, "utf8")).to.include(`Authorization = ["Basic ${auth}"]`).and.not.include("x");
    }
    expect([fs.statSync(folder).ino, fs.statSync(file).mode & 0o777]).to.deep.equal([ino, 0o600]);
    expect(fs.readdirSync(`${folder}/docker.io`)).to.deep.equal(["hosts.toml"]);
    expect((await host.delete(env)).code).to.equal(0);
    expect(host.leftovers()).to.deep.equal([]);
    const bad = await host.ensure({ ...env, KIND_REGISTRY_MIRRORS: '{"../x":"http://mirror:5000"}' });
    expect(bad.code).to.equal(1);
    expect(bad.stderr).to.include("cluster.kind.registryMirrors");
  });

  it("writes a mirror with a path as containerd needs it", () => {
    const harbor = hostsToml("https://harbor.example.com/v2/dockerhub");
    expect(harbor).to.include('[host."https://harbor.example.com/v2/dockerhub"]').and.include("override_path = true");
    // containerd appends /v2 to these, and would double a slash at the end.
    expect(hostsToml("http://mirror:5000/")).to.include('[host."http://mirror:5000"]').and.not.include("override_path");
    expect(hostsToml("https://nexus.example.com/repository/docker")).not.to.include("override_path");
  });

  it("a kubeconfig folder that takes no file: says so, before a cluster is made, and the clean-up does not hide it", async () => {
    // Below a file, which not even root can write to.
    const folder = `${host.folder}/home/.kube/config/private`;
    const run = await host.ensure({ KUBECONFIG_FILE: `${folder}/dev.yaml` });
    expect(run.code).to.equal(1);
    expect(run.stderr).to.include(`the folder of the kubeconfig, ${folder}, cannot be written (ENOTDIR)`);
    expect(run.stderr)
      .to.include("Set cluster.kind.kubeconfigFolder")
      .and.not.match(/^ +at /m);
    expect(host.world.clusters()).to.deep.equal([]);
  });

  it("refuses wrong input before it does anything", async () => {
    for (const [env, text] of [
      [{ KIND_CLUSTER_NAME: "dev; rm -rf /" }, "KIND_CLUSTER_NAME"],
      [{ KIND_CLUSTER_NAME: undefined }, "KIND_CLUSTER_NAME is not set"],
      [{ KIND_OWNER: undefined }, "KIND_OWNER is not set"],
      [{ KIND_CONFIG: "a: [" }, "KIND_CONFIG is no YAML"],
      [{ KIND_READY_TIMEOUT: "soon" }, 'KIND_READY_TIMEOUT is "soon"'],
      [{ KUBECONFIG_FILE: `${host.folder}/home/.kube/config` }, "which is your own"],
    ] as const) {
      const run = await host.ensure(env);
      expect(run.code).to.equal(1);
      expect(run.stderr).to.include(text);
      expect(run.stdout).to.equal("");
    }
    const use = await host.run("destroy").ended;
    expect(use.code).to.equal(2);
    expect(use.stderr).to.include("ensure|update|delete|list|release");
    expect(host.world.events()).to.deep.equal([]);
  });
});
