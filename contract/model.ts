/** The cluster that an environment makes: namespaces, Services, pods and who may reach whom. */
import type { Manifest } from "../components/kubernetes/manifest.ts";
import { labelsOf, type Program } from "../components/metrics/victoria-metrics/api.ts";
import { parse } from "yaml";
import {
  type Called,
  chartFacts,
  type Facts,
  type Labels,
  type PodFact,
  podFact,
  type ServiceFact,
  serviceFact,
} from "./chart-facts.ts";
import { asMap, at, textAt } from "./finding.ts";
import { type Release, releases, type Rendered } from "./rendered.ts";

export interface Model {
  /** Level that each namespace enforces; undefined where it says none. */
  readonly namespaces: ReadonlyMap<string, string | undefined>;
  readonly services: readonly ServiceFact[];
  readonly pods: readonly PodFact[];
  /** Whom the API server calls, and as what. */
  readonly calledByApiServer: readonly (Called & { readonly as: string })[];
  readonly monitors: Facts["monitors"];
  readonly policies: readonly Manifest[];
}

/** Namespaces that every cluster has. */
const given = ["kube-system", "default"];

/** Protocols of receivers that the operator knows to be UDP. */
const datagrams = ["thrift_compact", "thrift_binary"];

/** Ports of receivers and exporters, as the operator finds and names them (internal/components/receivers, internal/naming/port.go). */
function portsOfConfig(config: unknown): { name: string; port: number; protocol?: "UDP" }[] {
  const receivers = Object.entries(asMap(at(config, "receivers")) ?? {}).flatMap(([name, receiver]) => {
    const protocols = asMap(at(receiver, "protocols"));
    return protocols === undefined
      ? [[name, receiver] as const]
      : Object.entries(protocols).map(([protocol, one]) => [`${name}-${protocol}`, one] as const);
  });
  const listening = [...receivers, ["prometheus", at(config, "exporters", "prometheus")] as const];
  return listening.flatMap(([name, one]) => {
    const port = Number(/:(\d+)$/.exec(textAt(one, "endpoint") ?? "")?.[1]);
    if (Number.isNaN(port)) return [];
    const named = name.length > 15 ? `port-${port}` : name.replaceAll(/[/_]/g, "-");
    const udp = datagrams.some((protocol) => name.endsWith(`-${protocol}`));
    return [{ name: named, port, ...(udp ? { protocol: "UDP" as const } : {}) }];
  });
}

/**
 * Pods and Services that the OpenTelemetry operator makes of a collector (operator 0.158: internal/naming,
 * manifestutils.SelectorLabels, manifests/collector/service.go).
 */
function collectorFacts(object: Manifest): { pods: PodFact[]; services: ServiceFact[]; policies: Manifest[] } {
  const { name, namespace = "" } = object.metadata;
  const labels = {
    "app.kubernetes.io/managed-by": "opentelemetry-operator",
    "app.kubernetes.io/instance": `${namespace}.${name}`,
    "app.kubernetes.io/part-of": "opentelemetry",
    "app.kubernetes.io/component": "opentelemetry-collector",
  };
  const ports = portsOfConfig(at(object, "spec", "config"));
  const context = {
    securityContext: asMap(at(object, "spec", "podSecurityContext")) ?? {},
    volumes: at(object, "spec", "volumes") ?? [],
    containers: [{ name: "otc-container", securityContext: asMap(at(object, "spec", "securityContext")) ?? {} }],
  };
  const service = (suffix: string, list: readonly { name: string; port: number }[]): ServiceFact => ({
    namespace,
    name: `${name}-collector${suffix}`,
    labels,
    selector: labels,
    ports: list.map((port) => ({ ...port, targetPort: port.port })),
  });
  const template = {
    kind: at(object, "spec", "mode") === "daemonset" ? "DaemonSet" : "Deployment",
    spec: { template: { metadata: { labels }, spec: context } },
  };
  const [pod] = podFact(
    { ...object, ...template, metadata: { ...object.metadata, name: `${name}-collector` } },
    namespace,
  );
  return {
    // Unless it says no, for each port and for everybody (webhook/collector_webhook.go, manifests/collector/networkpolicy.go).
    policies:
      at(object, "spec", "networkPolicy", "enabled") === false
        ? []
        : [
            {
              apiVersion: "networking.k8s.io/v1",
              kind: "NetworkPolicy",
              metadata: { name: `${name}-collector-networkpolicy`, namespace },
              spec: {
                podSelector: { matchLabels: labels },
                policyTypes: ["Ingress"],
                ingress: [{ ports: [...ports, { port: 8888 }].map(({ port }) => ({ port, protocol: "TCP" })) }],
              },
            },
          ],
    services: [
      service("", ports),
      service("-headless", ports),
      service("-monitoring", [{ name: "monitoring", port: 8888 }]),
    ],
    pods: pod === undefined ? [] : [{ ...pod, labels, ports: [...ports, { name: "metrics", port: 8888 }] }],
  };
}

