/** What is in a cluster already that an environment would make or manage: before its first `up`, and after its `destroy`. */
import { nodeSources } from "./agents/node-sources.ts";
import { fluxHome, guestHome } from "./gitops/names.ts";
import { checkProvidedFlux, type Controller } from "./gitops/provided.ts";
import { readKubeconfig, uidOf } from "./cluster/existing-cluster.ts";
import type { Finding } from "./cluster/preflight.ts";
import { type Api, ApiError, type Metadata, openApi } from "./kubernetes/api.ts";
import type { PreflightContext } from "./preflight.ts";
import { commonLabels, environmentLabel } from "./kubernetes/labels.ts";
import { contexts, namespacesOf } from "./context.ts";
import { charts, components } from "./catalogue.ts";
import type { Component, Single } from "./component.ts";
import { plan, served } from "./plan.ts";
import type { Settings } from "../settings/schema.ts";

interface System extends Single {
  /** The member of the setting `provided` by which the cluster's own is used; undefined where it cannot be. */
  readonly by?: string;
  /** Definitions that have to be there then. */
  readonly definitions: readonly string[];
  /** The component that makes it, where that is there only when another needs it. */
  readonly onlyWith?: string;
}

/** What the environment brings and a cluster has one of. */
const systems: readonly System[] = [
  ...components.flatMap(({ key, whenNeeded, single, provided }) =>
    single === undefined
      ? []
      : [
          {
            ...single,
            ...(provided && { by: provided.by }),
            ...(whenNeeded && { onlyWith: key }),
            definitions: provided?.definitions ?? [],
          },
        ],
  ),
];

const definitionsPath = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions";

const apiServicesPath = "/apis/apiregistration.k8s.io/v1/apiservices";

/** Collections without a namespace that charts add to. */
const clusterWide = {
  ClusterRole: "/apis/rbac.authorization.k8s.io/v1/clusterroles",
  ClusterRoleBinding: "/apis/rbac.authorization.k8s.io/v1/clusterrolebindings",
  ValidatingWebhookConfiguration: "/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations",
  MutatingWebhookConfiguration: "/apis/admissionregistration.k8s.io/v1/mutatingwebhookconfigurations",
} as const;

const releases: readonly string[] = Object.keys(charts);

interface Deployment {
  readonly metadata: Metadata;
  readonly spec?: {
    readonly replicas?: number;
    readonly template?: {
      readonly spec?: {
        readonly serviceAccountName?: string;
        readonly containers?: readonly { readonly image?: string; readonly args?: readonly string[] }[];
      };
    };
  };
}

/** `registry/path/name:tag@digest` is `registry/path/name`. */
const imagePath = (image: string) => image.replace(/@.*$/, "").replace(/:[^/]*$/, "");

/** The name that one of some images has; undefined when it is none of them. */
const imageOf = (image: string, names: readonly string[]) =>
  names.find((name) => `/${imagePath(image)}`.endsWith(`/${name}`));

/** A few names, and how many there are. */
function some(names: readonly string[]): string {
  const shown = 4;
  return `${names.slice(0, shown).join(", ")}${names.length > shown ? ` and ${names.length - shown} more` : ""}`;
}

/**
 * A definition that an environment of this project left behind by intent: its release is gone, its label still names it, and
 * Helm takes it back into a release of the same name and namespace. Flux's own carry the environment's label.
 * @param home namespace of this environment's releases: in that of somebody else's Flux releases are somebody else's, too
 */
function isKept({ labels = {}, annotations = {} }: Metadata, home: string): boolean {
  const released =
    [home, guestHome.namespace].includes(labels["helm.toolkit.fluxcd.io/namespace"] ?? "") &&
    releases.includes(labels["helm.toolkit.fluxcd.io/name"] ?? "");
  // Helm deletes nothing of a chart's `crds/`, and does not write there whose it is.
  const stays =
    annotations["helm.sh/resource-policy"] === "keep" || annotations["meta.helm.sh/release-name"] === undefined;
  return labels[environmentLabel] !== undefined || (released && stays);
}

