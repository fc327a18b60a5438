/** Two environments at once on one host, one of them with a second node. */
import { expect } from "chai";
import { after, before, describe, it } from "mocha";
import {
  inDocker,
  kindTier,
  makeHost,
  nodesOf,
  openClusterStack,
  type ClusterStack,
  type Host,
  type KindTier,
} from "../support/kind-tier.ts";
import { buildOnEachOther } from "../support/steps.ts";

describe("two environments on one host", function () {
  this.timeout(20 * 60_000);
  buildOnEachOther(this);
  let tier: KindTier;
  let host: Host;
  let one: ClusterStack;
  let other: ClusterStack;
  let clean: { readonly docker: string[]; readonly files: string[] };
  const cleanUp: (() => unknown)[] = [];

  before(async function () {
    tier = await kindTier(this);
    host = makeHost(tier);
    cleanUp.push(() => {
      host.remove();
    });
    clean = { docker: await inDocker(tier), files: host.files() };
    const open = async (stack: string, workers: number) => {
      const opened = await openClusterStack({ tier, host, stack, settings: { workers } });
      cleanUp.push(async () => {
        await opened.destroy().catch(() => undefined);
        await opened.close();
      });
      return opened;
    };
    one = await open("kind-one", 0);
    other = await open("kind-other", 1);
  });

  after(async function () {
    this.timeout(5 * 60_000);
    for (const work of cleanUp.reverse()) await work();
  });

  it("are made side by side, each with its own cluster and kubeconfig", async () => {
    await Promise.all([one.up(), other.up()]);
    expect(await nodesOf(one)).to.have.length(1);
    expect(await nodesOf(other)).to.have.length(2);
    expect((await tier.engine.docker(["ps", "--format", "{{.Names}}"])).trim().split("\n").sort()).to.deep.equal([
      "kind-one-control-plane",
      "kind-other-control-plane",
      "kind-other-worker",
    ]);
  });

  it("do not touch each other when one is destroyed", async () => {
    await one.destroy();
    expect(await nodesOf(other)).to.have.length(2);
    expect((await other.up()).changes).to.deep.equal({ same: 5 });
  });

  it("leave nothing behind", async () => {
    await other.destroy();
    expect(await inDocker(tier)).to.deep.equal(clean.docker);
    expect(host.files()).to.deep.equal(clean.files);
  });
});
