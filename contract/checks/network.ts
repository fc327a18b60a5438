/** Names and ports: everything that points at a Service, a pod or a port points at one that is there and lets it in. */
import { ownHome } from "../../components/gitops/names.ts";
import { type Manifest, manifestId } from "../../components/kubernetes/manifest.ts";
import { plan, providers } from "../../components/plan.ts";
import { remembered } from "../../components/remembered.ts";
import { type PodFact, type ServiceFact, serviceFact } from "../chart-facts.ts";
import { asMap, at, type Finding, textAt } from "../finding.ts";
import { matches, mayReach, type Model, modelOf, podPort, podsBehind } from "../model.ts";
import { podSecurityLevel } from "../pod-security.ts";
import { releases, type Rendered } from "../rendered.ts";

/** An address of a Service in the cluster: `name.namespace.svc`, with a port unless it is `http://`; in front its port's name, where that is looked up (SRV). */
const address =
  /(http:\/\/)?(?:\b|_([a-z0-9-]+)\._tcp\.)([a-z0-9][a-z0-9-]*)\.([a-z0-9][a-z0-9-]*)\.svc(?:\.cluster\.local)?(?::(\d+))?/g;

type Add = (object: string, path: string, message: string) => void;

/** Findings about addresses, selectors, ports and network policies. */
export function checkNetwork(rendered: Rendered): Finding[] {
  const { declared, content } = rendered;
  const model = modelOf(rendered);
  const findings: Finding[] = [];
  const add: Add = (object, path, message) => findings.push({ check: "network", object, path, message });

  for (const service of ownServices([...declared, ...content], model)) checkService(model, service, add);
  for (const policy of model.policies) checkPolicy(model, policy, rendered, add);
  checkAddresses(rendered, model, add);
  checkMonitors(rendered, model, add);
  checkHostPorts(rendered, model, add);
  checkCalls(model, add);
  return findings;
}

/** Whom the API server calls: a Service that is there, with the port, and policies that let the call in. */
function checkCalls(model: Model, add: Add): void {
  for (const { namespace, service: name, port = 443, as } of model.calledByApiServer) {
    const service = model.services.find((s) => s.name === name && s.namespace === namespace);
    const target = service?.ports.find((candidate) => candidate.port === port);
    const pods = service === undefined ? [] : podsBehind(model, service);
    if (target === undefined || pods.length === 0) {
      add(`Service ${namespace}/${name}`, "", `the API server calls ${as} on port ${port}: nobody answers there.`);
    }
    for (const pod of target === undefined ? [] : pods) {
      const number = podPort(pod, target?.targetPort ?? port);
      if (number === undefined || !mayReach(model, "anyone", pod, number)) {
        add(
          `NetworkPolicy ${namespace}`,
          "",
          `lets no API server call ${as} (port ${number ?? port} of ${pod.owner}).`,
        );
      }
    }
  }
}

function ownServices(objects: readonly Manifest[], model: Model): ServiceFact[] {
  const names = objects
    .filter(({ kind }) => kind === "Service")
    .map(({ metadata }) => `${metadata.namespace ?? ""}/${metadata.name}`);
  return model.services.filter(({ namespace, name }) => names.includes(`${namespace}/${name}`));
}

/** A Service of ours selects pods that have its ports. */
function checkService(model: Model, service: ServiceFact, add: Add): void {
  const object = `Service ${service.namespace}/${service.name}`;
  // Flux's pods are known only where its manifests were rendered too.
  const pods = podsBehind(model, service);
  if (pods.length === 0) {
    add(object, "spec.selector", "selects no pod that anyone makes.");
    return;
  }
  for (const { port, targetPort } of service.ports) {
    for (const pod of pods) {
      if (podPort(pod, targetPort) === undefined)
        add(object, `spec.ports.${port}`, `${pod.owner} has no port ${targetPort}.`);
    }
  }
}

/**
 * Whether a port of a pod is reached through a node, so that no policy can name who comes: by the API server, or by a port of
 * the host. Everybody may be let in there and nowhere else.
 */
