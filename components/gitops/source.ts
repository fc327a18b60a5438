import { createHash } from "node:crypto";
import * as path from "node:path";
import * as k8s from "@pulumi/kubernetes";
import * as pulumi from "@pulumi/pulumi";
import type { SyncedContent } from "../component.ts";
import { api, type FluxHome } from "./names.ts";

/** A Git repository that Flux fetches with a deploy key. */
export interface GitOrigin {
  /** `ssh://` address of the repository. */
  readonly url: string;
  readonly branch: string;
  /** OpenSSH private key; secret. */
  readonly privateKey: pulumi.Input<string>;
  /** OpenSSH public key. */
  readonly publicKey: pulumi.Input<string>;
  /** Tells this key from the ones before and after it.
   * @default "1" */
  readonly keyVersion?: string;
  /** Host keys that the server is checked against, one per line. */
  readonly knownHosts: string;
}

/** An OCI artifact in a registry that asks for no credentials and has no certificate. */
export interface RegistryOrigin {
  /** `oci://` address, as it is reached from the cluster. */
  readonly url: pulumi.Input<string>;
  readonly tag: string;
}

export interface SourceArgs {
  readonly home: FluxHome;
  readonly origin: GitOrigin | RegistryOrigin;
  /** What of the content is applied: each folder on its own, so that one that fails holds up no other. */
  readonly folders: readonly SyncedFolder[];
  /** How often the origin is looked at, e.g. `1m`. */
  readonly interval: string;
  /** Values that the manifests in the repository may use as `${NAME}`; Flux puts them into the text as they are. */
  readonly substitute: Readonly<Record<string, string>>;
  /** Labels of everything that is applied. */
  readonly labels: Readonly<Record<string, string>>;
  /** What fetching needs: Flux, and the key registered at GitHub, or the artifact pushed. */
  readonly prerequisites: readonly pulumi.Resource[];
  /** Tells why something here is not Ready. */
  readonly explain: pulumi.ErrorHook;
}

/**
 * Values that stay text where a manifest has nothing beside them (`branch: ${NAME}`). Flux replaces in the YAML that
 * kustomize wrote, so that `123`, `1e3` or `prod (eu) #1` would become a number or be cut off: all but plain words are in
 * the quotes of JSON, which are YAML's too.
 */
export function yamlScalars(values: Readonly<Record<string, string>>): Record<string, string> {
  // Nothing that starts with a letter and has no more than these is a number, a boolean or structure to any YAML.
  const plain = /^(?!(?:true|false|yes|no|on|off|null|y|n)$)[A-Za-z][\w./@-]*(?::[\w./@-]+)*$/i;
  return Object.fromEntries(
    Object.entries(values).map(([name, value]) => [name, plain.test(value) ? value : JSON.stringify(value)]),
  );
}

/** A folder of the repository that Flux applies. */
export interface SyncedFolder extends SyncedContent {
  /** What the content needs: namespaces, definitions, webhooks, Secrets. */
  readonly prerequisites: readonly pulumi.Resource[];
  /** Further folders, each a Component of kustomize, that are applied with it; from the repository's root. */
  readonly components: readonly string[];
}

/** The spec of the Kustomization of a folder. Pure, as is the next: preflight holds them against the definitions of others. */
export function kustomizationSpec(
  folder: Omit<SyncedFolder, "prerequisites">,
  { home, substitute, labels }: Pick<SourceArgs, "home" | "substitute" | "labels">,
  sourceRef: { readonly kind: string; readonly name: string },
): Record<string, unknown> {
  return {
    ...(home.serviceAccount === undefined ? {} : { serviceAccountName: home.serviceAccount }),
    interval: "10m",
    retryInterval: "20s",
    timeout: "5m",
    prune: true,
    // What was applied is gone before this object is: its namespaces are deleted next.
    deletionPolicy: "WaitForTermination",
    wait: true,
    path: `./${folder.path}`,
    // Relative to the path (fluxcd/pkg/kustomize, kustomize_generator.go), in this order.
    ...(folder.components.length === 0
      ? {}
      : { components: folder.components.map((component) => path.posix.relative(folder.path, component)) }),
    sourceRef,
    postBuild: { substitute: { ...substitute } },
    ...(folder.patches === undefined || folder.patches.length === 0 ? {} : { patches: [...folder.patches] }),
    commonMetadata: { labels: { ...labels } },
  };
}

