import type { z } from "zod";
import { byteCount } from "../../../settings/formats.ts";
import type { Finding } from "../../../settings/finding.ts";
import { canonicalBytes, containerResources } from "../../../settings/resources.ts";
import { clusterUrl, isRemote, type Remote, type RemoteWriteTarget } from "../../capabilities.ts";
import { type Context, defineComponent, type Extra, type SecretObject } from "../../component.ts";
import { operatorTls } from "../../guarded-servers.ts";
import { spread } from "../../kubernetes/hardened.ts";
import { namespaces } from "../../kubernetes/namespaces.ts";
import { pulls } from "../../kubernetes/pull-secrets.ts";
import { authenticates, caKey, caOf, secretKey, secretOf, tenantHeader } from "../../remote.ts";
import { helper } from "../../suites/kube-prometheus-stack/names.ts";
import { dataSource, lookup, writePath } from "../prometheus/api.ts";
import { discovered } from "../notifiers.ts";
import { receiverSecrets, remoteTargets, storeName, userKey } from "../receiver.ts";
import { endpoints, labelsOf, name, namespace, ports, type Program } from "./api.ts";
import { imageOf } from "./images.ts";
import { victoriaMetrics } from "./settings.ts";

type Settings = z.output<typeof victoriaMetrics>;
type Given = Context<{ readonly victoriaMetrics: Settings }>;

const apiVersion = "operator.victoriametrics.com/v1beta1";
const key = "victoriaMetrics";
const asker = "victoria-metrics";

/** Whether a part is VictoriaMetrics' own, or somebody else's by another decision. */
const isOwn = ({ all }: Pick<Given, "all">, capability: "scraping" | "rules") =>
  all(capability).some((one) => one.key === key);

/** Programs that are made. */
function programs(given: Given): Program[] {
  const { mode } = given.settings.victoriaMetrics;
  return [
    ...(mode === "single" ? (["vmsingle"] as const) : (["vmstorage", "vminsert", "vmselect"] as const)),
    ...(isOwn(given, "scraping") ? (["vmagent"] as const) : []),
    ...(isOwn(given, "rules") ? (["vmalert"] as const) : []),
  ];
}

/** What every program is told alike. The operator's own scrapes would be read by vmagent alone: ours are monitors. */
function common({ settings, environment }: Given, program: Program, image: string = program) {
  const named = environment.image(imageOf(settings.victoriaMetrics.images, image));
  const repository = `${settings.victoriaMetrics.images}/${image}`;
  return {
    image: { repository, tag: named.slice(repository.length + 1) },
    port: String(ports[program]),
    useStrictSecurity: true,
    useDefaultResources: false,
    disableSelfServiceScrape: true,
    ...pulls(environment),
  };
}

/** The config reloader beside vmagent and vmalert. */
const reloader = ({ settings, environment }: Given) => ({
  configReloaderImage: environment.image(imageOf(settings.victoriaMetrics.images, "config-reloader")),
  configReloaderResources: helper,
});

const volume = (storage: string) => ({
  accessModes: ["ReadWriteOnce"],
  resources: { requests: { storage: canonicalBytes(storage) } },
});

/** Several pods on different nodes where there are several, drained one at a time. */
const replicated = (program: Program, replicas: number) => ({
  replicaCount: replicas,
  ...(replicas === 1 ? {} : { affinity: spread(labelsOf(program)), podDisruptionBudget: { maxUnavailable: 1 } }),
});

/** What whoever takes samples holds series against. */
const seriesLimits = ({ labelLimit, labelNameLengthLimit, labelValueLengthLimit }: Settings) => ({
  maxLabelsPerTimeseries: String(labelLimit),
  maxLabelNameLen: String(labelNameLengthLimit),
  maxLabelValueLen: String(labelValueLengthLimit),
});

function single(given: Given): object {
  const { retention, storage, resources } = given.settings.victoriaMetrics;
  return {
    ...common(given, "vmsingle", "victoria-metrics"),
    retentionPeriod: retention,
    ...(storage === undefined ? {} : { storage: volume(storage) }),
    extraArgs: seriesLimits(given.settings.victoriaMetrics),
    resources: containerResources(resources),
  };
}

