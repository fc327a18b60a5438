/**
 * Where the time of an `up` went: the phases, and the chain of resources whose waiting made it as long as it was. Pure: made
 * of the engine's events (those of the Automation API, or of the CLI's `--event-log` file) and of the state's dependencies.
 */

/** What is read of an engine event; the rest is there too. */
export interface EventLike {
  /** Seconds since 1970: the engine tells no more. */
  readonly timestamp?: number;
  readonly resourcePreEvent?: { readonly metadata: StepLike; readonly planning?: boolean };
  readonly resOutputsEvent?: { readonly metadata: StepLike; readonly planning?: boolean };
  readonly resOpFailedEvent?: { readonly metadata: StepLike };
}

interface StepLike {
  readonly op: string;
  readonly urn: string;
  readonly type: string;
  readonly new?: { readonly custom?: boolean } | null;
  readonly old?: { readonly custom?: boolean } | null;
}

/** An event and when it came, in milliseconds. */
export interface Timed {
  readonly at: number;
  readonly event: EventLike;
}

/** One operation on one resource. Times are in milliseconds. */
export interface Span {
  readonly urn: string;
  readonly op: string;
  readonly start: number;
  readonly end: number;
  readonly failed: boolean;
}

/** What is read of a resource in a state (`pulumi stack export`). */
export interface StateLike {
  readonly urn: string;
  readonly dependencies?: readonly string[];
  /** `urn::id` of the provider. */
  readonly provider?: string;
  readonly parent?: string;
  readonly custom?: boolean;
}

/** One link of the critical path. Times are in seconds. */
export interface Link {
  readonly urn: string;
  readonly name: string;
  readonly kind: string;
  readonly seconds: number;
  readonly failed: boolean;
  /** Time between the end of the link before (or the begin of it all) and this one's start. */
  readonly before: number;
}

/** Times are in seconds; those of the links, what is before them and what is after add up to the whole. */
export interface CriticalPath {
  readonly seconds: number;
  readonly links: readonly Link[];
  /** Time between the last link's end and the end of it all. */
  readonly after: number;
}

/** A phase that resources belong to. Times are in seconds. */
export interface Phase {
  readonly name: string;
  /** When it began, counted from the begin of it all. */
  readonly from: number;
  readonly seconds: number;
  readonly resources: number;
  readonly failed: number;
}

/** Reads an `--event-log` file: one JSON document a line; a line that was cut off is left out. */
export function readEventLog(text: string): Timed[] {
  return text.split("\n").flatMap((line) => {
    try {
      const event = JSON.parse(line) as EventLike;
      return event.timestamp === undefined ? [] : [{ at: event.timestamp * 1000, event }];
    } catch {
      return [];
    }
  });
}

/** The operations on real resources. Components, which only wait for others, and what a preview plans are left out. */
export function spansOf(events: Iterable<Timed>): Span[] {
  const begun = new Map<string, number>();
  const spans: Span[] = [];
  for (const { at, event } of events) {
    const before = event.resourcePreEvent?.metadata;
    if (before !== undefined) begun.set(before.urn, at);
    const step = event.resOutputsEvent?.metadata ?? event.resOpFailedEvent?.metadata;
    if (step === undefined || !isCustom(step) || event.resOutputsEvent?.planning === true) continue;
    const failed = event.resOpFailedEvent !== undefined;
    spans.push({ urn: step.urn, op: step.op, start: begun.get(step.urn) ?? at, end: at, failed });
  }
  return spans;
}

function isCustom(step: StepLike): boolean {
  return (step.new ?? step.old)?.custom === true;
}

/** What each resource waited for: its dependencies and its provider. */
function dependenciesOf(resources: readonly StateLike[]): Map<string, string[]> {
  return new Map(
    resources.map(({ urn, dependencies = [], provider = "" }) => {
      const ofProvider = provider.slice(0, Math.max(0, provider.lastIndexOf("::")));
      return [urn, ofProvider === "" ? [...dependencies] : [...dependencies, ofProvider]];
    }),
  );
}

/**
 * From the operation that ended last, back through what each waited for: always the dependency that ended last.
 *
 * @param start when the whole began, in milliseconds
 * @param end when it ended
 */
export function criticalPath(
  spans: readonly Span[],
  dependencies: ReadonlyMap<string, readonly string[]>,
  start: number,
  end: number,
): CriticalPath {
  // A resource that was replaced has several operations; the one that made it is what others waited for.
  const byUrn = new Map<string, Span>();
  for (const span of spans) if (!isRemoval(span.op)) byUrn.set(span.urn, span);
  const chain: Span[] = [];
  let at = latest([...byUrn.values()]);
  while (at !== undefined && !chain.includes(at)) {
    chain.unshift(at);
    const { start: begin } = at;
    at = latest(nearestSpans(at.urn, dependencies, byUrn).filter((span) => span.end <= begin));
  }
  let last = start;
  const links = chain.map((span): Link => {
    const before = (span.start - last) / 1000;
    last = span.end;
    const { urn, failed } = span;
    return { urn, name: nameOf(urn), kind: kindOf(urn), seconds: (span.end - span.start) / 1000, failed, before };
  });
  return { seconds: (end - start) / 1000, links, after: (end - last) / 1000 };
}

function isRemoval(op: string): boolean {
  return op.startsWith("delete") || op.startsWith("discard");
}

function latest(spans: readonly Span[]): Span | undefined {
  return spans.reduce<Span | undefined>(
    (best, span) => (best === undefined || span.end > best.end ? span : best),
    undefined,
  );
}

