/**
 * One life of the stack `local`: no account, no token; the content in a registry beside the cluster (the real one, built from its
 * Go module), fetched by the real source-controller. The steps build on each other.
 */
import { execFile } from "node:child_process";
import { join, resolve } from "node:path";
import { promisify } from "node:util";
import { expect } from "chai";
import { findRegistry } from "../../components/cluster/registry.ts";
import { programEnvironment } from "../../components/cluster/kind.ts";
import type { Operation } from "../../rehearsal/engine.ts";
import { openRehearsal, type Rehearsal } from "../../rehearsal/rehearsal.ts";
import { RegistryRepository } from "../../toolchain/registry-client.ts";
import { type Clone, makeClone } from "../support/clone.ts";
import { failure } from "../support/failure.ts";
import { buildOnEachOther } from "../support/steps.ts";
import { flux, isReady, type KubeObject, TestCluster } from "./support/cluster.ts";
import { leftovers } from "./support/leftovers.ts";

const project = resolve(import.meta.dirname, "../..");
const dashboard = "flux-repo/content/exporters/dashboards+scraping/cluster.json";

describe("an environment without an account", function () {
  this.timeout("20m");
  buildOnEachOther(this);
  let rehearsal: Rehearsal;
  let cluster: TestCluster;
  let first: Operation;
  /** Another clone of the project, with the same stack, whose content a test edits. */
  let clone: Clone;

  before(async () => {
    // What goes by the registry, and little else.
    const off = { logs: "none", logAgent: "none", traces: "none", gateway: "none", certManager: { enabled: false } };
    const more = { instrumentation: { enabled: false }, opentelemetryOperator: { enabled: false } };
    // Whoever waited for it would see the test fail: what is pushed is asked for.
    const flux = { interval: "1h" };
    rehearsal = await openRehearsal({
      stack: "local",
      checkpoints: false,
      settings: { ...off, ...more, flux },
    });
    first = await rehearsal.environment.up();
    cluster = new TestCluster(rehearsal.kubeconfigPath);
    clone = makeClone(join(rehearsal.dir, "clone"), "local", join(rehearsal.dir, "kube"));
  });
  after(async () => {
    (cluster as TestCluster | undefined)?.close();
    await (rehearsal as Rehearsal | undefined)?.close();
  });

  const env = () => ({ ...process.env, ...rehearsal.surroundings.env });
  const docker = async (...args: string[]) => (await promisify(execFile)("docker", args, { env: env() })).stdout;
  const registry = () => programEnvironment.run(env(), () => findRegistry("local"));
  const source = () =>
    cluster.get(`/apis/source.toolkit.fluxcd.io/v1/namespaces/flux-system/ocirepositories/environment`);
  const revision = ({ status }: KubeObject) =>
    (status?.["artifact"] as { revision: string } | undefined)?.revision ?? "";
  /** What the registry has under the tag. */
  const digest = async () =>
    new RegistryRepository(`${(await registry())?.address ?? ""}/flux-repo`).digestOf("latest");

  const push = async () => {
    const { code, stdout, stderr } = await clone.push(env());
    return { code, said: stdout + stderr };
  };
  const title = async () => {
    const { data } = (await cluster.get("/api/v1/namespaces/monitoring/configmaps/dashboard-cluster")) as unknown as {
      readonly data: Readonly<Record<string, string>>;
    };
    return (JSON.parse(data["cluster.json"] ?? "{}") as { readonly title: string }).title;
  };
  it("is made of what this clone has: nothing of it is at GitHub, and outputs that speak of it are null", async () => {
    expect(Object.keys(first.changes)).to.deep.equal(["create"]);
    const { resources = [] } = await rehearsal.environment.exportDeployment();
    expect(resources.map(({ type }) => type).filter((type) => /github|tls/.test(type))).to.deep.equal([]);
    expect(await cluster.list(flux.gitRepositories)).to.deep.equal([]);
    const artifact = await source();
    expect(artifact.spec).to.include({ url: "oci://local-registry:5000/flux-repo", insecure: true });
    expect(isReady(artifact), JSON.stringify(artifact.status)).to.equal(true);
    expect(revision(artifact)).to.equal(`latest@${await digest()}`);
    const kustomizations = await cluster.list(flux.kustomizations);
    expect(kustomizations.map(({ metadata }) => metadata.name).sort()).to.deep.equal(["demo", "environment"]);
    for (const one of kustomizations) {
      expect(one.status?.["lastAppliedRevision"], one.metadata.name).to.equal(revision(artifact));
      expect(one.spec?.["sourceRef"]).to.deep.equal({ kind: "OCIRepository", name: "environment" });
    }
    const outputs = await rehearsal.environment.outputs();
    expect(outputs["repository"]?.value).to.equal(null);
    expect(outputs["deployKeyFingerprint"]?.value).to.equal(null);
    const rules = await cluster.list("/apis/monitoring.coreos.com/v1/namespaces/monitoring/prometheusrules");
    const links = JSON.stringify(rules).match(/"runbook_url":"[^"]*/g) ?? [];
    expect(
      links.filter((link) => link.includes("file:///")),
      "links into this clone",
    ).to.not.deep.equal([]);
    expect(links.filter((link) => link.includes("github.com/undefined"))).to.deep.equal([]);
  });

  it("gets an edited dashboard by `npm run push`, which says what was applied", async () => {
    const before = await title();
    clone.edit(dashboard, (text) => text.replace(`"title": "${before}"`, '"title": "Edited here"'));
    const { code, said } = await push();
    expect(said).to.match(
      /^Pushed \d+ files of flux-repo\/ \(sha256:[0-9a-f]{64}\), to the registry at 127\.0\.0\.1:\d+\.$/m,
    );
    expect(said).to.match(/^Flux has applied it: demo, environment \(/m);
    expect(code).to.equal(0);
    expect(await title()).to.equal("Edited here");
    expect((await push()).said).to.include("Nothing new to push");
    // What this clone has is what its `up` leaves, though nothing of the state has changed.
    expect(Object.keys((await rehearsal.environment.up()).changes)).to.deep.equal(["same"]);
    expect(revision(await source())).to.not.equal(`latest@${await digest()}`);
  });

  it("refuses files that nobody can read, and tells what Flux refuses", async () => {
    const there = await digest();
    clone.edit(dashboard, (text) => text.replace("{", "{{"));
    clone.edit("flux-repo/content/exporters/rules/nodes.yaml", () => "a: [1\nb: 2\n");
    const unread = await push();
    expect(unread.code).to.equal(1);
    expect(unread.said)
      .to.match(/cluster\.json is not JSON: /)
      .and.match(/rules\/nodes\.yaml, line \d+, is not YAML: /);
    expect(await digest()).to.equal(there);
    clone.edit(dashboard, (text) => text);
    clone.edit(
      "flux-repo/content/exporters/rules/nodes.yaml",
      () => "apiVersion: v1\nkind: NoSuchKind\nmetadata: {name: x}\n",
    );
    const refused = await push();
    expect(refused.code, refused.said).to.equal(1);
    expect(refused.said).to.include("Flux does not apply it:").and.include("NoSuchKind");
    expect(refused.said).to.not.match(/^\s+at /m);
  });

  it("gets changed content by `up`, which waits until Flux has applied it", async () => {
    await rehearsal.set({ repository: { path: "flux-repo/clusters/elsewhere" } });
    const { changes, output } = await rehearsal.environment.up();
    expect(changes, output).to.include({ update: 4 });
    const artifact = await source();
    expect(revision(artifact)).to.equal(`latest@${await digest()}`);
    for (const one of await cluster.list(flux.kustomizations))
      expect(one.status?.["lastAppliedRevision"], one.metadata.name).to.equal(revision(artifact));
  });

  it("starts a registry that was stopped, and fills one that was removed", async () => {
    const there = await digest();
    await docker("stop", "local-registry");
    expect(Object.keys((await rehearsal.environment.up()).changes)).to.deep.equal(["same"]);
    expect(await digest()).to.equal(there);
    await docker("rm", "-fv", "local-registry");
    const { changes, output } = await rehearsal.environment.up();
    expect(changes, output).to.include({ update: 1 });
    expect(await digest()).to.equal(there);
    expect(Object.keys((await rehearsal.environment.up()).changes)).to.deep.equal(["same"]);
  });

  it("leaves a registry of its name alone that is another's", async () => {
    const { identity } = (await registry()) ?? expect.fail("no registry");
    await docker("rm", "-fv", "local-registry");
    const labels = ["observability.dev/owner=another", "observability.dev/role=registry"];
    const make = ["run", "--detach", "--name", "local-registry", "--network", "kind", "--publish", "127.0.0.1::5000"];
    await docker(...make, ...labels.flatMap((label) => ["--label", label]), "registry:3");
    const refused = await failure(rehearsal.environment.up());
    expect(refused).to.include('the container "local-registry" belongs to').and.include("docker rm -fv");
    expect((await registry())?.identity.owner).to.equal("another");
    await docker("rm", "-fv", "local-registry");
    await rehearsal.environment.up();
    expect((await registry())?.identity.owner).to.equal(identity.owner);
  });

  it("is released with its registry, and taken over by the next up", async () => {
    const variables = { ...env(), KIND_CLUSTER_NAME: "local" };
    const script = join(project, "components/cluster/kind-script.ts");
    await promisify(execFile)(process.execPath, [script, "release"], { cwd: project, env: variables });
    expect(await registry()).to.equal(undefined);
    await rehearsal.environment.up();
    expect(revision(await source())).to.equal(`latest@${await digest()}`);
  });

  it("is destroyed with its registry", async () => {
    await rehearsal.environment.destroy();
    expect(await leftovers(rehearsal)).to.deep.equal([]);
  });
});
