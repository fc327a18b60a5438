/** How a rehearsal is shown: for people on a terminal or in a log, or as one JSON document a line. */
import { styleText } from "node:util";
import { timesLines, type CriticalPath, type Phase } from "../critical-path.ts";
import type { Part } from "./banner.ts";

/** A resource that is worked on at the moment. */
export interface Waiting {
  readonly name: string;
  readonly kind: string;
  /** For how long. */
  readonly seconds: number;
  /** What it waits for, as the cluster says. */
  readonly for?: string;
}

/** Everything that a rehearsal tells; with `--json` these are the documents. Times are in seconds. */
export type Message =
  | { readonly type: "begin"; readonly stack: string; readonly settings: Readonly<Record<string, unknown>> }
  | { readonly type: "banner"; readonly parts: readonly Part[] }
  | { readonly type: "phase"; readonly phase: string; readonly state: "begin" }
  | {
      readonly type: "phase";
      readonly phase: string;
      readonly state: "end" | "failed";
      readonly seconds: number;
      readonly detail?: string;
    }
  | { readonly type: "log"; readonly text: string }
  | {
      readonly type: "resource";
      readonly state: "begin" | "end" | "failed";
      readonly name: string;
      readonly kind: string;
      readonly phase: string;
      readonly op: string;
      readonly urn: string;
      readonly seconds?: number;
    }
  | { readonly type: "diagnostic"; readonly severity: string; readonly text: string; readonly resource?: string }
  | {
      readonly type: "waiting";
      readonly seconds: number;
      readonly done: number;
      readonly running: readonly Waiting[];
    }
  | { readonly type: "times"; readonly phases: readonly Phase[]; readonly criticalPath: CriticalPath }
  | {
      readonly type: "outputs";
      readonly outputs: Readonly<Record<string, unknown>>;
      /** Names of those whose value is hidden here. */
      readonly secrets: readonly string[];
      /** The command that shows them. */
      readonly reveal: string;
    }
  | { readonly type: "check"; readonly name: string; readonly ok: boolean; readonly detail: string }
  | { readonly type: "kept"; readonly kubeconfig: string }
  | {
      readonly type: "verdict";
      readonly ok: boolean;
      readonly text: string;
      readonly seconds: number;
      readonly exitCode: number;
    };

export interface Show {
  tell(message: Message): void;
  /** Ends what is redrawn, so that others may write. */
  end(): void;
}

/** Where a show writes to; `process.stdout` is one. */
export interface Screen {
  write(text: string): unknown;
  readonly isTTY?: boolean;
  readonly columns?: number;
}

/** One JSON document a line. */
export function jsonShow(screen: Screen): Show {
  return {
    tell(message) {
      screen.write(`${JSON.stringify(message)}\n`);
    },
    end: () => undefined,
  };
}

/** Milliseconds between two lines about what is waited for, where nothing can be redrawn. */
const pause = 5000;
/** Lines of the part that is redrawn. */
const liveLines = 8;
/** Kinds whose end is worth a line of its own. */
const milestones = ["Command", "HelmRelease", "Kustomization", "GitRepository", "OpenTelemetryCollector"];

