/** Ports of this machine that lead to pods, through the API server and the kubelet. */
import { createServer, type AddressInfo, type Server } from "node:net";
import { duplexPair } from "node:stream";
import { connect } from "node:tls";
import type { PortForward } from "@kubernetes/client-node";
import type { Endpoint } from "../capabilities.ts";

/**
 * A port of 127.0.0.1 that leads to a pod behind a Service, and speaks TLS with it where that is wanted. The pods of ours listen on the port of
 * their Service.
 *
 * @param servers is given what has to be closed in the end
 * @param ca of an endpoint that is asked by TLS: the authority of its certificate, PEM
 * @returns the URL, with the endpoint's path
 */
export async function forwarded(
  cluster: Pick<PortForward, "portForwardService">,
  { namespace, service, port, path, access }: Endpoint,
  servers: Server[],
  ca?: string,
): Promise<string> {
  const server = createServer((socket) => {
    // A pod that is gone or not ready ends the connection; whoever asked tries again.
    socket.on("error", () => socket.destroy());
    const [near, far] = access === undefined ? [undefined, socket] : duplexPair();
    if (near !== undefined) {
      const secured = connect({ socket: near, servername: `${service}.${namespace}.svc`, ca });
      for (const end of [near, far, secured]) end.on("error", () => socket.destroy());
      socket.pipe(secured).pipe(socket);
      socket.on("close", () => secured.destroy());
    }
    cluster.portForwardService(namespace, service, [port], far, null, far).catch(() => {
      socket.destroy();
    });
  });
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}${path}`;
}
