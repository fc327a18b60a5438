/** What objects have to say beyond their schemas: words that only their readers know, and promises of this project. */
import { parse } from "yaml";
import { ownHome } from "../../components/gitops/names.ts";
import { type Manifest, manifestId } from "../../components/kubernetes/manifest.ts";
import { commonLabels, environmentLabel } from "../../components/kubernetes/labels.ts";
import { asMap, at, type Finding, textAt } from "../finding.ts";
import type { KubernetesApi } from "../kubernetes-api.ts";
import { mayReach, modelOf } from "../model.ts";
import { releases, type Rendered } from "../rendered.ts";
import { customResourceSchema, type Schema, validate } from "../schemas.ts";
import { policyRulesSchema } from "../handed-on.ts";

type Add = (object: string, path: string, message: string) => void;

/** Findings about words, annotations and promises. */
export function checkConventions(rendered: Rendered, api: KubernetesApi | undefined): Finding[] {
  const findings: Finding[] = [];
  const add: Add = (object, path, message) => findings.push({ check: "conventions", object, path, message });
  for (const object of [...rendered.declared, ...rendered.content]) {
    checkWords(object, add);
    checkResourceNames(object, add);
  }
  for (const object of rendered.declared) checkWaiting(object, add);
  checkCommonLabels(rendered, add);
  checkDefaultDeny(rendered, add);
  checkDrift(rendered, add);
  checkVariables(rendered, add);
  checkCollectorRole(rendered, add);
  checkStateMetrics(rendered, add);
  checkKbot(rendered, api, add);
  checkAgreement(rendered, add);
  checkInstrumentation(rendered, add);
  return findings;
}

/** By these labels people find what an environment made, and `destroy` tells it from what others made. */
function checkCommonLabels({ declared }: Rendered, add: Add): void {
  const labelsOf = ({ metadata }: Manifest) => metadata.labels ?? {};
  const counted = Map.groupBy(declared, (object) => labelsOf(object)[environmentLabel]);
  const [name] = [...counted].toSorted(([, a], [, b]) => b.length - a.length)[0] ?? [];
  for (const object of declared) {
    for (const [label, value] of Object.entries(commonLabels(name ?? ""))) {
      const own = labelsOf(object)[label];
      // Flux's manifests say themselves what they are part of.
      if (own === value || (own === "flux" && label !== environmentLabel)) continue;
      add(manifestId(object), `metadata/labels/${label}`, `is ${own ?? "missing"}, and ${value} elsewhere.`);
    }
  }
}

/** Metrics that nobody serves by default, and what is asked of them: such a rule never fires. */
const unserved: readonly { readonly alerts: readonly string[]; readonly served: (values: unknown) => boolean }[] = [
  {
    // kube-state-metrics 8.4.0, templates/service.yaml and servicemonitor.yaml.
    alerts: ["ListErrors", "WatchErrors", "ShardingMismatch", "ShardsMissing"].map((name) => `KubeStateMetrics${name}`),
    served: (values) => at(values, "kube-state-metrics", "selfMonitor", "enabled") === true,
  },
  {
    // node_exporter 1.12, collector/systemd_linux.go: off by default.
    alerts: ["NodeSystemdServiceFailed", "NodeSystemdServiceCrashlooping"],
    served: () => false,
  },
];

/** A duration of Loki's in hours; NaN for anything else. */
const hours = (duration: string | undefined) => Number(/^(\d+)h$/.exec(duration ?? "")?.[1]);