/** Programs of each kind of the VictoriaMetrics operator; those of a cluster have their parts in the spec. */
const victoriaMetricsPrograms: Readonly<Record<string, readonly Program[]>> = {
  VMSingle: ["vmsingle"],
  VMAgent: ["vmagent"],
  VMAlert: ["vmalert"],
  VMCluster: ["vmstorage", "vminsert", "vmselect"],
};

/**
 * Pods and Services that the VictoriaMetrics operator makes of its objects (operator 0.74.1: factory/build/service.go, security.go);
 * tests/rehearsal/victoria-metrics-operator.test.ts sees it make them.
 */
function victoriaMetricsFacts(object: Manifest): { pods: PodFact[]; services: ServiceFact[] } {
  const { name, namespace = "" } = object.metadata;
  const made = (victoriaMetricsPrograms[object.kind] ?? []).map((program) => {
    const spec = object.kind === "VMCluster" ? at(object, "spec", program) : object["spec"];
    const labels = labelsOf(program);
    const port = Number(at(spec, "port"));
    const strict = at(spec, "useStrictSecurity") === true;
    const template = {
      securityContext: strict ? { runAsNonRoot: true, seccompProfile: { type: "RuntimeDefault" } } : {},
      containers: [
        {
          name: program,
          ports: [{ name: "http", containerPort: port }],
          securityContext: strict
            ? { allowPrivilegeEscalation: false, readOnlyRootFilesystem: true, capabilities: { drop: ["ALL"] } }
            : {},
        },
      ],
    };
    const workload = { kind: "Deployment", spec: { template: { metadata: { labels }, spec: template } } };
    const service = `${program}-${name}`;
    return {
      pods: podFact({ ...object, ...workload, metadata: { ...object.metadata, name: service } }, namespace),
      services: [
        {
          ...{ namespace, name: service, labels, selector: labels },
          ports: [{ name: "http", port, targetPort: port }],
        },
      ],
    };
  });
  return { pods: made.flatMap(({ pods }) => pods), services: made.flatMap(({ services }) => services) };
}

/**
 * Pods and Services that Elastic's operator makes of its objects (ECK 3.5: controller/elasticsearch/{services,nodespec,securitycontext},
 * controller/kibana/{pod,securitycontext}.go, controller/beat/common, pkg/apis/{elasticsearch,kibana}/v1/name.go).
 */
