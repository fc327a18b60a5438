/** Lines that are asked for, in whichever language a store knows. The same pods write in two ways, which label lines differently. */
import { lineLabels } from "../agents/lines.ts";

/** Values are regular expressions, which have to fit the whole; in dashboards, variables of Grafana's. */
export interface Asked {
  /** @default any that says one */
  readonly namespace?: string;
  readonly pod?: string;
  readonly container?: string;
  /** One of error, critical, fatal, warn, info, debug, trace, unknown. @default any */
  readonly level?: string;
  /** A text in the line or in one of its fields; upper and lower case alike. @default any */
  readonly search?: string;
  /** Fields of a line of JSON, and attributes of a record. @default any */
  readonly fields?: Readonly<Record<string, string>>;
  /** A namespace whose lines are not asked for. @default none */
  readonly outside?: string;
  /** Only what the log agent read. @default what came by OTLP as well */
  readonly agentOnly?: true;
}

export type Grouping = "namespace" | "pod" | "container" | "level";

/** Lines counted over a time: what an alert holds against a number. */
export interface Counted {
  readonly lines: Asked;
  /** Labels by which they are counted apart. */
  readonly by: readonly (typeof lineLabels)[number][];
  /** As Prometheus writes it. */
  readonly window: string;
  /** Alerts with more, or with fewer. */
  readonly than: { readonly above: number } | { readonly below: number };
}

/** Labels whose values are asked for. */
export const named = (of: Asked) =>
  lineLabels.flatMap((label) => {
    const value = of[label];
    return value === undefined ? [] : [[label, value] as const];
  });

/** What an alert asks for, as texts in a query. Where no namespace is named, who is asked does not count: who looks for a text writes it down. */
export function askedBy({ lines }: Counted, home: string): Asked & Required<Pick<Asked, "fields">> {
  const quoted = (texts: Readonly<Record<string, string>>) =>
    Object.fromEntries(Object.entries(texts).map(([name, text]) => [name, escaped(text)]));
  return {
    ...{ ...lines, ...quoted(Object.fromEntries(named(lines))), fields: quoted(lines.fields ?? {}) },
    ...(lines.namespace === undefined ? { namespace: ".+", outside: home } : {}),
  };
}

/** A text as it stands between the quotes of LogQL and LogsQL, which know Go's escapes. */
export const escaped = (text: string) => JSON.stringify(text).slice(1, -1);
