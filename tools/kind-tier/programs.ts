/**
 * The programs of the node image that is built here, and kind itself: built by Go as all tools are (tools/tools.ts), from
 * the modules of this folder. Nothing of them is taken from PATH, except kind, because they go into images `FROM scratch`.
 */
import { join } from "node:path";
import type { Tool, ToolSet } from "../pins.ts";
import { sets as projectSets } from "../pins.ts";
import { obtainFrom, pinnedVersion, type ObtainOptions } from "../tools.ts";
import { requiredVersion } from "../version.ts";
import { readFileSync } from "node:fs";

const sets = {
  // The same stamps, so that Kubernetes says its version.
  "kind-tier": projectSets["control-plane"],
  "kind-tier/storage": {},
} as const satisfies Record<string, ToolSet>;

function kubernetes(name: string) {
  return {
    set: "kind-tier",
    module: "k8s.io/kubernetes",
    package: `k8s.io/kubernetes/cmd/${name}`,
  } as const satisfies Tool;
}

/** A small program of this folder; it belongs to the Kubernetes version that its module is built with. */
function own(name: string) {
  return { set: "kind-tier", module: "k8s.io/kubernetes", package: `./${name}` } as const satisfies Tool;
}

const tools = {
  kind: {
    set: "kind-tier",
    module: "sigs.k8s.io/kind",
    package: "sigs.k8s.io/kind",
    onPath: { args: ["version"], version: /kind v(\S+)/, fits: "newer-minor" },
  },
  crictl: { set: "kind-tier", module: "sigs.k8s.io/cri-tools", package: "sigs.k8s.io/cri-tools/cmd/crictl" },
  etcd: {
    set: "kind-tier",
    module: "go.etcd.io/etcd/server/v3",
    package: "go.etcd.io/etcd/server/v3",
    built: "server",
  },
  kubelet: kubernetes("kubelet"),
  kubeadm: kubernetes("kubeadm"),
  kubectl: kubernetes("kubectl"),
  "kube-apiserver": kubernetes("kube-apiserver"),
  "kube-controller-manager": kubernetes("kube-controller-manager"),
  "kube-scheduler": kubernetes("kube-scheduler"),
  "kube-proxy": kubernetes("kube-proxy"),
  coredns: own("coredns"),
  podnet: own("podnet"),
  pause: own("pause"),
  "local-path-provisioner": {
    set: "kind-tier/storage",
    module: "github.com/rancher/local-path-provisioner",
    package: "github.com/rancher/local-path-provisioner",
  },
} as const satisfies Record<string, Tool>;

export type Program = keyof typeof tools;

export const programNames = Object.keys(tools) as Program[];

/** Paths of the programs; those that are not in the cache are built. */
export async function obtainPrograms<Name extends Program>(
  names: readonly Name[],
  options: ObtainOptions = {},
): Promise<Record<Name, string>> {
  // As one release: what the rehearsal runs and what the node runs are the same Kubernetes.
  const rehearsal = pinnedVersion("control-plane", "k8s.io/kubernetes");
  if (kubernetesVersion !== rehearsal) {
    throw new Error(
      `tools/kind-tier/go.mod has Kubernetes ${kubernetesVersion}, tools/control-plane/go.mod has ${rehearsal}: ` +
        `bring both to one version.`,
    );
  }
  return obtainFrom({ tools, sets, folder: join(import.meta.dirname, ".."), env: process.env }, names, options);
}

function version(module: string): string {
  return requiredVersion(readFileSync(join(import.meta.dirname, "go.mod"), "utf8"), module);
}

/** Kubernetes of the node image that is built here (`v1.36.3`). */
export const kubernetesVersion = version("k8s.io/kubernetes");

/** The kind release whose files make a node of the image (`v0.33.0`). */
export const kindVersion = version("sigs.k8s.io/kind");