/** Values of a release that have to say the same. */
function checkAgreement({ declared }: Rendered, add: Add): void {
  const affinity = declared.filter(({ kind, metadata }) => kind === "Service" && metadata.name.startsWith("host-"));
  for (const service of affinity)
    if (textAt(service, "spec", "sessionAffinity") !== "ClientIP")
      add(manifestId(service), "spec.sessionAffinity", "is not ClientIP: a reader would change between replicas.");
  for (const { name, chart, values } of releases(declared)) {
    const object = `HelmRelease ${name}`;
    if (chart?.name === "kube-prometheus-stack") {
      if (textAt(values, "prometheus", "service", "sessionAffinity") !== "ClientIP")
        add(object, "prometheus/service/sessionAffinity", "is not ClientIP: panels would change between servers.");
      for (const { alerts, served } of unserved) {
        for (const alert of alerts)
          if (served(values) === (at(values, "defaultRules", "disabled", alert) === true))
            add(object, `defaultRules/disabled/${alert}`, "is on without its metrics, or off with them.");
      }
      for (const spec of [
        ["prometheus", "prometheusSpec"],
        ["alertmanager", "alertmanagerSpec"],
      ]) {
        const address = textAt(values, ...spec, "externalUrl") ?? "";
        const prefix = textAt(values, ...spec, "routePrefix");
        if (!URL.canParse(address) || new URL(address).pathname !== prefix)
          add(object, `${spec.join("/")}/routePrefix`, `${prefix ?? "nothing"} is not the path of ${address}.`);
      }
    }
    if (chart?.name === "loki") {
      const age = hours(textAt(values, "loki", "ingester", "max_chunk_age"));
      if (!(hours(textAt(values, "loki", "querier", "query_ingesters_within")) >= age))
        add(
          object,
          "loki/querier/query_ingesters_within",
          "is less than max_chunk_age: newer lines would be found nowhere.",
        );
      const type = textAt(values, "loki", "storage", "type");
      const stores = ((at(values, "loki", "schemaConfig", "configs") ?? []) as readonly unknown[]).map((config) =>
        textAt(config, "object_store"),
      );
      stores.push(textAt(values, "loki", "compactor", "delete_request_store"));
      for (const store of stores)
        if (store !== type)
          add(object, "loki/storage/type", `is ${type ?? "missing"}, and elsewhere ${store ?? "missing"}.`);
    }
  }
}

/** What docs/instrumentation.md promises to applications. */
function checkInstrumentation({ declared }: Rendered, add: Add): void {
  for (const object of declared.filter(({ kind }) => kind === "Instrumentation")) {
    const id = manifestId(object);
    const propagators = (at(object, "spec", "propagators") ?? []) as readonly string[];
    for (const needed of ["tracecontext", "baggage"])
      if (!propagators.includes(needed)) add(id, "spec.propagators", `has no ${needed}: a trace would end at a call.`);
    for (const language of ["java", "nodejs", "python", "dotnet"]) {
      const env = (at(object, "spec", language, "env") ?? []) as readonly unknown[];
      const exporter = env.find((variable) => textAt(variable, "name") === "OTEL_LOGS_EXPORTER");
      if (textAt(exporter, "value") !== "otlp") add(id, `spec.${language}.env`, "has log records leave by no OTLP.");
    }
  }
}

/** Enumerations that the API server checks in code, so that its OpenAPI does not list them. */
function checkWords(object: Manifest, add: Add): void {
  const id = manifestId(object);
  const one = (path: string, value: unknown, words: readonly string[]) => {
    if (!words.includes(String(value))) add(id, path, `${String(value)} is none of ${words.join(", ")}.`);
  };
  if (object.kind === "NetworkPolicy") {
    const types = at(object, "spec", "policyTypes");
    for (const type of Array.isArray(types) ? (types as unknown[]) : [])
      one("spec.policyTypes", type, ["Ingress", "Egress"]);
    if (!Array.isArray(types) || types.length === 0) add(id, "spec.policyTypes", "is empty.");
  }
  if (object.kind === "Service" && object.apiVersion === "v1") {
    one("spec.type", at(object, "spec", "type") ?? "ClusterIP", ["ClusterIP", "NodePort", "LoadBalancer"]);
    for (const [index, port] of ((at(object, "spec", "ports") ?? []) as readonly unknown[]).entries()) {
      one(`spec.ports.${index}.protocol`, at(port, "protocol") ?? "TCP", ["TCP"]);
      const name = textAt(port, "name") ?? "";
      if (!/^[a-z]([a-z0-9-]{0,13}[a-z0-9])?$/.test(name))
        add(id, `spec.ports.${index}.name`, `"${name}" names no port.`);
    }
  }
  if (object.kind === "Secret") one("type", at(object, "type") ?? "Opaque", ["Opaque"]);
}

const resourceNames = ["cpu", "memory", "storage", "ephemeral-storage"];

/** Requests and limits name resources that a node has: Kubernetes takes any other name for an extended resource. */
function checkResourceNames(object: Manifest, add: Add): void {
  if (object.kind === "CustomResourceDefinition") return;
  const walk = (tree: unknown, path: readonly string[]): void => {
    for (const [key, child] of Object.entries((tree ?? {}) as Record<string, unknown>)) {
      if (typeof child !== "object" || child === null) continue;
      const below = [...path, key];
      if ((key === "requests" || key === "limits") && !Array.isArray(child)) {
        for (const name of Object.keys(child)) {
          if (!resourceNames.includes(name))
            add(manifestId(object), below.join("."), `${name} is nothing that a node has.`);
        }
      }
      walk(child, below);
    }
  };
  walk(object["spec"], ["spec"]);
}

