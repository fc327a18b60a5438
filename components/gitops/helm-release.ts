import * as k8s from "@pulumi/kubernetes";
import * as pulumi from "@pulumi/pulumi";
import { merge as deepMerge } from "ts-deepmerge";
import { digestValues } from "../../settings/digests.ts";
import type { ChartPin } from "../../settings/versions.ts";
import type { ChartSources } from "./chart-source.ts";
import { api } from "./names.ts";

export interface HelmReleaseArgs {
  readonly chart: ChartPin;
  readonly sources: ChartSources;
  /** Namespace that the chart's objects go to; it has to exist. */
  readonly namespace: string;
  /** Name of the release.
   * @default the chart's name */
  readonly releaseName?: string;
  /** Values, plain: a secret has no place here, it would stand in the cluster in clear and hide every diff. */
  readonly values: object;
  /** Merged over `values`, last; lists replace. */
  readonly override?: object;
  /** Values by which every pod of the chart pulls with the credentials of private registries; @default none */
  readonly pullSecrets?: object | undefined;
  /** What has to be there first: definitions, Secrets, webhooks. */
  readonly prerequisites: readonly pulumi.Resource[];
  /** What has to agree to a change of the release, in the preview too. */
  readonly beforeUpdate?: readonly pulumi.ResourceHook[];
  /** Where Flux should not put a difference back: fields that others write by design. */
  readonly driftIgnore?: readonly { readonly kind: string; readonly paths: readonly string[] }[];
  /** Deployments whose replicas an autoscaler decides: the release says none. @default none */
  readonly scaled?: readonly string[];
}

/** Values with an override merged over them: maps by key, lists replaced. */
export function mergeValues(values: object, override: object | undefined): object {
  return deepMerge.withOptions({ mergeArrays: false }, values, override ?? {});
}

/** The webhooks' caBundle is written by cert-manager's cainjector after the install (flux2#3676). */
const webhookIgnores = ["ValidatingWebhookConfiguration", "MutatingWebhookConfiguration"].map((kind) => ({
  paths: ["/webhooks"],
  target: { kind },
}));

/**
 * On a cluster that others use, too. helm-controller takes objects over by default (v2, `DisableTakeOwnership`), and a
 * chart's `crds/` by `CreateReplace` without looking whose they are. Uninstalling a release would delete the definitions
 * among its templates, and with them every object of everybody that they define: Helm keeps what says so, and it reads
 * that from the manifest as it was post-rendered. One rule for all charts, whatever they call their own value for it.
 */
const besideOthers = {
  action: { crds: "Create", disableTakeOwnership: true },
  patches: [
    {
      target: { group: "apiextensions.k8s.io", kind: "CustomResourceDefinition" },
      patch: JSON.stringify({
        apiVersion: "apiextensions.k8s.io/v1",
        kind: "CustomResourceDefinition",
        metadata: { name: "any", annotations: { "helm.sh/resource-policy": "keep" } },
      }),
    },
  ],
};

/**
 * A release that says a number of replicas sets it again at each upgrade, and drift detection in between: whoever scales the
 * Deployment would be undone. What nobody says stays as it is.
 */
const unsaid = (deployment: string) => ({
  target: { group: "apps", kind: "Deployment", name: deployment },
  patch: JSON.stringify([{ op: "remove", path: "/spec/replicas" }]),
});

/** What a release takes from where its chart comes from. */
type Sources = Pick<ChartSources, "home" | "shared" | "credentials" | "imagesByDigest" | "releaseTimeoutMinutes">;

/** The spec of a HelmRelease. Pure, so that tests read what Flux is told, and preflight what its definition has to know. */
export function helmReleaseSpec(
  args: Omit<HelmReleaseArgs, "sources" | "prerequisites"> & { readonly sources: Sources },
  source: { readonly kind: "OCIRepository" | "HelmRepository"; readonly name: string },
): Record<string, unknown> {
  const retry = { strategy: { name: "RetryOnFailure", retryInterval: "20s" } };
  const chart =
    source.kind === "OCIRepository"
      ? { chartRef: { kind: source.kind, name: source.name } }
      : {
          chart: {
            spec: {
              chart: args.chart.name,
              version: args.chart.version,
              sourceRef: { kind: source.kind, name: source.name },
              interval: "1h",
            },
          },
        };
  // Flux's default for upgrades skips CRDs, which leaves those of an older version behind.
  const action = { ...(args.sources.shared ? besideOthers.action : { crds: "CreateReplace" }), ...retry };
  const { serviceAccount } = args.sources.home;
  const patches = [...(args.sources.shared ? besideOthers.patches : []), ...(args.scaled ?? []).map(unsaid)];
  return {
    ...chart,
    ...(serviceAccount === undefined ? {} : { serviceAccountName: serviceAccount }),
    interval: "10m",
    timeout: `${args.sources.releaseTimeoutMinutes}m`,
    releaseName: args.releaseName ?? args.chart.name,
    targetNamespace: args.namespace,
    storageNamespace: args.namespace,
    maxHistory: 3,
    install: action,
    upgrade: action,
    ...(patches.length === 0 ? {} : { postRenderers: [{ kustomize: { patches } }] }),
    driftDetection: {
      mode: "enabled",
      ignore: [
        ...webhookIgnores,
        ...(args.driftIgnore ?? []).map(({ kind, paths }) => ({ paths: [...paths], target: { kind } })),
      ],
    },
    values: [
      args.sources.credentials ? args.pullSecrets : undefined,
      args.sources.imagesByDigest ? digestValues(args.chart, args.override) : undefined,
      args.override,
    ].reduce<object>((values, over) => mergeValues(values, over), args.values),
  };
}

/**
 * A chart, deployed by Flux. The only place that knows `helm.toolkit.fluxcd.io`. It counts as created when Flux reports
 * it Ready; a release that fails is retried by Flux within that time, and a later `up` waits for it again.
 */
export class HelmRelease extends pulumi.ComponentResource {
  constructor(name: string, args: HelmReleaseArgs, opts?: pulumi.ComponentResourceOptions) {
    super("observability:gitops:HelmRelease", name, {}, opts);
    const source = args.sources.source(args.chart);
    const wait = args.sources.releaseTimeoutMinutes + 2;
    new k8s.apiextensions.CustomResource(
      `${name}-release`,
      {
        apiVersion: api.helm,
        kind: "HelmRelease",
        metadata: {
          name: args.releaseName ?? args.chart.name,
          namespace: args.sources.home.namespace,
          annotations: { "pulumi.com/waitFor": "condition=Ready" },
        },
        spec: helmReleaseSpec(args, source),
      },
      {
        parent: this,
        dependsOn: [source.resource, ...args.prerequisites],
        // A little more than Flux's own time-out, so that its reason is there to be reported.
        customTimeouts: { create: `${wait}m`, update: `${wait}m`, delete: "5m" },
        hooks: { onError: [args.sources.explain], beforeUpdate: [...(args.beforeUpdate ?? [])] },
      },
    );
    this.registerOutputs();
  }
}
