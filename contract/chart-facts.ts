/** What charts make of our values, as far as other objects refer to it: written by `npm run charts:refresh` from real renders. */
import { readFileSync } from "node:fs";
import { parseAllDocuments } from "yaml";
import type { Manifest } from "../components/kubernetes/manifest.ts";
import { componentFiles } from "./component-files.ts";
import { asMap, at, textAt } from "./finding.ts";
import { hardeningGaps, type Level, podSecurityLevel } from "./pod-security.ts";

export type Labels = Readonly<Record<string, string>>;

export interface ServiceFact {
  readonly namespace: string;
  readonly name: string;
  readonly labels: Labels;
  readonly selector: Labels;
  readonly ports: readonly { readonly name?: string; readonly port: number; readonly targetPort: number | string }[];
}

export interface PodFact {
  readonly namespace: string;
  /** Kind and name of what makes the pods. */
  readonly owner: string;
  readonly labels: Labels;
  readonly ports: readonly { readonly name?: string; readonly port: number; readonly protocol?: "UDP" }[];
  /** The strictest Pod Security level that lets them run. */
  readonly level: Level;
  /** What its containers lack of the usual hardening (`hardeningGaps`). */
  readonly gaps: readonly string[];
  readonly serviceAccount: string;
  /** Lives as long as a hook of an install. */
  readonly hook: boolean;
}

/** A Service that the API server calls. */
export interface Called {
  readonly namespace: string;
  readonly service: string;
  /** Port of the Service. @default 443, as for Kubernetes (`ServiceReference`) */
  readonly port?: number;
}

export interface Facts {
  readonly services: readonly ServiceFact[];
  readonly pods: readonly PodFact[];
  /** Webhooks that the API server calls, by the Service in front. */
  readonly webhooks: readonly Called[];
  /** APIs that the API server hands on to the Service of an APIService. @default none */
  readonly apiServices?: readonly (Called & { readonly name: string })[];
  /** ServiceAccounts, `namespace/name`, that may read the Secrets of every namespace. */
  readonly secretReaders: readonly string[];
  /** Monitors that the chart makes: namespaces and Service ports they scrape. */
  readonly monitors: readonly {
    readonly namespace: string;
    readonly name: string;
    readonly selector: unknown;
    readonly namespaces: readonly string[];
    readonly ports: readonly string[];
  }[];
}

export interface ChartFacts extends Facts {
  readonly chart: string;
  readonly version: string;
  /** How the facts were obtained. */
  readonly obtained: string;
}

/** Name of the file with the facts, in the folder of the component that has the chart. */
export const chartFactsFile = "facts.json";

let kept: Readonly<Record<string, ChartFacts>> | undefined;

/** The facts by name of release. */
export function chartFacts(): Readonly<Record<string, ChartFacts>> {
  kept ??= Object.assign(
    {},
    ...componentFiles(chartFactsFile).map((file) => JSON.parse(readFileSync(file, "utf8")) as object),
  ) as Record<string, ChartFacts>;
  return kept;
}

/** Labels that change with versions or settings, and that nothing may select by. */
const changing = ["helm.sh/chart", "chart", "heritage", "app.kubernetes.io/version", "config-hash"];

const lasting = (labels: unknown): Labels =>
  Object.fromEntries(Object.entries(asMap(labels) ?? {}).filter(([key]) => !changing.includes(key))) as Labels;

/** A selector without labels that Services are kept without. */
const lastingSelector = (selector: unknown) => {
  const labels = at(selector, "matchLabels");
  return labels === undefined ? selector : { ...asMap(selector), matchLabels: lasting(labels) };
};

/** Where the template of the pods of a workload is. */
export function podTemplate(object: Manifest): Readonly<Record<string, unknown>> | undefined {
  switch (object.kind) {
    case "Deployment":
    case "DaemonSet":
    case "StatefulSet":
    case "Job":
      return asMap(at(object, "spec", "template"));
    case "CronJob":
      return asMap(at(object, "spec", "jobTemplate", "spec", "template"));
    default:
      return undefined;
  }
}

