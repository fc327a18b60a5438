/** What Fluent Bit makes of the journal and of the audit log: fields by their names in lines.ts. */
import { readFileSync } from "node:fs";
import { auditFields, journalFields, priorities } from "../lines.ts";

/** Name of the script in the chart's `luaScripts`. */
export const recordsName = "records.lua";

/** No two braces follow each other: the chart passes scripts through its template engine. */
const table = (parts: readonly string[]) => `{ ${parts.join(", ")} }`;

/** Lua counts from 1. */
const place = (of: readonly (string | number)[]) =>
  table(of.map((key) => (typeof key === "number" ? String(key + 1) : JSON.stringify(key))));

const fields = (of: typeof journalFields) => table(of.map(([name, at]) => table([JSON.stringify(name), place(at)])));

/** The script with its fields. */
export const recordsScript = (): string =>
  [
    `local journalFields = ${fields(journalFields)}`,
    `local auditFields = ${fields(auditFields)}`,
    `local priorities = ${table(priorities.map((level) => JSON.stringify(level)))}`,
    readFileSync(new URL("./records.lua", import.meta.url), "utf8"),
  ].join("\n");
