/**
 * Where the time of an `up` went: the phases, and the chain of resources whose waiting made it as long as it was. Pure: made
 * of the engine's events (those of the Automation API, or of the CLI's `--event-log` file) and of the state's dependencies.
 */

/** What is read of an engine event; the rest is there too. */
export interface EventLike {
  /** Seconds since 1970: the engine tells no more. */
  readonly timestamp?: number;
  readonly resourcePreEvent?: { readonly metadata: StepLike };
  readonly resOutputsEvent?: { readonly metadata: StepLike };
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

/** One link of the critical path. */
export interface Link extends Span {
  /** Milliseconds between the end of the link before (or the begin of it all) and this one's start. */
  readonly before: number;
}

export interface CriticalPath {
  readonly start: number;
  readonly end: number;
  readonly links: readonly Link[];
  /** Milliseconds between the last link's end and the end of it all. */
  readonly after: number;
}

/** A phase that resources belong to. */
export interface Phase {
  readonly name: string;
  readonly start: number;
  readonly end: number;
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

/** The operations on real resources; components, which only wait for others, are left out. */
export function spansOf(events: Iterable<Timed>): Span[] {
  const begun = new Map<string, number>();
  const spans: Span[] = [];
  for (const { at, event } of events) {
    const before = event.resourcePreEvent?.metadata;
    if (before !== undefined) begun.set(before.urn, at);
    const step = event.resOutputsEvent?.metadata ?? event.resOpFailedEvent?.metadata;
    if (step === undefined || !isCustom(step)) continue;
    const failed = event.resOpFailedEvent !== undefined;
    spans.push({ urn: step.urn, op: step.op, start: begun.get(step.urn) ?? at, end: at, failed });
  }
  return spans;
}

function isCustom(step: StepLike): boolean {
  return (step.new ?? step.old)?.custom ?? !step.type.startsWith("observability:");
}

/** What each resource waited for: its dependencies and its provider. */
export function dependenciesOf(resources: readonly StateLike[]): Map<string, string[]> {
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
  const links = chain.map((span) => {
    const before = span.start - last;
    last = span.end;
    return { ...span, before };
  });
  return { start, end, links, after: end - last };
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
  [/observability:monitoring:PrometheusOperatorCrds/, "definitions"],
  [/observability:(monitoring|demo):/, "releases"],
];

/** The phase that a resource belongs to, by the components above it. */
export function phaseOf(urn: string): string {
  const types = urn.split("::")[2] ?? "";
  return phaseNames.find(([pattern]) => pattern.test(types))?.[1] ?? "namespaces and the rest";
}

/** The phases in the order in which they began. They overlap: independent things are made at the same time. */
export function phasesOf(spans: readonly Span[]): Phase[] {
  const phases = new Map<string, { name: string; start: number; end: number; resources: number; failed: number }>();
  for (const span of spans) {
    const name = phaseOf(span.urn);
    const phase = phases.get(name) ?? { name, start: span.start, end: span.end, resources: 0, failed: 0 };
    phase.start = Math.min(phase.start, span.start);
    phase.end = Math.max(phase.end, span.end);
    phase.resources += 1;
    phase.failed += span.failed ? 1 : 0;
    phases.set(name, phase);
  }
  return [...phases.values()].sort((a, b) => a.start - b.start || a.end - b.end);
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

const seconds = (milliseconds: number) => `${(Math.max(0, milliseconds) / 1000).toFixed(1)} s`;

/**
 * The path as lines for a terminal. Links of less than 2 % of the whole are one line together, so that the figures
 * add up to the whole.
 */
export function pathLines(path: CriticalPath): string[] {
  const total = path.end - path.start;
  const rows: (readonly [number, string, string])[] = [];
  let shortOnes = 0;
  let shortTime = 0;
  const row = (time: number, what: string, kind: string) => {
    if (time >= total * 0.02) rows.push([time, what, kind]);
    else shortTime += time;
    return time < total * 0.02;
  };
  path.links.forEach((link, index) => {
    row(link.before, index === 0 ? "start of the program" : "engine and program", "");
    if (row(link.end - link.start, nameOf(link.urn), kindOf(link.urn) + (link.failed ? ", failed" : "")))
      shortOnes += 1;
  });
  row(path.after, "end of the engine", "");
  if (shortTime > 0) rows.push([shortTime, `${shortOnes} shorter ones, and what is between`, ""]);
  const width = Math.max(...rows.map(([, what]) => what.length));
  return [
    `Critical path, ${seconds(total)}: each waited for the one above it`,
    ...rows.map(([time, what, kind]) => `  ${seconds(time).padStart(8)}  ${what.padEnd(width)}  ${kind}`.trimEnd()),
  ];
}

/** The phases as lines for a terminal: a bar from begin to end on a common scale, the time, the number of resources. */
export function phaseLines(phases: readonly Phase[], start: number, end: number, width = 30): string[] {
  const total = Math.max(1, end - start);
  const names = Math.max(0, ...phases.map(({ name }) => name.length));
  return phases.map((phase) => {
    const from = Math.min(width - 1, Math.floor(((phase.start - start) / total) * width));
    const to = Math.min(width, Math.max(from + 1, Math.round(((phase.end - start) / total) * width)));
    const bar = `${" ".repeat(from)}${"━".repeat(to - from)}${" ".repeat(width - to)}`;
    const count = `${phase.resources} resource${phase.resources === 1 ? "" : "s"}`;
    const failed = phase.failed === 0 ? "" : `, ${phase.failed} failed`;
    return `  ${phase.name.padEnd(names)}  ${bar}  ${seconds(phase.end - phase.start).padStart(8)}  ${count}${failed}`;
  });
}
