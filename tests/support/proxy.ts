/** A company's proxy on this machine: it opens tunnels (CONNECT) to one server, whatever host is asked for, and keeps a log. */
import http from "node:http";
import { type AddressInfo, connect } from "node:net";

export interface Proxy {
  readonly port: number;
  /** `<host>:<port>` of each tunnel and the header with the password, or `-`. */
  readonly tunnels: string[];
  close(): void;
}

/**
 * @param upstream port on 127.0.0.1 that tunnels lead to
 * @param credentials `user:password` that it asks for; nothing by default
 */
export async function startProxy(upstream: number, credentials?: string): Promise<Proxy> {
  const tunnels: string[] = [];
  const server = http.createServer((_, response) => response.writeHead(405).end());
  server.on("connect", ({ url, headers }, client, head: Buffer) => {
    const said = headers["proxy-authorization"];
    tunnels.push(`${url ?? ""} ${said ?? "-"}`);
    if (credentials !== undefined && said !== `Basic ${Buffer.from(credentials).toString("base64")}`) {
      client.end("HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n");
      return;
    }
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
