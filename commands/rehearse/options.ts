/** The command line of `npm run rehearse`. */
import { parseArgs } from "node:util";
import { nearest } from "../../settings/nearest.ts";

export interface Options {
  readonly stack: string;
  /** Settings over those of the stack's file, nested. */
  readonly settings: Readonly<Record<string, unknown>>;
  /** A folder with real charts. */
  readonly charts?: string;
  /** Fetch neither charts nor plugins: stand-ins for all but the charts of `charts`. */
  readonly offline: boolean;
  readonly keep: boolean;
  readonly json: boolean;
  readonly help: boolean;
}

/** The command line is wrong; the message says where and what would be right. */
export class UsageError extends Error {
  override readonly name = "UsageError";
}

const flags = {
  stack: { type: "string", default: "dev" },
  set: { type: "string", multiple: true },
  charts: { type: "string" },
  offline: { type: "boolean", default: false },
  keep: { type: "boolean", default: false },
  json: { type: "boolean", default: false },
  help: { type: "boolean", short: "h", default: false },
} as const;

export const usage = `Usage: npm run rehearse -- [options]

Brings the environment up on local processes (no Docker, no account), checks it, and destroys it.

  --stack NAME           the stack whose settings file is rehearsed (default: dev); its state is not touched
  --set PATH=VALUE       a setting over those of the file, for example --set loki.retention=48h; may be repeated.
                         VALUE is JSON (true, 2, {"replicas": 2}), else text
  --charts FOLDER        real charts as "helm pull" leaves them (.tgz); a chart that it lacks is a stand-in. Without it they
                         are fetched where their registries can be reached
  --offline              fetch neither charts nor provider plugins: stand-ins for all of them, as the tests have it
  --keep                 leave it running for kubectl until Ctrl-C, also when it failed
  --json                 one JSON document a line on standard output, and nothing else there
  -h, --help             this text

Exit code: 0 when everything held, 1 when something did not, 2 for a wrong command line, 130 after Ctrl-C.
`;

/** @throws UsageError */
export function parseOptions(args: readonly string[]): Options {
  const known = Object.keys(flags);
  for (const arg of args) {
    const name = /^--([^=]+)/.exec(arg)?.[1];
    if (name === undefined || known.includes(name)) continue;
    const near = nearest(name, known);
    const advice = near === undefined ? "" : ` Did you mean --${near}?`;
    throw new UsageError(`--${name} is no option.${advice} All options: npm run rehearse -- --help`);
  }
  const values = parse(args);
  const settings: Record<string, unknown> = {};
  for (const text of values.set ?? []) assign(settings, text);
  return {
    stack: values.stack,
    settings,
    ...(values.charts === undefined ? {} : { charts: values.charts }),
    offline: values.offline,
    keep: values.keep,
    json: values.json,
    help: values.help,
  };
}

function parse(args: readonly string[]) {
  try {
    return parseArgs({ args: [...args], options: flags }).values;
  } catch (error) {
    // Node's own words name the option; what follows its first sentence is about positional arguments.
    const text = error instanceof Error ? error.message : String(error);
    throw new UsageError(`${text} All options: npm run rehearse -- --help`, { cause: error });
  }
}

/** Puts `path.to.setting=value` into nested settings. */
function assign(settings: Record<string, unknown>, text: string): void {
  const at = text.indexOf("=");
  const path = text.slice(0, at).split(".");
  if (at < 1 || path.some((key) => key === "" || key === "__proto__")) {
    throw new UsageError(`--set ${text}: expected path.to.setting=value, for example --set loki.retention=48h`);
  }
  const last = path.pop() ?? "";
  let group = settings;
  for (const key of path) {
    const next = group[key];
    if (typeof next === "object" && next !== null && !Array.isArray(next)) group = next as Record<string, unknown>;
    else group = group[key] = {};
  }
  group[last] = valueOf(text.slice(at + 1));
}

/** JSON where it is JSON, else the text itself. */
function valueOf(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return text;
  }
}
