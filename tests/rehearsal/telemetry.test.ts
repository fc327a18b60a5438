import { expect } from "chai";
import { obtainBinaries } from "../../rehearsal/control-plane/binaries.ts";
import { telemetryBench } from "../../tools/bench/telemetry/bench.ts";
import { programOrSkip } from "../support/program.ts";

describe("Telemetry through the real programs", function () {
  this.timeout("12m");

  before(async function () {
    for (const name of ["otelcol", "prometheus", "loki"] as const) await programOrSkip(this, name);
    this.timeout("30m");
    await obtainBinaries();
  });

  it("arrives, is found, and leads from one store to the other", async () => {
    const claims = await telemetryBench({ outage: 15 });
    for (const { claim, query, answer } of claims) console.log(`      ${claim}: ${query} -> ${answer}`);
    expect(claims).to.have.length.greaterThan(30);
    expect(claims.filter(({ holds }) => !holds).map(({ claim }) => claim)).to.deep.equal([]);
  });
});
