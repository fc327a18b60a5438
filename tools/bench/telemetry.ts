/**
 * Telemetry for real: starts Prometheus, Loki and the collector on loopback with the configuration that the program
 * declares, sends what an application sends and asks as Grafana asks. Prints a table of what was claimed, the query that
 * proved it, and the answer; exits with 1 when a claim does not hold.
 *
 *   node tools/bench/telemetry.ts [--outage SECONDS]
 *
 * Played: the application, the log agent's push and the kubelet's two metrics of the application's container. Jaeger's
 * module cannot be built (see telemetry/stack.ts); the end of the traces is a second collector.
 */
import { parseArgs } from "node:util";
import { telemetryBench } from "./telemetry/bench.ts";

const { values: options } = parseArgs({ options: { outage: { type: "string", default: "60" } } });
const claims = await telemetryBench({
  outage: Number(options.outage),
  onProgress: (line) => process.stderr.write(`${line}\n`),
});
const cell = (text: string) => text.replaceAll("|", "\\|");
console.log("| Holds | Claim | Query | Answer |\n| --- | --- | --- | --- |");
for (const { claim, query, answer, holds } of claims) {
  console.log(`| ${holds ? "yes" : "**no**"} | ${cell(claim)} | \`${cell(query)}\` | ${cell(answer)} |`);
}
if (claims.some(({ holds }) => !holds)) process.exitCode = 1;
