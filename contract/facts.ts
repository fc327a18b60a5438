/**
 * Files of facts: names and kinds that charts and programs of others have, as data of ours. They are written by tools, a
 * line for each key and each key below it, so that a change can be read.
 */
import { mkdirSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";

/** Writes facts to a file. */
export function writeFacts(file: string, facts: object): void {
  const lines = Object.entries(facts).map(([key, value]: [string, unknown]) => {
    const below = typeof value === "object" && value !== null ? Object.entries(value) : [];
    const text = below.map(([inner, fact]) => `    ${JSON.stringify(inner)}: ${JSON.stringify(fact)}`).join(",\n");
    return `  ${JSON.stringify(key)}: ${below.length === 0 ? JSON.stringify(value) : `{\n${text}\n  }`}`;
  });
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, `{\n${lines.join(",\n")}\n}\n`);
}
