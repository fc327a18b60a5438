/** Objects against the schemas of their kinds, strictly: what the API server would drop is a finding. */
import type { Manifest } from "../../components/kubernetes/manifest.ts";
import { manifestId } from "../../components/kubernetes/manifest.ts";
import { remembered } from "../../components/remembered.ts";
import type { Finding } from "../finding.ts";
import type { KubernetesApi } from "../kubernetes-api.ts";
import type { Rendered } from "../rendered.ts";
import { customResourceSchema, type Schema, validate } from "../schemas.ts";

/** Kubernetes' own groups; every other group is defined by a CRD. */
const own =
  /^(v1|apps\/v1|batch\/v1|policy\/v1|autoscaling\/v2|([a-z]+\.)*(rbac\.authorization|networking|apiextensions|admissionregistration|storage|scheduling)\.k8s\.io\/v1)$/;

/** Whether a kind is Kubernetes' own and not a CRD's. */
export function isCoreKind({ apiVersion }: Manifest): boolean {
  return own.test(apiVersion);
}

/** The schema that judges an object; undefined when nothing at hand knows the kind. */
function schemaOf(object: Manifest, api: KubernetesApi | undefined): Schema | undefined {
  return isCoreKind(object)
    ? api?.schema(object.apiVersion, object.kind)
    : customResourceSchema(object.apiVersion, object.kind);
}

/**
 * Templates of pods in objects of Elastic's operator: its definitions leave them open, and it reads them as Kubernetes does, without a word about
 * what that does not know (ECK 3.5, config/crds/v1/all-crds.yaml, `podTemplate`).
 */
function podTemplates({ apiVersion, spec }: Manifest): [path: string, template: unknown][] {
  const find = (value: unknown, path: string): [string, unknown][] =>
    typeof value !== "object" || value === null
      ? []
      : Object.entries(value).flatMap(([key, below]: [string, unknown]) =>
          key === "podTemplate" ? [[`${path}.${key}`, below]] : find(below, `${path}.${key}`),
        );
  return apiVersion.includes(".k8s.elastic.co/") ? find(spec, "spec") : [];
}

/** What is wrong with them, by Kubernetes' own kind that has one. */
function checkPodTemplates(object: Manifest, api: KubernetesApi | undefined): ReturnType<typeof validate> {
  const schema = api?.schema("v1", "PodTemplate");
  if (schema === undefined) return [];
  return podTemplates(object).flatMap(([where, template]) =>
    validate(schema, { apiVersion: "v1", kind: "PodTemplate", metadata: {}, template }).map(({ path, message }) => ({
      path: path.replace(/^template/, where),
      message,
    })),
  );
}

/** What is wrong with an object: many environments have the same. */
const judges = remembered((api: KubernetesApi | undefined) =>
  remembered((object: Manifest): Finding[] => {
    const finding = (path: string, message: string) => ({
      check: "objects",
      object: manifestId(object),
      path,
      message,
    });
    const schema = schemaOf(object, api);
    if (schema !== undefined)
      return [...validate(schema, object), ...checkPodTemplates(object, api)].map(({ path, message }) =>
        finding(path, message),
      );
    if (isCoreKind(object) && api === undefined) return [];
    return [finding("", `${object.apiVersion} ${object.kind} is no kind that any schema at hand defines.`)];
  }, new WeakMap<Manifest, Finding[]>()),
);

/**
 * Findings about every object.
 *
 * @param api schemas of Kubernetes' own kinds; without them those kinds are not looked at
 */
export function checkObjects({ declared, content }: Rendered, api: KubernetesApi | undefined): Finding[] {
  return [...declared, ...content].flatMap(judges(api));
}