function throughNode(model: Model, declared: readonly Manifest[], pod: PodFact, port: number): boolean {
  const hostPorts = declared.filter(({ kind, spec }) => kind === "Service" && at(spec, "type") === "NodePort");
  const services = [
    ...model.services.filter(({ namespace, name }) =>
      model.calledByApiServer.some((called) => called.namespace === namespace && called.service === name),
    ),
    ...hostPorts.map((service) => serviceFact(service, service.metadata.namespace ?? "")),
  ];
  return services.some(
    (service) =>
      podsBehind(model, service).includes(pod) &&
      service.ports.some(({ targetPort }) => podPort(pod, targetPort) === port),
  );
}

/** Pods that ask everybody for a password, by a label: whoever comes from outside may reach them. */
const askPasswords: readonly Readonly<Record<string, string>>[] = [
  { "app.kubernetes.io/name": "remote-write-receiver" },
];

/** A policy is about pods that exist, on ports that they have, from namespaces that exist. */
function checkPolicy(model: Model, policy: Manifest, { declared, settings }: Rendered, add: Add): void {
  const object = manifestId(policy);
  const selector = at(policy, "spec", "podSelector") ?? {};
  const ours = model.pods.filter(({ namespace }) => namespace === policy.metadata.namespace);
  const others = plan(settings).chosen.flatMap(({ component, settings: own, provided }) =>
    provided ? (component.provided?.namespace?.(own) ?? []) : (component.connectsFrom?.(own) ?? []),
  );
  const pods = ours.filter(({ labels }) => matches(selector, labels));
  // Flux's namespace: its own policies, about pods that are there only when its manifests were rendered.
  if (pods.length === 0 && ours.length > 0) {
    add(object, "spec.podSelector", "selects no pod that anyone makes.");
    return;
  }
  for (const rule of (at(policy, "spec", "ingress") ?? []) as readonly unknown[]) {
    const peers = (at(rule, "from") ?? []) as readonly unknown[];
    const ports = (at(rule, "ports") ?? []) as readonly { port: number; protocol?: string }[];
    const needed = pods.every(
      (pod) =>
        askPasswords.some((matchLabels) => matches({ matchLabels }, pod.labels)) ||
        // Spans from pods in the nodes' network.
        (settings.ebpf.propagation &&
          pod.labels["app.kubernetes.io/component"] === "opentelemetry-collector" &&
          String(ports.map(({ port }) => port)) === "4317") ||
        ports.every(({ port }) => throughNode(model, declared, pod, port)),
    );
    // Flux's own are Flux's to decide.
    if (peers.length === 0 && !(needed && ports.length > 0) && policy.metadata.namespace !== ownHome.namespace)
      add(object, "spec.ingress.from", "is nobody in particular, and so lets everybody in.");
    for (const { port, protocol } of ports) {
      const has = (pod: PodFact) =>
        pod.ports.some((own) => own.port === port && (own.protocol ?? "TCP") === (protocol ?? "TCP"));
      if (!pods.some(has)) add(object, "spec.ingress.ports", `no pod that it selects has the port ${port}.`);
    }
    for (const peer of peers) {
      const labels = asMap(at(peer, "namespaceSelector", "matchLabels"));
      if (labels === undefined) continue;
      for (const [key, name] of Object.entries(labels)) {
        if (key !== "kubernetes.io/metadata.name")
          add(object, "spec.ingress.from", `${key} is no label that every namespace has.`);
        else if (
          !model.namespaces.has(String(name)) &&
          ![...settings.applications.namespaces, ...others].includes(String(name))
        )
          add(object, "spec.ingress.from", `names the namespace ${String(name)}, which nobody makes.`);
      }
    }
  }
}

