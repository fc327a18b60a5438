import { readFileSync } from "node:fs";
import * as path from "node:path";
import * as pulumi from "@pulumi/pulumi";
import { parse, stringify } from "yaml";
import { type Api, openApi } from "../kubernetes/api.ts";
import type { Cluster } from "./cluster.ts";

export interface ExistingClusterArgs {
  /** Path of the kubeconfig file, absolute or relative to where Pulumi runs. */
  readonly kubeconfig: string;
  /** Context in that file. */
  readonly context: string;
}

type Fields = Readonly<Record<string, unknown>>;

interface Kubeconfig {
  readonly contexts?: readonly { readonly name: string; readonly context?: Fields }[];
  readonly clusters?: readonly { readonly name: string; readonly cluster?: Fields }[];
  readonly users?: readonly { readonly name: string; readonly user?: Fields }[];
}

/** Fields that name a file, and the field that holds its content instead. */
const files = {
  cluster: { "certificate-authority": "certificate-authority-data" },
  user: { "client-certificate": "client-certificate-data", "client-key": "client-key-data" },
} as const;

/** The entry with the content of each file that it names; a `-data` field beside wins, as in client-go. */
function inlined(entry: Fields, names: Readonly<Record<string, string>>, file: string): Fields {
  const result: Record<string, unknown> = Object.fromEntries(Object.entries(entry).filter(([key]) => !(key in names)));
  for (const [field, data] of Object.entries(names)) {
    const named = entry[field];
    if (typeof named !== "string" || named === "" || result[data] !== undefined) continue;
    const from = path.resolve(path.dirname(file), named);
    try {
      result[data] = readFileSync(from).toString("base64");
    } catch (error) {
      const reason = (error as NodeJS.ErrnoException).code ?? String(error);
      throw new Error(
        `${file} names ${named} as ${field}, and ${from} cannot be read (${reason}). ` +
          "Put the file there, or write a kubeconfig that needs none: kubectl config view --flatten --minify.",
      );
    }
  }
  return result;
}

/** Files that are read anew at each use, and programs, stay where they are: only their paths become absolute. */
function located(user: Fields, file: string): Fields {
  const absolute = (name: string) => path.resolve(path.dirname(file), name);
  const { tokenFile } = user;
  const exec = user["exec"] as { readonly command?: unknown } | null | undefined;
  return {
    ...user,
    ...(typeof tokenFile === "string" && tokenFile !== "" ? { tokenFile: absolute(tokenFile) } : {}),
    // A command without a slash is looked for on PATH.
    ...(typeof exec?.command === "string" && exec.command.includes("/")
      ? { exec: { ...exec, command: absolute(exec.command) } }
      : {}),
  };
}

/**
 * The part of a kubeconfig that one context uses, complete in itself: other clusters' credentials do not reach the state,
 * and certificates that it names are in it. Relative paths count from the kubeconfig's own folder, as for kubectl.
 * @throws Error that says what is wrong with the file, and never quotes it
 */
export function selfContained(text: string, file: string, context: string): string {
  let config: Kubeconfig | null;
  try {
    config = parse(text) as Kubeconfig | null;
  } catch {
    throw new Error(`${file} is no YAML, so it is no kubeconfig. Set cluster.existing.kubeconfig.`);
  }
  const used = config?.contexts?.find(({ name }) => name === context)?.context;
  const cluster = config?.clusters?.find(({ name }) => name === used?.["cluster"]);
  if (used === undefined || typeof cluster?.cluster?.["server"] !== "string") {
    const names = (config?.contexts ?? []).map(({ name }) => name);
    const known = names.length === 0 ? "It names no context at all." : `It has: ${names.join(", ")}.`;
    throw new Error(`${file} has no usable context "${context}". ${known} Set cluster.existing.context.`);
  }
  const user = config?.users?.find(({ name }) => name === used["user"]);
  return stringify({
    apiVersion: "v1",
    kind: "Config",
    "current-context": context,
    contexts: [{ name: context, context: used }],
    clusters: [{ name: cluster.name, cluster: inlined(cluster.cluster, files.cluster, file) }],
    users:
      user === undefined ? [] : [{ name: user.name, user: located(inlined(user.user ?? {}, files.user, file), file) }],
  });
}

/**
 * Reads the kubeconfig that the settings name.
 * @throws RunError when it cannot be read or used
 */
export function readKubeconfig({ kubeconfig, context }: ExistingClusterArgs): { file: string; text: string } {
  const file = path.resolve(kubeconfig);
  try {
    return { file, text: selfContained(readFileSync(file, "utf8"), file, context) };
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    if (code === undefined) throw new pulumi.RunError(message);
    throw new pulumi.RunError(`The kubeconfig ${file} cannot be read (${code}). Set cluster.existing.kubeconfig.`);
  }
}

/**
 * Who the cluster is: the UID of its namespace `kube-system`, which it keeps for life, whatever its address and its
 * certificates become.
 * @throws Error when it does not answer, or says no
 */
export async function uidOf(api: Api): Promise<string> {
  const found = (await api.get("/api/v1/namespaces/kube-system")) as { metadata: { uid: string } } | undefined;
  if (found === undefined) throw new Error("it has no namespace kube-system");
  return found.metadata.uid;
}

/**
 * {@link uidOf} the cluster of the settings; undefined when it does not tell, or its kubeconfig cannot be used: preflight
 * says why, beside all else that is wrong, and an `up` ends there.
 */
export async function clusterUid(args: ExistingClusterArgs): Promise<string | undefined> {
  try {
    return await uidOf(await openApi(readKubeconfig(args).text, args.context));
  } catch {
    return undefined;
  }
}

// Exported by the SDK and marked @internal, so its declaration is stripped (@pulumi/pulumi 3.270.0, output.js).
const { unknown } = pulumi as unknown as { readonly unknown: pulumi.Input<string> };

/** A cluster that is there already and stays when the environment goes. */
export class ExistingCluster extends pulumi.ComponentResource implements Cluster {
  readonly name: string;
  readonly kubeconfig: pulumi.Output<string>;
  readonly kubeconfigPath: string;
  readonly context: string;
  readonly identifier: string | undefined;
  readonly lifetime = undefined;
  readonly hostPorts = {};

  /**
   * @param args with who it is (`clusterUid`), undefined where nobody has asked it, and with its kubeconfig where that is
   * not to be read
   */
  constructor(
    name: string,
    args: ExistingClusterArgs & {
      readonly uid: string | undefined;
      readonly read?: ReturnType<typeof readKubeconfig> | undefined;
    },
    opts?: pulumi.ComponentResourceOptions,
  ) {
    super("observability:cluster:ExistingCluster", name, {}, opts);
    this.kubeconfigPath = args.read?.file ?? path.resolve(args.kubeconfig);
    this.name = args.context;
    this.context = args.context;
    this.identifier = args.uid;
    this.kubeconfig = pulumi.secret(args.read?.text ?? this.read(args));
    this.registerOutputs({ kubeconfigPath: this.kubeconfigPath });
  }

  /** The kubeconfig; not known in a preview that cannot use it: preflight has said so, and `up` refuses there. */
  private read(args: ExistingClusterArgs): pulumi.Input<string> {
    try {
      return readKubeconfig(args).text;
    } catch (error) {
      if (pulumi.runtime.isDryRun()) return unknown;
      // Nothing asks for it before preflight has let the environment's own resource be made.
      return this.urn.apply(() => {
        throw error;
      });
    }
  }
}
