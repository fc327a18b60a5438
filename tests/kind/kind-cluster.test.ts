/**
 * The Kind component, unchanged, on the real engine with the real kind: the tests follow one cluster through its life, so
 * each needs the one before it.
 */
import { expect } from "chai";
import { readFileSync, statSync } from "node:fs";
import { dirname } from "node:path";
import { after, before, describe, it } from "mocha";
import { kindAuditLog } from "../../components/cluster/kind-config.ts";
import { labelOf } from "../../components/cluster/identity.ts";
import { freePorts } from "../../rehearsal/control-plane/processes.ts";
import { failure } from "../support/failure.ts";
import {
  inDocker,
  kindTier,
  makeHost,
  nodesOf,
  openClusterStack,
  openListeners,
  runScript,
  say,
  type ClusterStack,
  type Host,
  type KindSettings,
  type KindTier,
} from "../support/kind-tier.ts";
import { until } from "../support/until.ts";
import { buildOnEachOther } from "../support/steps.ts";

interface Inspected {
  readonly Id: string;
  readonly State: { readonly Running: boolean };
  readonly NetworkSettings: { readonly Ports: Record<string, { HostIp: string; HostPort: string }[] | null> };
}

describe("the Kind cluster of an environment, on real Kind", function () {
  this.timeout(20 * 60_000);
  buildOnEachOther(this);
  let tier: KindTier;
  let host: Host;
  let stack: ClusterStack;
  const cleanUp: (() => unknown)[] = [];
  let settings: KindSettings;
  let before_: { readonly docker: string[]; readonly files: string[]; readonly listeners: string[] };

  const inspect = async () =>
    (JSON.parse(await tier.engine.docker(["inspect", stack.nodeContainer])) as [Inspected])[0];
  const kubeconfig = () => readFileSync(stack.kubeconfigFile, "utf8");
  const hash = async () => (await nodesOf(stack))[0]?.metadata.labels[labelOf.hash];

  before(async function () {
    tier = await kindTier(this);
    host = makeHost(tier);
    cleanUp.push(() => {
      host.remove();
    });
    before_ = { docker: await inDocker(tier), files: host.files(), listeners: openListeners() };
    const [grafana = 0] = await freePorts(1);
    settings = { ports: { dashboards: grafana, metrics: null, alerts: null, traces: null } };
    stack = await openClusterStack({ tier, host, stack: "kind-life", settings });
    cleanUp.push(async () => {
      await stack.destroy().catch(() => undefined);
      await stack.close();
    });
  });

  after(async function () {
    this.timeout(5 * 60_000);
    for (const work of cleanUp.reverse()) await work();
  });

  it("is created by the up after one that was killed while kind made it, and another up changes nothing", async () => {
    const killed = failure(stack.up());
    await until(
      "kind has begun",
      async () => (await tier.engine.docker(["ps", "--quiet", "--filter", `name=${stack.nodeContainer}`])) !== "",
      120,
    );
    stack.kill();
    await killed;
    await stack.recover();
    const started = Date.now();
    await stack.up();
    say(`created in ${Math.round((Date.now() - started) / 1000)} s`);
    expect(await nodesOf(stack)).to.have.length(1);
    expect((await stack.up()).changes).to.deep.equal({ same: 5 });
    const memory = await tier.engine.docker(["stats", "--no-stream", "--format", "{{.MemUsage}}", stack.nodeContainer]);
    say(`memory of the node: ${memory.trim()}`);
  });

  it("listens on 127.0.0.1 only", async () => {
    const mapped = Object.values((await inspect()).NetworkSettings.Ports).flatMap((bindings) => bindings ?? []);
    expect(mapped).to.have.length(2); // the API server and Grafana
    expect(new Set(mapped.map(({ HostIp }) => HostIp))).to.deep.equal(new Set(["127.0.0.1"]));
    expect(openListeners()).to.deep.equal(before_.listeners);
  });

  it("has a kubeconfig that only its owner may read, and leaves ~/.kube alone", async () => {
    expect(statSync(stack.kubeconfigFile).mode & 0o777).to.equal(0o600);
    expect(statSync(dirname(stack.kubeconfigFile)).mode & 0o777).to.equal(0o700);
    expect(await stack.outputs()).to.have.nested.property("kubeconfig.secret", true);
    const key = /client-key-data: (\S+)/.exec(kubeconfig())?.[1] ?? "";
    expect(key).to.have.length.above(100);
    expect(await stack.stateText()).not.to.include(key);
    expect(host.files().filter((file) => file.startsWith("home/"))).to.deep.equal(before_.files);
  });

  it("is left alone by a stack that has no state of it, until it is released to it", async () => {
    const { Id } = await inspect();
    await stack.close();
    stack = await openClusterStack({ tier, host, stack: "kind-life", settings });
    const refused = await failure(stack.up());
    expect(refused).to.include('the Kind cluster "kind-life" belongs to').and.to.include("--adopt");
    await runScript(stack, host, "release", "kind-life");
    const { output, changes } = await stack.up();
    expect(changes).to.include({ create: 1 });
    expect(output).to.include("taken over").and.to.include("adopted");
    expect((await inspect()).Id).to.equal(Id);
  });

  it("is started when it is only stopped", async () => {
    const { Id } = await inspect();
    await tier.engine.docker(["stop", "--time", "1", stack.nodeContainer]);
    stack.settings({ ...settings, readyTimeoutSeconds: 601 });
    const { output } = await stack.up();
    expect(output).to.include("is stopped: starting");
    const now = await inspect();
    expect(now.Id).to.equal(Id);
    expect(now.State.Running).to.equal(true);
    expect(await nodesOf(stack)).to.have.length(1);
  });

  it("is replaced, deleted first, when its configuration changes", async () => {
    const was = { id: (await inspect()).Id, hash: await hash() };
    stack.settings({ ...settings, auditLog: true, registryMirrors: { "registry.example": "http://127.0.0.1:1" } });
    expect((await stack.preview()).changes).to.include({ replace: 1 });
    expect((await inspect()).Id, "a preview touches nothing").to.equal(was.id);
    expect((await stack.up()).changes).to.include({ replace: 1 });
    expect((await inspect()).Id).not.to.equal(was.id);
    expect(await hash())
      .to.be.a("string")
      .and.not.equal(was.hash);
  });

  it("has the mirrors where its containerd reads them", async () => {
    const inNode = (...args: string[]) => tier.engine.docker(["exec", stack.nodeContainer, ...args]);
    expect(await inNode("cat", "/etc/containerd/certs.d/registry.example/hosts.toml")).to.include("http://127.0.0.1:1");
    expect(await inNode("containerd", "config", "dump")).to.match(
      /config_path = ['"][^'"]*\/etc\/containerd\/certs\.d/,
    );
  });

  it("has the audit log that it is asked for, which says who asked and has no bodies", async () => {
    const log = await until("the API server has written", async () => {
      const text = await tier.engine.docker(["exec", stack.nodeContainer, "cat", kindAuditLog]).catch(() => "");
      return text.includes('"resource":"secrets"') ? text : undefined;
    });
    expect(log)
      .to.include('"level":"Metadata"')
      .and.not.match(/requestObject|responseObject/);
    say(`audit log: ${log.split("\n").length - 1} events, ${Math.round(log.length / 1024)} KiB`);
  });

  it("is destroyed and leaves nothing behind", async () => {
    const started = Date.now();
    await stack.destroy();
    say(`destroyed in ${Math.round((Date.now() - started) / 1000)} s`);
    expect(await inDocker(tier)).to.deep.equal(before_.docker);
    expect(host.files()).to.deep.equal(before_.files);
    expect(openListeners()).to.deep.equal(before_.listeners);
  });
});
