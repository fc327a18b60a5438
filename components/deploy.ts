/** Makes the resources of a component of the catalogue: the same way for all. */
import * as k8s from "@pulumi/kubernetes";
import * as pulumi from "@pulumi/pulumi";
import * as random from "@pulumi/random";
import type { Stack } from "../settings/read.ts";
import type { Context, Release, SecretObject, SecretText, SecretTree } from "./component.ts";
import type { ChartSources } from "./gitops/chart-source.ts";
import type { ClusterAccess } from "./gitops/diagnosis.ts";
import { HelmRelease, mergeValues } from "./gitops/helm-release.ts";
import { kebab } from "./kebab.ts";
import { declare } from "./kubernetes/manifest.ts";
import { retryWebhook } from "./kubernetes/retry-webhook.ts";
import { keepVolumeSize } from "./kubernetes/volume-size.ts";
import { type contexts, homes } from "./context.ts";
import type { Namespace } from "./kubernetes/namespace.ts";
import { type Chosen, prerequisites } from "./plan.ts";
import type { SharedSecrets } from "./shared-secrets.ts";

/** JSON as it stands in a Secret. VictoriaMetrics' programs fill in `%{...}` wherever it stands; to JSON the other form is the same. */
export const secretJson = (value: unknown): string => JSON.stringify(value).replaceAll("%", "\\u0025");

/** Whether a node is a text itself, not a list or a map of some. */
const isText = (node: SecretTree): node is SecretText =>
  typeof node === "string" ||
  (typeof node === "object" &&
    !Array.isArray(node) &&
    ["json", "generated", "secret", "group", "shared", "authority"].some((kind) => kind in node));

/** Name of a child: it starts with its parent's. */
const below = (name: string, child: string) =>
  child === name || child.startsWith(`${name}-`) ? child : `${name}-${child}`;

export interface DeployArgs {
  readonly chosen: Chosen;
  readonly context: Context<Chosen["settings"]>;
  /** Parts of which this one deploys the chart. */
  readonly parts: readonly { readonly chosen: Chosen; readonly context: Context<Chosen["settings"]> }[];
  readonly sources: ChartSources;
  readonly cluster: ClusterAccess;
  readonly secrets: Readonly<Record<string, pulumi.Output<string> | undefined>>;
  readonly members: Stack["members"];
  readonly shared: SharedSecrets;
  /** Flux, namespaces, and components that have to work before. */
  readonly prerequisites: readonly pulumi.Resource[];
}

/** A component of the environment with all that it is made of. */
export class Deployed extends pulumi.ComponentResource {
  /** Passwords that were made for it, by key; secret. */
  readonly generated: Readonly<Record<string, pulumi.Output<string>>>;
  /** Charts that it deploys, with their versions. */
  readonly charts: Readonly<Record<string, string>>;