/** Kinds that count as made only when Flux says so. */
const awaited = ["HelmRelease", "GitRepository", "Kustomization"];

/** Annotations of the Pulumi provider (pulumi.com/registry/packages/kubernetes, "Annotations"). */
function checkWaiting(object: Manifest, add: Add): void {
  const { annotations = {} } = object.metadata;
  const forms: Readonly<Record<string, RegExp>> = {
    "pulumi.com/waitFor": /^condition=Ready$/,
    "pulumi.com/skipAwait": /^true$/,
  };
  for (const [key, value] of Object.entries(annotations)) {
    const form = forms[key];
    if (form === undefined) {
      // Flux's own manifests have some; in ours each is the provider's.
      if (/pulu?mi/i.test(key) || object.metadata.namespace !== ownHome.namespace) {
        if (object.kind !== "CustomResourceDefinition")
          add(manifestId(object), "metadata.annotations", `${key} is not known.`);
      } else if (awaited.includes(object.kind)) add(manifestId(object), "metadata.annotations", `${key} is not known.`);
    } else if (!form.test(value)) add(manifestId(object), `metadata.annotations.${key}`, `is ${value}.`);
  }
  if (awaited.includes(object.kind) && !("pulumi.com/waitFor" in annotations)) {
    add(manifestId(object), "metadata.annotations", "nobody waits for it: pulumi.com/waitFor is missing.");
  }
}

/** Nothing gets into a namespace of ours but what is allowed by name, and pods of one namespace reach each other. */
function checkDefaultDeny(rendered: Rendered, add: Add): void {
  const model = modelOf(rendered);
  for (const { kind, metadata } of rendered.declared) {
    if (kind !== "Namespace" || metadata.name === ownHome.namespace) continue;
    const ours = model.policies.filter((policy) => policy.metadata.namespace === metadata.name);
    const denies = ours.some(
      (policy) =>
        Object.keys(asMap(at(policy, "spec", "podSelector")) ?? { x: 1 }).length === 0 &&
        at(policy, "spec", "ingress") === undefined &&
        String(at(policy, "spec", "policyTypes")) === "Ingress",
    );
    if (!denies) add(`Namespace ${metadata.name}`, "", "no policy denies what none allows.");
    for (const pod of model.pods.filter(({ namespace }) => namespace === metadata.name)) {
      for (const { port } of pod.ports) {
        if (!mayReach(model, metadata.name, pod, port))
          add(`Namespace ${metadata.name}`, "", `its own pods cannot reach ${pod.owner}.`);
      }
    }
  }
}

/** cert-manager writes into webhooks after the install, which is no drift. */
function checkDrift({ declared }: Rendered, add: Add): void {
  for (const object of declared.filter(({ kind }) => kind === "HelmRelease")) {
    const ignores = (at(object, "spec", "driftDetection", "ignore") ?? []) as readonly unknown[];
    for (const kind of ["ValidatingWebhookConfiguration", "MutatingWebhookConfiguration"]) {
      const found = ignores.some(
        (ignore) => at(ignore, "target", "kind") === kind && String(at(ignore, "paths")) === "/webhooks",
      );
      if (!found) add(manifestId(object), "spec.driftDetection.ignore", `does not leave /webhooks of a ${kind} alone.`);
    }
    if (object.metadata.name === "kube-prometheus-stack") {
      const path = "/metadata/annotations/prometheus-operator-validated";
      const found = ignores.some(
        (ignore) => at(ignore, "target", "kind") === "PrometheusRule" && String(at(ignore, "paths")) === path,
      );
      if (!found)
        add(manifestId(object), "spec.driftDetection.ignore", "does not leave the operator's mark on rules alone.");
    }
    if (at(object, "spec", "driftDetection", "mode") !== "enabled")
      add(manifestId(object), "spec.driftDetection.mode", "is not enabled.");
    for (const action of ["install", "upgrade"]) {
      // With "RemediateOnFailure", Flux's default, a first failure would be the last.
      const strategy = at(object, "spec", action, "strategy");
      if (at(strategy, "name") !== "RetryOnFailure")
        add(manifestId(object), `spec.${action}.strategy`, "does not try again.");
    }
  }
}

