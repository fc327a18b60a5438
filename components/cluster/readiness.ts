import * as https from "node:https";
import { setTimeout as sleep } from "node:timers/promises";

import { parse } from "yaml";

/** How to talk to an API server with a client certificate. */
export interface ClusterAccess {
  readonly server: string;
  readonly ca: Buffer;
  readonly cert: Buffer;
  readonly key: Buffer;
}

/** A kubeconfig that cannot be used. The message never holds any of its content. */
export class KubeconfigError extends Error {
  override readonly name = "KubeconfigError";
}

interface Kubeconfig {
  readonly "current-context"?: unknown;
  readonly contexts?: readonly { name?: unknown; context?: { cluster?: unknown; user?: unknown } }[];
  readonly clusters?: readonly { name?: unknown; cluster?: Record<string, unknown> }[];
  readonly users?: readonly { name?: unknown; user?: Record<string, unknown> }[];
}

/** Reads the current context of a kubeconfig as kind writes it: https, and everything inline. */
export function readKubeconfig(text: string): ClusterAccess {
  let config: Kubeconfig | null;
  try {
    config = parse(text) as Kubeconfig | null;
  } catch {
    throw new KubeconfigError("it is no YAML"); // the parser's own message quotes the text
  }
  if (typeof config !== "object" || config === null) throw new KubeconfigError("it is empty");
  const context = config.contexts?.find(({ name }) => name === config["current-context"])?.context;
  if (context === undefined) throw new KubeconfigError("it has no current context");
  const cluster = config.clusters?.find(({ name }) => name === context.cluster)?.cluster;
  const user = config.users?.find(({ name }) => name === context.user)?.user;
  const server = cluster?.["server"];
  if (typeof server !== "string" || !server.startsWith("https://"))
    throw new KubeconfigError("its server is no https address");
  return {
    server: server.replace(/\/$/, ""),
    ca: decode(cluster?.["certificate-authority-data"], "certificate authority"),
    cert: decode(user?.["client-certificate-data"], "client certificate"),
    key: decode(user?.["client-key-data"], "client key"),
  };
}

function decode(value: unknown, what: string): Buffer {
  const bytes = typeof value === "string" ? Buffer.from(value, "base64") : Buffer.alloc(0);
  if (!bytes.includes("-----BEGIN ")) throw new KubeconfigError(`it has no ${what}`);
  return bytes;
}

/** The few calls that the program needs of a cluster of its own. */
export class ApiClient {
  readonly #access: ClusterAccess;
  readonly #agent: https.Agent;

  constructor(access: ClusterAccess) {
    this.#access = access;
    // An agent of its own: no proxy from the environment may see a client certificate for 127.0.0.1.
    const { ca, cert, key } = access;
    this.#agent = new https.Agent({ keepAlive: true, maxSockets: 2, ca, cert, key });
  }

  /** Body of a GET; an error for every status but 200, for a refused connection and after 5 s. */
  async get(path: string): Promise<string> {
    return await this.#ask("GET", path, { accept: "application/json" });
  }

  /** Annotates an object. */
  async annotate(path: string, annotations: Readonly<Record<string, string>>): Promise<void> {
    const headers = { "content-type": "application/merge-patch+json" };
    await this.#ask("PATCH", path, headers, JSON.stringify({ metadata: { annotations } }));
  }

  async #ask(method: string, path: string, headers: Readonly<Record<string, string>>, sent?: string): Promise<string> {
    const url = new URL(this.#access.server + path);
    return await new Promise((resolve, reject) => {
      const request = https.request(url, { method, agent: this.#agent, headers }, (response) => {
        let body = "";
        response.setEncoding("utf8");
        response.on("data", (text: string) => (body += text));
        response.on("error", reject);
        response.on("end", () => {
          if (response.statusCode === 200) resolve(body);
          else reject(new Error(`${url.pathname} answers ${response.statusCode ?? "?"}: ${body.slice(0, 300)}`));
        });
      });
      request.setTimeout(5_000, () => request.destroy(new Error(`${url.pathname} does not answer within 5 s`)));
      request.on("error", reject);
      request.end(sent);
    });
  }

  async list(path: string): Promise<readonly KubeObject[]> {
    return (JSON.parse(await this.get(path)) as { items: readonly KubeObject[] }).items;
  }

  close(): void {
    this.#agent.destroy();
  }
}

/** As much of a Kubernetes object as is looked at here. */
export interface KubeObject {
  readonly metadata: {
    readonly name: string;
    readonly labels?: Readonly<Record<string, string>>;
    readonly annotations?: Readonly<Record<string, string>>;
  };
  readonly spec?: { readonly replicas?: number };
  readonly status?: {
    readonly availableReplicas?: number;
    readonly conditions?: readonly { type: string; status: string; reason?: string; message?: string }[];
  };
}

