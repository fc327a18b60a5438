import * as fs from "node:fs";
import * as net from "node:net";

import { expect } from "chai";
import { hostsToml } from "../../../components/cluster/registry-mirrors.ts";

import { type Ended, Host, configOf } from "../../support/fake-kind/host.ts";
import type { Step } from "../../support/fake-kind/world.ts";

describe("cluster script: ensure", () => {
  let host: Host;
  beforeEach(async () => {
    host = await Host.start();
  });
  afterEach(async () => {
    expect(host.decoyIsUntouched(), "~/.kube/config").to.equal(true);
    await host.stop();
  });

  const creates = (): number => host.world.events().filter((event) => event.startsWith("create ")).length;
  const ok = (run: Ended): void => {
    expect(run.code, run.stderr).to.equal(0);
    expect(run.stdout).to.equal(host.kubeconfig);
    expect(fs.readFileSync(host.kubeconfigFile, "utf8")).to.equal(host.kubeconfig);
    expect(run.stderr).not.to.include(host.api.clientKey.slice(0, 40)).and.not.to.include("BEGIN");
    expect(fs.existsSync(host.lockFolder), "lock").to.equal(false);
  };

  it("makes the cluster; standard output is the kubeconfig and nothing else", async () => {
    ok(await host.ensure());
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
    ok(await host.ensure());
    const second = await host.ensure();
    ok(second);
    expect(second.stderr).to.include("adopted");
    expect(creates()).to.equal(1);
  });

  it("rebuilds when the configuration changed, and says from what to what", async () => {
    ok(await host.ensure());
    const second = await host.ensure({ KIND_CONFIG: configOf("bbbb"), KIND_CONFIG_HASH: "bbbb" });
    ok(second);
    expect(second.stderr).to.match(/another configuration \(aaaa, now bbbb\).*deleted and made anew/);
    expect(creates()).to.equal(2);
    expect(host.world.cluster("dev")?.labels[0]).to.deep.equal({ "observability.dev/config-hash": "bbbb" });
  });

  it("rebuilds a cluster whose control plane is stopped", async () => {
    ok(await host.ensure());
    const cluster = host.world.cluster("dev");
    if (cluster === undefined) throw new Error("no cluster");
    host.world.setCluster("dev", { ...cluster, running: false });
    const second = await host.ensure();
    ok(second);
    expect(second.stderr).to.include("half made or stopped");
    expect(creates()).to.equal(2);
  });

  it("rebuilds a cluster whose API server does not answer", async () => {
    ok(await host.ensure());
    host.world.plan = { api: { readyz: 500 } };
    const run = host.run("ensure", { KIND_READY_TIMEOUT: "2" });
    const second = await run.ended;
    expect(second.stderr).to.match(/its API server does not answer \(\/readyz answers 500.*deleted and made anew/);
    expect(creates()).to.equal(2);
  });

  it("rebuilds a cluster that lacks a node, a StorageClass or readiness", async () => {
    const config = configOf("aaaa", { workers: 1 });
    ok(await host.ensure({ KIND_CONFIG: config }));
    const cluster = host.world.cluster("dev");
    if (cluster === undefined) throw new Error("no cluster");
    host.world.setCluster("dev", { ...cluster, labels: cluster.labels.slice(0, 1) });
    const second = await host.ensure({ KIND_CONFIG: config });
    ok(second);
    expect(second.stderr).to.include("it has 1 of 2 nodes");
    host.world.plan = { api: { storageClass: false } };
    const third = await host.ensure({ KIND_CONFIG: config });
    ok(third);
    expect(third.stderr).to.include("no default StorageClass");
    host.world.plan = { api: { nodesReady: false } };
    const fourth = await host.ensure({ KIND_CONFIG: config, KIND_READY_TIMEOUT: "1" });
    expect(fourth.stderr).to.include("it does not become ready: nodes (not Ready: dev-control-plane");
    expect(creates()).to.equal(4);
  });

  it("leaves a cluster alone that somebody else made, running or stopped", async () => {
    for (const running of [true, false]) {
      host.world.setCluster("dev", { step: "kubeconfig", running, labels: [{}] });
      const run = await host.ensure();
      expect(run.code).to.equal(1);
      expect(run.stdout).to.equal("");
      expect(run.stderr).to.include("not made by this project").and.to.include("kind delete cluster --name dev");
      expect(host.world.cluster("dev")).not.to.equal(undefined);
    }
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
      const run = await host.ensure({ KIND_READY_TIMEOUT: "1" });
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
    const [first, second] = await Promise.all([host.ensure(), host.ensure(other)]);
    expect(first.code, first.stderr).to.equal(0);
    expect(second.code, second.stderr).to.equal(0);
    expect(first.stderr + second.stderr).to.include("another run holds the lock");
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
      const run = await host.ensure({ KIND_CONFIG: configOf("aaaa", { hostPort: port }) });
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
    expect(noDocker.stderr).to.match(/docker: is not installed or not on PATH. Install it: https/);
    host.uninstall("kind");
    const noKind = await host.ensure();
    expect(noKind.code).to.equal(1);
    expect(noKind.stderr).to.include("kind is not installed or not on PATH. Install");
  });

  it("takes an engine that falls silent for no fault of the cluster", async () => {
    ok(await host.ensure());
    const says = "Cannot connect to the Docker daemon. Is the docker daemon running?";
    for (const engine of [{ says }, { says, onlyFor: "kubeconfig" as const }]) {
      host.world.plan = { engine };
      const run = await host.ensure();
      expect(run.code).to.equal(1);
      expect(run.stderr).to.include("Docker does not run").and.not.to.include("made anew");
      expect(host.world.cluster("dev")).not.to.equal(undefined);
    }
  });

  it("asks Docker nothing when kind is a stand-in, and says so", async () => {
    host.world.plan = { kindVersion: "kind v0.33.0 linux/amd64 (stand-in of the rehearsal)" };
    ok(await host.ensure());
    const second = await host.ensure();
    ok(second);
    expect((await host.delete()).code).to.equal(0);
    expect(host.world.events().filter((event) => event.startsWith("docker"))).to.deep.equal([]);
    host.world.network = false;
    expect(host.leftovers()).to.deep.equal([]);
  });

  it("writes the mirrors that the nodes mount, and delete removes them", async () => {
    const folder = `${host.folder}/private/dev.certs.d`;
    const env = { KIND_REGISTRY_FOLDER: folder, KIND_REGISTRY_MIRRORS: '{"docker.io":"http://mirror:5000"}' };
    ok(await host.ensure(env));
    expect(fs.readFileSync(`${folder}/docker.io/hosts.toml`, "utf8")).to.include('[host."http://mirror:5000"]');
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

  it("refuses wrong input before it does anything", async () => {
    for (const [env, text] of [
      [{ KIND_CLUSTER_NAME: "dev; rm -rf /" }, "KIND_CLUSTER_NAME"],
      [{ KIND_CLUSTER_NAME: undefined }, "KIND_CLUSTER_NAME is not set"],
      [{ KIND_CONFIG: configOf("aaaa", { label: false }) }, "must carry the label observability.dev/config-hash: aaaa"],
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
    expect(use.stderr).to.include("ensure|delete|list");
    expect(host.world.events()).to.deep.equal([]);
  });
});
