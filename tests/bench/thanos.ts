/**
 * Thanos for real: two Prometheus with their sidecars, SeaweedFS, and Thanos' store gateway, compactor, query and query frontend on
 * loopback, with the configuration that the program declares. Prints a table of what was claimed and what was seen, and exits with
 * 1 when a claim does not hold.
 *
 *   npm run bench:thanos
 *
 * Played: what is scraped (blocks of made-up samples, each replica with a gap of its own), the operator and the charts (their flags
 * are named where they are set), and names of Services.
 */
import { thanosBench } from "./thanos/bench.ts";

const started = Date.now();
const claims = await thanosBench((line) => process.stderr.write(`${line}\n`));
console.log("| Holds | Claim | Seen |\n| --- | --- | --- |");
for (const { claim, seen, holds } of claims) console.log(`| ${holds ? "yes" : "**no**"} | ${claim} | ${seen} |`);
console.log(`\n${Math.round((Date.now() - started) / 1000)} s`);
if (!claims.every(({ holds }) => holds)) process.exitCode = 1;
