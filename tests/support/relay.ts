/**
 * The tests' side of the relay (relay/main.go): pods of a Kind cluster reach servers that listen on 127.0.0.1 of this
 * machine, and nothing here listens anywhere else. Connections are made from here, to a node port of the cluster.
 */
import { connect, type Socket } from "node:net";
import { join } from "node:path";
import type { Api } from "../../rehearsal/control-plane/api.ts";
import { goProgram } from "./go-program.ts";

/** The program of the cluster's side. @throws Error when Go is not installed */
export async function relayProgram(onProgress: (line: string) => void): Promise<string> {
  return goProgram(join(import.meta.dirname, "relay"), onProgress);
}

/** Image of the cluster's side, which a test makes of {@link relayProgram} and loads. */
export const relayImage = "observability.local/relay:test";

/** The relay's Service, as pods call it. */
export const relayHost = "relay.relay.svc.cluster.local";

/** Port of the relay's pod for the tests' side. */
const testsPort = 7000;

/**
 * Runs the relay in a namespace of its own.
 *
 * @param ports for pods, in the order of the servers of {@link startRelay}
 * @param nodePort that leads to the tests' side
 */
export async function deployRelay(api: Api, ports: readonly number[], nodePort: number): Promise<void> {
  for (const [path, object] of relayObjects(ports, nodePort)) {
    const apply = `${path}?fieldManager=test&force=true`;
    const { status, body } = await api.call("PATCH", apply, object, "application/apply-patch+yaml");
    if (status >= 300) throw new Error(`the relay was refused: ${JSON.stringify(body)}`);
  }
}

/** Namespace, Deployment and Services, each with its path in the API. */
function relayObjects(ports: readonly number[], nodePort: number): [string, object][] {
  const metadata = (name: string) => ({ name, namespace: "relay" });
  const labels = { app: "relay" };
  const service = (name: string, spec: object): [string, object] => [
    `/api/v1/namespaces/relay/services/${name}`,
    { apiVersion: "v1", kind: "Service", metadata: metadata(name), spec: { selector: labels, ...spec } },
  ];
  const container = {
    name: "relay",
    image: relayImage,
    imagePullPolicy: "Never",
    args: [testsPort, ...ports].map(String),
  };
  return [
    ["/api/v1/namespaces/relay", { apiVersion: "v1", kind: "Namespace", metadata: { name: "relay" } }],
    [
      "/apis/apps/v1/namespaces/relay/deployments/relay",
      {
        apiVersion: "apps/v1",
        kind: "Deployment",
        metadata: metadata("relay"),
        spec: {
          selector: { matchLabels: labels },
          template: { metadata: { labels }, spec: { containers: [container] } },
        },
      },
    ],
    service("relay", { ports: ports.map((port) => ({ name: `p${port}`, port, protocol: "TCP" })) }),
    service("relay-tests", {
      type: "NodePort",
      ports: [{ name: "tests", port: testsPort, protocol: "TCP", nodePort }],
    }),
  ];
}

/** Connections that wait for a pod. */
const idle = 8;

/**
 * Keeps idle connections to the relay and connects each, when a pod needs it, to the server whose number it says.
 *
 * @param at where the relay's first port is reached from here; it need not answer yet
 * @param servers ports of 127.0.0.1, in the order of the relay's ports for pods
 * @returns a function that ends it and cuts every connection
 */
export function startRelay(
  at: { readonly host: string; readonly port: number },
  servers: readonly number[],
): () => void {
  const open = new Set<Socket>();
  let stopped = false;

  const track = (socket: Socket): Socket => {
    open.add(socket);
    socket.on("error", () => undefined); // "close" follows
    socket.on("close", () => open.delete(socket));
    return socket;
  };

  function wait(): void {
    if (stopped) return;
    const connection = track(connect({ ...at, allowHalfOpen: true }));
    let replaced = false;
    const replace = (delay: number): void => {
      if (replaced) return;
      replaced = true;
      setTimeout(wait, delay).unref();
    };
    // Where nothing answers yet, or nothing any more: Docker accepts, and then ends it.
    const ended = (): void => {
      connection.destroy();
    };
    connection.once("end", ended);
    connection.on("close", () => {
      replace(500);
    });
    connection.once("data", (first: Buffer) => {
      connection.off("end", ended); // from now on an end is one of the pod's
      connection.pause();
      replace(0);
      const server = servers[first[0] ?? servers.length];
      if (server === undefined) {
        connection.destroy();
        return;
      }
      const reached = track(connect({ host: "127.0.0.1", port: server, allowHalfOpen: true }));
      reached.on("close", () => {
        connection.destroySoon();
      });
      connection.on("close", () => {
        reached.destroySoon();
      });
      reached.once("connect", () => {
        connection.write("k");
        if (first.length > 1) reached.write(first.subarray(1));
        connection.pipe(reached);
        reached.pipe(connection);
      });
    });
  }

  for (let count = 0; count < idle; count++) wait();
  return () => {
    stopped = true;
    for (const socket of open) socket.destroy();
  };
}
