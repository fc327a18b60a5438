/** Addresses of the API and what they are answered with. */
import type { Answer } from "../loopback.ts";
import { answers, Refusal } from "./answers.ts";

/** A request, as a handler sees it. */
export interface Call {
  /** A variable of the address, by its name. @throws Refusal (404) when the address has none of that name */
  param(name: string): string;
  /** As {@link Call.param}, or empty. */
  optional(name: string): string;
  readonly query: URLSearchParams;
  readonly body: Body;
}

/** Reads the JSON body of a request; a field of another type than asked for is a 422, as on GitHub. */
export class Body {
  readonly #fields: Readonly<Record<string, unknown>>;

  constructor(fields: Readonly<Record<string, unknown>>) {
    this.#fields = fields;
  }

  /** The field as it came; `undefined` when it was not sent. */
  get(field: string): unknown {
    return this.#fields[field];
  }

  /** @throws Refusal (422) when the field is neither text nor absent */
  optionalText(field: string): string | undefined {
    const value = this.#fields[field];
    if (value === undefined || value === null || typeof value === "string") {
      return value ?? undefined;
    }
    throw new Refusal(
      answers.unprocessable(`Invalid request.\n\nFor 'properties/${field}', ${JSON.stringify(value)} is not a string.`),
    );
  }

  /** @throws Refusal (422) when the field is not text */
  text(field: string): string {
    const value = this.optionalText(field);
    if (value === undefined) {
      throw new Refusal(answers.unprocessable(`Invalid request.\n\n"${field}" wasn't supplied.`));
    }
    return value;
  }

  /** True only for a true `true`. */
  flag(field: string): boolean {
    return this.#fields[field] === true;
  }

  /** @throws Refusal (422) when the field is not a list of objects */
  list(field: string): Body[] {
    const value = this.#fields[field];
    if (Array.isArray(value) && value.every(isRecord)) {
      return value.map((entry) => new Body(entry));
    }
    throw new Refusal(answers.unprocessable(`Invalid request.\n\n"${field}" wasn't supplied.`));
  }
}

/** Is it a JSON object? */
export function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** Answers one kind of request. */
export type Route = (call: Call) => Answer | Promise<Answer>;

/** Routes by `<METHOD> <address>`: `:name` stands for one part of the path, a last `*name` for all that follow. */
export type Routes = Readonly<Record<string, Route>>;

/** The first route that fits and its variables. */
export function findRoute(
  routes: Routes,
  method: string,
  path: string,
): { route: Route; params: Readonly<Record<string, string>> } | undefined {
  for (const [address, route] of Object.entries(routes)) {
    const [wanted, pattern = ""] = address.split(" ");
    const expression = pattern.replace(
      /[:*](\w+)/g,
      (part, name: string) => `(?<${name}>${part.startsWith("*") ? ".*" : "[^/]+"})`,
    );
    const found = wanted === method ? new RegExp(`^${expression}$`).exec(path) : null;
    if (found) {
      const params = Object.entries(found.groups ?? {}).map(
        ([name, value]) => [name, decodeURIComponent(value)] as const,
      );
      return { route, params: Object.fromEntries(params) };
    }
  }
  return undefined;
}
