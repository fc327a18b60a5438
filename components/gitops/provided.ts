/** Whether somebody else's Flux takes what an environment gives it: its definitions know the fields, its controllers look there. */
import { flux as madeFor } from "../../settings/versions.ts";
import type { Finding } from "../cluster/preflight.ts";
import { type Api, ApiError } from "../kubernetes/api.ts";
import { commonLabels } from "../kubernetes/labels.ts";
import { chartSource } from "./chart-source.ts";
import { helmReleaseSpec } from "./helm-release.ts";
import { api as versions, guestHome } from "./names.ts";
import { gitSpec, kustomizationSpec } from "./source.ts";

/** A structural schema, as definitions have it. */
export interface Schema {
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly additionalProperties?: Schema | boolean;
  readonly items?: Schema;
  readonly enum?: readonly unknown[];
  readonly "x-kubernetes-preserve-unknown-fields"?: boolean;
}

interface Definition {
  readonly spec: {
    readonly versions: readonly {
      readonly name: string;
      readonly served: boolean;
      readonly schema?: { readonly openAPIV3Schema?: Schema };
    }[];
  };
}

/** What an environment may write of each kind, with all that it may say. */
export function written(): readonly { readonly apiVersion: string; readonly kind: string; readonly spec: object }[] {
  const access = { ca: true, credentials: true };
  const charts = ["oci://registry.example.com", "https://charts.example.com"].map((repository) => {
    const pin = { name: "chart", version: "1.0.0", repository, digest: "sha256:00" };
    return { chart: pin, source: chartSource({ interval: "1h", mirror: undefined }, pin, access) };
  });
  const sources = { home: guestHome, shared: true, credentials: true, imagesByDigest: false, releaseTimeoutMinutes: 1 };
  const folder = { name: "a", path: "a", components: ["b"], patches: [{ target: { kind: "Deployment" }, patch: "" }] };
  const git = gitSpec({ url: "ssh://git@example.com/a/b", branch: "main" }, "1m", "key");
  const kustomization = kustomizationSpec(
    folder,
    { home: guestHome, substitute: { NAME: "" }, labels: { name: "" } },
    { kind: "GitRepository", name: "a" },
  );
  return [
    { apiVersion: versions.source, kind: "GitRepository", spec: git },
    ...charts.map(({ source: { kind, spec } }) => ({ apiVersion: versions.source, kind, spec })),
    { apiVersion: versions.kustomize, kind: "Kustomization", spec: kustomization },
    ...charts.map(({ chart, source }) => {
      const driftIgnore = [{ kind: "Deployment", paths: ["/spec"] }];
      const release = { sources, chart, namespace: "a", values: {}, driftIgnore };
      return { apiVersion: versions.helm, kind: "HelmRelease", spec: helmReleaseSpec(release, source) };
    }),
  ];
}

/** Fields, and values of those that take some only, that a schema does not know: the API server would drop or refuse them. */
export function unknownFields(schema: Schema | undefined, value: unknown, path: string): string[] {
  if (schema === undefined) return [path];
  if (schema.enum !== undefined && !schema.enum.includes(value)) return [`${path} ${String(value)}`];
  if (schema["x-kubernetes-preserve-unknown-fields"] === true) return [];
  if (Array.isArray(value)) return value.flatMap((item) => unknownFields(schema.items, item, path));
  if (typeof value !== "object" || value === null) return [];
  const { properties = {}, additionalProperties } = schema;
  if (additionalProperties === true) return [];
  const rest = typeof additionalProperties === "object" ? additionalProperties : undefined;
  return Object.entries(value).flatMap(([key, child]) =>
    unknownFields(properties[key] ?? rest, child, `${path}.${key}`),
  );
}

/** What the definitions of a cluster do not know of what is written; those that are not there are told elsewhere. */
async function lacking(api: Api): Promise<string[]> {
  const found = await Promise.all(
    written().map(async ({ apiVersion, kind, spec }) => {
      const [group = "", version = ""] = apiVersion.split("/");
      const plural = `${kind.toLowerCase()}s`.replace(/ys$/, "ies");
      const path = `/apis/apiextensions.k8s.io/v1/customresourcedefinitions/${plural}.${group}`;
      const definition = (await api.get(path)) as Definition | undefined;
      if (definition === undefined) return [];
      const served = definition.spec.versions.find((one) => one.name === version && one.served);
      if (served === undefined) return [`${kind} ${apiVersion}`];
      const schema = served.schema?.openAPIV3Schema?.properties?.["spec"];
      return unknownFields(schema, spec, "spec").map((field) => `${kind} ${field}`);
    }),
  );
  return [...new Set(found.flat())];
}

/** Value of a controller's flag; undefined where it is not given. The last one counts. */
function flag(args: readonly string[], name: string): string | undefined {
  const values = args.flatMap((arg, index) =>
    arg === `--${name}` ? (args[index + 1] ?? []) : arg.startsWith(`--${name}=`) ? arg.slice(name.length + 3) : [],
  );
  return values.at(-1);
}

