/**
 * Values that security or data rest on, with the reason: what a reviewer must see change. A row is either a literal, for
 * what no setting decides, or where a setting has to arrive. What follows from another value is a rule and no row
 * (`checks/relations.ts` and the other checks); what no reason could be given for is not here.
 */
import { createHash } from "node:crypto";
import type { Settings } from "../settings/schema.ts";

export interface Pin {
  /** `Kind namespace/name` of objects; a resource that is no Kubernetes object by its type and name. `*`: any text. */
  readonly object: string;
  /** Keys joined by `/`; `*` is any part of a key, `**` any number of keys. Without them it has to be in each such object. */
  readonly path: string;
  /** Plain data, or what settings make of it. Undefined: it must not be there. */
  readonly value: unknown;
  readonly why: string;
  /** Whether the part of the object that it is about is there. @default always */
  readonly there?: (settings: Settings) => boolean;
}

/**
 * SHA-256 of GitHub's host keys as it publishes them (docs.github.com, "GitHub's SSH key fingerprints", read in November 2026).
 * A key that is changed here is a man in the middle.
 */
export const githubFingerprints: Readonly<Record<string, string>> = {
  "ecdsa-sha2-nistp256": "p2QAMXNIC1TJYWeIOttrVc98/R1BUFWu3/LiyKgUfQM",
  "ssh-ed25519": "+DiY3wvvV6TuJJhbpZisF/zLDA0zPMSvHdkr4UvCOqU",
  "ssh-rsa": "uNiVztksCsDhcc0u9e8BujQXVUpKZIDTMczCvj3tD2s",
};

/** SHA-256 of a key of a `known_hosts` line, as OpenSSH shows it. */
export const fingerprint = (key: string): string =>
  createHash("sha256").update(Buffer.from(key, "base64")).digest("base64").replace(/=+$/, "");

type Row = readonly [path: string, value: unknown, why: string];
const setting = (of: (settings: Settings) => unknown) => of;

/** Rows of one object. */
const of = (object: string, rows: readonly Row[]): Pin[] =>
  rows.map(([path, value, why]) => ({ object, path, value, why }));

const release = (name: string, rows: readonly Row[]) =>
  of(
    `HelmRelease flux-system/${name}`,
    rows.map(([path, value, why]) => [`spec/values/${path}`, value, why] as const),
  );