/** Every Kubernetes-internal address in any string, and whether a policy lets the caller in. */
function checkAddresses({ declared, content, settings }: Rendered, model: Model, add: Add): void {
  const application = settings.demo.enabled ? "demo" : settings.applications.namespaces[0];
  const places: { readonly object: string; readonly from: string; readonly data: object }[] = [
    ...releases([...declared, ...content]).map(({ name, namespace, values }) => ({
      object: `HelmRelease ${name}`,
      from: namespace,
      data: values,
    })),
    ...[...declared, ...content]
      .filter(({ kind }) =>
        [
          ...["OpenTelemetryCollector", "Instrumentation", "ConfigMap", "Deployment", "Kustomization", "Probe"],
          ...["Beat", "PrometheusAgent", "VMAgent"],
        ].includes(kind),
      )
      .filter(({ kind }) => kind !== "Kustomization" || application !== undefined)
      .map((object) => ({
        object: manifestId(object),
        // Addresses among Flux's variables are for applications.
        from: object.kind === "Kustomization" ? (application ?? "") : (object.metadata.namespace ?? ""),
        data: object,
      })),
  ];
  for (const { object, from, data } of places) {
    for (const { path, whole, scheme, portName, name, namespace, told } of addressesIn(data)) {
      const service = model.services.find((s) => s.name === name && s.namespace === namespace);
      const looked = service?.ports.find((candidate) => candidate.name === portName)?.port;
      const port = told ?? (portName === undefined ? (scheme === undefined ? undefined : "80") : looked);
      if (service === undefined) {
        // Flux's controllers talk to each other; their Services are known only where Flux was rendered.
        if (namespace !== ownHome.namespace) add(object, path, `${whole} is a Service that nobody makes.`);
        continue;
      }
      if (port === undefined) {
        add(object, path, `${whole} names no port${portName === undefined ? "" : " that the Service has"}.`);
        continue;
      }
      const target = service.ports.find((candidate) => candidate.port === Number(port));
      if (target === undefined) {
        add(object, path, `${whole}: that Service has the ports ${service.ports.map((p) => p.port).join(", ")}.`);
        continue;
      }
      for (const pod of podsBehind(model, service)) {
        const podSide = podPort(pod, target.targetPort);
        if (podSide !== undefined && !mayReach(model, from, pod, podSide)) {
          add(object, path, `no network policy lets ${from} reach ${whole}.`);
        }
      }
    }
  }
}

interface Address {
  readonly path: string;
  readonly whole: string;
  readonly scheme: string | undefined;
  readonly portName: string | undefined;
  readonly name: string;
  readonly namespace: string;
  readonly told: string | undefined;
}

/** Addresses in the strings of an object: many environments have the same. */
const addressesIn = remembered((data: object) => {
  const all = new Map(strings(data));
  return [...all].flatMap(([path, value]) => {
    if (!value.includes(".svc")) return [];
    // Fluent Bit's section says host and port in two lines.
    const text = value.replaceAll(/^(\s*Host\s+\S+)\s*\n\s*Port\s+(\d+)/gm, "$1:$2");
    // The collector's balancing says host and port in two values.
    const beside = path.endsWith(".dns.hostname") ? all.get(path.replace(/hostname$/, "port")) : undefined;
    return [...text.matchAll(address)].map(
      ([whole, scheme, portName, name = "", namespace = "", told = beside]): Address => {
        return { path, whole, scheme, portName, name, namespace, told };
      },
    );
  });
}, new WeakMap<object, Address[]>());

/** Every string of a tree with its path. */
function strings(tree: unknown, path: readonly string[] = []): [string, string][] {
  if (typeof tree === "string") return [[path.join("."), tree]];
  if (typeof tree !== "object" || tree === null) return [];
  return Object.entries(tree).flatMap(([key, child]) => strings(child, [...path, key]));
}