/** The objects in what `helm template` prints, but for definitions: those are most of the text, and no fact is about them. */
export function templated(text: string): Manifest[] {
  const others = text.split(/^(?=---$)/m).filter((one) => !/^kind: CustomResourceDefinition$/m.test(one));
  return parseAllDocuments(others.join(""))
    .map((document) => document.toJS() as Manifest | null)
    .filter((object) => object !== null);
}

/** Reads the facts off rendered objects. A chart's tests (`helm test`) are left out: Flux does not run them here. */
export function factsOf(objects: readonly Manifest[], releaseNamespace: string): Facts {
  const hook = (object: Manifest) => object.metadata.annotations?.["helm.sh/hook"];
  const namespace = (object: Manifest) => object.metadata.namespace ?? releaseNamespace;
  const live = objects.filter((object) => hook(object) !== "test" && hook(object) !== "test-success");
  const apiServices = live
    .filter(({ kind }) => kind === "APIService")
    .flatMap((object) =>
      called(at(object, "spec", "service")).map((service) => ({ name: object.metadata.name, ...service })),
    );
  return {
    ...(apiServices.length === 0 ? {} : { apiServices }),
    services: live.filter(({ kind }) => kind === "Service").map((object) => serviceFact(object, namespace(object))),
    pods: live.flatMap((object) => podFact(object, namespace(object), hook(object) !== undefined)),
    webhooks: live
      .filter(({ kind }) => kind === "ValidatingWebhookConfiguration" || kind === "MutatingWebhookConfiguration")
      .flatMap((object) => (object["webhooks"] ?? []) as readonly unknown[])
      .flatMap((webhook) => called(at(webhook, "clientConfig", "service")))
      .filter(({ service }, index, all) => all.findIndex((other) => other.service === service) === index),
    secretReaders: secretReaders(live),
    monitors: live
      .filter(({ kind }) => kind === "ServiceMonitor")
      .map((object) => ({
        namespace: namespace(object),
        name: object.metadata.name,
        selector: lastingSelector(at(object, "spec", "selector")),
        namespaces: (at(object, "spec", "namespaceSelector", "matchNames") ?? [namespace(object)]) as string[],
        ports: ((at(object, "spec", "endpoints") ?? []) as readonly unknown[]).map((endpoint) =>
          String(at(endpoint, "port") ?? at(endpoint, "targetPort")),
        ),
      })),
  };
}

/** The Service of a reference; none where what is called is no Service of the cluster. */
function called(reference: unknown): Called[] {
  if (reference === undefined) return [];
  const port = at(reference, "port");
  const other = typeof port === "number" && port !== 443;
  return [
    {
      namespace: String(at(reference, "namespace")),
      service: String(at(reference, "name")),
      ...(other ? { port } : {}),
    },
  ];
}

const readsSecrets = (rule: unknown) => {
  const names = (...keys: string[]) => (at(rule, ...keys) ?? []) as readonly string[];
  return (
    ["", "*"].some((group) => names("apiGroups").includes(group)) &&
    ["secrets", "*"].some((resource) => names("resources").includes(resource)) &&
    ["get", "list", "watch", "*"].some((verb) => names("verbs").includes(verb)) &&
    names("resourceNames").length === 0
  );
};

/** Who may read the Secrets of every namespace, by the ClusterRoles and ClusterRoleBindings among the objects. */
function secretReaders(objects: readonly Manifest[]): string[] {
  const roles = objects
    .filter(
      ({ kind, ...role }) => kind === "ClusterRole" && ((role["rules"] ?? []) as readonly unknown[]).some(readsSecrets),
    )
    .map(({ metadata }) => metadata.name);
  const subjects = objects
    .filter((object) => object.kind === "ClusterRoleBinding" && roles.includes(textAt(object, "roleRef", "name") ?? ""))
    .flatMap((binding) => (binding["subjects"] ?? []) as readonly unknown[])
    .map((subject) => `${textAt(subject, "namespace") ?? ""}/${textAt(subject, "name") ?? ""}`);
  return [...new Set(subjects)].sort();
}

