/**
 * Every setting, set to another valid value, changes what is declared, in the place that it is about. All of a group are set
 * at once: each has its own place, and the place has to hold the value.
 */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import * as path from "node:path";
import { expect } from "chai";
import { z } from "zod";
import type { Manifest } from "../../components/kubernetes/manifest.ts";
import { fluxManifests } from "../../components/gitops/flux-manifests.ts";
import { digests } from "../../settings/digests.ts";
import { parseSettings } from "../../settings/parse.ts";
import type { SchemaNode } from "../../settings/scalars.ts";
import { secretSettings, settingsSchema } from "../../settings/schema.ts";
import { kubeconfigText } from "../../tools/contract/combinations.ts";
import { runProgram } from "../../tools/contract/program.ts";
import { inDays } from "./support/alertmanager.ts";

/** A setting, a value, the place (a resource's name and keys), and what is there then: the value itself when absent. */
type Effect = readonly [setting: string, value: unknown, place: string, holds?: string | { readonly lacks: string }];

const stackRelease = "kube-prometheus-stack-release.spec.values";
const alertmanager = `${stackRelease}.alertmanager.config`;
const substitutes = "environment-kustomization-demo.spec.postBuild.substitute";
const kindConfig = "cluster-kind.environment.KIND_CONFIG";
const sourceController = "flux-deployment-source-controller.spec.template.spec.containers.0.env";
const hostKey = `git.example.com ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAI${"A".repeat(43)}`;

/** Requests and limit of a container: three settings each. */
const containers: Readonly<Record<string, string>> = {
  "certManager.controller": "cert-manager-release.spec.values.resources",
  "certManager.webhook": "cert-manager-release.spec.values.webhook.resources",
  "certManager.cainjector": "cert-manager-release.spec.values.cainjector.resources",
  "prometheus.resources": `${stackRelease}.prometheus.prometheusSpec.resources`,
  "prometheus.operator": `${stackRelease}.prometheusOperator.resources`,
  "prometheus.kubeStateMetrics": `${stackRelease}.kube-state-metrics.resources`,
  "prometheus.nodeExporter": `${stackRelease}.prometheus-node-exporter.resources`,
  "alertmanager.resources": `${stackRelease}.alertmanager.alertmanagerSpec.resources`,
  "grafana.resources": `${stackRelease}.grafana.resources`,
  "loki.resources": "loki-release.spec.values.singleBinary.resources",
  "fluentBit.resources": "fluent-bit-release.spec.values.resources",
  "opentelemetry.operator": "opentelemetry-operator-release.spec.values.manager.resources",
  "opentelemetry.collector.resources": "opentelemetry-collector-collector.spec.resources",
  "jaeger.resources": "jaeger-release.spec.values.jaeger.resources",
};

const values: Readonly<Record<string, string>> = {
  "certManager.values": "cert-manager-release",
  "prometheus.values": "kube-prometheus-stack-release",
  "loki.values": "loki-release",
  "fluentBit.values": "fluent-bit-release",
  "opentelemetry.operatorValues": "opentelemetry-operator-release",
  "jaeger.values": "jaeger-release",
};

