import { existsSync, readFileSync } from "node:fs";
import { Agent as HttpAgent, request as httpRequest } from "node:http";
import { Agent as HttpsAgent, request as httpsRequest, type RequestOptions } from "node:https";
import { createInterface } from "node:readline";
import type { IncomingMessage } from "node:http";
import type { KubeConfig } from "@kubernetes/client-node";
import { KubeError } from "./kubernetes.ts";
import { describe, type KubeObject, type ObjectReference } from "./kubernetes-objects.ts";
import { isRecord, text, type Value } from "./values.ts";

/** A request's answer; `body` is the decoded JSON. */
interface Answer {
  readonly status: number;
  readonly body: Value;
}

/** A kind as the API server offers it. */
interface ApiResource {
  readonly plural: string;
  readonly namespaced: boolean;
}

/** Milliseconds after which a request counts as unanswered. */
const requestTimeout = 30_000;

/** Content types of a PATCH. */
export const patchTypes = {
  apply: "application/apply-patch+yaml",
  json: "application/json-patch+json",
} as const;

/**
 * A small client for any kind of object: requests, discovery, watches. The kubeconfig decides everything;
 * nothing is read from the machine's own.
 */
export class KubeClient {
  readonly #server: URL;
  readonly #options: RequestOptions;
  readonly #resources = new Map<string, ReadonlyMap<string, ApiResource>>();
  readonly #agent: HttpAgent;

  private constructor(server: URL, options: RequestOptions) {
    this.#server = server;
    this.#options = options;
    this.#agent =
      server.protocol === "http:"
        ? new HttpAgent({ keepAlive: true })
        : new HttpsAgent({
            keepAlive: true,
            ca: options.ca,
            cert: options.cert,
            key: options.key,
            servername: options.servername,
            rejectUnauthorized: options.rejectUnauthorized,
          });
  }

  /**
   * @param kubeconfig Content of a kubeconfig, or the path of one.
   * An empty one means the ambient one, and no context the current one, as in the released provider (4.34, `Configure`);
   * here only the one that the variable KUBECONFIG names, never the person's own in the home folder.
   * @throws When it is not a kubeconfig, or has no such context. Nothing is sent.
   */
  static async open(kubeconfig: string, context: string): Promise<KubeClient> {
    const given = kubeconfig === "" ? (process.env["KUBECONFIG"] ?? "") : kubeconfig;
    if (given.trim() === "") throw new Error("the kubeconfig is empty");
    const content = !given.includes("\n") && existsSync(given) ? readFileSync(given, "utf8") : given;
    const { KubeConfig } = await import("@kubernetes/client-node");
    const config = new KubeConfig();
    try {
      config.loadFromString(content);
    } catch (error) {
      throw new Error("the text is not a kubeconfig", { cause: error });
    }
    const server = serverOf(config, context === "" ? config.getCurrentContext() : context);
    const options: RequestOptions = {};
    await config.applyToHTTPSOptions(options);
    return new KubeClient(server, options);
  }

  /** The server's address, for messages. */
  get server(): string {
    return this.#server.origin;
  }

  /** Sends one request. A status of 400 and above is no error here. */
  async send(
    method: string,
    path: string,
    options: { readonly body?: unknown; readonly contentType?: string; readonly signal?: AbortSignal } = {},
  ): Promise<Answer> {
    const response = await this.#open(method, path, options, requestTimeout);
    const chunks: Buffer[] = [];
    try {
      for await (const chunk of response) chunks.push(chunk as Buffer);
    } catch (error) {
      throw this.#unreachable(error, options.signal);
    }
    const content = Buffer.concat(chunks).toString();
    const status = response.statusCode ?? 0;
    try {
      return { status, body: JSON.parse(content) as Value };
    } catch {
      return { status, body: { message: content.slice(0, 500) } };
    }
  }

  /** Like {@link send}, for an object: any failure is a {@link KubeError} with the server's own words. */
  async object(
    method: string,
    path: string,
    options: { readonly body?: unknown; readonly contentType?: string; readonly signal?: AbortSignal } = {},
  ): Promise<KubeObject> {
    const answer = await this.send(method, path, options);
    if (answer.status >= 400) throw errorOf(answer);
    return answer.body as unknown as KubeObject;
  }

  /** The object's path, found by discovery. */
  async path(reference: ObjectReference, signal?: AbortSignal): Promise<string> {
    return `${await this.collection(reference, signal)}/${encodeURIComponent(reference.name)}`;
  }

  /** The path of the list that the object is in. */
  async collection(reference: Omit<ObjectReference, "name">, signal?: AbortSignal): Promise<string> {
    const { apiVersion, kind, namespace } = reference;
    const resource = await this.resource(apiVersion, kind, signal);
    if (resource === undefined) {
      throw new KubeError("NoMatch", `no matches for kind "${kind}" in version "${apiVersion}"`);
    }
    const where = resource.namespaced ? `/namespaces/${encodeURIComponent(namespace ?? "default")}` : "";
    return `${root(apiVersion)}${where}/${resource.plural}`;
  }

  /** What the server knows of a kind; asked again as long as it does not know it. */
  async resource(apiVersion: string, kind: string, signal?: AbortSignal): Promise<ApiResource | undefined> {
    const known = this.#resources.get(apiVersion)?.get(kind);
    if (known !== undefined) return known;
    const answer = await this.send("GET", root(apiVersion), signal === undefined ? {} : { signal });
    if (answer.status === 404) return undefined;
    if (answer.status >= 400) throw errorOf(answer);
    const list = isRecord(answer.body) && Array.isArray(answer.body["resources"]) ? answer.body["resources"] : [];
    const resources = new Map<string, ApiResource>();
    for (const item of list as Value[]) {
      if (!isRecord(item) || text(item["name"]).includes("/")) continue; // A subresource.
      resources.set(text(item["kind"]), { plural: text(item["name"]), namespaced: item["namespaced"] === true });
    }
    this.#resources.set(apiVersion, resources);
    return resources.get(kind);
  }

