/**
 * Every setting, set to another valid value, changes what is declared, in the place that it is about. All of a group are set
 * at once: each has its own place, and the place has to hold the value. A row without a place is of a setting that
 * pins say the place of (`contract/pinned.ts`, `contract.ts` of components).
 */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import * as path from "node:path";
import { isDeepStrictEqual } from "node:util";
import { expect } from "chai";
import { z } from "zod";
import type { Manifest } from "../../components/kubernetes/manifest.ts";
import { fluxManifests } from "../../components/gitops/flux-manifests.ts";
import { digests } from "../../settings/digests.ts";
import { parseSettings } from "../../settings/parse.ts";
import type { SchemaNode } from "../../settings/scalars.ts";
import { settingsSchema } from "../../settings/schema.ts";
import { secretSettings } from "../../settings/secrets.ts";
import { checkPins, placesOfPins } from "../../contract/checks/pins.ts";
import { componentVariants, type Effect } from "../../contract/component-files.ts";
import { kubeconfigText } from "../../contract/combinations.ts";
import { type Program, runProgram } from "../../contract/run-program.ts";
import { fromProgram, type Rendered } from "../../contract/rendered.ts";
import { inDays } from "./support/alertmanager.ts";

/** Those that components say of their own settings. */
const variants = await componentVariants();
const ofComponents = variants.flatMap(({ effects = [], under }) => (under === undefined ? effects : []));
const ofDecisions = variants.flatMap(({ effects = [], under, decided: more = [] }) => [
  ...more,
  ...(under === undefined ? [] : [{ under, effects }]),
]);

const stackRelease = "kube-prometheus-stack-release.spec.values";
const alertmanager = `${stackRelease}.alertmanager.config`;
const substitutes = "environment-kustomization-demo.spec.postBuild.substitute";
const kindConfig = "cluster-kind.environment.KIND_CONFIG";
const sourceController = "flux-deployment-source-controller.spec.template.spec.containers.0.env";
const hostKey = `git.example.com ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAI${"A".repeat(43)}`;

/** Requests and limit of a container: three settings each. */
const amounts: Readonly<Record<string, string>> = { cpu: "33m", memory: "17Mi", memoryLimit: "3Gi" };

const values: Readonly<Record<string, string>> = {
  "certManager.values": "cert-manager-release",
  "kubePrometheusStack.values": "kube-prometheus-stack-release",
  "loki.values": "loki-release",
  "fluentBit.values": "fluent-bit-release",
  "opentelemetryOperator.values": "opentelemetry-operator-release",
  "jaeger.values": "jaeger-release",
};