function cluster(given: Given): object {
  const { retention, storage, cluster: nodes } = given.settings.victoriaMetrics;
  return {
    retentionPeriod: retention,
    replicationFactor: nodes.replicationFactor,
    useStrictSecurity: true,
    ...pulls(given.environment),
    vmstorage: {
      ...common(given, "vmstorage"),
      ...replicated("vmstorage", nodes.storage.replicas),
      resources: containerResources(nodes.storage.resources),
      storageDataPath: "/vm-data",
      storage: storage === undefined ? { emptyDir: {} } : { volumeClaimTemplate: { spec: volume(storage) } },
    },
    vminsert: {
      ...common(given, "vminsert"),
      ...replicated("vminsert", nodes.insert.replicas),
      extraArgs: seriesLimits(given.settings.victoriaMetrics),
      resources: containerResources(nodes.insert.resources),
    },
    vmselect: {
      ...common(given, "vmselect"),
      ...replicated("vmselect", nodes.select.replicas),
      cacheMountPath: "/cache",
      storage: { emptyDir: {} },
      resources: containerResources(nodes.select.resources),
    },
  };
}

/**
 * Of the servers the operator makes one flag each for their addresses and headers, separated by commas, and quotes nothing
 * (0.74.1, factory/vmagent/vmagent.go); vmagent takes quotes and brackets for its own (1.151, lib/flagutil/array.go).
 */
