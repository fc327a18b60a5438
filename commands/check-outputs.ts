/**
 * `pulumi stack output --json | node commands/check-outputs.ts`: checks a stack's outputs against
 * schemas/outputs.schema.json, the contract with whoever uses them (CI, scripts).
 */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { Ajv2020 } from "ajv/dist/2020.js";
import addFormats from "ajv-formats";

/** What is wrong with the outputs, one sentence each; empty when they keep the contract. */
export function outputProblems(outputs: unknown, schema: object): string[] {
  const ajv = new Ajv2020({ allErrors: true });
  addFormats.default(ajv);
  const validate = ajv.compile(schema);
  if (validate(outputs)) return [];
  return (validate.errors ?? []).map((error) => {
    const where = error.instancePath === "" ? "the outputs" : error.instancePath.slice(1).replaceAll("/", ".");
    const extra: unknown = error.params["additionalProperty"];
    return `${where}: ${error.message ?? error.keyword}${typeof extra === "string" ? ` (${extra})` : ""}`;
  });
}

if (import.meta.main) {
  const file = join(import.meta.dirname, "..", "schemas", "outputs.schema.json");
  const problems = outputProblems(
    JSON.parse(await text(process.stdin)) as unknown,
    JSON.parse(readFileSync(file, "utf8")) as object,
  );
  for (const problem of problems) process.stderr.write(`${problem}\n`);
  process.stderr.write(
    problems.length === 0
      ? "The outputs are what schemas/outputs.schema.json says.\n"
      : `These outputs break schemas/outputs.schema.json. Bring the stack up with this version of the program first.\n`,
  );
  process.exitCode = problems.length === 0 ? 0 : 1;
}