/** A Service as others see it. */
export function serviceFact(object: Manifest, namespace: string): ServiceFact {
  const ports = (at(object, "spec", "ports") ?? []) as readonly {
    readonly name?: string;
    readonly port: number;
    readonly targetPort?: number | string;
  }[];
  return {
    namespace,
    name: object.metadata.name,
    labels: lasting(object.metadata.labels),
    selector: (at(object, "spec", "selector") ?? {}) as Labels,
    ports: ports.map(({ name, port, targetPort }) => ({
      ...(name === undefined ? {} : { name }),
      port,
      targetPort: targetPort ?? port,
    })),
  };
}

/** Kinds of which the Prometheus Operator makes pods: their label `app.kubernetes.io/name`, one of their own, and ports. */
const operatedKinds: Readonly<
  Record<string, { readonly app: string; readonly own: string; readonly port: number; readonly grpc?: number }>
> = {
  Prometheus: { app: "prometheus", own: "operator.prometheus.io/name", port: 9090 },
  PrometheusAgent: { app: "prometheus-agent", own: "operator.prometheus.io/name", port: 9090 },
  Alertmanager: { app: "alertmanager", own: "alertmanager", port: 9093 },
  ThanosRuler: { app: "thanos-ruler", own: "thanos-ruler", port: 10902, grpc: 10901 },
};

/**
 * Pods that the Prometheus Operator makes of its objects, with the labels and ports of its 0.93 (pkg/prometheus, pkg/alertmanager,
 * pkg/thanos: the operator hardens every container itself, the pod's part comes from the object).
 */
function operated(object: Manifest, namespace: string): PodFact[] {
  const kind = operatedKinds[object.kind];
  if (kind === undefined) return [];
  const { app, own, port, grpc } = kind;
  const { name } = object.metadata;
  const pod = asMap(at(object, "spec", "securityContext")) ?? {};
  const hardened = {
    allowPrivilegeEscalation: false,
    capabilities: { drop: ["ALL"] },
    readOnlyRootFilesystem: true,
  };
  return [
    {
      namespace,
      owner: `${object.kind} ${name}`,
      labels: {
        "app.kubernetes.io/name": app,
        "app.kubernetes.io/instance": name,
        "app.kubernetes.io/managed-by": "prometheus-operator",
        ...(object.kind === "Prometheus" ? { prometheus: name } : {}),
        [own]: name,
      },
      ports: [
        { name: textAt(object, "spec", "portName") ?? "web", port },
        ...(grpc === undefined ? [] : [{ name: "grpc", port: grpc }]),
        { name: "reloader-web", port: 8080 },
      ],
      level: podSecurityLevel({ securityContext: pod, containers: [{ name: app, securityContext: hardened }] }),
      gaps: hardeningGaps({ securityContext: pod, containers: [{ name: app, securityContext: hardened }] }),
      serviceAccount: textAt(object, "spec", "serviceAccountName") ?? "default",
      hook: false,
    },
  ];
}

/** The pods of a workload as others see them; nothing for an object that makes none. */
export function podFact(object: Manifest, namespace: string, hook = false): PodFact[] {
  const made = operated(object, namespace);
  if (made.length > 0) return made;
  const template = podTemplate(object);
  const spec = asMap(template?.["spec"]);
  if (template === undefined || spec === undefined) return [];
  const containers = (spec["containers"] ?? []) as readonly {
    readonly ports?: readonly { readonly name?: string; readonly containerPort: number }[];
  }[];
  return [
    {
      namespace,
      owner: `${object.kind} ${object.metadata.name}`,
      labels: lasting(at(template, "metadata", "labels")),
      ports: containers
        .flatMap(({ ports = [] }) => ports)
        .map(({ name, containerPort }) => ({ ...(name === undefined ? {} : { name }), port: containerPort })),
      level: podSecurityLevel(spec),
      gaps: hardeningGaps(spec),
      serviceAccount: textAt(spec, "serviceAccountName") ?? "default",
      hook,
    },
  ];
}