const everything: readonly Effect[] = [
  ["cluster.kind.nodeImage", "kindest/node:v1.35.0", kindConfig, "image: kindest/node:v1.35.0"],
  ["cluster.kind.workers", 2, kindConfig, "role: worker"],
  ["cluster.kind.ports.dashboards", 3001, kindConfig, "hostPort: 3001"],
  ["cluster.kind.ports.metrics", 9091, kindConfig, "hostPort: 9091"],
  ["cluster.kind.ports.alerts", 9094, kindConfig, "hostPort: 9094"],
  ["cluster.kind.ports.traces", 16687, kindConfig, "hostPort: 16687"],
  [
    "cluster.kind.registryMirrors",
    { "docker.io": "http://mirror:5000" },
    "cluster-kind.environment.KIND_REGISTRY_MIRRORS",
    '{"docker.io":"http://mirror:5000"}',
  ],
  ["cluster.kind.scrapeControlPlane", false],
  ["cluster.kind.auditLog", true, kindConfig, "audit-policy-file"],
  ["cluster.kind.kubeadmPatches", ["kind: KubeletConfiguration\nmaxPods: 50\n"], kindConfig, "maxPods: 50"],
  ["cluster.kind.readyTimeoutSeconds", 333],
  ["repository.name", "fleet", "deploy-key-github-2.repository"],
  ["repository.branch", "release", "environment-repository.spec.ref.branch"],
  ["repository.path", "clusters/a", "environment-kustomization-environment.spec.path", "./clusters/a"],
  ["repository.create", true, "repository-ensure.stdin", '"create":'],
  ["repository.visibility", "public", "repository-ensure.stdin", "public"],
  ["repository.sshUrl", "ssh://git@git.example.com/c/d.git", "environment-repository.spec.url"],
  ["repository.apiUrl", "https://git.example.com/", "github.baseUrl"],
  ["repository.knownHosts", hostKey, "environment-secret.stringData.known_hosts"],
  ["deployKey.rotation", 2, "deploy-key-github-2.title", "#2"],
  ["flux.interval", "2m"],
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
  ["charts.interval", "2h"],
  ["charts.timeoutMinutes", 7],
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
  ["certManager.replicas", 3],
  ["prometheus.replicas", 2],
  ["prometheus.retention", "48h"],
  ["prometheus.retentionSize", "7GB"],
  ["prometheus.storage", "7Gi"],
  ["prometheus.scrapeInterval", "45s"],
  ["prometheus.sampleLimit", 77],
  ["prometheus.labelLimit", 78],
  ["prometheus.nativeHistograms", true],
  ["prometheus.targetLimit", 79],
  ["prometheus.labelNameLengthLimit", 80],
  ["prometheus.labelValueLengthLimit", 81],
  ["prometheus.bodySizeLimit", "82MB"],
  ["alertmanager.replicas", 3],
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
  [
    "alerting.receivers.pagerDuty",
    [{ name: "on-call", url: "https://events.eu.pagerduty.com/v2/enqueue", secret: "pager" }],
    `${alertmanager}.receivers.4.pagerduty_configs.0.url`,
    "https://events.eu.pagerduty.com/v2/enqueue",
  ],
  [
    "alerting.receivers.msTeams",
    [{ name: "teams", secret: "teams" }],
    `${alertmanager}.receivers.5.msteamsv2_configs.0.webhook_url_file`,
    "/etc/alertmanager/secrets/alertmanager-receivers/teams",
  ],
  [
    "alerting.receivers.webhook",
    [{ name: "tickets", secret: "tickets" }],
    `${alertmanager}.receivers.6.webhook_configs.0.url_file`,
    "/etc/alertmanager/secrets/alertmanager-receivers/tickets",
  ],
  ["alerting.defaultReceiver", "ops", `${alertmanager}.route.receiver`],
  [
    "alerting.routes",
    [{ receiver: "chat", severity: ["critical"] }],
    `${alertmanager}.route.routes.2.matchers.0`,
    'severity=~"critical"',
  ],
  ["alerting.groupBy", ["pod"], `${alertmanager}.route.group_by.0`, "pod"],
  ["alerting.groupWait", "31s"],
  ["alerting.groupInterval", "6m"],
  ["alerting.repeatInterval", "5h"],
  [
    "alerting.timeIntervals",
    [{ name: "may", when: [{ months: ["may"] }] }],
    `${alertmanager}.time_intervals.0.time_intervals.0.months.0`,
    "may",
  ],
  ["alerting.deadMansSwitch.secret", "snitch", `${alertmanager}.receivers.7.webhook_configs.0.url_file`, "/snitch"],
  ["alerting.deadMansSwitch.interval", "7m", `${alertmanager}.route.routes.0.group_interval`],
  [
    "alerting.silences",
    [{ name: "quiet", matchers: ['namespace="demo"'], comment: "it moves", until: inDays(5) }],
    `${stackRelease}.additionalPrometheusRulesMap.inhibitors.groups.0.rules.1.labels.silence`,
    "quiet",
  ],
  ["grafana.adminUser", "root", "grafana-admin.stringData.admin-user"],
  ["grafana.passwordRotation", 2, `${stackRelease}.grafana.admin.existingSecret`, "-2"],
  ["loki.retention", "72h"],
  ["loki.storage.type", "objectStorage", "loki-release.spec.values.loki.storage.type", "s3"],
  ["loki.storage.bucket", "logs", "loki-release.spec.values.loki.storage.bucketNames.chunks"],
  ["loki.storage.size", "7Gi"],
  ["loki.replicas", 3],
  ["fluentBit.bufferSize", "7MB"],
  ["fluentBit.inotify", false],
  ["instrumentation.samplingRatio", 0.25],
  ["instrumentation.go", false],
  ["jaeger.maxTraces", 777],
  [
    "applications.namespaces",
    ["team-a"],
    "annotated-pods-scrape-config.spec.kubernetesSDConfigs.0.namespaces.names.1",
    "team-a",
  ],
  ["redact.patterns", ["hunter[0-9]"], "collector.spec.config.processors.redaction.blocked_values.0", "hunter[0-9]"],
  ["redact.fields", ["pin"], "fluent-bit-release.spec.values.luaScripts.redact.lua", '["pin"] = true'],
  ["probe.timeoutSeconds", 333],
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

const besideCluster: readonly Effect[] = [
  ["source.type", "local-registry", "environment-kustomization-environment.spec.sourceRef.kind", "OCIRepository"],
  ["source.registryImage", "r.io/registry:3", "registry-content.stdin", '"image":"r.io/registry:3"'],
];

/** Everything that can be off, off: what each would make is not there. */
const off: readonly Effect[] = [
  ["metrics", "none", `${stackRelease}.prometheus`, { lacks: "EndpointSlice" }],
  ["alerts", "none", `${stackRelease}.alertmanager`, { lacks: "dispatch.start-delay" }],
  ["dashboards", "none", `${stackRelease}.grafana`, { lacks: "admin-password" }],
  ["logs", "none", "loki-release", { lacks: "monitoring" }],
  ["logAgent", "none", "fluent-bit-release", { lacks: "node-agents" }],
  ["gateway", "none", "collector", { lacks: "otel" }],
  ["exporters.enabled", false, `${stackRelease}.kube-state-metrics`, { lacks: "gotk" }],
  ["certManager.enabled", false, "cert-manager-release", { lacks: "cert-manager" }],
  ["opentelemetryOperator.enabled", false, "opentelemetry-operator-release", { lacks: "monitoring" }],
  ["instrumentation.enabled", false, "instrumentation-default", { lacks: "monitoring" }],
];

/** What the store of metrics can do and others are decided for. */
const decided: readonly Effect[] = [
  ["scraper", "none", `${stackRelease}.prometheus.prometheusSpec.serviceMonitorSelector.matchLabels`, "nobody"],
  ["ruler", "none", `${stackRelease}.prometheus.prometheusSpec.ruleSelector.matchLabels`, "nobody"],
];

const sources = `${stackRelease}.grafana.additionalDataSources`;
const toAlertmanager = `${stackRelease}.prometheus.prometheusSpec.additionalAlertManagerConfigs`;
const config = "collector.spec.config";
const push = "fluent-bit-release.spec.values.config.outputs";

/** What is there already, chosen; alerts need a Prometheus that sends them, and metrics are somewhere else then. */
const chosenServers = { logs: "external", traces: ["jaeger", "external"], alerts: "external", dashboards: "external" };

const servers: readonly Effect[] = [
  ["external.logs.url", "https://logs.example.com:3100/x", push, "Uri /x/loki/api/v1/push"],
  ["external.logs.otlpUrl", "https://otlp.example.com/x", `${config}.exporters.otlp_http/logs.endpoint`],
  ["external.logs.user", "writer", push, "Http_User writer"],
  ["external.logs.tenant", "team-a", push, "Tenant_ID team-a"],
  ["external.logs.ca", "company", push, "tls.ca_file"],
  ["external.traces.otlpUrl", "https://traces.example.com", `${config}.exporters.otlp_http/traces-external.endpoint`],
  ["external.traces.protocol", "http", `${config}.service.pipelines.traces.exporters`, "otlp_http/traces-external"],
  ["external.traces.user", "tracer", `${config}.extensions.basicauth/traces.client_auth.username`],
  ["external.traces.tenant", "team-t", `${config}.exporters.otlp_http/traces-external.headers.0.value`],
  ["external.traces.ca", "company", `${config}.exporters.otlp_http/traces-external.tls.ca_file`, "traces.crt"],
  ["external.alerts.url", "https://mimir.example.com/alertmanager", toAlertmanager, "mimir.example.com:443"],
  ["external.alerts.user", "ruler", toAlertmanager, "ruler"],
  ["external.alerts.tenant", "team-r", toAlertmanager, "team-r"],
  ["external.alerts.ca", "company", toAlertmanager, "alerts.crt"],
  [
    "external.dashboards.url",
    "https://grafana.example.com",
    "environment-kustomization-environment",
    "grafana.example.com",
  ],
];

/** Those that Grafana asks. */
/** Those of an S3 exclude what its settings say. */
const everySecret = Object.keys(secretSettings).filter((name) => !name.startsWith("objectStorage"));

const bucket = "thanos-bucket.stringData";

/** Buckets that are there already, with keys; and with an identity of the pods' own. */
const inS3: readonly Effect[] = [
  ["s3.endpoint", "https://storage.example.com:9000", bucket, "endpoint: storage.example.com:9000"],
  ["s3.region", "eu-central-1", bucket, "region: eu-central-1"],
  ["s3.pathStyle", false, bucket, "bucket_lookup_type: auto"],
  ["s3.ca", "company", bucket, "ca_file: /etc/object-storage/ca.crt"],
  ["s3.credentialsSecret", "bucket-keys", "thanos-release.spec.values.compact.extraEnv", "bucket-keys"],
];
const byIdentity: readonly Effect[] = [
  [
    "s3.serviceAccountAnnotations",
    { "eks.amazonaws.com/role-arn": "arn:aws:iam::111122223333:role/metrics" },
    "thanos-release.spec.values.storeGateway.serviceAccount.annotations",
    "role/metrics",
  ],
];

const shownServers = { metrics: "external", traces: "external" };

const asked: readonly Effect[] = [
  [
    "external.metrics.queryUrl",
    "https://metrics.example.com/prometheus",
    sources,
    "https://metrics.example.com/prometheus",
  ],
  [
    "external.metrics.writeUrl",
    "https://metrics.example.com/push",
    `${config}.exporters.prometheusremotewrite/metrics.endpoint`,
  ],
  ["external.metrics.user", "reader", sources, "reader"],
  ["external.metrics.tenant", "team-m", sources, "team-m"],
  ["external.metrics.ca", "company", sources, "company.pem"],
  ["external.traces.queryUrl", "https://tempo.example.com", sources, "https://tempo.example.com"],
  ["external.traces.queryType", "jaeger", sources, "Jaeger (external)"],
];

/** Somebody else's Prometheus, which is let in. */
const byNeighbour: readonly Effect[] = [
  ["external.metrics.scrapedFrom", "central", "monitoring-allow-scraping.spec.ingress.0.from", "central"],
];
const ofAnotherType: readonly Effect[] = [["external.logs.type", "victoriaLogs", push, "/insert/loki/api/v1/push"]];

const beside: readonly Effect[] = [
  [
    "external.gateway.httpUrl",
    "https://otlp.example.com:4318",
    "instrumentation-default",
    "https://otlp.example.com:4318",
  ],
  ["external.gateway.grpcUrl", "https://otlp.example.com:4317", substitutes, "https://otlp.example.com:4317"],
];

/** The program writes the kubeconfig there. */
const inFolder = (folder: string): Effect[] => [
  ["cluster.kind.kubeconfigFolder", folder, "cluster-kind.environment.KUBECONFIG_FILE"],
];

const onExisting = (kubeconfig: string): Effect[] => [
  ["cluster.type", "existing", "cluster-kind", { lacks: "kind-script.ts" }],
  ["cluster.existing.kubeconfig", kubeconfig, "cluster.kubeconfig", "https://127.0.0.1:1"],
  ["cluster.existing.context", "platform", "cluster.context"],
  [
    "cluster.existing.auditLog",
    "/srv/audit/log.json",
    "fluent-bit-release.spec.values.config.inputs",
    "Path /srv/audit/log.json",
  ],
  ["provided", ["certManager", "keda"], "cert-manager-release", { lacks: "cert-manager" }],
  ["keda.namespace", "scalers", "monitoring-allow-autoscaling.spec.ingress.0.from"],
];

/** Settings of the release's manifests, which are read before the program runs (tests/unit/gitops/flux-manifests.test.ts). */
const readBefore = ["flux.manifests", "flux.sha256"];

/** What nothing but a warning or a refusal is made of (tests/unit/settings/slos.test.ts, parse.test.ts). */
const warnedOf = ["external.metrics.retention", "external.logs.makesLabels"];

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

/** Of a group of settings: whether the table of pins says where one of them arrives, and its place is there. */
function pinned(group: Tree, rendered: Rendered): (setting: string) => boolean {
  const read = (settings: Tree) => parseSettings(settings, { file: "test", secrets: everySecret as never[] });
  const after = read(group);
  const rows = [...placesOfPins(rendered)].flatMap(({ value }) => {
    if (typeof value !== "function") return [];
    const of = value as (settings: typeof after) => unknown;
    return [{ of, wanted: of(after) }];
  });
  return (setting) => {
    const before = read(withLeaf(group, setting, undefined));
    return rows.some(({ of, wanted }) => !isDeepStrictEqual(of(before), wanted));
  };
}

/** What the program declares, Flux's own objects among it. */
async function declared(settings: Tree): Promise<Program> {
  const { flux } = parseSettings(settings, { file: "test", secrets: everySecret as never[] });
  const manifests = path.resolve(import.meta.dirname, "../support/flux-install.yaml");
  // The controllers of an image that has a digest, whatever versions are pinned today.
  const [image = ""] = Object.keys(digests);
  const objects = JSON.stringify(await fluxManifests({ ...flux, manifests }));
  return runProgram({
    settings,
    fluxManifests: JSON.parse(
      objects.replaceAll('"name":"manager"', `"name":"manager","image":"${image}"`),
    ) as Manifest[],
  });
}

/** All of it by place. A number or a hash at the end of a resource's name is left out, too. */
function placesIn({ resources }: Program): Map<string, string> {
  const places = new Map<string, string>();
  const write = (value: unknown, place: string) => {
    if (typeof value !== "object" || value === null) places.set(place, String(value));
    else for (const [key, child] of Object.entries(value)) write(child, `${place}.${key}`);
  };
  for (const { name, inputs } of resources) {
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
  let folder: string;
  let standard: Map<string, string>;

  before(async () => {
    folder = mkdtempSync(path.join(tmpdir(), "effects-"));
    writeFileSync(path.join(folder, "kubeconfig"), kubeconfigText);
    standard = placesIn(await declared({}));
  });
  after(() => {
    rmSync(folder, { recursive: true });
  });

  const all = leaves(z.toJSONSchema(settingsSchema, { io: "input", reused: "inline" }) as SchemaNode, "");
  const containers = all.flatMap((setting): Effect[] => {
    const amount = amounts[setting.split(".").at(-1) ?? ""];
    const known = ofDecisions.some(({ effects }) => effects.some(([other]) => other === setting));
    return amount === undefined || known ? [] : [[setting, amount]];
  });
  const containersOf = (resources: readonly string[]) =>
    containers.filter(([setting]) => resources.some((container) => setting.startsWith(`${container}.`)));
  const elsewhere = containersOf(ofDecisions.flatMap(({ resources = [] }) => resources));
  const always = containers.filter((effect) => !elsewhere.includes(effect));
  /** Each with what has to be said, too. */
  const groups = (): (readonly [effects: readonly Effect[], under: Tree])[] => [
    [[...everything, ...ofComponents, ...always, ...inFolder(path.join(folder, "private"))], {}],
    ...ofDecisions.map(
      ({ under, effects, resources = [] }) => [[...effects, ...containersOf(resources)], under as Tree] as const,
    ),
    [switched, {}],
    [besideCluster, {}],
    [off, {}],
    [decided, {}],
    [onExisting(path.join(folder, "kubeconfig")), { autoscaler: "keda" }],
    [servers, { ...chosenServers, network: { ca: "company.pem" } }],
    [
      asked,
      { ...shownServers, network: { ca: "company.pem" }, external: { traces: { otlpUrl: "https://a.example.com" } } },
    ],
    [byNeighbour, { metrics: "external", external: { metrics: { queryUrl: "https://a.example.com" } } }],
    [ofAnotherType, { logs: "external", external: { logs: { url: "https://logs.example.com" } } }],
    [beside, { gateway: "external" }],
    [inS3, { objectStorage: "s3", thanos: { enabled: true }, network: { ca: "company.pem" } }],
    [byIdentity, { objectStorage: "s3", thanos: { enabled: true } }],
  ];

  it("are known for every setting of the schema", () => {
    const known = groups().flatMap(([effects]) => effects.map(([setting]) => setting));
    expect([...known, ...readBefore, ...warnedOf].sort()).to.deep.equal(all.sort());
  });

  it("are where each setting says", async () => {
    const missing: string[] = [];
    for (const [group, under] of groups()) {
      const settings = group.reduce<Tree>((tree, [setting, value]) => withLeaf(tree, setting, value), under);
      const program = await declared(settings);
      const [places, rendered] = [placesIn(program), fromProgram(program)];
      const isPinned = pinned(settings, rendered);
      missing.push(...checkPins(rendered).map(({ object, path: where, message }) => `${object} ${where} ${message}`));
      for (const [setting, value, place, holds = String(value)] of group) {
        if (place === undefined) {
          if (!isPinned(setting)) missing.push(`${setting}: no pin knows a place of it`);
          continue;
        }
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
