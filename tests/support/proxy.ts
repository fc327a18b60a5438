/** A company's proxy on this machine: it opens tunnels (CONNECT) to one server, whatever host is asked for, and keeps a log. */
import http from "node:http";
import { type AddressInfo, connect } from "node:net";

export interface Proxy {
  readonly port: number;
  /** `<host>:<port>` of each tunnel and the header with the password, or `-`. */
  readonly tunnels: string[];
  close(): void;
}

/** @param upstream port on 127.0.0.1 that tunnels lead to */
export async function startProxy(upstream: number): Promise<Proxy> {
  const tunnels: string[] = [];
  const server = http.createServer((_, response) => response.writeHead(405).end());
  server.on("connect", ({ url, headers }, client, head: Buffer) => {
    tunnels.push(`${url ?? ""} ${headers["proxy-authorization"] ?? "-"}`);
    const target = connect(upstream, "127.0.0.1", () => {
      client.write("HTTP/1.1 200 Connection established\r\n\r\n");
      target.write(head);
      target.pipe(client).pipe(target);
    });
    for (const socket of [target, client]) {
      socket.on("error", () => {
        target.destroy();
        client.destroy();
      });
    }
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return { port: (server.address() as AddressInfo).port, tunnels, close: () => server.close() };
}
