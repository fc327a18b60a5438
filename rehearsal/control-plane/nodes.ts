/** The nodes of the stand-in's clusters, as the stand-ins for kind and docker share them: files in the cluster's folder. */
import { existsSync, mkdirSync, readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import type { KindConfig } from "./kind-config.ts";

const FILE = "nodes.json";
const STOPPED = "stopped";

/** A container that kind would have made. */
export interface KindNode {
  readonly name: string;
  readonly role: "control-plane" | "worker";
  readonly labels: Readonly<Record<string, string>>;
  /** Ports of the host that it would have. */
  readonly ports: readonly number[];
}

/** The nodes of a configuration, named as kind names them (kind 0.33.0, pkg/cluster/internal/providers/common/namer.go). */
export function nodesOf(cluster: string, config: KindConfig): KindNode[] {
  const count = new Map<string, number>();
  return (config.nodes ?? [{}]).map(({ role = "control-plane", labels = {}, extraPortMappings = [] }) => {
    const number = (count.get(role) ?? 0) + 1;
    count.set(role, number);
    const ports = extraPortMappings.flatMap(({ hostPort = 0 }) => (hostPort > 0 ? [hostPort] : []));
    return { name: `${cluster}-${role}${number === 1 ? "" : number}`, role, labels, ports };
  });
}

/** Writes the nodes, and into each what kind writes before it starts Kubernetes (kind 0.33.0, kubeadm/config.go). */
export function writeNodes(dir: string, nodes: readonly KindNode[]): void {
  writeFileSync(join(dir, FILE), JSON.stringify(nodes, undefined, 2));
  for (const { name, labels } of nodes) {
    const text = Object.entries(labels).map(([key, value]) => `${key}=${value}`);
    const file = fileOf(dir, name, "/kind/kubeadm.conf");
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(
      file,
      `nodeRegistration:\n  kubeletExtraArgs:\n    - name: "node-labels"\n      value: "${text.join(",")}"\n`,
    );
  }
}

/** The nodes of a cluster; none for a folder that was only just made. */
export function readNodes(dir: string): KindNode[] {
  const file = join(dir, FILE);
  return existsSync(file) ? (JSON.parse(readFileSync(file, "utf8")) as KindNode[]) : [];
}

/** Where a file of a node is on this machine. */
export function fileOf(dir: string, node: string, file: string): string {
  return file === "/etc/kubernetes/admin.conf" ? join(dir, "kubeconfig") : join(dir, "nodes", node, file);
}

export function isStopped(dir: string): boolean {
  return existsSync(join(dir, STOPPED));
}

export function setStopped(dir: string, stopped: boolean): void {
  if (stopped) writeFileSync(join(dir, STOPPED), "");
  else rmSync(join(dir, STOPPED), { force: true });
}

/** The first of the nodes' ports that a running cluster beside has: Docker gives each to one container. */
export function takenPort(clusters: string, own: string, nodes: readonly KindNode[]): number | undefined {
  const others = existsSync(clusters) ? readdirSync(clusters).filter((name) => name !== own) : [];
  const taken = others
    .map((name) => join(clusters, name))
    .filter((dir) => !isStopped(dir))
    .flatMap((dir) => readNodes(dir).flatMap(({ ports }) => ports));
  return nodes.flatMap(({ ports }) => ports).find((port) => taken.includes(port));
}