export interface Occupant {
  /** Name of the stack. */
  readonly stack: string;
  /** The state knows this environment, in this very cluster: what carries its label is its own. */
  readonly known: boolean;
  /** Namespace of its releases. */
  readonly home: string;
  /** Namespaces that the environment makes. */
  readonly namespaces: readonly string[];
  /** Names of the releases that it makes. */
  readonly releases: readonly string[];
  /** Names of the APIServices that it makes, each with what to set to leave it out, and of what it is a part. @default none */
  readonly serves?: readonly {
    readonly name: string;
    readonly off?: string | undefined;
    readonly by?: Pick<Component, "single">;
  }[];
  /** The setting: what is there already and is used. */
  readonly provided: readonly string[];
  /** Keys of its components that are there only when another needs them. @default none */
  readonly needed?: readonly string[];
  /** Names of the definitions of what it declares itself, beside what charts make. @default none */
  readonly declares?: readonly string[];
}

/** Contexts of what is the same in every environment. */
function contextsOf(settings: Settings) {
  const { chosen } = plan(settings);
  const nothing = {
    name: "",
    clusterName: "",
    kind: false,
    scrapeControlPlane: false,
    redact: settings.redact,
    nodeSources: nodeSources(settings),
    credentials: false,
    secrets: [],
    image: (name: string) => name,
  };
  return { chosen, context: contexts(chosen, nothing, [], {}) };
}

/** Namespaces that an environment makes. */
export function ownNamespaces(settings: Settings): string[] {
  const { chosen, context } = contextsOf(settings);
  return [fluxHome(settings).namespace, ...namespacesOf(chosen, context).map(({ name }) => name)];
}

/** Names of the releases that an environment makes. */
export function ownReleases(settings: Settings): string[] {
  const { chosen, context } = contextsOf(settings);
  return chosen.flatMap((one) =>
    (one.component.releases?.(context(one)) ?? []).map(({ name, chart }) => name ?? chart.name),
  );
}

/** Names of the definitions of objects that an environment declares beside those of charts. */
export function declaredDefinitions(settings: Settings): string[] {
  const { chosen, context } = contextsOf(settings);
  const kinds = chosen.flatMap((one) =>
    (one.component.extras?.(context(one)) ?? []).flatMap(({ object: { apiVersion, kind } }) => {
      const [group = ""] = apiVersion.split("/");
      // Every kind of theirs that is declared here has its plural by an s.
      return group.includes(".") ? [`${kind.toLowerCase()}s.${group}`] : [];
    }),
  );
  return [...new Set(kinds)].sort();
}

const finding = (level: Finding["level"], message: string): Finding => ({ level, check: "cluster", message });

/**
 * Systems of others: in the way, or used where `provided` says so.
 * @param definitions of others, with those that an earlier environment left (`kept`)
 */
function checkSystems(
  definitions: readonly Metadata[],
  kept: readonly Metadata[],
  deployments: readonly Deployment[],
  { provided, needed = [], declares = [] }: Pick<Occupant, "provided" | "needed" | "declares">,
): { readonly findings: Finding[]; readonly there: ReadonlySet<string> } {
  const brought = systems.filter(({ onlyWith }) => onlyWith === undefined || needed.includes(onlyWith));
  const found = brought.map((system) => {
    const controllers = deployments.filter(({ spec }) =>
      spec?.template?.spec?.containers?.some(({ image = "" }) => imageOf(image, system.images) !== undefined),
    );
    const defined = definitions.filter(
      (one) => !kept.includes(one) && system.groups.some((group) => `.${one.name}`.endsWith(group)),
    );
    return { system, controllers, defined, there: controllers.length + defined.length > 0 };
  });
  const usable = found.flatMap(({ system: { by }, there }) => (there && by !== undefined ? [by] : []));
  const findings = found.flatMap(({ system, controllers, defined, there }): Finding[] => {
    const { name, by, images } = system;
    if (by !== undefined && provided.includes(by)) {
      const own = declares.filter((name) => system.groups.some((group) => `.${name}`.endsWith(group)));
      const lacking = [...new Set([...system.definitions, ...own])].filter(
        (wanted) => !definitions.some((one) => one.name === wanted),
      );
      if (!there) {
        const others = provided.filter((other) => other !== by);
        return [
          finding(
            "error",
            `${by} is in provided, but the cluster has none that is not the environment's own. ` +
              `Set provided to [${others.join(", ")}], and the environment brings it.`,
          ),
        ];
      }
      if (lacking.length > 0) {
        const message = `${by} is in provided, but of its definitions these are not there: ${some(lacking)}. Install them with the version in use, or use another cluster.`;
        return [finding("error", message)];
      }
      if (controllers.length > 0) return [];
      const message = `${by} is in provided, and its definitions are there, but no Deployment with an image ${images.join(" or ")} is. If nothing does its work, \`up\` waits in vain.`;
      return [finding("warning", message)];
    }
    if (!there) return [];
    const what = [
      ...controllers.map(({ metadata }) => `Deployment ${metadata.namespace ?? ""}/${metadata.name}`),
      ...(defined.length === 0 ? [] : [`CustomResourceDefinitions ${some(defined.map((one) => one.name))}`]),
    ];
    const all = [...new Set([...provided, ...usable])].join(", ");
    const use = by === undefined ? "Use" : `Set provided to [${all}] to use what is there, or use`;
    return [
      finding(
        "error",
        `${name} is there already (${what.join("; ")}). The environment brings its own, and two would undo each ` +
          `other's work. ${use} a cluster without it; remove it only if nobody needs it: its definitions take every ` +
          "object of theirs along.",
      ),
    ];
  });
  return { findings, there: new Set(found.flatMap(({ system, there }) => (there ? [system.name] : []))) };
}

