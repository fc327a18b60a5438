/** Whether an existing cluster takes what an `up` makes in it: reachable, its version, rights, storage. */
import { fluxHome } from "../gitops/names.ts";
import type { PreflightContext } from "../preflight.ts";
import { reasonOf } from "../unreachable.ts";
import { readKubeconfig } from "./existing-cluster.ts";
import type { Finding } from "./preflight.ts";

/** Kubernetes that the charts and Flux 2.9 are made for: Flux supports the three newest minors when it is released. */
const oldestMinor = 33;

/**
 * What is created, by group and resource. Flux's own rights are part of it, and nobody may grant what he does not have, so
 * in practice this is cluster-admin; each is asked by itself because the answer names what is missing.
 */
const needed = (flux: string): readonly (readonly [group: string, resource: string, namespace?: string])[] => [
  ["", "namespaces"],
  ["apiextensions.k8s.io", "customresourcedefinitions"],
  ["rbac.authorization.k8s.io", "clusterroles"],
  ["rbac.authorization.k8s.io", "clusterrolebindings"],
  ["admissionregistration.k8s.io", "validatingwebhookconfigurations"],
  ["networking.k8s.io", "networkpolicies", "monitoring"],
  ["", "secrets", flux],
  ["apps", "deployments", flux],
  ["helm.toolkit.fluxcd.io", "helmreleases", flux],
];

const defaultClass = "storageclass.kubernetes.io/is-default-class";

/** Asks the cluster of the settings; the access reviews are answered and not kept. Finds nothing for a Kind cluster. */
export async function checkExistingCluster({ settings, unverified, preview }: PreflightContext): Promise<Finding[]> {
  const { existing } = settings.cluster;
  if (settings.cluster.type !== "existing" || existing === undefined) return [];
  const finding = (level: Finding["level"], message: string): Finding => ({ level, check: "cluster", message });
  // It takes a second to load.
  const k8s = await import("@kubernetes/client-node");
  const config = new k8s.KubeConfig();
  let text: string;
  try {
    ({ text } = readKubeconfig(existing));
  } catch (error) {
    return [finding("error", reasonOf(error))];
  }
  try {
    config.loadFromString(text);
    config.setCurrentContext(existing.context);
    const version = await config.makeApiClient(k8s.VersionApi).getCode();
    const minor = Number(/^\d+/.exec(version.minor)?.[0]);
    const reviews = config.makeApiClient(k8s.AuthorizationV1Api);
    const allowed = async (verb: string, [group, resource, namespace]: ReturnType<typeof needed>[number]) => {
      const resourceAttributes = { verb, group, resource, ...(namespace === undefined ? {} : { namespace }) };
      const body = Object.assign(new k8s.V1SelfSubjectAccessReview(), { spec: { resourceAttributes } });
      return (await reviews.createSelfSubjectAccessReview({ body })).status?.allowed === true;
    };
    const missing: string[] = [];
    if (!(await allowed("*", ["*", "*"]))) {
      for (const need of needed(fluxHome(settings).namespace))
        if (!(await allowed("create", need))) missing.push(need[1]);
      if (!(await allowed("escalate", ["rbac.authorization.k8s.io", "clusterroles"])))
        missing.push("clusterroles with more rights than its own (escalate)");
    }
    const classes = await config.makeApiClient(k8s.StorageV1Api).listStorageClass();
    const hasDefault = classes.items.some(({ metadata }) => metadata?.annotations?.[defaultClass] === "true");
    return [
      ...(Number(version.major) === 1 && minor < oldestMinor
        ? [
            finding(
              "error",
              `it runs Kubernetes ${version.gitVersion}; 1.${oldestMinor} is the oldest that Flux 2.9 supports.`,
            ),
          ]
        : []),
      ...(missing.length === 0
        ? []
        : [
            finding(
              // A preview in CI reads; whether the credentials of an `up` may write is for them to ask.
              unverified === "note" ? "note" : "error",
              `context ${existing.context} may not create ${missing.join(", ")}. It needs the rights of cluster-admin.`,
            ),
          ]),
      ...(hasDefault
        ? []
        : [
            finding(
              "error",
              "it has no default StorageClass, so volume claims (Loki's at least) would stay Pending. Mark one: " +
                `kubectl annotate storageclass <name> ${defaultClass}=true.`,
            ),
          ]),
    ];
  } catch (error) {
    // Without an answer nobody knows which cluster it is: an `up` would write into the dark.
    const message = `${existing.kubeconfig}, context ${existing.context}: ${reasonOf(error).split("\n", 1).join("").slice(0, 300)}. Check that it runs and that this machine reaches it.`;
    return [finding(preview ? unverified : "error", message)];
  }
}
