/** What the bench saw, as the table of docs/claims.md. */
import { readFileSync } from "node:fs";
import * as path from "node:path";
import { writeInto } from "../figures.ts";
import type { Seen } from "./bench.ts";

/** The page that quotes the claims. */
export const claimsPage = path.join(import.meta.dirname, "../../../docs/claims.md");

const [begin, end] = ["<!-- npm run bench:telemetry -->", "<!-- end -->"] as const;

/** A text in a cell of a table. */
const cell = (text: string) => text.replaceAll("|", "\\|").replaceAll("\n", " ");

/** Names that differ from run to run, replaced by what they stand for; ids of other traces too. */
function general(text: string, names: Seen["names"]): string {
  return Object.entries(names)
    .reduce((result, [name, what]) => result.replaceAll(name, what), text)
    .replaceAll(/\b[0-9a-f]{32}\b/g, "<trace id>");
}

/** The table: each claim with the query that proved it, and the program that answered. */
function claimsTable({ claims, names }: Seen): string {
  const rows = claims.map(
    ({ claim, query, judge }) => `| ${cell(claim)} | \`${cell(general(query, names))}\` | ${judge} |`,
  );
  return ["| claim | query that proved it | judged by |", "| --- | --- | --- |", ...rows].join("\n");
}

/** The claims that the page quotes, in its order. */
export function quotedClaims(): string[] {
  const text = readFileSync(claimsPage, "utf8");
  const block = text.slice(text.indexOf(begin), text.indexOf(end));
  return [...block.matchAll(/^\| (.*?) +\| `/gm)].map(([, claim = ""]) => claim);
}

/** Writes the table into the page. */
export const writeClaims = (seen: Seen): Promise<void> => writeInto(claimsPage, "bench:telemetry", claimsTable(seen));
