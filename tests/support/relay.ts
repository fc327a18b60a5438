/**
 * The tests' side of the relay (relay/main.go): pods of a Kind cluster reach servers that listen on 127.0.0.1 of this
 * machine, and nothing here listens anywhere else. Connections are made from here, to a port that Kind maps on 127.0.0.1.
 */
import { connect, type Socket } from "node:net";
import { join } from "node:path";
import { cacheFolder } from "../../tools/cache.ts";
import { build, buildFlags, buildFolder, findGo } from "../../tools/go.ts";

/**
 * The program of the cluster's side: static, for an image `FROM scratch`. It uses Go's own library only.
 *
 * @throws Error when Go is not installed
 */
export async function relayProgram(onProgress: (line: string) => void): Promise<string> {
  const moduleFolder = join(import.meta.dirname, "relay");
  const go = await findGo(moduleFolder, process.env);
  if (go === undefined) throw new Error("Go is not installed (https://go.dev/dl/): the relay cannot be built.");
  const flags = buildFlags({});
  const destination = buildFolder(join(cacheFolder(), "tools"), "relay", moduleFolder, flags, go);
  const programs = [{ name: "relay", package: ".", built: "relay" }];
  await build("relay", programs, { go, moduleFolder, destination, flags, env: process.env, onProgress });
  return join(destination, "relay");
}

/** Connections that wait for a pod. */
const idle = 8;

/**
 * Keeps idle connections to the relay and connects each, when a pod needs it, to the server whose number it says.
 *
 * @param port of 127.0.0.1 that leads to the relay's first port; it need not answer yet
 * @param servers ports of 127.0.0.1, in the order of the relay's ports for pods
 * @returns a function that ends it and cuts every connection
 */
export function startRelay(port: number, servers: readonly number[]): () => void {
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
    const connection = track(connect({ host: "127.0.0.1", port, allowHalfOpen: true }));
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