/** For people. On a terminal the last lines are redrawn; else a line comes at most every five seconds. */
export function textShow(screen: Screen): Show {
  const live = screen.isTTY === true;
  const colour = live && !process.env["NO_COLOR"];
  const style = (how: "green" | "red" | "yellow" | "bold" | "dim" | "cyan", text: string) =>
    colour ? styleText(how, text, { validateStream: false }) : text;
  /** The lines that are redrawn; they stay the last ones on the screen. */
  let drawn: readonly string[] = [];
  let last = 0;

  const draw = (lines: readonly string[]) => {
    if (drawn.length > 0) screen.write(`\x1b[${drawn.length}A\x1b[0J`);
    drawn = lines;
    const width = (screen.columns ?? 100) - 1;
    // A line that wraps would be two, and the next erasing would leave one.
    for (const text of lines) screen.write(`${style("dim", shortened(text, width))}\n`);
  };
  const erase = () => {
    draw([]);
  };
  const line = (text = "") => {
    const below = drawn;
    erase();
    screen.write(`${text}\n`);
    draw(below);
  };
  const indented = (text: string, by = "      ") => text.replaceAll("\n", `\n${by}`);
  function waiting({ seconds, done, running }: Message & { type: "waiting" }): void {
    const head = `  ${time(seconds)}, ${done} resources done, ${running.length} under way`;
    if (live) {
      const names = Math.max(0, ...running.slice(0, liveLines).map(({ name, kind }) => name.length + kind.length + 1));
      const rows = running.slice(0, liveLines).map((one) => {
        const what = `${one.kind} ${one.name}`.padEnd(names);
        return `    ${what} ${time(one.seconds).padStart(7)}${one.for === undefined ? "" : `  ${one.for}`}`;
      });
      const more = running.length - rows.length;
      draw([head, ...rows, ...(more > 0 ? [`    and ${more} more`] : [])]);
    } else if (Date.now() - last >= pause) {
      last = Date.now();
      const some = running
        .slice(0, 3)
        .map(
          (one) =>
            `${one.name} ${time(one.seconds)}${one.for === undefined ? "" : ` (${shortened(one.for, running.length === 1 ? 240 : 80)})`}`,
        );
      const more = running.length - some.length;
      line(`${head}${some.length === 0 ? "" : `: ${some.join("; ")}`}${more > 0 ? `; ${more} more` : ""}`);
    }
  }

  function tell(message: Message): void {
    switch (message.type) {
      case "begin": {
        const over = Object.keys(message.settings).length === 0 ? "" : `, with ${JSON.stringify(message.settings)}`;
        line(style("bold", `Rehearsal of Pulumi.${message.stack}.yaml${over}`));
        break;
      }
      case "banner":
        line();
        for (const { name, how, what } of message.parts) {
          const label = how.padEnd(9);
          line(
            `  ${name.padEnd(18)} ${style(how === "real" ? "green" : "yellow", label)}  ${wrapped(what, 32, screen)}`,
          );
        }
        line();
        break;
      case "phase":
        erase();
        if (message.state === "begin") line(`${style("cyan", "▶")} ${message.phase}`);
        else {
          const mark = message.state === "end" ? style("green", "✓") : style("red", "✗");
          const detail = message.detail === undefined ? "" : `: ${message.detail}`;
          line(`${mark} ${style("bold", message.phase)} ${style("dim", time(message.seconds))}${detail}`);
        }
        last = Date.now();
        break;
      case "log":
        line(`  ${style("dim", message.text)}`);
        break;
      case "resource": {
        const { state, kind, name, seconds = 0 } = message;
        if (state === "failed") line(`  ${style("red", "✗")} ${kind} ${name} after ${time(seconds)}`);
        else if (state === "end" && seconds >= 0.5 && milestones.includes(kind))
          line(`  ${style("green", "✓")} ${kind} ${name} ${style("dim", time(seconds))}`);
        break;
      }
      case "diagnostic": {
        const about = message.resource === undefined ? "" : `${message.resource}: `;
        line(
          `  ${style(message.severity === "error" ? "red" : "yellow", message.severity)} ${indented(about + message.text)}`,
        );
        break;
      }
      case "waiting":
        waiting(message);
        break;
      case "times":
        line();
        for (const text of timesLines(message)) line(text);
        line();
        break;
      case "outputs":
        outputs(message);
        break;
      case "check":
        line(`  ${message.ok ? style("green", "✓") : style("red", "✗")} ${message.name}: ${indented(message.detail)}`);
        break;
      case "kept":
        line();
        line(`  export KUBECONFIG=${message.kubeconfig}`);
        line("  kubectl get pods -A");
        line();
        line("It runs until Ctrl-C in this terminal, which removes all of it.");
        break;
      case "verdict": {
        const word = message.ok ? "OK" : message.exitCode === 130 ? "INTERRUPTED" : "FAILED";
        line(style(message.ok ? "green" : "red", `${word}: ${message.text}`));
        break;
      }
    }
  }

  function outputs({ outputs, secrets, reveal }: Message & { type: "outputs" }): void {
    const rows: [string, string][] = [];
    for (const [name, value] of Object.entries(outputs)) {
      if (typeof value !== "object" || value === null) rows.push([name, String(value)]);
      else {
        for (const [key, inner] of Object.entries(value as Record<string, unknown>)) {
          const [first = "", ...others] = addressesOf(inner);
          rows.push([`${name}.${key}`, first], ...others.map((other): [string, string] => ["", other]));
        }
      }
    }
    const width = Math.max(...rows.map(([name]) => name.length));
    for (const [name, value] of rows) line(`  ${name.padEnd(width)}  ${value}`);
    if (secrets.length > 0) line(`  ${style("dim", `A real environment's secrets are shown by: ${reveal}`)}`);
  }

  return { tell, end: erase };
}

/** A service's addresses; anything else as it is. */
function addressesOf(value: unknown): string[] {
  if (typeof value === "string") return [value];
  const { host, cluster } = (value ?? {}) as { readonly host?: string | null; readonly cluster?: string };
  if (cluster === undefined) return [JSON.stringify(value)];
  return [...(host === undefined || host === null ? [] : [host]), `${cluster} in the cluster`];
}

/** Seconds as people say them. */
export function time(seconds: number): string {
  if (seconds < 10) return `${seconds.toFixed(1)} s`;
  const whole = Math.round(seconds);
  return whole < 120 ? `${whole} s` : `${Math.floor(whole / 60)} min ${whole % 60} s`;
}

function shortened(text: string, width: number): string {
  const flat = text.replaceAll(/\s*\n\s*/g, " ");
  return flat.length <= width ? flat : `${flat.slice(0, Math.max(1, width - 1))}…`;
}

/** Breaks a text between words, with an indent, for a terminal's width. */
function wrapped(text: string, indent: number, screen: Screen): string {
  const width = Math.max(40, (screen.columns ?? 120) - indent - 1);
  const lines: string[] = [];
  for (const word of text.split(" ")) {
    const line = lines.at(-1);
    if (line === undefined || line.length + word.length + 1 > width) lines.push(word);
    else lines[lines.length - 1] = `${line} ${word}`;
  }
  return lines.join(`\n${" ".repeat(indent)}`);
}