/** Monitors, ours and the charts': they find something, and Prometheus may go there. */
function checkMonitors({ declared, content, settings }: Rendered, model: Model, add: Add): void {
  const [scraper] = providers(plan(settings).chosen, "scraping");
  const from = scraper?.component.connectsFrom?.(scraper.settings) ?? "monitoring";
  const reach = (object: string, path: string, pod: PodFact, port: number) => {
    // Monitors without anybody who scrapes lead nowhere.
    if (scraper === undefined) return;
    if (!mayReach(model, from, pod, port)) {
      add(object, path, `nothing that scrapes may reach port ${port} of ${pod.owner} in ${pod.namespace}.`);
    }
  };
  const scrape = (object: string, services: readonly ServiceFact[], port: string, path: string) => {
    const found = services.flatMap((service) =>
      service.ports.filter(({ name }) => name === port).map(({ targetPort }) => ({ service, targetPort })),
    );
    if (found.length === 0) add(object, path, `no Service that it selects has a port named ${port}.`);
    for (const { service, targetPort } of found) {
      for (const pod of podsBehind(model, service)) {
        const number = podPort(pod, targetPort);
        if (number !== undefined) reach(object, path, pod, number);
      }
    }
  };
  for (const monitor of model.monitors) {
    // The cluster's own parts are not in the model.
    if (monitor.namespaces.some((name) => ["kube-system", "default"].includes(name))) continue;
    const services = model.services.filter(
      (s) => monitor.namespaces.includes(s.namespace) && matches(monitor.selector, s.labels),
    );
    for (const port of monitor.ports) {
      // cert-manager's monitor names the port of the pods and not of Services.
      if (services.some((service) => service.ports.some(({ name }) => name === port))) {
        scrape(`ServiceMonitor ${monitor.namespace}/${monitor.name}`, services, port, "");
        continue;
      }
      for (const pod of services.flatMap((service) => podsBehind(model, service))) {
        const number = podPort(pod, port);
        if (number !== undefined) reach(`ServiceMonitor ${monitor.namespace}/${monitor.name}`, "", pod, number);
      }
    }
  }
  for (const object of [...declared, ...content].filter(
    ({ kind }) => kind === "ServiceMonitor" || kind === "PodMonitor",
  )) {
    const id = manifestId(object);
    const selector = at(object, "spec", "selector");
    const namespaces = (at(object, "spec", "namespaceSelector", "matchNames") ?? [
      object.metadata.namespace,
    ]) as string[];
    for (const name of namespaces) {
      if (name !== ownHome.namespace && !model.namespaces.has(name))
        add(id, "spec.namespaceSelector", `names ${name}, which nobody makes.`);
    }
    if (Object.keys(asMap(selector) ?? {}).length === 0) add(id, "spec.selector", "is empty: it selects everything.");
    if (object.kind === "ServiceMonitor") {
      const services = model.services.filter((s) => namespaces.includes(s.namespace) && matches(selector, s.labels));
      if (services.length === 0) {
        add(id, "spec.selector", "selects no Service that anyone makes.");
        continue;
      }
      const endpoints = (at(object, "spec", "endpoints") ?? []) as readonly unknown[];
      if (endpoints.length === 0) add(id, "spec.endpoints", "is empty: nothing is scraped.");
      endpoints.forEach((endpoint, index) => {
        scrape(id, services, String(at(endpoint, "port")), `spec.endpoints.${index}.port`);
        const path = textAt(endpoint, "path") ?? "/metrics";
        if (path !== "/metrics") add(id, `spec.endpoints.${index}.path`, `${path} serves no metrics.`);
      });
      continue;
    }
    const inNamespace = model.pods.filter(({ namespace }) => namespaces.includes(namespace));
    if (inNamespace.length === 0) continue;
    const pods = inNamespace.filter(({ labels }) => matches(selector, labels));
    if (pods.length === 0) add(id, "spec.selector", "selects no pod that anyone makes.");
    const expressions = (at(selector, "matchExpressions") ?? []) as readonly {
      key: string;
      operator: string;
      values?: string[];
    }[];
    for (const { key, operator, values = [] } of expressions) {
      if (operator !== "In") continue;
      for (const value of values) {
        if (!inNamespace.some(({ labels }) => labels[key] === value))
          add(id, "spec.selector", `no pod has ${key}=${value}.`);
      }
      for (const { labels, owner } of inNamespace) {
        const value = labels[key];
        if (value !== undefined && !values.includes(value))
          add(id, "spec.selector", `leaves out ${owner} (${key}=${value}).`);
      }
    }
    const endpoints = (at(object, "spec", "podMetricsEndpoints") ?? []) as readonly unknown[];
    if (endpoints.length === 0) add(id, "spec.podMetricsEndpoints", "is empty: nothing is scraped.");
    endpoints.forEach((endpoint, index) => {
      const port = String(at(endpoint, "port"));
      for (const pod of pods) {
        const number = podPort(pod, port);
        if (number === undefined)
          add(id, `spec.podMetricsEndpoints.${index}.port`, `${pod.owner} has no port named ${port}.`);
        else reach(id, `spec.podMetricsEndpoints.${index}`, pod, number);
      }
    });
  }
}

