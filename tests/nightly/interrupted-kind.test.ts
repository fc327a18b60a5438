/**
 * An `up` that is cut off while kind makes the cluster, at moments that a seed decides: KIND_TIER_SEED repeats a run.
 */
import { expect } from "chai";
import { after, before, describe, it } from "mocha";
import { setTimeout as sleep } from "node:timers/promises";
import { OperationFailed } from "../../rehearsal/engine.ts";
import {
  inDocker,
  kindTier,
  makeHost,
  nodesOf,
  openClusterStack,
  openListeners,
  say,
  type ClusterStack,
  type Host,
  type KindTier,
} from "../support/kind-tier.ts";
import { random } from "../support/random.ts";

const seed = Number(process.env["KIND_TIER_SEED"] ?? Math.floor(Math.random() * 1e6));

const name = "kind-interrupted";

describe("an up that is cut off during kind create, on real Kind", function () {
  this.timeout(20 * 60_000);
  let tier: KindTier;
  let host: Host;
  let stack: ClusterStack;
  let clean: { readonly docker: string[]; readonly files: string[]; readonly listeners: string[] };
  /** How long an undisturbed up takes here, in milliseconds. */
  let whole = 0;
  const cleanUp: (() => unknown)[] = [];
  const next = random(seed);

  const present = async () => ({ docker: await inDocker(tier), files: host.files(), listeners: openListeners() });

  before(async function () {
    tier = await kindTier(this);
    host = makeHost(tier);
    cleanUp.push(() => {
      host.remove();
    });
    clean = await present();
    stack = await openClusterStack({ tier, host, stack: name });
    cleanUp.push(async () => {
      await stack.destroy().catch(() => undefined);
      await stack.close();
    });
    const started = Date.now();
    await stack.up();
    whole = Date.now() - started;
    await stack.destroy();
    expect(await present()).to.deep.equal(clean);
    say(`an up takes ${Math.round(whole / 1000)} s; KIND_TIER_SEED=${seed}`);
  });

  after(async function () {
    this.timeout(5 * 60_000);
    for (const work of cleanUp.reverse()) await work();
  });

  /** Starts an up and cuts it off after a part of its usual time. Returns whether it was cut off. */
  async function cutOff(signal: "SIGINT" | "SIGKILL", part: number): Promise<boolean> {
    const up = stack.up().then(
      () => false,
      (error: unknown) => {
        if (error instanceof OperationFailed) return true;
        throw error;
      },
    );
    await sleep(part * whole);
    if (signal === "SIGINT") stack.interrupt();
    else stack.kill();
    const wasCutOff = await up;
    say(`${signal} after ${Math.round(part * 100)} % of the time: ${wasCutOff ? "cut off" : "it was done already"}`);
    if (wasCutOff) await stack.recover();
    return wasCutOff;
  }

  for (const signal of ["SIGINT", "SIGKILL"] as const) {
    for (const [half, from] of [
      ["first", 0.05],
      ["second", 0.5],
    ] as const) {
      it(`is healed by the next up after a ${signal} in the ${half} half`, async () => {
        const wasCutOff = await cutOff(signal, from + next() * 0.45);
        // The first half is surely not over: else this would test nothing.
        if (half === "first") expect(wasCutOff).to.equal(true);
        await stack.up();
        expect(await nodesOf(stack)).to.have.length(1);
        expect((await stack.up()).changes).to.deep.equal({ same: 5 });
        await stack.destroy();
        expect(await present()).to.deep.equal(clean);
      });
    }
  }

  it("leaves nothing behind when it is destroyed instead", async () => {
    expect(await cutOff("SIGKILL", 0.2 + next() * 0.5)).to.equal(true);
    // The state does not know of the cluster, but of the claim to it.
    await stack.destroy();
    expect(await present()).to.deep.equal(clean);
  });
});
