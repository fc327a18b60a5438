/**
 * Telemetry for real: starts Prometheus, Loki, Jaeger and the collector on loopback with the configuration that the program
 * declares, sends what an application sends and asks as Grafana asks. Prints a table of what was claimed, the query that
 * proved it, who judged, and the answer; exits with 1 when a claim does not hold. When all hold, docs/claims.md gets them.
 *
 *   node tests/bench/telemetry.ts [--outage SECONDS]
 *
 * Played: the application, the log agent (by its declared configuration) and the kubelet's two metrics of the application's
 * container.
 */
import { parseArgs } from "node:util";
import { telemetryBench } from "./telemetry/bench.ts";
import { writeClaims } from "./telemetry/report.ts";

const { values: options } = parseArgs({ options: { outage: { type: "string", default: "60" } } });
const seen = await telemetryBench({
  outage: Number(options.outage),
  onProgress: (line) => process.stderr.write(`${line}\n`),
});
const cell = (text: string) => text.replaceAll("|", "\\|").slice(0, 500);
console.log("| Holds | Claim | Query | Judged by | Answer |\n| --- | --- | --- | --- | --- |");
for (const { claim, query, judge, answer, holds } of seen.claims) {
  console.log(`| ${holds ? "yes" : "**no**"} | ${cell(claim)} | \`${cell(query)}\` | ${judge} | ${cell(answer)} |`);
}
if (seen.claims.every(({ holds }) => holds)) await writeClaims(seen);
else process.exitCode = 1;
