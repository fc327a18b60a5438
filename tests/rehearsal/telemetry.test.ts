import { expect } from "chai";
import { obtainBinaries } from "../../rehearsal/control-plane/binaries.ts";
import { telemetryBench } from "../bench/telemetry/bench.ts";
import { quotedClaims } from "../bench/telemetry/report.ts";
import { programOrSkip } from "../support/program.ts";

describe("Telemetry through the real programs, and a stand-in for Loki", function () {
  this.timeout("12m");

  before(async function () {
    for (const name of ["otelcol", "prometheus", "victorialogs", "jaeger"] as const) await programOrSkip(this, name);
    this.timeout("30m");
    await obtainBinaries();
  });

  it("arrives, is found, leads from one store to the other, and outlives an outage", async () => {
    const { claims } = await telemetryBench({ outage: 15 });
    for (const { claim, query, judge, answer } of claims) {
      console.log(`      ${claim}: ${query} -> ${answer.slice(0, 200)} (${judge})`);
    }
    expect(claims.filter(({ holds }) => !holds).map(({ claim }) => claim)).to.deep.equal([]);
    expect(
      claims.map(({ claim }) => claim),
      "docs/claims.md quotes other claims: npm run bench:telemetry writes them",
    ).to.deep.equal(quotedClaims());
  });
});
