import * as pulumi from "@pulumi/pulumi";
import type { Settings } from "../../settings/schema.ts";
import { declare, type Manifest } from "../kubernetes/manifest.ts";
import { podSecurityLabels } from "../kubernetes/namespace.ts";
import { imagePullSecrets } from "../kubernetes/pull-secrets.ts";
import { registryCredentials } from "../kubernetes/registry-credentials.ts";
import { ownHome } from "./names.ts";
import { proxySecret, proxyVariables } from "./proxy.ts";

export interface FluxArgs {
  /** Flux's objects (`fluxManifests`). */
  readonly manifests: readonly Manifest[];
  /** Adds the digest to an image. @default none is added */
  readonly image?: (name: string) => string;
  /** Docker's config.json, for charts and images of private registries; secret.
   * @default none */
  readonly registryCredentials?: pulumi.Output<string> | undefined;
  /** The controllers' way out of the cluster.
   * @default direct */
  readonly proxy?: Settings["network"]["proxy"];
  /** `user:password` of that proxy; secret.
   * @default none */
  readonly proxyCredentials?: pulumi.Output<string> | undefined;
  /**
   * Makes the definitions, on a cluster that others use, too: they outlive the environment, because deleting one deletes
   * every object of its kind, and the next environment takes them back.
   * @default they go with the environment
   */
  readonly kept?: pulumi.ProviderResource;
}

/** Namespaces and definitions come before all else; everything else may be made at once. */
const first = ["Namespace", "CustomResourceDefinition"];

/** A Service that nobody waits for: the provider would want its endpoints, and then ten seconds without a change. */
function unawaited(manifest: Manifest): Manifest {
  const annotations = { ...manifest.metadata.annotations, "pulumi.com/skipAwait": "true" };
  return { ...manifest, metadata: { ...manifest.metadata, annotations } };
}

interface PodSpec {
  readonly containers: readonly { readonly image: string; readonly env?: readonly object[] }[];
}

/** A Deployment whose pods are made by another specification. */
function withPods(manifest: Manifest, change: (pod: PodSpec) => PodSpec): Manifest {
  const spec = manifest["spec"] as { readonly template: { readonly spec: PodSpec } };
  return { ...manifest, spec: { ...spec, template: { ...spec.template, spec: change(spec.template.spec) } } };
}

/**
 * The Flux controllers, declared object by object from the released manifests: every object has a diff, a preview works
 * before there is a cluster, and nothing is pushed to Git.
 */
export class Flux extends pulumi.ComponentResource {
  constructor(name: string, args: FluxArgs, opts?: pulumi.ComponentResourceOptions) {
    super("observability:gitops:Flux", name, {}, opts);
    const resourceName = ({ kind, metadata }: Manifest) => `${name}-${kind}-${metadata.name}`.toLowerCase();
    const foundation = args.manifests
      .filter(({ kind }) => first.includes(kind))
      .map((manifest) => {
        // Flux's own namespace only warns; its controllers satisfy "restricted", so it is enforced here.
        const labelled =
          manifest.kind === "Namespace"
            ? {
                ...manifest,
                metadata: {
                  ...manifest.metadata,
                  labels: { ...manifest.metadata.labels, ...podSecurityLabels("restricted") },
                },
              }
            : manifest;
        const keep = args.kept !== undefined && manifest.kind === "CustomResourceDefinition";
        return declare(resourceName(manifest), labelled, {
          parent: this,
          ...(keep ? { provider: args.kept, retainOnDelete: true } : {}),
        });
      });
    const credentials =
      args.registryCredentials === undefined
        ? []
        : [
            registryCredentials(`${name}-registry`, ownHome.namespace, args.registryCredentials, {
              parent: this,
              dependsOn: foundation,
            }),
          ];
    const { proxy, proxyCredentials, image = (name: string) => name } = args;
    const secret =
      proxy === undefined || proxyCredentials === undefined
        ? undefined
        : proxySecret(`${name}-proxy`, proxy, proxyCredentials, { parent: this, dependsOn: foundation });
    const variables = proxy === undefined ? [] : proxyVariables(proxy, secret);
    const equipped = (pod: PodSpec) => ({
      ...pod,
      ...(credentials.length > 0 ? { imagePullSecrets } : {}),
      containers: pod.containers.map((one) => ({
        ...one,
        image: image(one.image),
        ...(variables.length > 0 ? { env: [...(one.env ?? []), ...variables] } : {}),
      })),
    });
    const changes: Readonly<Record<string, (manifest: Manifest) => Manifest>> = {
      Service: unawaited,
      Deployment: (manifest) => withPods(manifest, equipped),
    };
    for (const manifest of args.manifests.filter(({ kind }) => !first.includes(kind))) {
      declare(resourceName(manifest), changes[manifest.kind]?.(manifest) ?? manifest, {
        parent: this,
        dependsOn: [...foundation, ...credentials],
        ...(manifest.kind === "Deployment" ? { customTimeouts: { create: "5m", update: "5m", delete: "3m" } } : {}),
      });
    }
    this.registerOutputs();
  }
}