/** The dependencies that had an operation; through those that had none, what they depend on. */
function nearestSpans(
  urn: string,
  dependencies: ReadonlyMap<string, readonly string[]>,
  byUrn: ReadonlyMap<string, Span>,
): Span[] {
  const seen = new Set<string>([urn]);
  const found: Span[] = [];
  const open = [...(dependencies.get(urn) ?? [])];
  for (let next = open.pop(); next !== undefined; next = open.pop()) {
    if (seen.has(next)) continue;
    seen.add(next);
    const span = byUrn.get(next);
    if (span === undefined) open.push(...(dependencies.get(next) ?? []));
    else found.push(span);
  }
  return found;
}

/** Components, as they stand in a URN's chain of types, and the phase that what is below them belongs to. */
const phaseNames: readonly (readonly [RegExp, string])[] = [
  [/observability:cluster:/, "cluster"],
  [/observability:gitops:(DeployKey|Repository)|pulumi:providers:github/, "GitHub"],
  [/observability:gitops:GitSource/, "content from Git"],
  [/observability:gitops:Flux/, "Flux"],
  [/observability:gitops:ChartSources/, "chart sources"],
  [/observability:index:Component/, "components"],
];

/** The phase that a resource belongs to, by the components above it. */
export function phaseOf(urn: string): string {
  const types = urn.split("::")[2] ?? "";
  return phaseNames.find(([pattern]) => pattern.test(types))?.[1] ?? "namespaces and the rest";
}

/**
 * The phases in the order in which they began. They overlap: independent things are made at the same time.
 *
 * @param start when the whole began, in milliseconds
 */
export function phasesOf(spans: readonly Span[], start: number): Phase[] {
  const groups = Map.groupBy(spans, ({ urn }) => phaseOf(urn));
  const phases = [...groups].map(([name, members]): Phase => {
    const begin = Math.min(...members.map((span) => span.start));
    const end = Math.max(...members.map((span) => span.end));
    const failed = members.filter((span) => span.failed).length;
    return { name, from: (begin - start) / 1000, seconds: (end - begin) / 1000, resources: members.length, failed };
  });
  return phases.sort((a, b) => a.from - b.from || a.seconds - b.seconds);
}

/** A resource's name, the last part of its URN. */
export function nameOf(urn: string): string {
  return urn.slice(urn.lastIndexOf("::") + 2);
}

/** A resource's kind, the last part of its type: `HelmRelease`, `Command`. */
export function kindOf(urn: string): string {
  const types = urn.split("::")[2] ?? "";
  return types.slice(types.lastIndexOf(":") + 1);
}

const inSeconds = (seconds: number) => `${Math.max(0, seconds).toFixed(1)} s`;

/**
 * The path as lines for a terminal. What takes less than 2 % of the whole is one line together, so that the figures add up
 * to the whole.
 */
export function pathLines(path: CriticalPath): string[] {
  const rows: { readonly time: number; readonly what: string; readonly kind: string }[] = [];
  const short: number[] = [];
  const add = (time: number, what: string, kind = "") => {
    if (time >= path.seconds * 0.02) rows.push({ time, what, kind });
    else short.push(time);
  };
  path.links.forEach(({ before, seconds, name, kind, failed }, index) => {
    add(before, index === 0 ? "start of the program" : "engine and program");
    add(seconds, name, kind + (failed ? ", failed" : ""));
  });
  add(path.after, "end of the program");
  const rest = short.reduce((sum, time) => sum + time, 0);
  if (rest >= 0.05) rows.push({ time: rest, what: "shorter ones together", kind: "" });
  const width = Math.max(0, ...rows.map(({ what }) => what.length));
  return [
    `Critical path, ${inSeconds(path.seconds)}: each waited for the one above it`,
    ...rows.map(({ time, what, kind }) => `  ${inSeconds(time).padStart(8)}  ${what.padEnd(width)}  ${kind}`.trimEnd()),
  ];
}

/**
 * The phases as lines for a terminal: a bar from begin to end on a common scale, the time, the number of resources.
 *
 * @param total the whole, in seconds
 * @param width of the bars, in characters
 */
function phaseLines(phases: readonly Phase[], total: number, width = 30): string[] {
  const names = Math.max(0, ...phases.map(({ name }) => name.length));
  const place = (at: number) => (at / Math.max(total, 0.001)) * width;
  return phases.map(({ name, from, seconds, resources, failed }) => {
    const first = Math.min(width - 1, Math.floor(place(from)));
    const last = Math.min(width, Math.max(first + 1, Math.round(place(from + seconds))));
    const bar = `${" ".repeat(first)}${"━".repeat(last - first)}${" ".repeat(width - last)}`;
    const count = `${resources} resource${resources === 1 ? "" : "s"}${failed === 0 ? "" : `, ${failed} failed`}`;
    return `  ${name.padEnd(names)}  ${bar}  ${inSeconds(seconds).padStart(8)}  ${count}`;
  });
}

/**
 * All that is printed after an `up`.
 *
 * @param start, end of the whole, in milliseconds
 */
export function timesOf(
  events: Iterable<Timed>,
  resources: readonly StateLike[],
  start: number,
  end: number,
): { readonly phases: readonly Phase[]; readonly criticalPath: CriticalPath } {
  const spans = spansOf(events);
  return { phases: phasesOf(spans, start), criticalPath: criticalPath(spans, dependenciesOf(resources), start, end) };
}

/** {@link timesOf} as lines for a terminal. */
export function timesLines(times: ReturnType<typeof timesOf>): string[] {
  return [
    "Phases of up (they overlap: what is independent is made at the same time)",
    ...phaseLines(times.phases, times.criticalPath.seconds),
    "",
    ...pathLines(times.criticalPath),
  ];
}
