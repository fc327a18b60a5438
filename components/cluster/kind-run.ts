/** What the verbs of the cluster script share: what they are told by the environment, and whom they answer. */
import * as fs from "node:fs";
import * as path from "node:path";

import { UserError, environment } from "./kind.ts";

/** A run of the cluster script: what it hears and says. */
export interface Run {
  /** Aborted by a signal to the script, which is the reason. */
  readonly signal: AbortSignal;
  /** Says something to people. */
  readonly say: (message: string) => void;
  /** Gives the result. */
  readonly print: (text: string) => void;
}

export function required(name: string): string {
  const value = environment()[name];
  if (value === undefined || value === "")
    throw new UserError(
      `${name} is not set. Pulumi sets it; by hand, see the head of components/cluster/kind-script.ts.`,
    );
  return value;
}

export function numberFrom(name: string): number | undefined {
  const text = environment()[name];
  if (text === undefined || text === "") return undefined;
  const value = Number(text);
  if (!Number.isFinite(value) || value < 0)
    throw new UserError(`${name} is "${text}"; it must be a number that is not negative.`);
  return value;
}

/** What all verbs but `list` work on. */
export interface Target {
  readonly name: string;
  /** Id of the environment; undefined for a state of an earlier version. */
  readonly owner: string | undefined;
  readonly kubeconfigFile: string;
  /** Where kind writes: beside the real file, in the same private folder. */
  readonly scratch: string;
  /** Is there, and holds the owner, from before kind begins until the cluster has been ready once. */
  readonly unfinishedFile: string;
  readonly registryFolder: string | undefined;
}

export function readName(): string {
  const name = required("KIND_CLUSTER_NAME");
  if (!/^[a-z0-9]([a-z0-9.-]*[a-z0-9])?$/.test(name)) {
    throw new UserError(
      `KIND_CLUSTER_NAME is "${name}"; use lower case letters, digits, "-" and "." only, as in "dev".`,
    );
  }
  return name;
}

export function readTarget(): Target {
  const name = readName();
  const kubeconfigFile = path.resolve(required("KUBECONFIG_FILE"));
  const home = environment()["HOME"];
  if (home !== undefined && kubeconfigFile === path.resolve(home, ".kube/config")) {
    throw new UserError(
      `KUBECONFIG_FILE is ${kubeconfigFile}, which is your own. Give the environment a file of its own.`,
    );
  }
  const optional = (variable: string) => environment()[variable] || undefined;
  const folder = optional("KIND_REGISTRY_FOLDER");
  return {
    name,
    owner: optional("KIND_OWNER"),
    kubeconfigFile,
    scratch: `${kubeconfigFile}.kind`,
    unfinishedFile: `${kubeconfigFile}.unfinished`,
    registryFolder: folder === undefined ? undefined : path.resolve(folder),
  };
}

/** Whether a run of this environment began to make the cluster and never saw it ready. */
export function isUnfinished({ unfinishedFile, owner }: Target): boolean {
  return owner !== undefined && fs.existsSync(unfinishedFile) && fs.readFileSync(unfinishedFile, "utf8") === owner;
}