/** Variables for people's own manifests that nothing in `flux-repo/` uses yet. */
const offered = ["CLUSTER_NAME", "COLLECTOR_OTLP_GRPC", "COLLECTOR_OTLP_HTTP", "DEMO_SUSPEND"];

/** Every variable that `flux-repo/` uses is given, and every one that is given is used. */
function checkVariables({ declared, variables, settings }: Rendered, add: Add): void {
  for (const object of declared.filter(
    ({ kind, apiVersion }) => kind === "Kustomization" && apiVersion.startsWith("kustomize.toolkit"),
  )) {
    const given = asMap(at(object, "spec", "postBuild", "substitute")) ?? {};
    for (const name of variables)
      if (!(name in given)) add(manifestId(object), "spec.postBuild.substitute", `${name} is missing.`);
    for (const [name, value] of Object.entries(given)) {
      const path = `spec.postBuild.substitute.${name}`;
      // Some of them are the demo's.
      if (settings.demo.enabled && !variables.includes(name) && !offered.includes(name))
        add(manifestId(object), path, "nothing in flux-repo/ uses it.");
      const forms: readonly [RegExp, RegExp][] = [
        [/^COLLECTOR_/, /^http:\/\/[a-z0-9-]+\.[a-z0-9-]+\.svc:\d+$/],
        [/_URL$/, /^(https?:\/\/[\w.-]+(:\d+)?(\/.*)?)?$/],
        [/^DEMO_REPOSITORY$/, /^(https?|ssh):\/\/[\w.@-]+(:\d+)?\/.+$/],
        [/^DEMO_SUSPEND$/, /^(true|false)$/],
      ];
      for (const [which, form] of forms) {
        if (which.test(name) && !form.test(String(value))) add(manifestId(object), path, `is ${String(value)}.`);
      }
    }
  }
}

/** What k8s_attributes and the discovery of pods need (their README files, "RBAC"). */
const needed: Readonly<Record<string, readonly string[]>> = {
  "": ["pods", "namespaces", "nodes"],
  apps: ["replicasets", "deployments"],
};

function checkCollectorRole({ declared, settings }: Rendered, add: Add): void {
  for (const collector of declared.filter(({ kind }) => kind === "OpenTelemetryCollector")) {
    const { image } = at(collector, "spec", "mode") === "daemonset" ? settings.logCollector : settings.collector;
    if (at(collector, "spec", "image") !== image) add(manifestId(collector), "spec.image", `is not ${image}.`);
  }
  for (const role of declared.filter(
    ({ kind, metadata }) => kind === "ClusterRole" && metadata.name === "otel-collector",
  )) {
    for (const { path, message } of validate(policyRulesSchema, at(role, "rules")))
      add(manifestId(role), `rules.${path}`, message);
    const rules = (at(role, "rules") ?? []) as readonly {
      apiGroups?: string[];
      resources?: string[];
      verbs?: string[];
    }[];
    for (const [group, resources] of Object.entries(needed)) {
      for (const resource of resources) {
        for (const verb of ["get", "list", "watch"]) {
          const granted = rules.some(
            (rule) =>
              rule.apiGroups?.includes(group) === true &&
              rule.resources?.includes(resource) === true &&
              rule.verbs?.includes(verb) === true,
          );
          if (!granted) add(manifestId(role), "rules", `does not let it ${verb} ${resource}.`);
        }
      }
    }
    for (const { apiGroups = [], resources = [] } of rules) {
      for (const resource of resources) {
        if (!apiGroups.some((group) => needed[group]?.includes(resource) === true))
          add(manifestId(role), "rules", `nobody needs ${resource}.`);
      }
    }
  }
}

/** Labels of `gotk_resource_info` that the Flux dashboard and alerts ask for; kube-state-metrics adds the kind itself. */
const stateLabels = ["exported_namespace", "ready", "revision", "suspended"];

