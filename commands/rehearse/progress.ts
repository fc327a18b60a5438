/** What the engine is at, from its events. */
import { phaseOf, nameOf, kindOf, type Timed } from "../critical-path.ts";
import type { EngineEvent } from "../../rehearsal/engine.ts";

/** A resource that is being worked on. */
export interface Running {
  readonly urn: string;
  readonly name: string;
  readonly kind: string;
  readonly phase: string;
  readonly op: string;
  /** Milliseconds since 1970. */
  readonly since: number;
  /** Where its object is in the cluster, for a Kubernetes resource. */
  readonly object?: ObjectName;
}

export interface ObjectName {
  readonly apiVersion: string;
  readonly kind: string;
  readonly namespace?: string;
  readonly name: string;
}

/** A resource whose operation ended. */
export interface Ended extends Running {
  readonly milliseconds: number;
  readonly failed: boolean;
}

/** Something that the engine or the program says to people. */
export interface Diagnostic {
  readonly severity: "warning" | "error";
  readonly text: string;
  /** Name of the resource that it is about. */
  readonly resource?: string;
}

export class Progress {
  readonly events: Timed[] = [];
  readonly running = new Map<string, Running>();
  readonly failed: Ended[] = [];
  readonly diagnostics: Diagnostic[] = [];
  done = 0;

  /** Takes an event in. @returns what it means to somebody who watches, if anything */
  take(event: EngineEvent, at = Date.now()): Ended | Running | Diagnostic | undefined {
    this.events.push({ at, event });
    if (event.diagnosticEvent !== undefined) return this.#diagnostic(event.diagnosticEvent);
    const before = event.resourcePreEvent?.metadata;
    // A component only waits for what is below it.
    if (before !== undefined && (before.new ?? before.old)?.custom === true) {
      const { urn, op } = before;
      const object = objectOf(before.type, (before.new ?? before.old)?.inputs);
      const running: Running = {
        urn,
        op,
        name: nameOf(urn),
        kind: kindOf(urn),
        phase: phaseOf(urn),
        since: at,
        ...(object === undefined ? {} : { object }),
      };
      this.running.set(urn, running);
      return running;
    }
    const after = event.resOutputsEvent?.metadata ?? event.resOpFailedEvent?.metadata;
    const running = after && this.running.get(after.urn);
    if (running === undefined) return undefined;
    this.running.delete(running.urn);
    const ended = { ...running, milliseconds: at - running.since, failed: event.resOpFailedEvent !== undefined };
    if (ended.failed) this.failed.push(ended);
    else this.done += 1;
    return ended;
  }

  #diagnostic(event: NonNullable<EngineEvent["diagnosticEvent"]>): Diagnostic | undefined {
    const { severity, message, urn } = event;
    if ((severity !== "warning" && severity !== "error") || event.ephemeral === true) return undefined;
    const text = plain(message);
    if (text === "") return undefined;
    const diagnostic = { severity, text, ...(urn === undefined || urn === "" ? {} : { resource: nameOf(urn) }) };
    this.diagnostics.push(diagnostic);
    return diagnostic;
  }
}

/** The engine marks colours as `<{%fg 1%}>`. */
function plain(text: string): string {
  return text.replaceAll(/<\{%.*?%\}>/g, "").trim();
}

/** `kubernetes:helm.toolkit.fluxcd.io/v2:HelmRelease` with its inputs to the object in the cluster. */
function objectOf(type: string, inputs: unknown): ObjectName | undefined {
  const [, apiVersion, kind] = /^kubernetes:([^:]+):([A-Za-z]+)$/.exec(type) ?? [];
  const metadata = (inputs as { metadata?: { name?: unknown; namespace?: unknown } } | undefined)?.metadata;
  if (apiVersion === undefined || kind === undefined || typeof metadata?.name !== "string") return undefined;
  const namespace = metadata.namespace;
  return {
    // The core group has a name in Pulumi's types only.
    apiVersion: apiVersion.replace(/^core\//, ""),
    kind,
    name: metadata.name,
    ...(typeof namespace === "string" ? { namespace } : {}),
  };
}