const everything: readonly Effect[] = [
  ["cluster.kind.nodeImage", "kindest/node:v1.35.0", kindConfig, "image: kindest/node:v1.35.0"],
  ["cluster.kind.workers", 2, kindConfig, "role: worker"],
  ["cluster.kind.ports.grafana", 3001, kindConfig, "hostPort: 3001"],
  ["cluster.kind.ports.prometheus", 9091, kindConfig, "hostPort: 9091"],
  ["cluster.kind.ports.alertmanager", 9094, kindConfig, "hostPort: 9094"],
  ["cluster.kind.ports.jaeger", 16687, kindConfig, "hostPort: 16687"],
  [
    "cluster.kind.registryMirrors",
    { "docker.io": "http://mirror:5000" },
    "cluster-kind.environment.KIND_REGISTRY_MIRRORS",
    '{"docker.io":"http://mirror:5000"}',
  ],
  ["cluster.kind.scrapeControlPlane", false, `${stackRelease}.kubeEtcd.enabled`],
  ["cluster.kind.kubeadmPatches", ["kind: KubeletConfiguration\nmaxPods: 50\n"], kindConfig, "maxPods: 50"],
  ["cluster.kind.readyTimeoutSeconds", 333, "cluster-kind.environment.KIND_READY_TIMEOUT"],
  ["repository.name", "fleet", "deploy-key-github-2.repository"],
  ["repository.branch", "release", "environment-repository.spec.ref.branch"],
  ["repository.path", "clusters/a", "environment-kustomization-environment.spec.path", "./clusters/a"],
  ["repository.create", true, "repository-ensure.stdin", '"create":'],
  ["repository.visibility", "public", "repository-ensure.stdin", "public"],
  ["repository.sshUrl", "ssh://git@git.example.com/c/d.git", "environment-repository.spec.url"],
  ["repository.apiUrl", "https://git.example.com/", "github.baseUrl"],
  ["repository.knownHosts", hostKey, "environment-secret.stringData.known_hosts"],
  ["deployKey.rotation", 2, "deploy-key-github-2.title", "#2"],
  ["flux.interval", "2m", "environment-repository.spec.interval"],
  ["flux.concurrent", 7, "flux-deployment-helm-controller.spec.template.spec.containers.0.args.1", "--concurrent=7"],
  [
    "flux.requeueDependency",
    "7s",
    "flux-deployment-helm-controller.spec.template.spec.containers.0.args.2",
    "--requeue-dependency=7s",
  ],
  [
    "flux.logLevel",
    "debug",
    "flux-deployment-helm-controller.spec.template.spec.containers.0.args.0",
    "--log-level=debug",
  ],
  ["charts.mirror.url", "oci://r.io/charts", "chart-loki.spec.url", "oci://r.io/charts/loki"],
  ["charts.mirror.insecure", true, "chart-loki.spec.insecure"],
  ["charts.interval", "2h", "chart-loki.spec.interval"],
  ["charts.timeoutMinutes", 7, "loki-release.spec.timeout", "7m"],
  ["network.ca", "/etc/ssl/company.pem", kindConfig, "/etc/ssl/company.pem"],
  [
    "network.imagesByDigest",
    false,
    "flux-deployment-helm-controller.spec.template.spec.containers.0.image",
    { lacks: "@sha256:" },
  ],
  ["network.proxy.httpsProxy", "http://secure.example.com:3128", sourceController, "http://secure.example.com:3128"],
  ["network.proxy.httpProxy", "http://plain.example.com:3128", sourceController, "http://plain.example.com:3128"],
  ["network.proxy.noProxy", ["inside.example.com"], sourceController, "inside.example.com"],
  ["certManager.replicas", 3, "cert-manager-release.spec.values.replicaCount"],
  ["prometheus.replicas", 2, `${stackRelease}.prometheus.prometheusSpec.replicas`],
  ["prometheus.retention", "48h", `${stackRelease}.prometheus.prometheusSpec.retention`],
  ["prometheus.retentionSize", "7GB", `${stackRelease}.prometheus.prometheusSpec.retentionSize`],
  [
    "prometheus.storage",
    "7Gi",
    `${stackRelease}.prometheus.prometheusSpec.storageSpec.volumeClaimTemplate.spec.resources.requests.storage`,
  ],
  ["prometheus.scrapeInterval", "45s", `${stackRelease}.prometheus.prometheusSpec.scrapeInterval`],
  ["prometheus.sampleLimit", 77, `${stackRelease}.prometheus.prometheusSpec.sampleLimit`],
  ["prometheus.labelLimit", 78, `${stackRelease}.prometheus.prometheusSpec.labelLimit`],
  ["alertmanager.replicas", 3, `${stackRelease}.alertmanager.alertmanagerSpec.replicas`],
  ...Object.entries(containers).flatMap(([setting, place]): Effect[] => [
    [`${setting}.cpu`, "33m", `${place}.requests.cpu`],
    [`${setting}.memory`, "17Mi", `${place}.requests.memory`],
    [`${setting}.memoryLimit`, "3Gi", `${place}.limits.memory`],
  ]),
  ...Object.entries(values).map(([setting, release]): Effect => [
    setting,
    { planted: setting },
    `${release}.spec.values.planted`,
    setting,
  ]),
  [
    "alerting.receivers.slack",
    [{ name: "ops", channel: "#ops", secret: "ops-slack" }],
    `${alertmanager}.receivers.1.slack_configs.0.channel`,
    "#ops",
  ],
  [
    "alerting.receivers.email",
    [{ name: "mail", to: "a@example.com", from: "b@example.com", smarthost: "smtp.example.com:587" }],
    `${alertmanager}.receivers.2.email_configs.0.smarthost`,
    "smtp.example.com:587",
  ],
  [
    "alerting.receivers.telegram",
    [{ name: "chat", chatId: -100, secret: "bot" }],
    `${alertmanager}.receivers.3.telegram_configs.0.chat_id`,
    "-100",
  ],
  ["alerting.defaultReceiver", "ops", `${alertmanager}.route.receiver`],
  [
    "alerting.routes",
    [{ receiver: "chat", severity: ["critical"] }],
    `${alertmanager}.route.routes.2.matchers.0`,
    'severity=~"critical"',
  ],
  ["alerting.groupBy", ["pod"], `${alertmanager}.route.group_by.0`, "pod"],
  ["alerting.groupWait", "31s", `${alertmanager}.route.group_wait`],
  ["alerting.groupInterval", "6m", `${alertmanager}.route.group_interval`],
  ["alerting.repeatInterval", "5h", `${alertmanager}.route.repeat_interval`],
  [
    "alerting.timeIntervals",
    [{ name: "may", when: [{ months: ["may"] }] }],
    `${alertmanager}.time_intervals.0.time_intervals.0.months.0`,
    "may",
  ],
  ["alerting.deadMansSwitch.secret", "snitch", `${alertmanager}.receivers.4.webhook_configs.0.url_file`, "/snitch"],
  ["alerting.deadMansSwitch.interval", "7m", `${alertmanager}.route.routes.0.group_interval`],
  [
    "alerting.silences",
    [{ name: "quiet", matchers: ['namespace="demo"'], comment: "it moves", until: inDays(5) }],
    `${stackRelease}.additionalPrometheusRulesMap.inhibitors.groups.0.rules.1.labels.silence`,
    "quiet",
  ],
  ["grafana.adminUser", "root", "kube-prometheus-stack-grafana-admin.stringData.admin-user"],
  ["grafana.passwordRotation", 2, `${stackRelease}.grafana.admin.existingSecret`, "-2"],
  ["loki.retention", "72h", "loki-release.spec.values.loki.limits_config.retention_period"],
  ["loki.storage.type", "s3", "loki-release.spec.values.loki.storage.type"],
  ["loki.storage.size", "7Gi", "loki-release.spec.values.singleBinary.persistence.size"],
  ["loki.storage.s3.endpoint", "https://s3.example.com", "loki-release.spec.values.loki.storage.s3.endpoint"],
  ["loki.storage.s3.region", "eu", "loki-release.spec.values.loki.storage.s3.region"],
  ["loki.storage.s3.bucket", "logs", "loki-release.spec.values.loki.storage.bucketNames.chunks"],
  [
    "loki.storage.s3.credentialsSecret",
    "bucket",
    "loki-release.spec.values.singleBinary.extraEnvFrom.0.secretRef.name",
  ],
  ["loki.replicas", 3, "loki-release.spec.values.singleBinary.replicas"],
  ["fluentBit.bufferSize", "7MB", "fluent-bit-release.spec.values.config.outputs", "7M"],
  ["fluentBit.inotify", false, "fluent-bit-release.spec.values.config.inputs", "Inotify_Watcher false"],
  ["opentelemetry.collector.image", "a/b:1.2.3", "opentelemetry-collector-collector.spec.image"],
  ["opentelemetry.collector.replicas", 3, "opentelemetry-collector-collector.spec.replicas"],
  ["opentelemetry.samplingRatio", 0.25, "instrumentation-default.spec.sampler.argument"],
  [
    "opentelemetry.goInstrumentation",
    false,
    "opentelemetry-operator-release.spec.values.manager.autoInstrumentation.go.enabled",
  ],
  [
    "jaeger.maxTraces",
    777,
    "jaeger-release.spec.values.userconfig.extensions.jaeger_storage.backends.memory.memory.max_traces",
  ],
  [
    "applications.namespaces",
    ["team-a"],
    "annotated-pods-scrape-config.spec.kubernetesSDConfigs.0.namespaces.names.1",
    "team-a",
  ],
  ["probe.timeoutSeconds", 333, "probe-telemetry.environment.PROBE_TIMEOUT"],
  ["demo.app", "kbot", `${substitutes}.DEMO_IMAGE`, "b/kbot"],
  ["demo.path", "apps/demo", "environment-kustomization-demo.spec.path", "./apps/demo"],
  ["demo.repository", "https://git.example.com/b/kbot", `${substitutes}.DEMO_REPOSITORY`],
  ["demo.branch", "release", `${substitutes}.DEMO_REF_BRANCH`],
  ["demo.image.repository", "b/kbot", `${substitutes}.DEMO_IMAGE`, "b/kbot:"],
  ["demo.image.tag", "v2", `${substitutes}.DEMO_IMAGE`, ":v2"],
];

