/**
 * The containers that the `docker` stand-in runs by itself: a registry is the registry's own program, on this machine. Others it
 * cannot run. They are kept under `$REHEARSAL_DIR/containers/<name>`.
 */
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type IncomingMessage, request, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { freePorts, launch, reap, reopen, running } from "./processes.ts";

/** An image whose name contains this cannot be pulled. */
export const MISSING_IMAGE = "does-not-exist";

const FILE = "container.json";
const PROGRAM = "registry";

/** Where the image's configuration has the registry listen. */
const INSIDE = "5000/tcp";

/** A container that the stand-in runs. */
export interface Container {
  readonly name: string;
  readonly image: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly network: string;
  /** Port of 127.0.0.1 that its only port is published on: another one after each start, as Docker has it. */
  readonly port: number;
}

/** Where containers are kept, and the program that they run. */
interface Runner {
  readonly dir: string;
  readonly binaries: { readonly registry?: string | undefined };
}

const containers = (dir: string): string => join(dir, "containers");
const folderOf = (dir: string, name: string): string => join(containers(dir), name);

/** All containers of a rehearsal's folder. */
export function readContainers(dir: string): Container[] {
  if (!existsSync(containers(dir))) return [];
  return readdirSync(containers(dir))
    .sort()
    .filter((name) => existsSync(join(folderOf(dir, name), FILE)))
    .map((name) => JSON.parse(readFileSync(join(folderOf(dir, name), FILE), "utf8")) as Container);
}

export function isRunning(dir: string, name: string): boolean {
  return running(folderOf(dir, name)).length > 0;
}

/** The container that the arguments of `docker run` ask for. @throws Error when it is none that can be run here */
export function parseRun(args: readonly string[]): Omit<Container, "port"> {
  const { values, positionals } = parseArgs({
    args: [...args],
    allowPositionals: true,
    options: {
      detach: { type: "boolean" },
      name: { type: "string" },
      network: { type: "string" },
      restart: { type: "string" },
      publish: { type: "string" },
      label: { type: "string", multiple: true },
    },
  });
  const { name = "", network = "", label = [], publish } = values;
  const [image = "", ...command] = positionals;
  if (publish !== "127.0.0.1::5000" || command.length > 0)
    throw new Error(`the stand-in for docker runs no such container: run ${args.join(" ")}`);
  const labels = label.map((text): [string, string] => {
    const [key = "", ...value] = text.split("=");
    return [key, value.join("=")];
  });
  return { name, image, labels: Object.fromEntries(labels), network };
}

/** Whether a container passes a `--filter` of `docker ps`. All are in one network. */
export function passes({ name, labels }: Pick<Container, "name" | "labels">, filter: string): boolean {
  const [kind = "", ...rest] = filter.split("=");
  const value = rest.join("=");
  if (kind === "network") return value === "kind";
  if (kind === "name") return new RegExp(value).test(name);
  if (kind === "label") return Object.entries(labels).some(([key, of]) => value === key || value === `${key}=${of}`);
  throw new Error(`the stand-in for docker does not know: ps --filter ${filter}`);
}

/** Makes a container and starts it. @throws Error as Docker says it */
export async function runContainer(state: Runner, made: Omit<Container, "port">): Promise<void> {
  const folder = folderOf(state.dir, made.name);
  if (existsSync(folder)) {
    throw new Error(`Conflict. The container name "/${made.name}" is already in use by container "stand-in".`);
  }
  if (made.image.includes(MISSING_IMAGE)) {
    throw new Error(`pull access denied for ${made.image}, repository does not exist or may require 'docker login'`);
  }
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  writeFileSync(join(folder, FILE), JSON.stringify({ ...made, port: 0 }));
  await startContainer(state, made.name);
}

export async function startContainer({ dir, binaries }: Runner, name: string): Promise<void> {
  if (isRunning(dir, name)) return;
  const folder = folderOf(dir, name);
  const program = binaries.registry;
  if (program === undefined) throw new Error("the registry's program is not at hand here");
  const [port = 0] = await freePorts(1);
  const container = JSON.parse(readFileSync(join(folder, FILE), "utf8")) as Container;
  writeFileSync(join(folder, FILE), JSON.stringify({ ...container, port }));
  const config = {
    version: 0.1,
    log: { level: "warn" },
    storage: { filesystem: { rootdirectory: join(folder, "storage") } },
    http: { addr: `127.0.0.1:${port}` },
  };
  // JSON is YAML; a reader of that would double the time in which the stand-in for docker starts.
  writeFileSync(join(folder, "config.yml"), JSON.stringify(config));
  reopen(folder);
  // As the image sets it: the program would send traces somewhere else.
  const env = { OTEL_TRACES_EXPORTER: "none" };
  launch(folder, { name: PROGRAM, command: program, args: ["serve", join(folder, "config.yml")], env });
}

export async function stopContainer(dir: string, name: string): Promise<void> {
  await reap(folderOf(dir, name));
}

export async function removeContainer(dir: string, name: string): Promise<void> {
  await reap(folderOf(dir, name));
  rmSync(folderOf(dir, name), { recursive: true, force: true });
}

/** What `docker inspect` says, as far as it is asked. */
export function inspected(dir: string, { name, image, labels, port, network }: Container): object {
  const up = isRunning(dir, name);
  return {
    Name: `/${name}`,
    State: { Status: up ? "running" : "exited", Running: up },
    Config: { Image: image, Labels: labels },
    NetworkSettings: {
      Ports: up ? { [INSIDE]: [{ HostIp: "127.0.0.1", HostPort: String(port) }] } : {},
      Networks: { [network]: {} },
    },
  };
}

/** Containers as they are found by their names in Docker's network. */
export interface ContainerNetwork {
  /** Variables for a process that is to find them. */
  readonly env: Readonly<Record<string, string>>;
  close(): Promise<void>;
}

/**
 * Stands in for Docker's DNS and network: a proxy for processes that play pods. It leads `http://<container>:5000` to where that
 * container listens on this machine, and knows no other host.
 */
export async function containerNetwork(dir: string): Promise<ContainerNetwork> {
  const server: Server = createServer((incoming: IncomingMessage, answer: ServerResponse) => {
    const { hostname, pathname, search } = new URL(incoming.url ?? "", "http://nobody");
    const found = readContainers(dir).find(({ name }) => name === hostname);
    if (found === undefined) {
      answer.writeHead(502).end(`the rehearsal's network has no ${hostname}\n`);
      return;
    }
    const { port } = found;
    const { method, headers } = incoming;
    const onward = request({ host: "127.0.0.1", port, path: pathname + search, method, headers }, (response) => {
      answer.writeHead(response.statusCode ?? 502, response.headers);
      response.pipe(answer);
    });
    onward.on("error", (error) => answer.writeHead(502).end(`${String(error)}\n`));
    incoming.pipe(onward);
  });
  // Nobody here speaks TLS.
  server.on("connect", (_request, socket) => socket.end("HTTP/1.1 502 Bad Gateway\r\n\r\n"));
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return {
    env: Object.fromEntries(["HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy"].map((name) => [name, address])),
    close: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
