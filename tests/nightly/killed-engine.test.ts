/**
 * The engine killed (SIGKILL) after a random event while it makes, changes and destroys an environment. The seed is
 * printed; KILL_SEED repeats a run.
 */
import { expect } from "chai";
import { type EngineEvent, type Operation, OperationFailed } from "../../rehearsal/engine.ts";
import { openRehearsal, type Rehearsal } from "../../rehearsal/rehearsal.ts";
import { fleet, owner } from "../../rehearsal/surroundings.ts";
import { TestCluster } from "../rehearsal/support/cluster.ts";
import { leftovers } from "../rehearsal/support/leftovers.ts";
import { random } from "../support/random.ts";

const seed = Number(process.env["KILL_SEED"] ?? Math.floor(Math.random() * 1e6));

describe(`an engine that is killed (KILL_SEED=${seed})`, function () {
  this.timeout("25m");
  const next = random(seed);
  let rehearsal: Rehearsal;
  let onEvent: (event: EngineEvent) => void = () => undefined;
  /** Resources of a clean run. */
  const clean = new Set<string>();

  before(async () => {
    rehearsal = await openRehearsal({
      onEvent: (event) => {
        onEvent(event);
      },
    });
    onEvent = ({ resourcePreEvent }) => {
      if (resourcePreEvent !== undefined) clean.add(resourcePreEvent.metadata.urn);
    };
    await rehearsal.environment.preview();
    onEvent = () => undefined;
    expect(clean.size).to.be.greaterThan(100);
  });
  after(async () => {
    await (rehearsal as Rehearsal | undefined)?.close();
  });

  /** Kills the engine after one of the first `count` steps that change something; returns the step. */
  async function killed(operation: () => Promise<Operation>, count: number): Promise<string> {
    const at = 1 + Math.floor(next() * count);
    let steps = 0;
    let last = "";
    onEvent = ({ resourcePreEvent, resOutputsEvent }) => {
      const metadata = resourcePreEvent?.metadata ?? resOutputsEvent?.metadata;
      if (metadata === undefined || metadata.op === "same") return;
      steps += 1;
      if (steps !== at) return;
      last = `${resourcePreEvent === undefined ? "end" : "begin"} of ${metadata.op} ${metadata.urn.split("::").at(-1) ?? ""}`;
      rehearsal.environment.kill();
    };
    const ended = await operation().then(
      () => "it ended by itself",
      (error: unknown) => {
        if (!(error instanceof OperationFailed)) throw error;
        return "killed";
      },
    );
    onEvent = () => undefined;
    console.log(`      killed at step ${at} of about ${count}: ${last}`);
    expect(last, "the step was reached").to.not.equal("");
    expect(ended).to.equal("killed");
    await rehearsal.environment.recover();
    return last;
  }

  async function expectClean(rotation: number): Promise<void> {
    const { resources = [], pending_operations: pending = [] } = await rehearsal.environment.exportDeployment();
    /** The key's number and the name of its Secret tell one rotation from another. */
    const numbered = (urn: string) =>
      urn.replace(/(deploy-key(?:-github)?)-\d+$/, `$1-${rotation}`).replace(/-secret-\w{8}$/, "-secret");
    expect(resources.map(({ urn }) => numbered(urn)).sort()).to.deep.equal([...clean].map(numbered).sort());
    expect(pending).to.deep.equal([]);
    expect(resources.filter((resource) => resource.delete === true)).to.deep.equal([]);
    expect(Object.keys((await rehearsal.environment.up()).changes)).to.deep.equal(["same"]);
    expect(Object.keys((await rehearsal.environment.refresh()).changes)).to.deep.equal(["same"]);
    const keys = rehearsal.surroundings.github.deployKeys(owner, fleet);
    expect(keys.map(({ title }) => title)).to.deep.equal([`flux observability/dev #${rotation}`]);
    const cluster = new TestCluster(rehearsal.kubeconfigPath);
    try {
      await cluster.untilFluxIsReady();
    } finally {
      cluster.close();
    }
  }

  it("while it makes everything: recover and up end as a clean run does (reliability 3)", async () => {
    await killed(() => rehearsal.environment.up(), clean.size * 2 - 20);
    await rehearsal.environment.up();
    await expectClean(1);
  });

  it("while it changes much: recover and up end as a clean run does (reliability 3)", async () => {
    await rehearsal.set({
      deployKey: { rotation: 2 },
      loki: { retention: "48h" },
      jaeger: { maxTraces: 500 },
      prometheus: { retention: "12h" },
      fluentBit: { bufferSize: "600MB" },
    });
    await killed(() => rehearsal.environment.up(), 16);
    await rehearsal.environment.up();
    await expectClean(2);
  });

  it("while it destroys: another destroy leaves nothing (reliability 3)", async () => {
    await killed(() => rehearsal.environment.destroy(), clean.size);
    await rehearsal.environment.destroy();
    expect(await leftovers(rehearsal)).to.deep.equal([]);
  });
});
