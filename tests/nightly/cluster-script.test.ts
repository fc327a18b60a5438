/** The cluster script killed at random moments, with fakes of kind and Docker. The seed is printed; SCRIPT_SEED repeats a run. */
import { expect } from "chai";
import { configOf, type Host, hostForEachTest } from "../support/fake-kind/host.ts";
import { random } from "../support/random.ts";

const seed = Number(process.env["SCRIPT_SEED"] ?? Math.floor(Math.random() * 1e6));

describe(`cluster script, killed at moments of chance (SCRIPT_SEED=${seed})`, function () {
  this.timeout("2m");
  let host: Host;
  hostForEachTest((started) => (host = started));

  it("heals in the next run", async () => {
    const two = { KIND_CONFIG: configOf({ workers: 1 }) };
    const next = random(seed);
    for (let round = 0; round < 24; round++) {
      const run = host.run(next() < 0.7 ? "ensure" : "delete", two);
      await new Promise((resolve) => setTimeout(resolve, 50 + next() * 900));
      run.child.kill("SIGKILL");
      await run.ended;
      if (next() < 0.4) {
        const last = host.world
          .events()
          .flatMap((event) => /^(?:create|delete) \S+ (\d+)$/.exec(event)?.[1] ?? [])
          .at(-1);
        try {
          if (last !== undefined) process.kill(Number(last), "SIGKILL");
        } catch {
          // It ended already.
        }
      }
    }
    const healed = await host.ensure(two);
    expect(healed.code, healed.stderr).to.equal(0);
    expect(healed.stdout).to.equal(host.kubeconfig);
    const removed = await host.delete(two);
    expect(removed.code, removed.stderr).to.equal(0);
    expect(host.leftovers()).to.deep.equal([]);
  });
});
