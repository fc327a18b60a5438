/** The table of `docs/logs.md`: which agent's lines, and what else is read, get to which store. Settings are its source: what they refuse. */
import { readFileSync } from "node:fs";
import { merge } from "ts-deepmerge";
import { alternatives } from "../components/catalogue.ts";
import { parseSettings, SettingsError } from "../settings/parse.ts";
import type { SettingsInput } from "../settings/schema.ts";

type Some = Readonly<Record<string, SettingsInput>>;

const there = (logs: NonNullable<SettingsInput["external"]>["logs"]): SettingsInput => ({
  logs: "external",
  external: { logs },
});
const url = "https://logs.example.com";

/** Forms of a store, where there are several. */
const forms: Readonly<Record<string, Some>> = {
  loki: {
    "`loki`": {},
    "`loki`, distributed": {
      objectStorage: "seaweedfs",
      loki: { mode: "distributed", storage: { type: "objectStorage" } },
    },
  },
  elasticsearch: {
    "`elasticsearch`": {},
    "`elasticsearch`, with Logstash": { elasticsearch: { logstash: { replicas: 1 } } },
  },
  external: {
    "`external`: a Loki": there({ url }),
    "`external`: a Loki that makes our labels": there({ url, makesLabels: true }),
    "`external`: a VictoriaLogs": there({ url, type: "victoriaLogs" }),
    "`external`: an Elasticsearch": there({ url, type: "elasticsearch" }),
  },
};

const stores: Some = Object.assign(
  {},
  ...alternatives("logs").map((logs) =>
    Object.fromEntries(
      Object.entries(forms[logs] ?? { [`\`${logs}\``]: {} }).map(([form, settings]) => [form, { logs, ...settings }]),
    ),
  ),
) as Some;

/** What an agent reads on every node. */
const sources: Some = {
  lines: {},
  journal: { journal: { enabled: true } },
  "audit log": { cluster: { type: "existing", existing: { kubeconfig: "a", context: "b", auditLog: "/c/d.log" } } },
};

function refusals(settings: object): string[] {
  try {
    parseSettings(settings as Readonly<Record<string, unknown>>, { file: "the table", secrets: [] });
    return [];
  } catch (error) {
    if (!(error instanceof SettingsError)) throw error;
    return error.findings.map(({ path, message }) => `\`${path}\` ${message}`);
  }
}

/** The table, in Markdown, and below it why not. */
export function logMatrix(): string {
  const notes: string[] = [];
  const note = (message: string) => {
    if (!notes.includes(message)) notes.push(message);
    return `[${notes.indexOf(message) + 1}]`;
  };
  /** Names of what works, and why the others do not. */
  const cell = (tried: Some) => {
    const said = Object.entries(tried).map(([name, settings]) => ({ name, why: refusals(settings) }));
    const works = said.filter(({ why }) => why.length === 0).map(({ name }) => name);
    // Where lines are refused nobody asks about the rest.
    const told = works.length === 0 ? said.slice(0, 1) : said;
    const why = [...new Set(told.flatMap((one) => one.why))].map(note);
    const what = works.length === said.length ? "yes" : works.length === 0 ? "no" : works.join(", ");
    return [what, ...why].join(" ");
  };
  const agents = alternatives("logAgent");
  const rows = Object.entries(stores).map(([store, settings]) => [
    store,
    ...agents.map((logAgent) =>
      cell(
        Object.fromEntries(
          Object.entries(sources).map(([name, source]) => [name, merge(settings, source, { logAgent })]),
        ),
      ),
    ),
    cell({ events: { ...settings, kubernetesEvents: { enabled: true } } }),
  ]);
  const table = [
    ["store (`logs`)", ...agents.map((agent) => `\`logAgent: ${agent}\``), "`kubernetesEvents`"],
    Array.from({ length: agents.length + 2 }, () => "---"),
    ...rows,
  ];
  return [
    ...table.map((row) => `| ${row.join(" | ")} |`),
    "",
    ...notes.map((message, index) => `${index + 1}. ${message}`),
  ].join("\n");
}

const marks = ["<!-- npm run schema -->", "<!-- end of what settings say -->"] as const;

/** `docs/logs.md` with the table in it. @throws Error where the page has no place for it */
export function logsPage(file: string): string {
  const text = readFileSync(file, "utf8");
  const [begin, end] = marks.map((mark) => text.indexOf(mark));
  if (begin === undefined || end === undefined || begin < 0 || end < begin)
    throw new Error(`${file} has no ${marks.join(" ... ")}.`);
  return `${text.slice(0, begin + marks[0].length)}\n\n${logMatrix()}\n\n${text.slice(end)}`;
}
