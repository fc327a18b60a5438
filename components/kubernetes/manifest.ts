/** Declares an object that is given as data: its Pulumi type comes from its apiVersion and kind. */
import * as k8s from "@pulumi/kubernetes";
import * as pulumi from "@pulumi/pulumi";

/** A Kubernetes object as it stands in a manifest. */
export interface Manifest {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: {
    readonly name: string;
    readonly namespace?: string;
    readonly labels?: Readonly<Record<string, string>>;
    readonly annotations?: Readonly<Record<string, string>>;
  };
  readonly [field: string]: unknown;
}

/** `Kind namespace/name`, or `Kind name` for an object without a namespace. */
export function manifestId(manifest: Manifest): string {
  const { name, namespace } = manifest.metadata;
  return `${manifest.kind} ${namespace === undefined ? name : `${namespace}/${name}`}`;
}

/** Kinds of the core group: their Pulumi types carry `core/v1`, which a manifest's apiVersion `v1` does not say. */
const core: Readonly<
  Record<string, new (name: string, args: object, opts: pulumi.CustomResourceOptions) => pulumi.CustomResource>
> = {
  Namespace: k8s.core.v1.Namespace,
  ResourceQuota: k8s.core.v1.ResourceQuota,
  Service: k8s.core.v1.Service,
  ServiceAccount: k8s.core.v1.ServiceAccount,
};

/**
 * Declares the object. `CustomResource` serves built-in groups too: the engine sees the same type and token
 * (`kubernetes:apps/v1:Deployment`), with the provider's own waiting.
 * @throws for a kind of the core group that nobody has needed yet
 */
export function declare(name: string, manifest: Manifest, opts: pulumi.CustomResourceOptions): pulumi.CustomResource {
  if (manifest.apiVersion !== "v1") return new k8s.apiextensions.CustomResource(name, manifest, opts);
  const kind = core[manifest.kind];
  if (kind === undefined) {
    throw new pulumi.RunError(
      `${manifestId(manifest)} is of a core kind that components/kubernetes/manifest.ts does not know.`,
    );
  }
  return new kind(name, manifest, opts);
}
