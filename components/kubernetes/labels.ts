import type * as pulumi from "@pulumi/pulumi";

/** A text as the value of a label: what Kubernetes refuses there is a dash, and 63 characters are all. */
export function labelValue(text: string): string {
  return text
    .replaceAll(/[^A-Za-z0-9._-]/g, "-")
    .slice(0, 63)
    .replaceAll(/^[^A-Za-z0-9]+|[^A-Za-z0-9]+$/g, "");
}

/** Label by which what an environment makes is told from what others made: its value is {@link labelValue} of its name. */
export const environmentLabel = "observability.dev/environment";

/** Labels of everything that an environment makes in its cluster: by them people find it, and tell it from what others made. */
export function commonLabels(environment: string): Readonly<Record<string, string>> {
  return {
    "app.kubernetes.io/part-of": "observability-environment",
    [environmentLabel]: labelValue(environment),
  };
}

interface Metadata {
  readonly labels?: Readonly<Record<string, string>>;
}

/** Adds labels to every Kubernetes object below a component; the object's own win, as Flux's manifests have theirs. */
export function labelling(labels: Readonly<Record<string, string>>): pulumi.ResourceTransformation {
  return ({ type, props, opts }) => {
    if (!type.startsWith("kubernetes:")) return undefined;
    const { metadata, ...rest } = props as { readonly metadata?: Metadata };
    const own = { "app.kubernetes.io/managed-by": "pulumi", ...labels, ...metadata?.labels };
    return { props: { ...rest, metadata: { ...metadata, labels: own } }, opts };
  };
}