  /**
   * Follows one object: yields it as it is, then at every change, and undefined when it is gone.
   * It goes on until the signal is aborted, and then throws.
   */
  async *follow(reference: ObjectReference, signal: AbortSignal): AsyncGenerator<KubeObject | undefined> {
    const collection = await this.collection(reference, signal);
    const selector = encodeURIComponent(`metadata.name=${reference.name}`);
    for (;;) {
      signal.throwIfAborted();
      const answer = await this.send("GET", `${collection}?fieldSelector=${selector}`, { signal });
      if (answer.status >= 400) throw errorOf(answer);
      const list = answer.body as unknown as { metadata: { resourceVersion: string }; items: KubeObject[] };
      const [item] = list.items;
      // The items of a list carry neither apiVersion nor kind.
      yield item === undefined ? undefined : { ...item, apiVersion: reference.apiVersion, kind: reference.kind };
      const since = encodeURIComponent(list.metadata.resourceVersion);
      yield* this.#watch(
        `${collection}?watch=1&timeoutSeconds=60&resourceVersion=${since}&fieldSelector=${selector}`,
        signal,
      );
    }
  }

  async *#watch(path: string, signal: AbortSignal): AsyncGenerator<KubeObject | undefined> {
    const response = await this.#open("GET", path, { signal }, 0);
    try {
      for await (const line of createInterface({ input: response, crlfDelay: Infinity })) {
        if (line === "") continue;
        const event = JSON.parse(line) as { type: string; object: KubeObject };
        if (event.type === "ERROR") return; // Too old: listed again.
        if (event.type === "BOOKMARK") continue;
        yield event.type === "DELETED" ? undefined : event.object;
      }
    } catch (error) {
      // A watch may end at any time; the next list tells whether the server is there.
      if (signal.aborted) throw error;
    } finally {
      response.destroy();
    }
  }

  #open(
    method: string,
    path: string,
    options: { readonly body?: unknown; readonly contentType?: string; readonly signal?: AbortSignal },
    timeout: number,
  ): Promise<IncomingMessage> {
    const payload = options.body === undefined ? undefined : Buffer.from(JSON.stringify(options.body));
    const headers: Record<string, string | number> = {
      accept: "application/json",
      "user-agent": "kubernetes-stand-in",
    };
    if (payload !== undefined) {
      headers["content-type"] = options.contentType ?? "application/json";
      headers["content-length"] = payload.length;
    }
    const send = this.#server.protocol === "http:" ? httpRequest : httpsRequest;
    return new Promise((resolve, reject) => {
      const request = send(
        new URL(this.#server.pathname.replace(/\/$/, "") + path, this.#server),
        {
          ...this.#options,
          method,
          headers: { ...(this.#options.headers as Record<string, string> | undefined), ...headers },
          agent: this.#agent,
          timeout,
          ...(options.signal === undefined ? {} : { signal: options.signal }),
        },
        resolve,
      );
      request.on("timeout", () => {
        request.destroy(new Error(`no answer within ${timeout / 1000} s`));
      });
      request.on("error", (error) => {
        reject(this.#unreachable(error, options.signal));
      });
      request.end(payload);
    });
  }

  #unreachable(error: unknown, signal: AbortSignal | undefined): Error {
    if (signal?.aborted === true) return signal.reason instanceof Error ? signal.reason : new Error("aborted");
    const cause = error instanceof Error ? error.message : String(error);
    return new KubeError("Unreachable", `the API server ${this.server} cannot be reached: ${cause}`);
  }
}

function serverOf(config: KubeConfig, context: string): URL {
  const entry = config.getContextObject(context);
  if (entry === null) {
    const names = config.getContexts().map(({ name }) => name);
    throw new Error(`the kubeconfig has no context "${context}"; it has: ${names.join(", ") || "none"}`);
  }
  config.setCurrentContext(context);
  const cluster = config.getCurrentCluster();
  if (cluster === null)
    throw new Error(`the kubeconfig has no cluster "${entry.cluster}", which context "${context}" names`);
  try {
    return new URL(cluster.server);
  } catch (error) {
    throw new Error(`the kubeconfig's server is not an address: ${cluster.server}`, { cause: error });
  }
}

function root(apiVersion: string): string {
  return apiVersion.includes("/") ? `/apis/${apiVersion}` : `/api/${apiVersion}`;
}

function errorOf(answer: Answer): KubeError {
  const status = isRecord(answer.body) ? answer.body : {};
  const reason = text(status["reason"]);
  const said = text(status["message"]) || `status ${answer.status}`;
  if (reason === "AlreadyExists") return new KubeError("AlreadyExists", said);
  if (reason === "Conflict") return new KubeError("Conflict", said);
  if (answer.status === 404) return new KubeError("NotFound", said);
  if (answer.status === 401) {
    return new KubeError("Other", `${said}: the API server does not accept the kubeconfig's credentials`);
  }
  return new KubeError("Other", said);
}

/** The reference of an object that the server gave. */
export function referenceTo(object: KubeObject): ObjectReference {
  const { name, namespace } = object.metadata;
  return { apiVersion: object.apiVersion, kind: object.kind, name, namespace };
}

/** A message about an object that could not be handled. */
export function about(object: KubeObject, problem: string): string {
  return `${describe(referenceTo(object))}: ${problem}`;
}
