/**
 * A stand-in for Elasticsearch, whose licence keeps it out: it answers as Jaeger and its index cleaner need it, keeps documents, and refuses
 * what the declared role of who asks does not allow. It searches nothing: an index's documents are all found. What a privilege allows is
 * Elasticsearch's documentation ("Elasticsearch privileges"), and its rule that one header authorizes.
 */
import { randomUUID } from "node:crypto";
import type { IncomingMessage, ServerResponse } from "node:http";
import { createServer } from "node:https";
import type { AddressInfo } from "node:net";
import { gunzipSync } from "node:zlib";
import type { Authority } from "../../support/authority.ts";

export interface Role {
  readonly cluster: readonly string[];
  readonly indices: readonly { readonly names: readonly string[]; readonly privileges: readonly string[] }[];
}

export interface ElasticsearchUser {
  readonly name: string;
  readonly password: string;
  readonly role: Role;
}

interface Index {
  created: number;
  readonly documents: Map<string, unknown>;
}

/** Pattern of a role, in which `*` is any text. */
export const matches = (pattern: string, name: string) =>
  new RegExp(
    `^${pattern
      .split("*")
      .map((part) => part.replaceAll(/[.+?^${}()|[\]\\]/g, "\\$&"))
      .join(".*")}$`,
  ).test(name);

async function text(request: IncomingMessage): Promise<string> {
  const parts: Buffer[] = [];
  for await (const part of request) parts.push(part as Buffer);
  const bytes = Buffer.concat(parts);
  return (request.headers["content-encoding"] === "gzip" ? gunzipSync(bytes) : bytes).toString();
}

class Refused extends Error {
  readonly status: number;
  constructor(status: number, message: string) {
    super(message);
    this.status = status;
  }
}

export class ElasticsearchStandIn {
  readonly indices = new Map<string, Index>();
  readonly templates = new Map<string, unknown>();
  /** What it refused, and why. */
  readonly refused: string[] = [];
  private readonly user: ElasticsearchUser;
  private readonly server;

  constructor({ key, cert }: Authority, user: ElasticsearchUser) {
    this.user = user;
    this.server = createServer({ key, cert }, (request, response) => void this.answer(request, response));
  }

  /** @param port that it had before @default any */
  async listen(port = 0): Promise<void> {
    await new Promise<void>((listening) => this.server.listen(port, "127.0.0.1", listening));
  }

  get port(): number {
    return (this.server.address() as AddressInfo).port;
  }

  close(): void {
    this.server.close();
    this.server.closeAllConnections();
  }

  private async answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { method = "", url = "/", rawHeaders } = request;
    let status = 200;
    let answer: unknown;
    try {
      const sent = rawHeaders.filter((_, index) => rawHeaders[index - 1]?.toLowerCase() === "authorization");
      const { name, password } = this.user;
      if (sent.join() !== `Basic ${Buffer.from(`${name}:${password}`).toString("base64")}`)
        throw new Refused(401, `${sent.length} headers authorize, none or another than the user's among them`);
      answer = this.act(method, new URL(url, "https://any"), await text(request));
    } catch (error) {
      if (!(error instanceof Refused)) throw error;
      status = error.status;
      this.refused.push(`${method} ${url}: ${error.message}`);
      answer = { error: { type: "stand-in", reason: error.message }, status };
    }
    // The client of Elasticsearch asks for its name.
    const headers = { "content-type": "application/json", "x-elastic-product": "Elasticsearch" };
    response.writeHead(status, headers).end(method === "HEAD" ? undefined : JSON.stringify(answer));
  }

  private act(method: string, { pathname }: URL, body: string): unknown {
    const path = decodeURIComponent(pathname).slice(1);
    const [first = "", second] = path.split("/");
    if (path === "") {
      this.mayOfCluster("monitor");
      return { name: "stand-in", version: { number: "9.5.0" }, tagline: "A stand-in for Elasticsearch" };
    }
    if (first === "_index_template" && method === "PUT") {
      this.mayOfCluster("manage_index_templates");
      this.templates.set(second ?? "", JSON.parse(body));
      return { acknowledged: true };
    }
    if (first === "_bulk") return this.bulk(body.split("\n").filter(Boolean));
    if (first === "_msearch") {
      const headers = body.split("\n").filter((line, at) => at % 2 === 0 && line !== "");
      return { responses: headers.map((line) => this.search((JSON.parse(line) as { indices: string[] }).indices)) };
    }
    const names = first.split(",").filter(Boolean);
    if (method === "GET" && second === undefined) {
      this.may("view_index_metadata", names);
      const found = [...this.indices].filter(([name]) => names.some((pattern) => matches(pattern, name)));
      return Object.fromEntries(
        found.map(([name, { created }]) => [
          name,
          { aliases: {}, settings: { "index.creation_date": String(created) } },
        ]),
      );
    }
    if (method === "DELETE" && second === undefined) {
      this.may("delete_index", names);
      for (const name of names) this.indices.delete(name);
      return { acknowledged: true };
    }
    throw new Refused(400, "the stand-in does not know this");
  }

  private bulk(lines: string[]): unknown {
    const items: unknown[] = [];
    for (let line = 0; line < lines.length; line += 2) {
      const action = JSON.parse(lines[line] ?? "{}") as Record<
        string,
        { readonly _index: string; readonly _id?: string }
      >;
      const [operation, { _index: name, _id: id = randomUUID() }] = Object.entries(action)[0] ?? ["", { _index: "" }];
      this.may(operation === "create" ? "create_doc" : "index", [name]);
      let index = this.indices.get(name);
      if (index === undefined) {
        this.may("auto_configure", [name]);
        this.indices.set(name, (index = { created: Date.now(), documents: new Map() }));
      }
      index.documents.set(id, JSON.parse(lines[line + 1] ?? "{}"));
      items.push({ [operation]: { _index: name, _id: id, status: 201 } });
    }
    return { took: 1, errors: false, items };
  }

  private search(names: readonly string[]): unknown {
    this.may("read", names);
    const hits = names.flatMap((name) =>
      [...(this.indices.get(name)?.documents ?? [])].map(([id, source]) => ({
        _index: name,
        _id: id,
        _source: source,
      })),
    );
    return { took: 1, timed_out: false, hits: { total: { value: hits.length, relation: "eq" }, hits }, status: 200 };
  }

  private mayOfCluster(privilege: string): void {
    if (!this.user.role.cluster.includes(privilege)) throw new Refused(403, `lacks ${privilege}`);
  }

  private may(privilege: string, names: readonly string[]): void {
    for (const name of names) {
      const allowed = this.user.role.indices.some(
        (entry) => entry.privileges.includes(privilege) && entry.names.some((pattern) => matches(pattern, name)),
      );
      if (!allowed) throw new Refused(403, `lacks ${privilege} on ${name}`);
    }
  }
}