const switched: readonly Effect[] = [
  ["repository.seed", true, "repository-ensure.create", "ensure-repository.ts"],
  ["alerting.inhibition", false, alertmanager, { lacks: "KubeNodeNotReady" }],
  ["probe.enabled", false, "probe-telemetry", { lacks: "probe-script.ts" }],
  ["demo.enabled", false, "environment-kustomization-demo", { lacks: "flux-repo/demo" }],
];

/** The program writes the kubeconfig there. */
const inFolder = (folder: string): Effect[] => [
  ["cluster.kind.kubeconfigFolder", folder, "cluster-kind.environment.KUBECONFIG_FILE"],
];

const onExisting = (kubeconfig: string): Effect[] => [
  ["cluster.type", "existing", "cluster-kind", { lacks: "kind-script.ts" }],
  ["cluster.existing.kubeconfig", kubeconfig, "cluster.kubeconfig", "https://127.0.0.1:1"],
  ["cluster.existing.context", "platform", "cluster.context"],
];

/** Settings of the release's manifests, which are read before the program runs (tests/unit/gitops/flux-manifests.test.ts). */
const readBefore = ["flux.manifests", "flux.sha256"];

type Tree = Readonly<Record<string, unknown>>;

function withLeaf(tree: Tree, setting: string, value: unknown): Tree {
  const [key = "", ...rest] = setting.split(".");
  return { ...tree, [key]: rest.length === 0 ? value : withLeaf((tree[key] ?? {}) as Tree, rest.join("."), value) };
}