/** The spec of the GitRepository. @param secretName of the deploy key */
export function gitSpec(
  { url, branch }: Pick<GitOrigin, "url" | "branch">,
  interval: string,
  secretName: string,
): Record<string, unknown> {
  return { interval, timeout: "60s", url, ref: { branch }, secretRef: { name: secretName } };
}

const waitForReady = { "pulumi.com/waitFor": "condition=Ready" };

/**
 * What Flux syncs: where it comes from, and folders of it. Its type in the state is that of its first kind of origin: another
 * would replace every Kustomization of a running environment, and with it what that applied.
 */
export class Source extends pulumi.ComponentResource {
  /** What applies the folders. */
  readonly folders: readonly pulumi.Resource[];

  constructor(name: string, args: SourceArgs, opts?: pulumi.ComponentResourceOptions) {
    super("observability:gitops:GitSource", name, {}, opts);
    const { origin } = args;
    const source = "branch" in origin ? this.git(name, origin, args) : this.registry(name, origin, args);
    this.folders = args.folders.map(
      (folder) =>
        new k8s.apiextensions.CustomResource(
          `${name}-kustomization-${folder.name}`,
          {
            apiVersion: api.kustomize,
            kind: "Kustomization",
            metadata: { name: folder.name, namespace: args.home.namespace, annotations: waitForReady },
            spec: kustomizationSpec(folder, args, {
              kind: "branch" in origin ? "GitRepository" : "OCIRepository",
              name,
            }),
          },
          {
            parent: this,
            dependsOn: [source, ...folder.prerequisites],
            customTimeouts: { create: "8m", update: "8m", delete: "5m" },
            hooks: { onError: [args.explain] },
          },
        ),
    );
    this.registerOutputs();
  }

  private git(name: string, origin: GitOrigin, args: SourceArgs): pulumi.Resource {
    // Another key or other host keys are another Secret. The GitRepository changes with its name, so that this update waits
    // until Flux has fetched with them; what was there before is removed after that. It is another resource, too, not a
    // replacement: an update that failed can be taken back, and the Secret before it is still there.
    const version = createHash("sha256")
      .update(`${origin.keyVersion ?? "1"}\n${origin.knownHosts}`)
      .digest("hex")
      .slice(0, 8);
    const secretName = `${name}-deploy-key-${version}`;
    const secret = new k8s.core.v1.Secret(
      `${name}-secret-${version}`,
      {
        metadata: { name: secretName, namespace: args.home.namespace },
        type: "Opaque",
        stringData: {
          identity: origin.privateKey,
          "identity.pub": origin.publicKey,
          known_hosts: origin.knownHosts,
        },
      },
      { parent: this, dependsOn: [...args.prerequisites] },
    );
    const spec = gitSpec(origin, args.interval, secretName);
    return this.fetched(`${name}-repository`, "GitRepository", name, args, [secret], spec);
  }

  private registry(name: string, { url, tag }: RegistryOrigin, args: SourceArgs): pulumi.Resource {
    // Plain HTTP; nobody but this host and the cluster's network reaches it.
    const spec = { interval: args.interval, timeout: "60s", url, ref: { tag }, insecure: true };
    return this.fetched(`${name}-artifact`, "OCIRepository", name, args, args.prerequisites, spec);
  }

  private fetched(
    resource: string,
    kind: string,
    name: string,
    args: SourceArgs,
    dependsOn: readonly pulumi.Resource[],
    spec: object,
  ): pulumi.Resource {
    return new k8s.apiextensions.CustomResource(
      resource,
      {
        apiVersion: api.source,
        kind,
        metadata: { name, namespace: args.home.namespace, annotations: waitForReady },
        spec,
      },
      {
        parent: this,
        dependsOn: [...dependsOn],
        customTimeouts: { create: "3m", update: "3m", delete: "2m" },
        hooks: { onError: [args.explain] },
      },
    );
  }
}