const inList = {
  url: (url: string) => url.replaceAll(/[,'(){}]/g, (one) => `%${one.charCodeAt(0).toString(16)}`),
  headers: (lines: readonly string[]) => [JSON.stringify(lines.join("^^"))],
};

/** A server that is sent what vmagent scrapes: its own queue is the buffer on disk, and it speaks version 1.0 without exemplars. */
function sentTo({ url, timeout, headers, login, ca, relabelings }: RemoteWriteTarget, cluster: string): object {
  const lines = Object.entries(headers).map(([header, value]) => `${header}: ${value}`);
  // Stores of several clusters know by it whose series it is.
  const whose = { sourceLabels: ["cluster"], regex: "^$", targetLabel: "cluster", replacement: cluster };
  return {
    ...{ url: inList.url(url), sendTimeout: timeout, inlineUrlRelabelConfig: [...relabelings, whose] },
    ...(lines.length === 0 ? {} : { headers: inList.headers(lines) }),
    ...(login === undefined
      ? {}
      : login.user === undefined
        ? { bearerTokenSecret: login.secret }
        : { basicAuth: { username: login.user, password: login.secret } }),
    ...operatorTls(ca),
  };
}

function agent(given: Given): object {
  const { mode, scrapeInterval, sampleLimit, bodySizeLimit, agent: settings } = given.settings.victoriaMetrics;
  const filters = given.offered("metricFilters");
  const others = remoteTargets(given);
  const buffer = byteCount(settings.buffer);
  // One for each server, and what is being deleted and written beside what they hold.
  const disk = canonicalBytes(`${Math.ceil((buffer * 1.25 * (1 + others.length)) / 1024 ** 2)}Mi`);
  return {
    ...common(given, "vmagent"),
    ...reloader(given),
    // One at a time, also during an update: two would scrape everything twice.
    statefulMode: true,
    replicaCount: 1,
    selectAllByDefault: true,
    scrapeInterval,
    ...(sampleLimit === 0 ? {} : { sampleLimit }),
    extraArgs: { "promscrape.maxScrapeSize": bodySizeLimit },
    // A label of every series would keep them from matching those that rules record.
    externalLabelName: "",
    remoteWrite: [
      { url: `${clusterUrl(endpoints[mode].write)}${writePath}` },
      ...others.map((target) => sentTo(target, given.environment.name)),
    ],
    // The Prometheus Operator's words for rules are this operator's, too.
    ...(filters === undefined ? {} : { globalScrapeMetricRelabelConfigs: filters }),
    remoteWriteSettings: { maxDiskUsagePerURL: String(buffer) },
    statefulStorage: settings.bufferOnVolume
      ? { volumeClaimTemplate: { spec: volume(disk) } }
      : { emptyDir: { sizeLimit: disk } },
    resources: containerResources(settings.resources),
  };
}

/** Of the Secret with the replicas of an Alertmanager here, as vmalert finds them (`-notifier.config`). */
const notifierSecret = { name: "vmalert-notifiers", key: "notifiers.yaml" };

/** An Alertmanager that is there already, as it wants to be asked. */
function notifier(remote: Remote, { environment }: Given): object {
  const { access, url } = remote;
  const from = (entry: string) => ({ name: secretOf(asker), key: entry });
  const authentication =
    access.user === undefined
      ? { bearerTokenSecret: from(secretKey(access)) }
      : { basicAuth: { username: from(userKey(access)), password: from(secretKey(access)) } };
  return {
    url,
    ...(authenticates(access, environment) ? authentication : {}),
    ...(access.tenant === undefined ? {} : { headers: [`${tenantHeader}: ${access.tenant}`] }),
    ...(caOf(remote, environment) === undefined ? {} : { tlsConfig: { ca: { secret: from(caKey(access)) } } }),
  };
}

/** Whom vmalert tells. Without anybody alerts are series all the same. */
function told(given: Given): { readonly spec: object; readonly flags: object } {
  const router = given.offered("alerts");
  if (router === undefined) return { spec: {}, flags: { "notifier.blackhole": "true" } };
  const { endpoint } = router;
  return {
    spec: isRemote(endpoint) ? { notifiers: [notifier(endpoint, given)] } : { notifierConfigRef: notifierSecret },
    flags: {},
  };
}

function alert(given: Given): object {
  const { mode, scrapeInterval, alert: settings } = given.settings.victoriaMetrics;
  const { ask, write, ui } = endpoints[mode];
  const { spec, flags } = told(given);
  return {
    ...common(given, "vmalert"),
    ...reloader(given),
    replicaCount: 1,
    selectAllByDefault: true,
    evaluationInterval: scrapeInterval,
    datasource: { url: clusterUrl(ask) },
    // What is pending is there again after a restart: `for` goes on.
    remoteWrite: { url: clusterUrl(write) },
    remoteRead: { url: clusterUrl(ask) },
    ...spec,
    extraArgs: {
      ...flags,
      // The same labels as Prometheus' alerts have: routes and silences fit both.
      disableAlertgroupLabel: "true",
      "external.url": given.browserUrl("metrics").slice(0, -ui.length),
      "external.alert.source": `${ui.slice(1)}/#/?g0.expr={{.Expr|queryEscape}}`,
    },
    resources: containerResources(settings.resources),
  };
}

/** An object of the operator's, made once the operator works. */
const object = (kind: string, spec: object): Extra => ({
  name: kind.toLowerCase(),
  last: true,
  object: { apiVersion, kind, metadata: { name, namespace }, spec },
});

/**
 * Gives what vmagent counts of its queues the names of their servers, as Prometheus' have them (`remote_name`): it says their number alone, under
 * `url` or `name`.
 */
const named = (servers: readonly string[]) =>
  servers.map((server, index) => ({
    sourceLabels: ["url", "name"],
    regex: `${index + 1}:secret-url;|;${index + 1}:secret-url`,
    targetLabel: "remote_name",
    replacement: server,
  }));

/** A monitor, so that whoever scrapes reads the programs: by Service, whose name is the job. */
const monitor = (servers: readonly string[]): Extra => ({
  name: "monitor",
  object: {
    apiVersion: "monitoring.coreos.com/v1",
    kind: "ServiceMonitor",
    metadata: { name: "victoria-metrics", namespace },
    spec: {
      selector: { matchLabels: { "app.kubernetes.io/instance": name, "managed-by": "vm-operator" } },
      endpoints: [{ port: "http", ...(servers.length === 0 ? {} : { metricRelabelings: named(servers) }) }],
    },
  },
});

/** What vmalert needs to reach Alertmanager. */
function secretsOf({ offered, environment }: Given): SecretObject[] {
  const router = offered("alerts");
  if (router === undefined) return [];
  const { endpoint } = router;
  const config = discovered(router);
  // JSON is YAML.
  if (config !== undefined)
    return [{ name: notifierSecret.name, namespace, data: { [notifierSecret.key]: JSON.stringify(config) } }];
  return receiverSecrets(asker, [endpoint], environment);
}

/** Replication that a node's absence would not let it keep. */
function check({ mode, cluster: { replicationFactor, storage } }: Settings): Finding[] {
  const needed = 2 * replicationFactor - 1;
  if (mode === "single" || storage.replicas >= needed) return [];
  return [
    {
      path: "victoriaMetrics.cluster.storage.replicas",
      message: `is ${storage.replicas}, and replicationFactor ${replicationFactor} needs ${needed} (2 × ${replicationFactor} − 1) to keep every sample on ${replicationFactor} nodes while others are away. Set it to ${needed}, or lower victoriaMetrics.cluster.replicationFactor.`,
    },
  ];
}

export const victoriaMetricsComponent = defineComponent({
  key,
  title: "VictoriaMetrics",
  slot: "metrics",
  settings: { victoriaMetrics },
  charts: [],
  needs: ["victoriaMetricsOperator", "monitors"],
  after: ["victoriaMetricsOperator", "monitors", "remoteWriteSecrets"],
  uses: ["alerts", "exporters", "scraping", "rules", "remoteWrite", "metricFilters"],
  namespaces: () => [namespaces.monitoring],
  offers: ({ victoriaMetrics: { mode, scrapeInterval, retention, storage } }) => {
    const { ask, write, ui } = endpoints[mode];
    const program = mode === "single" ? "vmsingle" : "vmselect";
    return {
      metrics: {
        endpoint: ask,
        title: "VictoriaMetrics",
        ui: { selector: labelsOf(program), podPort: ports[program], path: ui },
        lookup,
        // It keeps no exemplars, so none leads to a trace.
        dataSource: () => ({ ...dataSource({}, scrapeInterval), name: "VictoriaMetrics" }),
        keeps: {
          retention: [{ setting: "victoriaMetrics.retention", is: retention }],
          ...(storage === undefined ? { on: "pod", volumes: "victoriaMetrics.storage" } : { on: "volume" }),
          form: mode,
        },
      },
      metricsReceiver: { place: { ...write, path: `${write.path}${writePath}` } },
      scraping: { by: "vmagent" },
      rules: {},
    };
  },
  check: ({ victoriaMetrics: settings }) => check(settings),
  warnings: ({ victoriaMetrics: { storage } }) =>
    storage === undefined
      ? [{ path: "victoriaMetrics.storage", message: "is not set: samples live as long as the pod that keeps them." }]
      : [],
  requests: ({ victoriaMetrics: { mode, resources, cluster: nodes, agent: scraper, alert: ruler } }) => {
    const of = `victoriaMetrics.cluster`;
    const store =
      mode === "single"
        ? [{ setting: "victoriaMetrics.resources", ...resources, count: 1 }]
        : (["storage", "insert", "select"] as const).map((part) => ({
            setting: `${of}.${part}.resources`,
            ...nodes[part].resources,
            count: nodes[part].replicas,
          }));
    return [
      ...store,
      { setting: "victoriaMetrics.agent.resources", ...scraper.resources, count: 1 },
      { setting: "victoriaMetrics.alert.resources", ...ruler.resources, count: 1 },
    ];
  },
  images: ({ victoriaMetrics: { mode, images } }) =>
    Object.fromEntries(
      [
        ...(mode === "single" ? ["victoria-metrics"] : ["vmstorage", "vminsert", "vmselect"]),
        ...["vmagent", "vmalert", "config-reloader"],
      ].map((program) => [program, imageOf(images, program)]),
    ),
  secrets: (given) => (isOwn(given, "rules") ? secretsOf(given) : []),
  extras: (given) => {
    const made = programs(given);
    const servers = [storeName, ...remoteTargets(given).map(({ name: server }) => server)];
    return [
      monitor(made.includes("vmagent") ? servers : []),
      ...(made.includes("vmsingle") ? [object("VMSingle", single(given))] : [object("VMCluster", cluster(given))]),
      ...(made.includes("vmagent") ? [object("VMAgent", agent(given))] : []),
      ...(made.includes("vmalert") ? [object("VMAlert", alert(given))] : []),
    ];
  },
});