function elasticFacts(object: Manifest): { pods: PodFact[]; services: ServiceFact[] } {
  const { name, namespace = "" } = object.metadata;
  const service = (own: string, selector: Labels, port: number, portName: string): ServiceFact => ({
    ...{ namespace, name: own, labels: selector, selector },
    ports: [{ name: portName, port, targetPort: port }],
  });
  const contained = { allowPrivilegeEscalation: false, readOnlyRootFilesystem: true, capabilities: { drop: ["ALL"] } };
  const pod = (
    owner: string,
    podLabels: Labels,
    container: object,
    securityContext: object,
    initContainers: readonly object[] = [],
  ) =>
    podFact(
      {
        ...object,
        kind: "StatefulSet",
        metadata: { ...object.metadata, name: owner },
        spec: {
          template: {
            metadata: { labels: podLabels },
            spec: { securityContext, initContainers, containers: [container] },
          },
        },
      },
      namespace,
    );
  if (object.apiVersion === "elasticsearch.k8s.elastic.co/v1" && object.kind === "Elasticsearch") {
    const own = { "common.k8s.elastic.co/type": "elasticsearch", "elasticsearch.k8s.elastic.co/cluster-name": name };
    const container = {
      name: "elasticsearch",
      ports: [
        { name: "https", containerPort: 9200 },
        { name: "transport", containerPort: 9300 },
      ],
      securityContext: { ...contained, runAsNonRoot: true },
    };
    return {
      pods: ((at(object, "spec", "nodeSets") ?? []) as readonly unknown[]).flatMap((set) => {
        const owner = `${name}-es-${textAt(set, "name") ?? ""}`;
        const labels = { ...own, "elasticsearch.k8s.elastic.co/statefulset-name": owner };
        return pod(owner, labels, container, { fsGroup: 1000, seccompProfile: { type: "RuntimeDefault" } });
      }),
      services: [
        service(`${name}-es-http`, own, 9200, "https"),
        service(`${name}-es-internal-http`, own, 9200, "https"),
        service(`${name}-es-transport`, own, 9300, "tls-transport"),
      ],
    };
  }
  // controller/logstash/{pod,service,initcontainer}.go, controller/logstash/network/ports.go.
  if (object.apiVersion === "logstash.k8s.elastic.co/v1alpha1" && object.kind === "Logstash") {
    const own = { "common.k8s.elastic.co/type": "logstash", "logstash.k8s.elastic.co/name": name };
    const spec = at(object, "spec", "podTemplate", "spec");
    const context = (list: string, called: string) =>
      ((at(spec, list) ?? []) as readonly unknown[]).find((one) => textAt(one, "name") === called);
    const named = (at(object, "spec", "services") ?? []) as readonly unknown[];
    const listening = named.flatMap(
      (one) => (at(one, "service", "spec", "ports") ?? []) as { name: string; port: number }[],
    );
    const container = {
      name: "logstash",
      ports: [{ name: "http", containerPort: 9600 }, ...listening.map(({ port }) => ({ containerPort: port }))],
      securityContext: at(context("containers", "logstash"), "securityContext"),
    };
    const init = {
      name: "logstash-internal-init-config",
      securityContext: at(context("initContainers", "logstash-internal-init-config"), "securityContext") ?? {
        privileged: false,
      },
    };
    return {
      pods: pod(`${name}-ls`, own, container, asMap(at(spec, "securityContext")) ?? {}, [init]),
      services: [
        service(`${name}-ls-api`, own, 9600, "api"),
        ...named.flatMap((one) =>
          ((at(one, "service", "spec", "ports") ?? []) as { name: string; port: number }[]).map((port) =>
            service(`${name}-ls-${textAt(one, "name") ?? ""}`, own, port.port, port.name),
          ),
        ),
      ],
    };
  }
  // controller/beat/common/{pod,labels,name}.go: it makes no Service, and a folder of the node where the object has no volume of that name.
  if (object.apiVersion === "beat.k8s.elastic.co/v1beta1" && object.kind === "Beat") {
    const type = textAt(object, "spec", "type") ?? "";
    const own = { "common.k8s.elastic.co/type": "beat", "beat.k8s.elastic.co/name": name };
    const spec = asMap(at(object, "spec", "deployment", "podTemplate", "spec"));
    const volumes = (spec?.["volumes"] ?? []) as readonly { readonly name: string }[];
    const data = { name: "beat-data", hostPath: { path: `/var/lib/${namespace}/${name}/${type}-data` } };
    const made = { ...spec, volumes: volumes.some((one) => one.name === data.name) ? volumes : [...volumes, data] };
    const deployment = {
      ...object,
      kind: "Deployment",
      metadata: { ...object.metadata, name: `${name}-beat-${type}` },
      spec: { template: { metadata: { labels: own }, spec: made } },
    };
    return { pods: podFact(deployment, namespace), services: [] };
  }
  if (object.apiVersion === "kibana.k8s.elastic.co/v1" && object.kind === "Kibana") {
    const own = { "common.k8s.elastic.co/type": "kibana", "kibana.k8s.elastic.co/name": name };
    const tls = at(object, "spec", "http", "tls", "selfSignedCertificate", "disabled") !== true;
    const portName = tls ? "https" : "http";
    const container = {
      name: "kibana",
      ports: [{ name: portName, containerPort: 5601 }],
      securityContext: { ...contained, runAsUser: 1000, runAsGroup: 1000 },
    };
    // Its own only where the object has none.
    const usual = { fsGroup: 1000, seccompProfile: { type: "RuntimeDefault" } };
    const context = asMap(at(object, "spec", "podTemplate", "spec", "securityContext")) ?? usual;
    return {
      pods: pod(`${name}-kb`, own, container, context),
      services: [service(`${name}-kb-http`, own, 5601, portName)],
    };
  }
  return { pods: [], services: [] };
}