/** The controllers of Flux among Deployments that run. */
function fluxControllers(deployments: readonly Deployment[]): Controller[] {
  const images = systems.find(({ by }) => by === "flux")?.images ?? [];
  return deployments
    .filter(({ spec }) => spec?.replicas !== 0)
    .flatMap(({ metadata, spec }) =>
      (spec?.template?.spec?.containers ?? []).flatMap(({ image: full = "", args = [] }) => {
        const image = imageOf(full, images);
        if (image === undefined) return [];
        const deployment = `${metadata.namespace ?? ""}/${metadata.name}`;
        return [{ deployment, account: spec?.template?.spec?.serviceAccountName ?? "default", image, args }];
      }),
    );
}

/**
 * Looks for what is in the way: other installations of what the environment brings, and names that it needs. What the
 * environment made itself is not in the way, nor are definitions that an earlier one left.
 * @throws Error when the cluster does not answer
 */
export async function checkOccupancy(api: Api, occupant: Occupant): Promise<Finding[]> {
  const [existing, definitions, deployments, ...wide] = await Promise.all([
    api.list("/api/v1/namespaces"),
    api.list(definitionsPath),
    api.get("/apis/apps/v1/deployments") as Promise<{ readonly items: readonly Deployment[] } | undefined>,
    ...Object.values(clusterWide).map((path) => api.list(path)),
  ]);
  const label = commonLabels(occupant.stack)[environmentLabel];
  const labelled = ({ labels }: Metadata) => occupant.known && labels?.[environmentLabel] === label;
  const ours = existing.filter(labelled).map(({ name }) => name);
  /** Made by a release of ours: helm-controller labels what it makes with the HelmRelease, which is in its namespace. */
  const released = ({ labels, annotations }: Metadata) =>
    ours.includes(occupant.home) &&
    labels?.["helm.toolkit.fluxcd.io/namespace"] === occupant.home &&
    ours.includes(annotations?.["meta.helm.sh/release-namespace"] ?? "");
  const foreign = (object: Metadata) =>
    !labelled(object) && !released(object) && !ours.includes(object.namespace ?? "");

  const kept = definitions.filter((one) => foreign(one) && isKept(one, occupant.home));
  const others = (deployments?.items ?? []).filter(({ metadata }) => foreign(metadata));
  const { findings, there: systemsThere } = checkSystems(definitions.filter(foreign), kept, others, occupant);
  if (occupant.provided.includes("flux"))
    findings.push(...(await checkProvidedFlux(api, occupant.stack, fluxControllers(others))));
  const taken = existing.filter((one) => occupant.namespaces.includes(one.name) && foreign(one));
  if (taken.length > 0) {
    const whose = [...new Set(taken.flatMap(({ labels }) => labels?.[environmentLabel] ?? []))];
    findings.push(
      finding(
        "error",
        `the ${taken.length === 1 ? "namespace" : "namespaces"} ${taken.map(({ name }) => name).join(", ")} ` +
          `${taken.length === 1 ? "is" : "are"} there already, and the environment makes its own of that name` +
          (whose.length === 0
            ? ""
            : ` (of an environment ${whose.map((name) => `"${name}"`).join(", ")}, which this state does not know)`) +
          ". Use another cluster, or remove what nobody needs: kubectl get all --namespace <name> says what is in it.",
      ),
    );
  }
  const named = Object.keys(clusterWide).flatMap((kind, index) =>
    (wide[index] ?? [])
      .filter(
        (one) =>
          foreign(one) &&
          // A chart's objects are named after the release: another release of that name has made the same ones.
          [one.annotations?.["meta.helm.sh/release-name"] ?? "", one.name].some((name) =>
            occupant.releases.includes(name),
          ),
      )
      .map(({ name }) => `${kind} ${name}`),
  );
  if (named.length > 0) {
    findings.push(
      finding(
        "error",
        `${some(named)} ${named.length === 1 ? "is" : "are"} there already, and a release of the environment makes ` +
          "objects of the same name. Remove the Helm release that they belong to (helm list --all-namespaces), or use " +
          "another cluster.",
      ),
    );
  }
  const { serves = [] } = occupant;
  const there = serves.length === 0 ? [] : await api.list(apiServicesPath);
  for (const { name, off, by } of serves) {
    if (!there.some((one) => one.name === name && foreign(one))) continue;
    // What makes it is told of.
    if (by?.single !== undefined && systemsThere.has(by.single.name)) continue;
    const use = off === undefined ? "Use" : `Set ${off} and use what is there, or use`;
    const message = `the APIService ${name} is there already, and a cluster has one of that name. ${use} another cluster.`;
    findings.push(finding("error", message));
  }
  if (kept.length > 0) {
    findings.push(
      finding(
        "note",
        `${kept.length} definitions that an earlier environment left (${some(kept.map((one) => one.name))}) are used again.`,
      ),
    );
  }
  return findings;
}