/** Whether a label selector takes something with these labels (Kubernetes, "Labels and selectors"). */
export function selects(selector: string, labels: Readonly<Record<string, string>>): boolean {
  const requirements = selector.match(/(?:[^,(]|\([^)]*\))+/g) ?? [];
  return requirements.every((requirement) => {
    const form = /^\s*(!?)\s*([\w./-]+)\s*(?:(==?|!=|\bin\b|\bnotin\b)\s*\(?([^)]*)\)?)?\s*$/;
    const [, not, key = "", operator, list = ""] = form.exec(requirement) ?? [];
    const value = labels[key];
    if (operator === undefined) return (value !== undefined) === (not !== "!");
    const named = value !== undefined && list.split(",").some((one) => one.trim() === value);
    return operator.startsWith("!") || operator === "notin" ? !named : named;
  });
}

/** A container of a Deployment. */
export interface Controller {
  /** `namespace/name` of the Deployment. */
  readonly deployment: string;
  /** Name of its ServiceAccount. */
  readonly account: string;
  /** Name of its image, without registry and tag. */
  readonly image: string;
  readonly args: readonly string[];
}

/** Those that an environment cannot do without; notifications are nothing of its. */
const necessary = ["source-controller", "kustomize-controller", "helm-controller"];

/** Why a controller does not look at what an environment makes; undefined where it does. */
function blind({ deployment, args }: Controller, labels: Readonly<Record<string, string>>): string | undefined {
  if (flag(args, "watch-all-namespaces") === "false")
    return `${deployment} looks at its own namespace only (--watch-all-namespaces=false)`;
  const selector = flag(args, "watch-label-selector") ?? "";
  return selects(selector, labels)
    ? undefined
    : `${deployment} looks at others only (--watch-label-selector=${selector})`;
}

/** Those that apply what they are given, as the ServiceAccount that it names (`spec.serviceAccountName`). */
const acting = ["kustomize-controller", "helm-controller"];

/** Controllers that may not act as the environment's ServiceAccount. Whoever may not ask that is told nothing. */
async function powerless(api: Api, controllers: readonly Controller[]): Promise<string[]> {
  const { namespace, serviceAccount: name } = guestHome;
  const found = await Promise.all(
    controllers
      .filter(({ image }) => acting.includes(image))
      .map(async ({ deployment, account }) => {
        const [of = ""] = deployment.split("/");
        const what = { verb: "impersonate", resource: "serviceaccounts", namespace, name };
        try {
          return (await api.may({ namespace: of, name: account }, what)) ? [] : [`${deployment} (${account})`];
        } catch (error) {
          if (error instanceof ApiError && error.status === 403) return [];
          throw error;
        }
      }),
  );
  return found.flat();
}

/**
 * What is wrong with the Flux that a cluster has. Nothing is said of `--no-cross-namespace-refs`, `--no-remote-bases` and
 * `--default-service-account`: what an environment writes is in one namespace, asks for no remote base, and names its account.
 * @param controllers of others
 * @throws ApiError when the cluster does not answer
 */
export async function checkProvidedFlux(
  api: Api,
  stack: string,
  controllers: readonly Controller[],
): Promise<Finding[]> {
  const finding = (level: Finding["level"], message: string): Finding => ({ level, check: "cluster", message });
  const fields = await lacking(api);
  const able = necessary.map((image) => ({ image, all: controllers.filter((one) => one.image === image) }));
  const absent = able.filter(({ all }) => all.length === 0).map(({ image }) => image);
  const blinded = able.flatMap(({ all }) => {
    const reasons = all.flatMap((one) => blind(one, commonLabels(stack)) ?? []);
    return reasons.length < all.length ? [] : reasons;
  });
  const { namespace, serviceAccount } = guestHome;
  const refused = await powerless(api, controllers);
  return [
    ...(fields.length === 0
      ? []
      : [
          finding(
            "error",
            `flux is in provided, but its definitions do not know what the environment writes: ${fields.join(", ")}. ` +
              `Have it updated (the environment is made for Flux ${madeFor}), or use another cluster.`,
          ),
        ]),
    ...(blinded.length === 0
      ? []
      : [
          finding(
            "error",
            `flux is in provided, but nobody would apply what the environment puts into ${namespace}: ${blinded.join("; ")}. ` +
              "Have a controller look there, or use another cluster.",
          ),
        ]),
    ...(refused.length === 0
      ? []
      : [
          finding(
            "error",
            `flux is in provided, but may not act as the ServiceAccount ${serviceAccount} in ${namespace}: ${refused.join(", ")}. ` +
              "Allow the ServiceAccount to impersonate serviceaccounts there, as Flux's own manifests do, or use another cluster.",
          ),
        ]),
    ...(absent.length === 0 || controllers.length === 0
      ? []
      : [
          finding(
            "warning",
            `flux is in provided, but no Deployment with an image ${absent.join(", ")} is there. If nothing does its work, \`up\` waits in vain.`,
          ),
        ]),
    ...(controllers.length === 0
      ? []
      : [
          finding(
            "note",
            `the Flux that is there applies what is in ${namespace}, as its ServiceAccount ${serviceAccount}, to which \`up\` binds cluster-admin.`,
          ),
        ]),
  ];
}
