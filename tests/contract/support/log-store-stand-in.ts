/**
 * A stand-in for Loki's door, for one thing: what it refuses for its age. It is not Loki and keeps nothing but texts. Loki's rule
 * (3.7, pkg/ingester/stream.go, `validateEntries`): of each stream, an entry older than the newest one minus half of
 * `ingester.max_chunk_age` is refused; the rest of the push is kept, the answer is 400, and who gets it does not try again.
 */
import { createServer, type IncomingMessage } from "node:http";
import type { AddressInfo } from "node:net";
import { gunzipSync } from "node:zlib";

interface LogsRequest {
  readonly resourceLogs: readonly {
    readonly resource: { readonly attributes: readonly { readonly key: string; readonly value: object }[] };
    readonly scopeLogs: readonly {
      readonly logRecords: readonly {
        readonly timeUnixNano: string;
        readonly body: { readonly stringValue: string };
      }[];
    }[];
  }[];
}

export interface LogStoreStandIn {
  /** Base URL, as in the exporter's `endpoint`. */
  readonly url: string;
  /** Texts of records in the order in which they came. */
  readonly kept: readonly string[];
  readonly refused: readonly string[];
  /** Whether it answers with 503: an outage. */
  down: boolean;
  close(): void;
}

async function body(request: IncomingMessage): Promise<LogsRequest> {
  const parts: Buffer[] = [];
  for await (const part of request) parts.push(part as Buffer);
  const bytes = Buffer.concat(parts);
  const text = request.headers["content-encoding"] === "gzip" ? gunzipSync(bytes) : bytes;
  return JSON.parse(text.toString()) as LogsRequest;
}

/** @param window hours that a line may be behind the newest of its stream */
export async function logStoreStandIn(window: number): Promise<LogStoreStandIn> {
  const kept: string[] = [];
  const refused: string[] = [];
  const newest = new Map<string, number>();
  const store = { url: "", kept, refused, down: true, close: () => server.close() };
  const server = createServer((request, response) => {
    if (store.down) {
      response.writeHead(503).end();
      return;
    }
    void body(request).then(({ resourceLogs }) => {
      let late = 0;
      for (const { resource, scopeLogs } of resourceLogs) {
        const stream = JSON.stringify(resource.attributes);
        for (const { timeUnixNano, body: text } of scopeLogs.flatMap(({ logRecords }) => logRecords)) {
          const time = Number(timeUnixNano.slice(0, -6));
          const highest = newest.get(stream) ?? time;
          if (time < highest - window * 3_600_000) {
            refused.push(text.stringValue);
            late++;
            continue;
          }
          newest.set(stream, Math.max(highest, time));
          kept.push(text.stringValue);
        }
      }
      response
        .writeHead(late > 0 ? 400 : 204)
        .end(late > 0 ? `${late} entries too far behind (stand-in for Loki)` : "");
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  store.url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/otlp`;
  return store;
}
