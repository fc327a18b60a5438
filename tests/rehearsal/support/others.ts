/** What other teams have in a cluster: stand-ins for their installations, as far as the API server is concerned. */
import { readFileSync } from "node:fs";
import type { TestCluster } from "./cluster.ts";

const definitions = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions";
const namespaces = "/api/v1/namespaces";

async function make(cluster: TestCluster, collection: string, object: object): Promise<void> {
  const { status, body } = await cluster.api.call("POST", collection, object);
  if (status !== 201) throw new Error(`POST ${collection}: ${status} ${JSON.stringify(body)}`);
}

/** A definition that lets everything through. */
const definition = (group: string, version: string, kind: string, plural: string) => ({
  apiVersion: "apiextensions.k8s.io/v1",
  kind: "CustomResourceDefinition",
  metadata: { name: `${plural}.${group}` },
  spec: {
    group,
    scope: "Namespaced",
    names: { kind, plural, singular: kind.toLowerCase() },
    versions: [
      {
        name: version,
        served: true,
        storage: true,
        schema: { openAPIV3Schema: { type: "object", "x-kubernetes-preserve-unknown-fields": true } },
      },
    ],
  },
});

const deployment = (name: string, image: string) => ({
  apiVersion: "apps/v1",
  kind: "Deployment",
  metadata: { name },
  spec: {
    selector: { matchLabels: { app: name } },
    template: { metadata: { labels: { app: name } }, spec: { containers: [{ name, image }] } },
  },
});

/** An installation of others: its definitions, and its controller in a namespace of its own. */
interface Installation {
  readonly namespace: string;
  readonly definitions: readonly ReturnType<typeof definition>[];
  readonly controller: ReturnType<typeof deployment>;
  /** A ClusterRole of the Helm release that brought it, by that release's name. */
  readonly release: string;
}

const monitoring = (kind: string, version = "v1", plural = `${kind.toLowerCase()}s`) =>
  definition("monitoring.coreos.com", version, kind, plural);

/** What an environment can use instead of its own. */
export const usable: readonly Installation[] = [
  {
    namespace: "cert-manager",
    definitions: ["Certificate", "Issuer"].map((kind) =>
      definition("cert-manager.io", "v1", kind, `${kind.toLowerCase()}s`),
    ),
    controller: deployment("cert-manager", "quay.io/jetstack/cert-manager-controller:v1.18.0"),
    release: "cert-manager",
  },
  {
    namespace: "operators",
    definitions: [
      ...["Alertmanager", "PodMonitor", "PrometheusRule", "ServiceMonitor"].map((kind) => monitoring(kind)),
      monitoring("Prometheus", "v1", "prometheuses"),
      monitoring("ScrapeConfig", "v1alpha1"),
    ],
    controller: deployment("prometheus-operator", "quay.io/prometheus-operator/prometheus-operator:v0.80.0"),
    release: "operator",
  },
];

/** What is in the way in any case: Flux, and a release of a name that the environment uses. */
const inTheWay: Installation = {
  namespace: "flux-system",
  definitions: [definition("source.toolkit.fluxcd.io", "v1", "GitRepository", "gitrepositories")],
  controller: deployment("source-controller", "registry.example.com/mirror/source-controller:v1.6.0"),
  release: "kube-prometheus-stack",
};

/** Flux, cert-manager and a Prometheus Operator. */
export const installations: readonly Installation[] = [...usable, inTheWay];

const role = (release: string, namespace: string) => ({
  apiVersion: "rbac.authorization.k8s.io/v1",
  kind: "ClusterRole",
  metadata: {
    name: `${release}-operator`,
    annotations: { "meta.helm.sh/release-name": release, "meta.helm.sh/release-namespace": namespace },
  },
  rules: [],
});
const roles = "/apis/rbac.authorization.k8s.io/v1/clusterroles";

/** Installations of others, in use by a team. */
export async function occupy(cluster: TestCluster, some: readonly Installation[]): Promise<void> {
  for (const { namespace, definitions: defined, controller, release } of some) {
    for (const one of defined) await make(cluster, definitions, one);
    await make(cluster, roles, role(release, namespace));
    await make(cluster, namespaces, { metadata: { name: namespace } });
    await make(cluster, `/apis/apps/v1/namespaces/${namespace}/deployments`, controller);
    await cluster.untilObject(
      `/apis/apps/v1/namespaces/${namespace}/deployments/${controller.metadata.name}`,
      "is Available",
      ({ status }) => status?.["availableReplicas"] === 1,
    );
  }
  await addTeam(cluster);
}