/** A schema at a path of field names, list positions and `[key=value]` choices; undefined where there is no such field. */
function schemaAt(schema: unknown, path: readonly string[]): unknown {
  return path.reduce<unknown>((here, key) => {
    if (/^\d+$/.test(key)) return at(here, "items");
    const choice = /^\[(\w+)=/.exec(key)?.[1];
    if (choice !== undefined)
      return at(here, "items", "properties", choice) === undefined ? undefined : at(here, "items");
    return at(here, "properties", key);
  }, schema);
}

/** What kube-state-metrics says of Flux's objects: kinds and fields exist, and it may read them. */
function checkStateMetrics({ declared }: Rendered, add: Add): void {
  for (const { name, values } of releases(declared)) {
    const state = at(values, "kube-state-metrics", "customResourceState", "config", "spec", "resources");
    if (state === undefined) continue;
    const object = `HelmRelease ${name}`;
    const rules = (at(values, "kube-state-metrics", "rbac", "extraRules") ?? []) as readonly unknown[];
    const readable = rules.flatMap((rule) =>
      String(at(rule, "verbs")) === "list,watch"
        ? ((at(rule, "apiGroups") ?? []) as readonly string[]).flatMap((group) =>
            ((at(rule, "resources") ?? []) as readonly string[]).map((resource) => `${group}/${resource}`),
          )
        : [],
    );
    const plurals: string[] = [];
    for (const [index, resource] of (state as readonly unknown[]).entries()) {
      const path = `customResourceState ${index}`;
      const kind = asMap(at(resource, "groupVersionKind")) ?? {};
      const group = textAt(kind, "group") ?? "";
      const schema = customResourceSchema(`${group}/${textAt(kind, "version") ?? ""}`, textAt(kind, "kind") ?? "");
      if (schema === undefined) {
        add(object, path, `${group} ${textAt(kind, "kind") ?? ""} is no kind that a CRD defines.`);
        continue;
      }
      const plural = `${(textAt(kind, "kind") ?? "").toLowerCase().replace(/y$/, "ie")}s`;
      plurals.push(plural);
      if (!readable.includes(`${group}/${plural}`))
        add(object, "rbac.extraRules", `does not let it list and watch ${plural}.`);
      const metric = at(resource, "metrics", 0);
      const called = `${textAt(resource, "metricNamePrefix") ?? ""}_${textAt(metric, "name") ?? ""}`;
      if (called !== "gotk_resource_info") add(object, path, `makes ${called} and not gotk_resource_info.`);
      const labels = asMap(at(metric, "labelsFromPath")) ?? {};
      const own = asMap(at(metric, "each", "info", "labelsFromPath")) ?? {};
      if (Object.keys(labels).sort().join() !== stateLabels.join())
        add(object, path, `has the labels ${Object.keys(labels).join(", ")}.`);
      if (Object.keys(own).join() !== "name")
        add(object, path, `has the label ${Object.keys(own).join(", ")} and not name.`);
      for (const [label, field] of [...Object.entries(labels), ...Object.entries(own)]) {
        const keys = field as readonly string[];
        const found = schemaAt(schema, keys);
        const scalar = ["string", "boolean", "integer"].includes(String(at(found, "type")));
        if (!scalar) add(object, `${path} ${label}`, `${keys.join(".")} is no field with one value.`);
        const ends: Readonly<Record<string, RegExp>> = {
          ready: /^status\.conditions\.\[type=Ready\]\.status$/,
          suspended: /^spec\.suspend$/,
          revision: /^status\.(.*[rR]evision|history\.0\.chartVersion)$/,
          exported_namespace: /^metadata\.namespace$/,
          name: /^metadata\.name$/,
        };
        if (ends[label]?.test(keys.join(".")) === false)
          add(object, `${path} ${label}`, `is read from ${keys.join(".")}.`);
      }
    }
    for (const resource of rules.flatMap((rule) => (at(rule, "resources") ?? []) as readonly string[])) {
      if (!plurals.includes(resource)) add(object, "rbac.extraRules", `nobody needs ${resource}.`);
    }
  }
}

/** Values of the chart in kbot's own repository (helm/values.yaml there), as far as they are set. */
const kbotValues: Schema = {
  type: "object",
  additionalProperties: false,
  required: ["secret"],
  properties: {
    replicaCount: { type: "integer" },
    image: {
      type: "object",
      additionalProperties: false,
      properties: { repository: { type: "string" }, tag: { type: "string" }, arch: { type: "string" } },
    },
    secret: {
      type: "object",
      additionalProperties: false,
      required: ["name", "key", "env"],
      properties: { name: { type: "string" }, key: { type: "string" }, env: { const: "TELE_TOKEN" } },
    },
  },
};

/** A patch without its directives, as an object of its kind. */
function withoutDirectives(value: unknown): unknown {
  if (Array.isArray(value)) return value.filter((item) => at(item, "$patch") === undefined).map(withoutDirectives);
  const map = asMap(value);
  if (map === undefined) return value;
  return Object.fromEntries(
    Object.entries(map)
      .filter(([key]) => key !== "$patch")
      .map(([key, child]) => [key, withoutDirectives(child)]),
  );
}

/** Annotations that the operator and the collector read from kbot's pods. */
const podAnnotations: Readonly<Record<string, RegExp>> = {
  "instrumentation.opentelemetry.io/inject-go": /^monitoring\/default$/,
  "instrumentation.opentelemetry.io/otel-go-auto-target-exe": /^\/kbot$/,
  "prometheus.io/scrape": /^true$/,
  "prometheus.io/port": /^8080$/,
  "prometheus.io/path": /^\/metrics$/,
  "prometheus.io/monitor": /^true$/,
};

function checkKbot(rendered: Rendered, api: KubernetesApi | undefined, add: Add): void {
  for (const release of rendered.content.filter(
    ({ kind, metadata }) => kind === "HelmRelease" && metadata.name === "kbot",
  )) {
    const object = manifestId(release);
    for (const { path, message } of validate(kbotValues, at(release, "spec", "values")))
      add(object, `spec.values.${path}`, message);
    const chart = textAt(release, "spec", "chart", "spec", "chart")?.replace(/^\.\//, "") ?? "?";
    const source = rendered.content.find(({ kind, metadata }) => kind === "GitRepository" && metadata.name === "kbot");
    const ignored = textAt(source, "spec", "ignore")?.trim().split("\n") ?? [];
    if (ignored.includes("/*") && !ignored.includes(`!/${chart}`))
      add(object, "spec.chart.spec.chart", `${chart} is not in the artifact: its GitRepository ignores it.`);
    const patches = (at(release, "spec", "postRenderers", 0, "kustomize", "patches") ?? []) as readonly unknown[];
    const text = textAt(patches[0], "patch");
    const path = "spec.postRenderers.0.kustomize.patches.0";
    if (text === undefined) {
      add(object, path, "is missing: kbot would have no metrics port and no requests.");
      continue;
    }
    const patch = parse(text) as Manifest;
    checkResourceNames(patch, add);
    const schema = api?.schema(patch.apiVersion, patch.kind);
    if (api !== undefined && schema === undefined)
      add(object, path, `${patch.apiVersion} ${patch.kind} is no kind of Kubernetes.`);
    for (const { path: below, message } of schema === undefined ? [] : validate(schema, withoutDirectives(patch))) {
      // A patch says only what differs.
      if (!message.startsWith("must have required")) add(object, `${path}.${below}`, message);
    }
    const target = asMap(at(patches[0], "target"));
    if (target?.["kind"] !== "Deployment" || target["name"] !== "kbot" || target["group"] !== "apps")
      add(object, path, "targets no Deployment kbot.");
    if (patch.kind !== "Deployment" || at(patch, "metadata", "name") !== "kbot")
      add(object, path, "is for another object.");
    const annotations = asMap(at(patch, "spec", "template", "metadata", "annotations")) ?? {};
    for (const [key, form] of Object.entries(podAnnotations)) {
      if (!form.test(textAt(annotations, key) ?? ""))
        add(object, path, `${key} is ${textAt(annotations, key) ?? "missing"}.`);
    }
    for (const key of Object.keys(annotations)) if (!(key in podAnnotations)) add(object, path, `nobody reads ${key}.`);
    const container = at(patch, "spec", "template", "spec", "containers", 0);
    if (textAt(container, "name") !== "kbot") add(object, path, "is for another container.");
    if (!/^[\w./-]+:[\w.-]+$/.test(textAt(container, "image") ?? "")) add(object, path, "names no image with a tag.");
    const ports = (at(container, "ports") ?? []) as readonly unknown[];
    if (
      ports.length !== 1 ||
      at(ports[0], "name") !== "metrics" ||
      at(ports[0], "containerPort") !== 8080 ||
      (at(ports[0], "protocol") ?? "TCP") !== "TCP"
    ) {
      add(object, path, "has not the one port metrics (8080).");
    }
    for (const part of ["requests", "limits"])
      if (at(container, "resources", part, "memory") === undefined) add(object, path, `${part} no memory.`);
    const pod = modelOf(rendered).pods.find(
      ({ owner, namespace }) => owner === "Deployment kbot" && namespace === "demo",
    );
    if (pod?.level !== "restricted") add(object, path, "asks for more than a bot needs: its pod is not restricted.");
  }
}