function leaves(node: SchemaNode, setting: string): string[] {
  if (node.properties === undefined) return [setting];
  return Object.entries(node.properties).flatMap(([key, child]) =>
    leaves(child, setting === "" ? key : `${setting}.${key}`),
  );
}

/** Everything that the program declares, by place. A number or a hash at the end of a resource's name is left out, too. */
async function declared(settings: Tree): Promise<Map<string, string>> {
  const { flux } = parseSettings(settings, { file: "test", secrets: Object.keys(secretSettings) as never[] });
  const manifests = path.resolve(import.meta.dirname, "../support/flux-install.yaml");
  // The controllers of an image that has a digest, whatever versions are pinned today.
  const [image = ""] = Object.keys(digests);
  const objects = JSON.stringify(await fluxManifests({ ...flux, manifests }));
  const program = await runProgram({
    settings: settings,
    fluxManifests: JSON.parse(
      objects.replaceAll('"name":"manager"', `"name":"manager","image":"${image}"`),
    ) as Manifest[],
  });
  const places = new Map<string, string>();
  const write = (value: unknown, place: string) => {
    if (typeof value !== "object" || value === null) places.set(place, String(value));
    else for (const [key, child] of Object.entries(value)) write(child, `${place}.${key}`);
  };
  for (const { name, inputs } of program.resources) {
    write(inputs, name);
    const plain = name.replace(/(-[0-9a-f]{8})?(-\d+)?$/, "");
    if (plain !== name) write(inputs, plain);
  }
  return places;
}

/** What is at a place, and below it. */
function at(places: ReadonlyMap<string, string>, place: string): string {
  const below = [...places].filter(([key]) => key === place || key.startsWith(`${place}.`));
  return below.map(([, text]) => text).join("\n");
}

describe("Effects of settings", function () {
  this.timeout("3m");
  let folder: string;
  let standard: Map<string, string>;

  before(async () => {
    folder = mkdtempSync(path.join(tmpdir(), "effects-"));
    writeFileSync(path.join(folder, "kubeconfig"), kubeconfigText);
    standard = await declared({});
  });
  after(() => {
    rmSync(folder, { recursive: true });
  });

  const groups = (): (readonly Effect[])[] => [
    [...everything, ...inFolder(path.join(folder, "private"))],
    switched,
    onExisting(path.join(folder, "kubeconfig")),
  ];

  it("are known for every setting of the schema", () => {
    const root = z.toJSONSchema(settingsSchema, { io: "input", reused: "inline" }) as SchemaNode;
    const known = groups().flatMap((group) => group.map(([setting]) => setting));
    expect([...known, ...readBefore].sort()).to.deep.equal(leaves(root, "").sort());
  });

  it("are where each setting says", async () => {
    const missing: string[] = [];
    for (const group of groups()) {
      const settings = group.reduce<Tree>((tree, [setting, value]) => withLeaf(tree, setting, value), {});
      const places = await declared(settings);
      for (const [setting, value, place, holds = String(value)] of group) {
        const [before, after] = [at(standard, place), at(places, place)];
        const [with_, without] = typeof holds === "string" ? [after, before] : [before, after];
        const text = typeof holds === "string" ? holds : holds.lacks;
        const right = with_.includes(text) && !without.includes(text);
        if (!right) missing.push(`${setting}: ${place} was ${before.slice(0, 200)}, is ${after.slice(0, 200)}`);
      }
    }
    expect(missing, missing.join("\n")).to.deep.equal([]);
  });
});
