/**
 * `npm run lint:rules -- [--scrape-interval 30s] <files>`: what is wrong with rules of one's own, files of Prometheus or PrometheusRule
 * objects, before they are in a cluster. Names may be globs. Ends with 1 when there are faults, with 2 when there is nothing to look at.
 */
import { globSync, statSync } from "node:fs";
import { parseArgs } from "node:util";
import { reasonOf } from "../components/unreachable.ts";
import { lintFile } from "../contract/rules-lint.ts";
import { obtainProgram } from "../contract/readers.ts";
import { durationSeconds, scrapeInterval } from "../settings/formats.ts";
import { settingsSchema } from "../settings/schema.ts";

const usage = "npm run lint:rules -- [--scrape-interval 30s] <files of rules, PrometheusRule objects, or globs>";

/** Files of the names, each once; and what is wrong with the names. */
function filesOf(names: readonly string[]): { readonly files: string[]; readonly wrong: string[] } {
  const found = names.map((name) => ({
    name,
    files: globSync(name).filter((file) => statSync(file).isFile()),
  }));
  const wrong = found.filter(({ files }) => files.length === 0).map(({ name }) => `${name}: there is no such file.`);
  return { files: [...new Set(found.flatMap(({ files }) => files))].sort(), wrong };
}

/** @returns the exit code */
export async function main(
  args: readonly string[],
  { log, error: complain }: Pick<Console, "log" | "error"> = console,
): Promise<number> {
  let parsed;
  try {
    const options = { "scrape-interval": { type: "string" } } as const;
    parsed = parseArgs({ args: [...args], options, allowPositionals: true });
  } catch (error) {
    complain(`${error instanceof Error ? error.message : String(error)}\n${usage}`);
    return 2;
  }
  const interval = parsed.values["scrape-interval"] ?? settingsSchema.parse({}).prometheus.scrapeInterval;
  const form = scrapeInterval.safeParse(interval);
  const { files, wrong } = filesOf(parsed.positionals);
  if (!form.success) wrong.push(`--scrape-interval ${form.error.issues[0]?.message ?? "is wrong"}.`);
  if (parsed.positionals.length === 0) wrong.push("No file is named.");
  if (wrong.length > 0) {
    complain([...wrong, usage].join("\n"));
    return 2;
  }
  let promtool;
  try {
    promtool = await obtainProgram("promtool");
  } catch (error) {
    complain(`Rules are looked at by promtool, which cannot be had: ${reasonOf(error)}`);
    return 2;
  }
  const linted = files.map((file) => lintFile(file, promtool, durationSeconds(interval)));
  const faults = linted.flatMap((one) => one.faults);
  for (const { file, line, where, message } of faults)
    complain(`${file}:${line}: ${where === "" ? "" : `${where} `}${message}`);
  const rules = linted.reduce((sum, one) => sum + one.rules, 0);
  const what = `${rules} ${rules === 1 ? "rule" : "rules"} in ${files.length} ${files.length === 1 ? "file" : "files"}`;
  log(`${what}: ${faults.length === 0 ? "no fault" : faults.length === 1 ? "one fault" : `${faults.length} faults`}.`);
  const others = [...new Set(linted.flatMap((one) => one.others))].sort();
  if (others.length > 0) log(`Not looked at: ${others.join(", ")}.`);
  return faults.length === 0 ? 0 : 1;
}

if (import.meta.main) process.exitCode = await main(process.argv.slice(2));