/** Ports of the host: the cluster maps exactly those of the Services, on the loopback address, and policies let them in. */
function checkHostPorts({ declared, kindConfig, settings }: Rendered, model: Model, add: Add): void {
  const { chosen } = plan(settings);
  const idle = (["dashboards", "metrics", "alerts", "traces"] as const).some((viewed) =>
    chosen.every(({ offers }) => offers[viewed]?.ui === undefined),
  );
  const services = declared.filter(({ kind, spec }) => kind === "Service" && at(spec, "type") === "NodePort");
  const mappings = ((at(kindConfig, "nodes") ?? []) as readonly unknown[]).flatMap(
    (node) => (at(node, "extraPortMappings") ?? []) as readonly { containerPort: number; listenAddress?: string }[],
  );
  const mapped = mappings.map(({ containerPort }) => containerPort);
  const used: unknown[] = [];
  for (const service of services) {
    const ports = (at(service, "spec", "ports") ?? []) as readonly {
      nodePort?: number;
      targetPort?: number | string;
    }[];
    for (const { nodePort, targetPort = 0 } of ports) {
      used.push(nodePort);
      if (nodePort === undefined || !mapped.includes(nodePort)) {
        add(manifestId(service), "spec.ports", `no port of the host leads to ${String(nodePort)}.`);
      }
      for (const pod of podsBehind(model, {
        selector: (at(service, "spec", "selector") ?? {}) as Record<string, string>,
        namespace: service.metadata.namespace ?? "",
        name: "",
        labels: {},
        ports: [],
      })) {
        const port = podPort(pod, targetPort);
        if (port !== undefined && !mayReach(model, "anyone", pod, port)) {
          add(manifestId(service), "spec.ports", `no network policy lets the host reach port ${port} of ${pod.owner}.`);
        }
      }
    }
  }
  for (const { containerPort, listenAddress } of mappings) {
    // Kept for a decision that may change: another port would be another cluster.
    if (!used.includes(containerPort) && !idle)
      add("Kind configuration", "extraPortMappings", `${containerPort} leads to no Service.`);
    if (listenAddress !== "127.0.0.1")
      add("Kind configuration", "extraPortMappings", `${containerPort} listens on ${String(listenAddress)}.`);
  }
}

/** Findings about pods that their namespace would not let run. */
export function checkPodSecurity(rendered: Rendered): Finding[] {
  const model = modelOf(rendered);
  const strength = ["privileged", "baseline", "restricted"];
  const findings: Finding[] = [];
  const add: Add = (object, path, message) => findings.push({ check: "pod security", object, path, message });
  for (const namespace of rendered.declared.filter(({ kind }) => kind === "Namespace")) {
    const labels = namespace.metadata.labels ?? {};
    for (const mode of ["enforce", "warn", "audit"]) {
      const level = labels[`pod-security.kubernetes.io/${mode}`];
      const version = labels[`pod-security.kubernetes.io/${mode}-version`];
      if (level === undefined || !strength.includes(level))
        add(manifestId(namespace), "metadata.labels", `${mode}s no level.`);
      if (version === undefined || !/^v1\.\d+$/.test(version))
        add(manifestId(namespace), "metadata.labels", `pins no version of what it ${mode}s.`);
    }
  }
  for (const { owner, namespace, level } of model.pods) {
    const enforced = model.namespaces.get(namespace);
    if (enforced !== undefined && strength.indexOf(level) < strength.indexOf(enforced)) {
      add(`${owner} in ${namespace}`, "", `its pods are ${level}, but the namespace enforces ${enforced}.`);
    }
  }
  // Charts that take both contexts from the values; the facts are of the values as they should be.
  const contexts: Readonly<Record<string, (values: unknown) => readonly [pod: unknown, container: unknown]>> = {
    jaeger: (values) => [at(values, "jaeger", "podSecurityContext"), at(values, "jaeger", "securityContext")],
    tempo: (values) => [at(values, "securityContext"), at(values, "tempo", "securityContext")],
  };
  for (const { name, namespace, chart, values } of releases(rendered.declared)) {
    const given = contexts[chart?.name ?? ""]?.(values);
    if (given === undefined) continue;
    const pod = { securityContext: given[0], containers: [{ name, securityContext: given[1] }] };
    const enforced = model.namespaces.get(namespace) ?? "privileged";
    if (strength.indexOf(podSecurityLevel(pod)) < strength.indexOf(enforced)) {
      add(`HelmRelease ${name}`, "securityContext", "its namespace would refuse the pod.");
    }
  }
  return findings;
}