  constructor(args: DeployArgs, opts: pulumi.ComponentResourceOptions) {
    const { component } = args.chosen;
    const name = kebab(component.key);
    super("observability:index:Component", name, {}, opts);
    const { context } = args;
    const child = { parent: this, dependsOn: [...args.prerequisites] };

    const generated: Record<string, pulumi.Output<string>> = {};
    const text = (value: SecretText): pulumi.Input<string> => {
      if (typeof value === "string") return value;
      if ("json" in value) return pulumi.output(tree(value.json) as pulumi.Input<object>).apply(secretJson);
      if ("generated" in value) {
        generated[value.generated] ??= new random.RandomPassword(
          below(name, value.generated),
          { length: 24, special: false },
          { parent: this },
        ).result;
        return generated[value.generated] ?? "";
      }
      if ("shared" in value) return args.shared.password(value.shared);
      if ("authority" in value) return args.shared.authority(value.authority)[value.part];
      const secret = "secret" in value ? args.secrets[value.secret] : args.members[value.group]?.[value.member];
      if (secret === undefined) throw new pulumi.RunError(`${component.key}: a secret is missing that it needs.`);
      return secret;
    };
    const tree = (node: SecretTree): pulumi.Input<unknown> =>
      isText(node)
        ? text(node)
        : typeof node === "number"
          ? node
          : Array.isArray(node)
            ? node.map(tree)
            : Object.fromEntries(Object.entries(node).map(([key, below]) => [key, tree(below)]));
    const secret = ({ name: secretName, namespace, data }: SecretObject) =>
      new k8s.core.v1.Secret(
        below(name, secretName),
        {
          metadata: { name: secretName, namespace },
          type: "Opaque",
          stringData: Object.fromEntries(Object.entries(data).map(([key, value]) => [key, text(value)])),
        },
        child,
      );
    const made: pulumi.Resource[] = (component.secrets?.(context) ?? []).map(secret);

    const extras = component.extras?.(context) ?? [];
    for (const { name: extra, object } of extras.filter(({ last }) => last !== true)) {
      made.push(declare(below(name, extra), object, child));
    }
    const releases = component.releases?.(context) ?? [];
    for (const release of releases) {
      made.push(this.release(below(name, release.name ?? release.chart.name), release, args, made));
    }
    for (const { name: extra, object, webhook } of extras.filter(({ last }) => last === true)) {
      const hooks = webhook === true ? { hooks: { onError: [retryWebhook(below(name, extra))] } } : {};
      declare(below(name, extra), object, { ...child, dependsOn: [...args.prerequisites, ...made], ...hooks });
    }
    this.charts = Object.fromEntries(releases.map(({ chart }) => [chart.name, chart.version]));
    this.generated = generated;
    this.registerOutputs();
  }

  private release(name: string, release: Release, args: DeployArgs, before: readonly pulumi.Resource[]): HelmRelease {
    const parts = args.parts.flatMap(({ chosen, context }) => chosen.component.part?.(context) ?? []);
    const merged = (values: readonly (object | undefined)[]) => values.reduce<object>(mergeValues, {});
    return new HelmRelease(
      name,
      {
        sources: args.sources,
        chart: release.chart,
        namespace: release.namespace,
        ...(release.name === undefined ? {} : { releaseName: release.name }),
        values: merged([release.values, ...parts.map(({ values }) => values)]),
        override: merged([...parts.map(({ override }) => override), release.override]),
        pullSecrets: release.pullSecrets,
        prerequisites: [...args.prerequisites, ...before],
        ...(release.driftIgnore === undefined ? {} : { driftIgnore: release.driftIgnore }),
        ...(release.scaled === undefined ? {} : { scaled: release.scaled }),
        ...(release.volumes === undefined
          ? {}
          : { beforeUpdate: release.volumes.map((claims) => keepVolumeSize(claims, args.cluster)) }),
      },
      { parent: this },
    );
  }
}

/** Makes the components of a plan. Charts are fetched at once; a component waits only for what it needs. */
export function deploy(
  chosen: readonly Chosen[],
  context: ReturnType<typeof contexts>,
  namespaces: ReadonlyMap<string, Namespace>,
  args: Omit<DeployArgs, "chosen" | "context" | "parts">,
  opts: pulumi.ComponentResourceOptions,
): {
  readonly deployed: ReadonlyMap<string, Deployed>;
  /** What was made of some of them. */
  readonly made: (some: readonly Chosen[]) => Deployed[];
} {
  const deployed = new Map<string, Deployed>();
  const made = (some: readonly Chosen[]) => some.flatMap(({ component: { key } }) => deployed.get(key) ?? []);
  for (const one of chosen.filter(({ component: { key }, provided }) => !provided && key !== "flux")) {
    const { key } = one.component;
    const parts = chosen.filter(({ component: { partOf } }) => partOf === key);
    const own = homes(chosen, one, context).flatMap((namespace) => namespaces.get(namespace) ?? []);
    deployed.set(
      key,
      new Deployed(
        {
          ...args,
          chosen: one,
          context: context(one),
          parts: parts.map((part) => ({ chosen: part, context: context(part) })),
          prerequisites: [...args.prerequisites, ...own, ...made(prerequisites(chosen, one))],
        },
        opts,
      ),
    );
  }
  return { deployed, made };
}
