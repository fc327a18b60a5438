/**
 * Files of facts: names and kinds that charts and programs of others have, as data of ours. They are written by tools, a
 * line for each key of the first two levels, so that a change of one can be read as a change of one line.
 */
import { writeFileSync } from "node:fs";

/** Writes facts to a file. */
export function writeFacts(file: string, facts: object): void {
  const isObject = (value: unknown) => typeof value === "object" && value !== null && !Array.isArray(value);
  const lines = (value: object, deep: number, indent: string): string =>
    `{\n${Object.entries(value)
      .map(([key, inner]: [string, unknown]) => {
        const text =
          deep > 0 && isObject(inner) ? lines(inner as object, deep - 1, `${indent} `) : JSON.stringify(inner);
        return `${indent} ${JSON.stringify(key)}: ${text}`;
      })
      .join(",\n")}\n${indent}}`;
  writeFileSync(file, `${lines(facts, 2, "")}\n`);
}