/**
 * kbot's pods: its chart comes from its own repository, whose helpers give these labels (helm/templates/_helpers.tpl) and
 * whose Deployment asks for a privileged container with /dev/mem of the host. Our patch of the release is merged over it.
 */
function kbotPods(content: readonly Manifest[]): PodFact[] {
  return content
    .filter(({ kind, metadata }) => kind === "HelmRelease" && metadata.name === "kbot")
    .map((release) => {
      const patches = (at(release, "spec", "postRenderers", 0, "kustomize", "patches") ?? []) as readonly unknown[];
      const patch = at(patches[0], "patch");
      const spec = at(typeof patch === "string" ? parse(patch) : undefined, "spec", "template", "spec");
      const container = asMap(at(spec, "containers", 0));
      const deleted = (list: unknown, key: string, name: string) =>
        ((list ?? []) as readonly unknown[]).some((item) => at(item, key) === name && at(item, "$patch") === "delete");
      const memory =
        deleted(at(spec, "volumes"), "name", "dev-mem") &&
        deleted(at(container, "volumeMounts"), "mountPath", "/dev/mem");
      const pod = {
        volumes: memory ? [] : [{ name: "dev-mem", hostPath: { path: "/dev/mem" } }],
        containers: [{ ...container, securityContext: { privileged: true, ...asMap(container?.["securityContext"]) } }],
      };
      const metadata = { name: "kbot", namespace: release.metadata.namespace ?? "" };
      const instance = textAt(release, "spec", "releaseName") ?? release.metadata.name;
      const labels = { "app.kubernetes.io/name": "kbot", "app.kubernetes.io/instance": instance };
      const template = { metadata: { labels }, spec: pod };
      return podFact({ apiVersion: "apps/v1", kind: "Deployment", metadata, spec: { template } }, metadata.namespace);
    })
    .flat();
}

/** Parts of kube-prometheus-stack: the switch of each, and how its Services, pods and monitors are called. */
const partNames: Readonly<Record<string, string>> = {
  grafana: "grafana",
  prometheus: "prometheus",
  alertmanager: "alertmanager",
  prometheusOperator: "operator",
  nodeExporter: "prometheus-node-exporter",
  kubeStateMetrics: "kube-state-metrics",
};
const parts = Object.entries(partNames).map(([key, name]) => ({
  key,
  // Not of another part whose name goes on.
  ends: new RegExp(`kube-prometheus-stack-${name}(?![\\w-])`),
}));

/** Ports of Thanos' sidecar, where values ask for one (operator 0.93, pkg/prometheus/server/statefulset.go). */
function withSidecar(pod: PodFact, values: Release["values"]): PodFact {
  if (at(values, "prometheus", "prometheusSpec", "thanos") === undefined) return pod;
  return { ...pod, ports: [...pod.ports, { name: "grpc", port: 10901 }, { name: "http", port: 10902 }] };
}

/** What a chart makes, without the parts that its values switch off. */
function factsOf({ name, values }: Release): Facts[] {
  const facts = chartFacts()[name];
  if (facts === undefined) return [];
  const off = parts.filter(({ key }) => at(values, key, "enabled") === false);
  const there = (called: string) => !off.some(({ ends }) => ends.test(called));
  return [
    {
      ...facts,
      services: facts.services.filter((service) => there(service.name)),
      pods: facts.pods
        .filter(({ owner }) => there(owner))
        .map((pod) => (pod.owner.startsWith("Prometheus ") ? withSidecar(pod, values) : pod)),
      monitors: facts.monitors.filter((monitor) => there(monitor.name)),
    },
  ];
}

/** The Service that the Prometheus Operator makes for every Alertmanager (0.93.1, pkg/alertmanager/statefulset.go, `makeStatefulSetService`). */
const alertmanagerServices = (pods: readonly PodFact[]): ServiceFact[] =>
  pods
    .filter(({ owner }) => owner.startsWith("Alertmanager "))
    .map(({ namespace, ports }) => ({
      ...{ namespace, name: "alertmanager-operated", labels: { "operated-alertmanager": "true" } },
      selector: { "app.kubernetes.io/name": "alertmanager" },
      ports: ports.filter(({ port }) => port === 9093).map(({ name, port }) => ({ name, port, targetPort: port })),
    }));