/** Parts of kube-prometheus-stack by the first key of their values, and what makes them be there. */
const stackParts: readonly (readonly [RegExp, (settings: Settings) => boolean])[] = [
  [/^(prometheus|defaultRules)\//, ({ metrics }) => metrics === "prometheus"],
  [/^alertmanager\//, ({ alerts }) => alerts === "alertmanager"],
  [/^grafana\//, ({ dashboards }) => dashboards === "grafana"],
  [/^(kube[A-Z-]|prometheus-node-exporter\/)/, ({ exporters }) => exporters.enabled],
  [/^prometheusOperator\//, ({ provided }) => !provided.includes("prometheusOperator")],
];

const stack = (rows: readonly Row[]): Pin[] =>
  release("kube-prometheus-stack", rows).map((pin) => {
    const there = stackParts.find(([part]) => part.test(pin.path.replace("spec/values/", "")))?.[1];
    return there === undefined ? pin : { ...pin, there };
  });

interface Asked {
  readonly cpu: string;
  readonly memory: string;
  readonly memoryLimit: string;
}
const asks = ({ cpu, memory, memoryLimit }: Asked) => ({ requests: { cpu, memory }, limits: { memory: memoryLimit } });
const shared = ({ cluster }: Settings) => cluster.type === "existing";
const injected = ({ demo, instrumentation }: Settings) =>
  demo.app === "kbot" && instrumentation.enabled && instrumentation.go;
const several = (count: (settings: Settings) => number) => setting((settings) => count(settings) > 1);

const sized = "the setting of its name; the sum is what preflight and README ask of a machine";
const small = "no setting: counted with the sum that preflight and README ask of a machine";
const contained = "what takes a container over gets no further: hardening, docs/decisions";
const ours = "monitors and rules of every namespace count, not only those that this release labels";
const unmeasured = "its metrics feed rules and dashboards here";
const drained = "what waited out an outage comes at once, and what Tempo refuses then is lost";
const sampled = "rates over two minutes need four samples";
const laptop = "the chart's default would not fit the machine that README asks for";
const noTest = "a test pod of the chart that nobody runs would stay in the environment";
const components = setting(({ cluster }) => cluster.type === "kind" && cluster.kind.scrapeControlPlane);
const control = "Kind lets Prometheus reach the control plane; elsewhere nobody answers and TargetDown would fire";

export const pins: readonly Pin[] = [
  // Every release.
  ...of("HelmRelease flux-system/*", [
    ["spec/interval", "10m", "how long a change by hand lasts before Flux takes it back"],
    ["spec/timeout", setting(({ charts }) => `${charts.timeoutMinutes}m`), "charts.timeoutMinutes"],
    ["spec/maxHistory", 3, "Secrets that each release leaves in its namespace, and how far one can roll back"],
    ["spec/*/strategy/retryInterval", "20s", "a first failure (a webhook not yet there) is over within up's time"],
    ["spec/install/crds", setting((s) => (shared(s) ? "Create" : "CreateReplace")), "others' definitions stay theirs"],
    ["spec/upgrade/crds", setting((s) => (shared(s) ? "Create" : "CreateReplace")), "others' definitions stay theirs"],
    ["spec/install/disableTakeOwnership", setting((s) => shared(s) || undefined), "others' objects stay theirs"],
    ["spec/upgrade/disableTakeOwnership", setting((s) => shared(s) || undefined), "others' objects stay theirs"],
  ]),
  ...of("HelmRelease flux-system/jaeger", [
    [
      "spec/chart/spec/interval",
      setting(({ charts }) => (charts.mirror === undefined ? "1h" : undefined)),
      "how often the index of an HTTP repository is asked; the version is exact",
    ],
  ]),
  ...["OCIRepository", "HelmRepository"].flatMap((kind) =>
    // Their names end in a hash.
    of(`${kind} flux-system/*-*`, [["spec/interval", setting(({ charts }) => charts.interval), "charts.interval"]]),
  ),

  // What is synced from Git, or from the registry beside the cluster.
  ...of("OCIRepository flux-system/environment", [
    ["spec/interval", setting(({ flux }) => flux.interval), "flux.interval"],
    ["spec/timeout", "60s", "it is on this host"],
    ["spec/insecure", true, "that registry has no certificate"],
  ]),
  ...of("GitRepository flux-system/*", [
    ["spec/interval", setting(({ flux }) => flux.interval), "flux.interval"],
    ["spec/timeout", "60s", "a first clone over a slow line"],
  ]),
  ...of("Kustomization flux-system/*", [
    ["spec/interval", "10m", "how long a change by hand lasts before Flux takes it back"],
    ["spec/retryInterval", "20s", "what waits for a definition is tried again within up's time"],
    ["spec/timeout", "5m", "up waits 8 minutes for it, and has to hear the reason"],
    ["spec/prune", true, "what is removed from Git goes from the cluster"],
    ["spec/wait", true, "Ready means that what it applies is ready"],
    [
      "spec/deletionPolicy",
      "WaitForTermination",
      "destroy deletes its namespaces next: finalizers must be done by then",
    ],
  ]),

  // Who may do what, and get where.
  ...["cert-manager", "demo", "monitoring", "node-agents"].flatMap((namespace) =>
    of(`NetworkPolicy ${namespace}/*`, [
      ["spec/policyTypes", ["Ingress"], "another type would allow nothing of what it says, and deny something else"],
    ]),
  ),
  ...["enforce", "warn", "audit"].flatMap((mode) => {
    const label = `metadata/labels/pod-security.kubernetes.io/${mode}`;
    const restricted = [label, "restricted", "its pods need no more, so no other pod gets more"] as const;
    return [
      ...of("Namespace cert-manager", [restricted]),
      ...of("Namespace monitoring", [restricted]),
      ...of("Namespace demo", [
        [label, setting((s) => (injected(s) ? "privileged" : "restricted")), "kbot's Go instrumentation is privileged"],
      ]),
    ];
  }),
  ...of("Role monitoring/grafana-content", [
    ["rules/*/verbs", ["get", "watch", "list"], "Grafana reads ConfigMaps of its namespace and writes nothing"],
  ]),
  ...of("*", [
    ["**/allowPrivilegeEscalation", false, contained],
    ["**/capabilities/drop", ["ALL"], contained],
    ["**/readOnlyRootFilesystem", true, contained],
    ["**/seccompProfile/type", "RuntimeDefault", contained],
    ["**/runAsNonRoot", true, contained],
    ["**/automountServiceAccountToken", false, contained],
  ]),
  ...of("pulumi:providers:kubernetes cluster", [
    ["strictMode", "true", "an empty kubeconfig must not lead to the ambient cluster"],
    ["enableSecretMutable", "true", "a replaced Secret is gone for a moment: Flux would fail during a rotation"],
    ["upsertExistingObjects", setting((s) => `${!shared(s)}`), "only in a cluster of our own"],
  ]),
  ...of("github:index/repositoryDeployKey:RepositoryDeployKey *", [["readOnly", true, "Flux writes nothing to Git"]]),
  ...of("tls:index/privateKey:PrivateKey *", [["algorithm", "ED25519", "what Flux and GitHub take and nobody breaks"]]),
  ...of("random:index/randomPassword:RandomPassword *", [
    ["length", 24, "142 bits of letters and digits"],
    ["special", false, "people paste it into a shell"],
  ]),
  ...of("command:local:Command cluster-kind", [
    ["environment/KIND_CONFIG/networking/apiServerAddress", "127.0.0.1", "the API server is not for the network"],
    ["environment/KIND_CONFIG/nodes/*/extraPortMappings/*/listenAddress", "127.0.0.1", "nor are Grafana and the rest"],
    [
      "environment/KIND_READY_TIMEOUT",
      setting((s) => s.cluster.type === "kind" && `${s.cluster.kind.readyTimeoutSeconds}`),
      "cluster.kind.readyTimeoutSeconds",
    ],
    ["environment/KIND_CONFIG/kubeadmConfigPatches/*/failCgroupV1", false, "hosts with cgroup v1 get a cluster, too"],
  ]),
  ...of("command:local:Command probe-telemetry", [
    ["environment/PROBE_TIMEOUT", setting(({ probe }) => `${probe.timeoutSeconds}`), "probe.timeoutSeconds"],
  ]),
  ...of("command:local:Command *", [
    ["addPreviousOutputInEnv", false, "the output is the kubeconfig: a secret has no place in an environment"],
  ]),

  ...release("cert-manager", [
    ["crds/enabled", true, "nothing else brings its definitions"],
    ["crds/keep", false, "on an own cluster destroy leaves nothing; elsewhere a post-renderer keeps all definitions"],
    ["replicaCount", setting((s) => s.certManager.replicas), "certManager.replicas"],
    ["webhook/replicaCount", setting((s) => s.certManager.replicas), "certManager.replicas"],
    [
      "podDisruptionBudget/enabled",
      setting((s) => s.certManager.replicas > 1 || undefined),
      "a drained node takes one replica at a time",
    ],
    [
      "webhook/podDisruptionBudget/enabled",
      setting((s) => s.certManager.replicas > 1 || undefined),
      "a drained node takes one at a time",
    ],
    ["prometheus/enabled", true, unmeasured],
    ["prometheus/servicemonitor/enabled", true, unmeasured],
    ["startupapicheck/enabled", true, "its release is Ready when its webhook answers, not before"],
    ["startupapicheck/resources", asks({ cpu: "10m", memory: "32Mi", memoryLimit: "96Mi" }), small],
    ["resources", setting((s) => asks(s.certManager.controller)), sized],
    ["webhook/resources", setting((s) => asks(s.certManager.webhook)), sized],
    ["cainjector/resources", setting((s) => asks(s.certManager.cainjector)), sized],
  ]),
  ...release("metrics-server", [
    ["replicas", setting((s) => s.metricsServer.replicas), "metricsServer.replicas"],
    [
      "podDisruptionBudget/enabled",
      setting((s) => s.metricsServer.replicas > 1 || undefined),
      "a drained node takes one replica at a time",
    ],
    ["metrics/enabled", true, unmeasured],
    ["serviceMonitor/enabled", true, unmeasured],
    [
      "args",
      setting((s) => (s.cluster.type === "kind" ? ["--kubelet-insecure-tls"] : undefined)),
      "kubelets of Kind sign their own certificates; elsewhere one that nobody signed is not to be trusted unasked",
    ],
    ["resources", setting((s) => asks(s.metricsServer.resources)), sized],
  ]),
  ...stack([
    ["prometheus/prometheusSpec/replicas", setting((s) => s.prometheus.replicas), "prometheus.replicas"],
    ["prometheus/prometheusSpec/retention", setting((s) => s.prometheus.retention), "prometheus.retention"],
    ["prometheus/prometheusSpec/retentionSize", setting((s) => s.prometheus.retentionSize), "prometheus.retentionSize"],
    [
      "prometheus/prometheusSpec/storageSpec/volumeClaimTemplate/spec/resources/requests/storage",
      setting((s) => s.prometheus.storage),
      "prometheus.storage",
    ],
    [
      "prometheus/prometheusSpec/scrapeInterval",
      setting((s) => s.prometheus.scrapeInterval),
      "prometheus.scrapeInterval",
    ],
    [
      "prometheus/prometheusSpec/evaluationInterval",
      setting((s) => s.prometheus.scrapeInterval),
      "rules see each scrape once",
    ],
    ["prometheus/prometheusSpec/sampleLimit", setting((s) => s.prometheus.sampleLimit), "prometheus.sampleLimit"],
    ["prometheus/prometheusSpec/labelLimit", setting((s) => s.prometheus.labelLimit), "prometheus.labelLimit"],
    ["prometheus/prometheusSpec/resources", setting((s) => asks(s.prometheus.resources)), sized],
    ["prometheus/prometheusSpec/*SelectorNilUsesHelmValues", false, ours],
    [
      "prometheus/prometheusSpec/enableRemoteWriteReceiver",
      true,
      "people's own metrics may be written to it; nothing here does",
    ],
    [
      "prometheus/podDisruptionBudget/enabled",
      several((s) => s.prometheus.replicas),
      "a drained node takes one at a time",
    ],
    [
      "alertmanager/podDisruptionBudget/enabled",
      several((s) => s.alertmanager.replicas),
      "a drained node takes one at a time",
    ],
    ["alertmanager/alertmanagerSpec/replicas", setting((s) => s.alertmanager.replicas), "alertmanager.replicas"],
    ["alertmanager/alertmanagerSpec/resources", setting((s) => asks(s.alertmanager.resources)), sized],
    ["alertmanager/alertmanagerSpec/additionalArgs/0/value", "2m", "Prometheus tells of inhibiting alerts within it"],
    ["alertmanager/config/route/group_wait", setting((s) => s.alerting.groupWait), "alerting.groupWait"],
    ["alertmanager/config/route/group_interval", setting((s) => s.alerting.groupInterval), "alerting.groupInterval"],
    ["alertmanager/config/route/repeat_interval", setting((s) => s.alerting.repeatInterval), "alerting.repeatInterval"],
    ["crds/enabled", false, "a release of their own brings them, so that monitors can come before this one"],
    [
      "prometheusOperator/admissionWebhooks/enabled",
      false,
      "promtool has read the rules before; a webhook would block every rule",
    ],
    ["prometheusOperator/tls/enabled", false, "only its own metrics, within the namespace"],
    ["prometheusOperator/kubeletEndpointSliceEnabled", true, "Endpoints are deprecated since Kubernetes 1.33"],
    ["prometheusOperator/kubeletEndpointsEnabled", false, "Endpoints are deprecated since Kubernetes 1.33"],
    ["prometheusOperator/resources", setting((s) => asks(s.prometheusOperator.resources)), sized],
    [
      "prometheusOperator/prometheusConfigReloader/resources",
      asks({ cpu: "5m", memory: "32Mi", memoryLimit: "128Mi" }),
      small,
    ],
    ["kube-state-metrics/resources", setting((s) => asks(s.exporters.kubeStateMetrics)), sized],
    ["kube-state-metrics/customResourceState/enabled", true, unmeasured],
    ["prometheus-node-exporter/resources", setting((s) => asks(s.exporters.nodeExporter)), sized],
    ["grafana/grafana.ini/auth.anonymous/enabled", false, "who has no password sees nothing"],
    ["grafana/grafana.ini/users/allow_sign_up", false, "nobody makes an account for himself"],
    ["grafana/rbac/namespaced", true, "Grafana reads nothing of other namespaces, Secrets above all"],
    ["grafana/resources", setting((s) => asks(s.grafana.resources)), sized],
    ["grafana/sidecar/resources", asks({ cpu: "5m", memory: "32Mi", memoryLimit: "128Mi" }), small],
    [
      "grafana/sidecar/dashboards/provider/foldersFromFilesStructure",
      true,
      "folders of docs/dashboards are those of Grafana",
    ],
    ["grafana/testFramework/enabled", false, noTest],
    ["defaultRules/rules/windows", false, "no node runs Windows"],
    ["defaultRules/rules/etcd", components, control],
    ["defaultRules/rules/kubeControllerManager", components, control],
    ["defaultRules/rules/kubeProxy", components, control],
    ["defaultRules/rules/kubeScheduler*", components, control],
    ["kubeControllerManager/enabled", components, control],
    ["kubeEtcd/enabled", components, control],
    ["kubeProxy/enabled", components, control],
    ["kubeScheduler/enabled", components, control],
  ]),
  ...release("loki", [
    ["loki/limits_config/retention_period", setting((s) => s.loki.retention), "loki.retention"],
    ["loki/compactor/retention_enabled", true, "without it the retention is only a word and the volume fills up"],
    [
      "loki/commonConfig/replication_factor",
      setting((s) => Math.min(s.loki.replicas, 3)),
      "a write needs a quorum of it",
    ],
    ["loki/auth_enabled", false, "one tenant; with it every writer and reader would need a header"],
    ["loki/analytics/reporting_enabled", false, "nothing of an environment is told to anybody"],
    ["loki/limits_config/allow_structured_metadata", true, "Loki refuses OTLP without it; trace ids are kept there"],
    ["loki/limits_config/volume_enabled", true, "Grafana's histogram of a query's lines"],
    ["loki/pattern_ingester/enabled", true, "Grafana's patterns of lines"],
    ["loki/ingester/max_chunk_age", "24h", "half of it is the outage after which no line is refused: 12 hours"],
    ["loki/extraMemberlistConfig/abort_if_cluster_join_fails", false, "a lone pod cannot find itself, and would crash"],
    ["memberlist/service/publishNotReadyAddresses", true, "pods have to find each other before they are ready"],
    ["singleBinary/replicas", setting((s) => s.loki.replicas), "loki.replicas"],
    ["singleBinary/persistence/enabled", true, "lines outlive the pod"],
    ["singleBinary/persistence/size", setting((s) => s.loki.storage.size), "loki.storage.size"],
    ["singleBinary/resources", setting((s) => asks(s.loki.resources)), sized],
    ["read/replicas", 0, "one binary does it all; beside it the chart refuses to render"],
    ["write/replicas", 0, "one binary does it all; beside it the chart refuses to render"],
    ["backend/replicas", 0, "one binary does it all; beside it the chart refuses to render"],
    ["chunksCache/enabled", false, laptop],
    ["resultsCache/enabled", false, laptop],
    ["gateway/enabled", false, "writers and readers are in the cluster; one more way in to guard"],
    ["lokiCanary/enabled", false, "the probe of up says whether lines arrive"],
    ["test/enabled", false, noTest],
    ["monitoring/serviceMonitor/enabled", true, unmeasured],
    ["sidecar/rules/enabled", false, "Loki evaluates no rules; its sidecar would read Secrets and ConfigMaps"],
  ]),
  ...release("fluent-bit", [
    ["securityContext/runAsUser", 0, "container logs belong to root on every node; it keeps no capability"],
    ["resources", setting((s) => asks(s.fluentBit.resources)), sized],
    ["config/inputs/Inotify_Watcher", setting((s) => `${s.fluentBit.inotify}`), "fluentBit.inotify"],
    ["config/service/Flush", "1", "how long a line may wait in the agent, in seconds"],
    ["config/outputs/storage.total_limit_size", setting((s) => s.fluentBit.bufferSize), "fluentBit.bufferSize"],
    ["testFramework/enabled", false, noTest],
  ]),
  ...release("jaeger", [
    ["jaeger/replicas", 1, "traces are in memory: a second one would have half of them"],
    ["jaeger/podSecurityContext/runAsUser", 10001, contained],
    ["jaeger/podSecurityContext/runAsGroup", 10001, contained],
    ["jaeger/podSecurityContext/fsGroup", 10001, "its volumes belong to the user that writes them"],
    ["jaeger/resources", setting((s) => asks(s.jaeger.resources)), sized],
    [
      "userconfig/extensions/jaeger_storage/backends/*/memory/max_traces",
      setting((s) => s.jaeger.maxTraces),
      "jaeger.maxTraces",
    ],
  ]),
  ...release("tempo", [
    ["tempo/resources", setting((s) => asks(s.tempo.resources)), sized],
    [
      "tempo/memBallastSizeMbs",
      0,
      "with the chart's 1024 the heap outgrows the container's limit before memory is collected",
    ],
    ["tempo/reportingEnabled", false, "nothing of an environment is told to anybody"],
    ["tempo/livenessProbe/failureThreshold", 60, "ten minutes to read the write-ahead log after a crash"],
    ["tempo/metricsGenerator/enabled", false, "metrics of spans have one source: the collector"],
    ["tempo/overrides/defaults/ingestion/rate_limit_bytes", 1_000_000_000, drained],
    ["tempo/overrides/defaults/ingestion/burst_size_bytes", 1_000_000_000, drained],
    ["tempo/overrides/defaults/ingestion/max_traces_per_user", 0, drained],
    ["securityContext/runAsUser", 10001, contained],
    ["securityContext/runAsGroup", 10001, contained],
    ["securityContext/fsGroup", 10001, "its volumes belong to the user that writes them"],
    ["serviceAccount/automountServiceAccountToken", false, contained],
    ["persistence/enabled", true, "traces outlive the pod"],
    ["persistence/size", setting((s) => s.tempo.storage.size), "tempo.storage.size"],
    ["serviceMonitor/enabled", true, unmeasured],
  ]),
  ...release("prometheus-blackbox-exporter", [
    ["resources", setting((s) => asks(s.blackboxExporter.resources)), sized],
    [
      "podSecurityContext/sysctls/0/value",
      setting((s) => (s.checks.some(({ type }) => type === "icmp") ? "1000 1000" : undefined)),
      "only the exporter's own group may open sockets for pings",
    ],
  ]),
  ...release("opentelemetry-operator", [
    ["admissionWebhooks/certManager/enabled", true, "its own certificates would end after a year, unseen"],
    [
      "manager/autoInstrumentation/go/enabled",
      setting((s) => s.instrumentation.enabled && s.instrumentation.go),
      "a privileged sidecar",
    ],
    ["manager/resources", setting((s) => asks(s.opentelemetryOperator.resources)), sized],
    ["manager/serviceMonitor/enabled", true, unmeasured],
  ]),
  ...of("OpenTelemetryCollector monitoring/*", [
    ["spec/replicas", setting((s) => s.collector.replicas), "collector.replicas"],
    ["spec/resources", setting((s) => asks(s.collector.resources)), sized],
    ["spec/podSecurityContext/runAsUser", 10001, contained],
    ["spec/observability/metrics/enableMetrics", true, unmeasured],
    [
      "spec/config/exporters/**/sending_queue/queue_size",
      128 * 1024 ** 2,
      "what an outage may fill, per store: claims",
    ],
    [
      "spec/config/exporters/otlp_http/*/sending_queue/num_consumers",
      1,
      "Loki refuses what comes too late: keep the order",
    ],
    ["spec/config/processors/memory_limiter/check_interval", "1s", "slower, and a burst is faster than the limiter"],
    [
      "spec/config/connectors/span_metrics/metrics_flush_interval",
      "30s",
      "an exemplar lasts until Prometheus has seen it",
    ],
    [
      "spec/config/connectors/span_metrics/histogram/explicit/buckets",
      ["10ms", "50ms", "100ms", "250ms", "500ms", "1s", "2500ms", "5s", "10s"],
      "another bound is another series: people's queries name them (le)",
    ],
    ["spec/config/connectors/span_metrics/metrics_expiration", "15m", "series of pods that are gone end"],
    [
      "spec/config/connectors/span_metrics/aggregation_cardinality_limit",
      200,
      "span names with an id in them would fail the scrape of all",
    ],
    ["spec/config/connectors/span_metrics/exemplars/max_per_data_point", 1, "Prometheus takes one for each bucket"],
    [
      "spec/podDisruptionBudget/maxUnavailable",
      setting((s) => (s.collector.replicas > 1 ? 1 : undefined)),
      "a drained node takes one at a time",
    ],
  ]),
  ...of("Instrumentation monitoring/default", [
    ["spec/sampler/argument", setting((s) => `${s.instrumentation.samplingRatio}`), "instrumentation.samplingRatio"],
    ["spec/python/env/1/value", "true", "log records of Python leave by OTLP only with it (docs/instrumentation.md)"],
    ["spec/resource/addK8sUIDAttributes", true, "the collector finds a trace's pod by its UID"],
  ]),
  // Applications and their monitors.
  ...of("PodMonitor *", [["spec/podMetricsEndpoints/*/interval", "30s", sampled]]),
  ...of("HelmRelease flux-system/podinfo-*", [
    ["spec/values/serviceMonitor/interval", "30s", sampled],
    ["spec/values/serviceMonitor/enabled", true, "the demo's metrics come by its monitor and no other way"],
    ["spec/values/podSecurityContext/runAsUser", 10001, contained],
    ["spec/values/resources", asks({ cpu: "10m", memory: "32Mi", memoryLimit: "128Mi" }), small],
  ]),
  ...of("Deployment demo/podinfo-client", [
    ["spec/replicas", 1, "one person's clicks"],
    ["spec/template/spec/securityContext/runAsUser", 10001, contained],
    ["spec/template/spec/containers/0/resources", asks({ cpu: "10m", memory: "32Mi", memoryLimit: "64Mi" }), small],
  ]),
];

/** Whether a path fits a pattern. */
export function fits(pattern: string): (path: string) => boolean {
  const source = pattern
    .split(/(\*\*|\*)/)
    .map((part) => ({ "**": ".*", "*": "[^/]*" })[part] ?? part.replaceAll(/[.+?^${}()|[\]\\]/g, "\\$&"));
  const form = new RegExp(`^${source.join("")}$`);
  return (path) => form.test(path);
}