/** What is missing; an absent field is fine. Each is a sentence without a full stop. */
export interface Missing {
  readonly api?: string;
  readonly nodes?: string;
  readonly dns?: string;
}

/** Looks once at `/readyz`, at the nodes and at the Deployment of CoreDNS. */
export async function lookAtReadiness(client: ApiClient): Promise<Missing> {
  try {
    await client.get("/readyz");
  } catch (error) {
    return { api: reason(error), nodes: "not known without the API", dns: "not known without the API" };
  }
  const [nodes, dns] = await Promise.all([missingNodes(client), missingDns(client)]);
  return { ...(nodes === undefined ? {} : { nodes }), ...(dns === undefined ? {} : { dns }) };
}

async function missingNodes(client: ApiClient): Promise<string | undefined> {
  try {
    const nodes = await client.list("/api/v1/nodes");
    if (nodes.length === 0) return "no node has joined";
    const unready = nodes.flatMap(({ metadata, status }) => {
      const ready = status?.conditions?.find(({ type }) => type === "Ready");
      if (ready?.status === "True") return [];
      return [`${metadata.name}: ${ready?.message ?? ready?.reason ?? "has not reported yet"}`];
    });
    return unready.length === 0 ? undefined : `not Ready: ${unready.join("; ")}`;
  } catch (error) {
    return reason(error);
  }
}

async function missingDns(client: ApiClient): Promise<string | undefined> {
  try {
    const text = await client.get("/apis/apps/v1/namespaces/kube-system/deployments/coredns");
    const { spec, status } = JSON.parse(text) as KubeObject;
    if (status?.conditions?.some(({ type, status: state }) => type === "Available" && state === "True") === true)
      return;
    return `Deployment kube-system/coredns is not Available (${status?.availableReplicas ?? 0} of ${spec?.replicas ?? 1} replicas)`;
  } catch (error) {
    return reason(error);
  }
}

function reason(error: unknown): string {
  return error instanceof Error ? error.message.split("\n")[0]?.slice(0, 300) || error.name : String(error);
}

export interface WaitOptions {
  /** How long to wait, in milliseconds. */
  readonly timeoutMs: number;
  readonly signal?: AbortSignal;
  /** Told what is missing, whenever that changes. */
  readonly say?: (message: string) => void;
  /** What has to be there. @default all three */
  readonly until?: (missing: Missing) => boolean;
}

/** Polls once a second until the cluster is ready; returns what is still missing at the end of the time, or nothing. */
export async function waitUntilReady(client: ApiClient, options: WaitOptions): Promise<Missing | undefined> {
  const done = options.until ?? ((missing) => Object.keys(missing).length === 0);
  const deadline = Date.now() + options.timeoutMs;
  let told = "";
  for (;;) {
    options.signal?.throwIfAborted();
    const missing = await lookAtReadiness(client);
    if (done(missing)) return undefined;
    const parts = Object.keys(missing).join(", ");
    if (parts !== told) options.say?.(`waiting for: ${describeMissing(missing)}`);
    told = parts;
    if (Date.now() >= deadline) return missing;
    await sleep(
      Math.min(1_000, options.timeoutMs),
      undefined,
      options.signal === undefined ? {} : { signal: options.signal },
    );
  }
}

/** What is missing in one line. */
export function describeMissing(missing: Missing): string {
  if (missing.api !== undefined) return `API server (${missing.api})`;
  return [
    ...(missing.nodes === undefined ? [] : [`nodes (${missing.nodes})`]),
    ...(missing.dns === undefined ? [] : [`DNS (${missing.dns})`]),
  ].join(", ");
}

/** The sentence for a cluster that does not become ready and is kept all the same. */
export function describeUnready(cluster: string, timeoutMs: number, missing: Missing): string {
  const state = (text: string | undefined): string => text ?? "ok";
  return (
    `cluster "${cluster}" runs but is not ready after ${timeoutMs / 1_000} s:\n` +
    `- API server: ${state(missing.api)}\n- nodes: ${state(missing.nodes)}\n- DNS: ${state(missing.dns)}\n` +
    `Look at: docker logs ${cluster}-control-plane; kind export logs --name ${cluster}; ` +
    `kind get kubeconfig --name ${cluster} > kubeconfig && kubectl --kubeconfig kubeconfig get pods -A. ` +
    `A slow machine needs a larger cluster.kind.readyTimeoutSeconds. `
  );
}