/** The model of an environment. */
export function modelOf({ declared, content }: Rendered): Model {
  const all = [...declared, ...content];
  const facts = releases(declared).flatMap(factsOf);
  const collectors = all.filter(({ kind }) => kind === "OpenTelemetryCollector").map(collectorFacts);
  const operated = all.flatMap((object) => [victoriaMetricsFacts(object), elasticFacts(object)]);
  return {
    namespaces: new Map([
      ...given.map((name) => [name, undefined] as const),
      ...all
        .filter(({ kind }) => kind === "Namespace")
        .map(({ metadata }) => [metadata.name, metadata.labels?.["pod-security.kubernetes.io/enforce"]] as const),
    ]),
    services: [
      ...facts.flatMap(({ services }) => services),
      ...[...collectors, ...operated].flatMap(({ services }) => services),
      ...alertmanagerServices(facts.flatMap(({ pods }) => pods)),
      ...all
        .filter(({ kind, apiVersion }) => kind === "Service" && apiVersion === "v1")
        .map((object) => serviceFact(object, object.metadata.namespace ?? "")),
    ],
    pods: [
      ...facts.flatMap(({ pods }) => pods),
      ...[...collectors, ...operated].flatMap(({ pods }) => pods),
      ...kbotPods(content),
      ...all.flatMap((object) => podFact(object, object.metadata.namespace ?? "")),
    ],
    calledByApiServer: facts.flatMap(({ webhooks, apiServices = [] }) => [
      ...webhooks.map((one) => ({ ...one, as: `the webhook ${one.service}` })),
      ...apiServices.map(({ name, ...one }) => ({ ...one, as: `${one.service} for the APIService ${name}` })),
    ]),
    monitors: facts.flatMap(({ monitors }) => monitors),
    policies: [
      ...declared.filter(({ kind }) => kind === "NetworkPolicy"),
      ...collectors.flatMap(({ policies }) => policies),
    ],
  };
}

/** Whether labels fit a selector of the form that Kubernetes uses everywhere; an empty one fits all. */
export function matches(selector: unknown, labels: Labels): boolean {
  const wanted = Object.entries(asMap(at(selector, "matchLabels")) ?? {});
  const expressions = (at(selector, "matchExpressions") ?? []) as readonly {
    readonly key: string;
    readonly operator: string;
    readonly values?: readonly string[];
  }[];
  return (
    wanted.every(([key, value]) => labels[key] === value) &&
    expressions.every(({ key, operator, values = [] }) => {
      const value = labels[key];
      switch (operator) {
        case "In":
          return value !== undefined && values.includes(value);
        case "NotIn":
          return value === undefined || !values.includes(value);
        case "Exists":
          return value !== undefined;
        default:
          return operator === "DoesNotExist" && value === undefined;
      }
    })
  );
}

/** Pods behind a Service. */
export function podsBehind(model: Model, service: ServiceFact): PodFact[] {
  if (Object.keys(service.selector).length === 0) return [];
  return model.pods.filter(
    (pod) => pod.namespace === service.namespace && matches({ matchLabels: service.selector }, pod.labels),
  );
}

/** The number of a pod's port that a Service leads to; undefined when the pod has no such port. */
export function podPort(pod: PodFact, targetPort: number | string): number | undefined {
  return pod.ports.find(({ name, port }) => name === targetPort || port === targetPort)?.port;
}

/**
 * Whether the network policies let a connection through. Traffic by way of a node (host ports, the API server's calls) is
 * from `anyone`: it has no pod that a policy could name.
 */
export function mayReach(model: Model, from: string, pod: PodFact, port: number): boolean {
  const about = model.policies.filter(
    (policy) =>
      policy.metadata.namespace === pod.namespace && matches(at(policy, "spec", "podSelector") ?? {}, pod.labels),
  );
  if (about.length === 0) return true;
  return about.some((policy) =>
    ((at(policy, "spec", "ingress") ?? []) as readonly unknown[]).some((rule) => {
      const ports = at(rule, "ports") as readonly { readonly port: number }[] | undefined;
      if (ports !== undefined && !ports.some((allowed) => allowed.port === port)) return false;
      const peers = at(rule, "from") as readonly unknown[] | undefined;
      // An empty list is everybody, too.
      if (peers === undefined || peers.length === 0) return true;
      return (
        from !== "anyone" &&
        peers.some((peer) => {
          const namespaces = at(peer, "namespaceSelector");
          return namespaces === undefined
            ? from === pod.namespace
            : matches(namespaces, { "kubernetes.io/metadata.name": from });
        })
      );
    }),
  );
}
