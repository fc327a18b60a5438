/**
 * The programs of the node image that is built here, and kind itself: built by Go as all tools are (toolchain/obtain.ts), from
 * `toolchain/kind-tier`. Nothing of them is taken from PATH, except kind, because they go into images `FROM scratch`.
 *
 * The control plane is the rehearsal's, of its set: what was built for it is not built again. The other parts of Kubernetes
 * need the same modules; while all three go.mod have them in the same versions, Go compiles them once for all sets.
 */
import { join } from "node:path";
import type { Tool, ToolSet } from "../../toolchain/pins.ts";
import { sets as projectSets, tools as projectTools } from "../../toolchain/pins.ts";
import { obtainFrom, pinnedVersion, setsFolder, type ObtainOptions } from "../../toolchain/obtain.ts";
import { requiredVersion } from "../../toolchain/version.ts";
import { readFileSync } from "node:fs";

const sets = {
  "control-plane": projectSets["control-plane"],
  "kind-tier": projectSets["kind-tier"],
  "kind-tier/storage": {},
} as const satisfies Record<string, ToolSet>;

function kubernetes(name: string) {
  return {
    set: "kind-tier",
    module: "k8s.io/kubernetes",
    package: `k8s.io/kubernetes/cmd/${name}`,
  } as const satisfies Tool;
}

/** A program of the rehearsal, of its build: no download, because that need not run in an empty image. */
function rehearsed({ set, module, package: path, built }: Tool) {
  return { set, module, package: path, ...(built === undefined ? {} : { built }) } satisfies Tool;
}

/** A small program of this folder; it belongs to the Kubernetes version that its module is built with. */
function own(name: string) {
  return { set: "kind-tier", module: "k8s.io/kubernetes", package: `./${name}` } as const satisfies Tool;
}

const tools = {
  kind: projectTools.kind,
  crictl: { set: "kind-tier", module: "sigs.k8s.io/cri-tools", package: "sigs.k8s.io/cri-tools/cmd/crictl" },
  etcd: rehearsed(projectTools.etcd),
  kubelet: kubernetes("kubelet"),
  kubeadm: kubernetes("kubeadm"),
  kubectl: kubernetes("kubectl"),
  "kube-apiserver": rehearsed(projectTools["kube-apiserver"]),
  "kube-controller-manager": rehearsed(projectTools["kube-controller-manager"]),
  "kube-scheduler": rehearsed(projectTools["kube-scheduler"]),
  "kube-proxy": kubernetes("kube-proxy"),
  coredns: own("coredns"),
  podnet: own("podnet"),
  pause: own("pause"),
  /** Not in one build with the others: it imports a library by its old name, in other letters. */
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
      `toolchain/kind-tier/go.mod has Kubernetes ${kubernetesVersion}, toolchain/control-plane/go.mod has ${rehearsal}: ` +
        `bring both to one version.`,
    );
  }
  return obtainFrom({ tools, sets, folder: setsFolder, env: process.env }, names, options);
}

function version(module: string): string {
  return requiredVersion(readFileSync(join(setsFolder, "kind-tier", "go.mod"), "utf8"), module);
}

/** Kubernetes of the node image that is built here (`v1.36.3`). */
export const kubernetesVersion = version("k8s.io/kubernetes");

/** The kind release whose files make a node of the image (`v0.33.0`). */
export const kindVersion = version("sigs.k8s.io/kind");