/**
 * The check of preflight. Finds nothing for a Kind cluster, which holds nothing of anybody else, nor where nobody answers, which
 * is told once (`checkExistingCluster`).
 */
export async function checkContent({ stack, settings, known, preview }: PreflightContext): Promise<Finding[]> {
  const { type, existing } = settings.cluster;
  if (type !== "existing" || existing === undefined) return [];
  let text: string;
  try {
    ({ text } = readKubeconfig(existing));
  } catch {
    return []; // told by the check of the cluster
  }
  const api = await openApi(text, existing.context);
  try {
    await uidOf(api);
  } catch (error) {
    if (error instanceof ApiError && error.status === undefined) return [];
    const message =
      `which cluster it is cannot be asked: ${error instanceof Error ? error.message : String(error)}. ` +
      `See what \`kubectl --context ${existing.context} get namespace kube-system\` says.`;
    return [{ level: preview ? "note" : "error", check: "cluster", message }];
  }
  const { provided } = settings;
  return await checkOccupancy(api, {
    ...{ stack, known, provided },
    home: fluxHome(settings).namespace,
    namespaces: ownNamespaces(settings),
    releases: plan(settings).chosen.flatMap(({ component }) => component.charts.map(({ name }) => name)),
    serves: served(settings),
    declares: declaredDefinitions(settings),
    needed: plan(settings).chosen.flatMap(({ component: { key, whenNeeded } }) => (whenNeeded ? [key] : [])),
  });
}

/** Definitions that an environment left behind, each with how many objects use it. @throws Error when nobody answers */
export async function keptDefinitions(
  api: Api,
  { namespace }: ReturnType<typeof fluxHome>,
): Promise<readonly { readonly name: string; readonly objects: number }[]> {
  const kept = (await api.list(definitionsPath)).filter((one) => isKept(one, namespace));
  return await Promise.all(
    kept.map(async ({ name }) => {
      const [plural = "", ...group] = name.split(".");
      const root = `/apis/${group.join(".")}`;
      const served = (await api.get(root)) as { readonly preferredVersion?: { readonly version: string } } | undefined;
      const version = served?.preferredVersion?.version;
      const objects = version === undefined ? [] : await api.list(`${root}/${version}/${plural}`);
      return { name, objects: objects.length };
    }),
  );
}

/** What is said of them at the end of `destroy`; nothing when there are none. */
export function keptLines(kept: readonly { readonly name: string; readonly objects: number }[]): string[] {
  if (kept.length === 0) return [];
  return [
    "Kept in the cluster, because others may use them, and deleting one deletes every object of its kind:",
    ...kept.map(
      ({ name, objects }) => `  CustomResourceDefinition ${name} (${objects} ${objects === 1 ? "object" : "objects"})`,
    ),
    "The next `up` uses them again. When nobody does: kubectl delete customresourcedefinition <name>.",
  ];
}