export const team = "team-a";

/** A team's own ServiceMonitor and Certificate, in a namespace of its own with what Kubernetes puts into each. */
export async function addTeam(cluster: TestCluster): Promise<void> {
  await make(cluster, namespaces, { metadata: { name: team } });
  await cluster.untilFilled(team);
  await make(cluster, `/apis/monitoring.coreos.com/v1/namespaces/${team}/servicemonitors`, {
    apiVersion: "monitoring.coreos.com/v1",
    kind: "ServiceMonitor",
    metadata: { name: "shop" },
    spec: { selector: {}, endpoints: [{ port: "http" }] },
  });
  await make(cluster, `/apis/cert-manager.io/v1/namespaces/${team}/certificates`, {
    apiVersion: "cert-manager.io/v1",
    kind: "Certificate",
    metadata: { name: "shop" },
    spec: { secretName: "shop-tls", dnsNames: ["shop.example.com"], issuerRef: { name: "company" } },
  });
}

async function remove(cluster: TestCluster, path: string): Promise<void> {
  const { status, body } = await cluster.api.call("DELETE", path);
  if (status >= 300) throw new Error(`DELETE ${path}: ${status} ${JSON.stringify(body)}`);
}

/** Removes definitions, as a person does who knows that nobody needs them. */
export async function undefine(cluster: TestCluster, names: readonly string[]): Promise<void> {
  for (const name of names) await remove(cluster, `${definitions}/${name}`);
}

/** The others leave. */
export async function vacate(cluster: TestCluster, some: readonly Installation[]): Promise<void> {
  for (const { definitions: defined, namespace, release } of some) {
    await undefine(
      cluster,
      defined.map(({ metadata }) => metadata.name),
    );
    await remove(cluster, `${namespaces}/${namespace}`);
    await remove(cluster, `${roles}/${role(release, namespace).metadata.name}`);
  }
  await remove(cluster, `${namespaces}/${team}`);
}

/** A request of the audit log that changed something. */
export interface Write {
  readonly verb: string;
  readonly user: string;
  readonly object: string;
  readonly namespace: string;
}

interface AuditEvent {
  readonly verb: string;
  readonly user: { readonly username: string };
  readonly userAgent?: string;
  readonly impersonatedUser?: { readonly username: string };
  readonly objectRef?: {
    readonly apiGroup?: string;
    readonly resource: string;
    readonly namespace?: string;
    readonly name?: string;
  };
  readonly responseStatus?: { readonly code: number };
}

/** Questions that the API takes as a POST and does not keep. */
const questions = /^(selfsubject|subject|localsubject)access|^tokenreviews|^selfsubject/;

/**
 * What was written from a line of the audit log on, but for what Kubernetes itself writes: its controllers, its scheduler and its
 * nodes, which kwok plays; and for the rehearsal's own requests, which have no user agent.
 */
export function writesIn(auditLog: string, fromLine: number): Write[] {
  return lines(auditLog)
    .slice(fromLine)
    .map((line) => JSON.parse(line) as AuditEvent)
    .filter(
      ({ responseStatus, objectRef, userAgent = "" }) =>
        (responseStatus?.code ?? 0) < 300 &&
        !/^(kwok\/|$)/.test(userAgent) &&
        !questions.test(objectRef?.resource ?? ""),
    )
    .map(({ verb, user, impersonatedUser, objectRef }) => ({
      verb,
      user: (impersonatedUser ?? user).username,
      object: `${objectRef?.resource ?? ""}.${objectRef?.apiGroup ?? ""} ${objectRef?.name ?? ""}`,
      namespace: objectRef?.namespace ?? "",
    }))
    .filter(({ user }) => !/^system:(apiserver|kube-|node|serviceaccount:kube-system:)/.test(user));
}

const lines = (file: string) => readFileSync(file, "utf8").trimEnd().split("\n");

/** Where the audit log ends now. */
export function auditedSoFar(auditLog: string): number {
  return lines(auditLog).length;
}
