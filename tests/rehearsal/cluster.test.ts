/**
 * The cluster of an environment, cut off while it is made, and removed by hand. Its repository is created and seeded, as the settings may say.
 * The seed is printed; INTERRUPT_SEED repeats a run.
 */
import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { expect } from "chai";
import type { EngineEvent } from "../../rehearsal/engine.ts";
import { openRehearsal, type Rehearsal } from "../../rehearsal/rehearsal.ts";
import { owner } from "../../rehearsal/surroundings.ts";
import { bare } from "../support/bare.ts";
import { failure } from "../support/failure.ts";
import { until } from "../support/until.ts";
import { flux, TestCluster } from "./support/cluster.ts";
import { removeByHand } from "./support/by-hand.ts";
import { leftovers } from "./support/leftovers.ts";
import { random } from "../support/random.ts";

const seed = Number(process.env["INTERRUPT_SEED"] ?? Math.floor(Math.random() * 1e6));

/** A repository that is not there before. */
const created = "created";

describe(`the cluster of an environment (INTERRUPT_SEED=${seed})`, function () {
  this.timeout("20m");
  const next = random(seed);
  let rehearsal: Rehearsal;
  let onEvent: (event: EngineEvent) => void = () => undefined;

  before(async () => {
    rehearsal = await openRehearsal({
      settings: bare,
      onEvent: (event) => {
        onEvent(event);
      },
    });
    const { git } = rehearsal.surroundings;
    const sshUrl = `${git.ssh.address}/${owner}/${created}.git`;
    await rehearsal.set({ repository: { name: created, create: true, seed: true, sshUrl } });
  });
  after(async () => {
    await (rehearsal as Rehearsal | undefined)?.close();
  });

  /** Clusters that kind has begun. */
  const clusters = () => {
    const folder = join(rehearsal.dir, "kind", "clusters");
    return existsSync(folder) ? readdirSync(folder) : [];
  };

  async function uidOfReadyCluster(): Promise<string> {
    const cluster = new TestCluster(rehearsal.kubeconfigPath);
    try {
      await cluster.untilFluxIsReady();
      return (await cluster.get("/api/v1/namespaces/kube-system")).metadata.uid;
    } finally {
      cluster.close();
    }
  }

  it("cut off while kind makes it (SIGINT, then SIGKILL), is healed by the next up (reliability 2)", async () => {
    const up = failure(rehearsal.environment.up());
    await until("kind to begin", () => Promise.resolve(clusters().length > 0), 120);
    const [first, second] = [next() * 2, next() * 2].map((seconds) => Math.round(seconds * 10) / 10) as [
      number,
      number,
    ];
    console.log(`      SIGINT ${first} s after kind began, SIGKILL ${second} s later`);
    await sleep(first * 1000);
    rehearsal.environment.interrupt();
    await sleep(second * 1000);
    rehearsal.environment.kill();
    await up;
    await rehearsal.environment.recover();

    const begun = Promise.withResolvers<undefined>();
    onEvent = () => {
      begun.resolve(undefined);
    };
    const healing = rehearsal.environment.up();
    await Promise.race([begun.promise, healing]);
    onEvent = () => undefined;
    // Whoever starts it a second time meanwhile is told so, and what to do (reliability 10).
    const refused = await failure(rehearsal.environment.refresh());
    expect(refused)
      .to.match(/currently locked by 1 lock/)
      .and.to.include("pulumi cancel");
    await healing;
    expect(clusters()).to.deep.equal(["dev"]);
    await uidOfReadyCluster();
    expect(Object.keys((await rehearsal.environment.up()).changes)).to.deep.equal(["same"]);
  });

  it("follows a repository that up created and filled, with its own key", async () => {
    const cluster = new TestCluster(rehearsal.kubeconfigPath);
    try {
      const { spec, status } = await cluster.get(flux.gitRepository("environment"));
      expect(spec?.["url"]).to.match(new RegExp(`/${owner}/${created}\\.git$`));
      expect((status?.["artifact"] as { revision: string }).revision).to.match(/^main@sha1:/);
    } finally {
      cluster.close();
    }
    const keys = rehearsal.surroundings.github.deployKeys(owner, created);
    expect(keys.map(({ title, readOnly }) => `${title} ${String(readOnly)}`)).to.deep.equal([
      "flux observability/dev #1 true",
    ]);
  });

  it("removed by hand, is made anew by up, and says so in one line (reliability 5)", async () => {
    const urns = async () =>
      ((await rehearsal.environment.exportDeployment()).resources ?? []).map(({ urn }) => urn).sort();
    const before = await urns();
    const uid = await uidOfReadyCluster();
    await removeByHand(rehearsal);
    const { output, changes } = await rehearsal.environment.preview();
    expect(output).to.match(/^ *(warning: )?Cluster "dev" is made anew \(.+\): what was in the old one is lost/m);
    expect(changes["replace"]).to.be.greaterThan(20);
    const from = rehearsal.surroundings.providers.calls.length;
    await rehearsal.environment.up();
    // The cluster that is gone was asked for nothing.
    const deleted = rehearsal.surroundings.providers.calls.slice(from).filter(({ method }) => method === "delete");
    expect(deleted.map(({ name }) => name)).to.deep.equal(["cluster-kind"]);
    expect(await uidOfReadyCluster()).to.not.equal(uid);
    expect(await urns()).to.deep.equal(before);
    expect(Object.keys((await rehearsal.environment.up()).changes)).to.deep.equal(["same"]);
  });

  it("is destroyed, and nothing of it is left (reliability 2)", async () => {
    await rehearsal.environment.destroy();
    expect(await leftovers(rehearsal)).to.deep.equal([]);
    const { github, planted } = rehearsal.surroundings;
    expect(github.deployKeys(owner, created)).to.deep.equal([]);
    // People's work and other environments may be in the repository: it stays.
    const answer = await fetch(new URL(`api/v3/repos/${owner}/${created}`, github.baseUrl), {
      headers: { authorization: `Bearer ${planted.githubToken}` },
    });
    expect(await answer.json()).to.include({ archived: false });
  });
});
