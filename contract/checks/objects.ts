/** Objects against the schemas of their kinds, strictly: what the API server would drop is a finding. */
import type { Manifest } from "../../components/kubernetes/manifest.ts";
import { manifestId } from "../../components/kubernetes/manifest.ts";
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
 * Findings about every object.
 *
 * @param api schemas of Kubernetes' own kinds; without them those kinds are not looked at
 */
export function checkObjects({ declared, content }: Rendered, api: KubernetesApi | undefined): Finding[] {
  return [...declared, ...content].flatMap((object) => {
    const finding = (path: string, message: string) => ({
      check: "objects",
      object: manifestId(object),
      path,
      message,
    });
    const schema = schemaOf(object, api);
    if (schema !== undefined) return validate(schema, object).map(({ path, message }) => finding(path, message));
    if (isCoreKind(object) && api === undefined) return [];
    return [finding("", `${object.apiVersion} ${object.kind} is no kind that any schema at hand defines.`)];
  });
}
