import type { z } from "zod";
import type { Finding } from "../../../settings/finding.ts";
import { canonicalBytes, containerResources } from "../../../settings/resources.ts";
import {
  type Access,
  type BulkPush,
  type Elasticsearch,
  type Endpoint,
  s3Variables,
  type UserInterface,
} from "../../capabilities.ts";
import { type Context, defineComponent, type Extra, type Known } from "../../component.ts";
import { spread } from "../../kubernetes/hardened.ts";
import { namespaces } from "../../kubernetes/namespaces.ts";
import { pulls } from "../../kubernetes/pull-secrets.ts";
import { agentPipeline, agentStream, dataSource, linesOfTrace, lookup, otlpPath } from "./api.ts";
import { exporter } from "./exporter.ts";
import { logstash } from "./logstash.ts";
import {
  kibanaLabels,
  kibanaName,
  kibanaService,
  labels,
  logstashLabels,
  logstashService,
  name,
  namespace,
  ports,
  service,
} from "./names.ts";
import { elasticsearch } from "./settings.ts";
import { setup } from "./setup.ts";
import { auth, authority, passwordOf, person, secrets } from "./users.ts";

type Settings = z.output<typeof elasticsearch>;
type Given = Context<{ readonly elasticsearch: Settings }>;

const key = "elasticsearch";
const image = ({ images, version }: Settings, product: "elasticsearch" | "kibana" | "logstash") =>
  `${images}/${product}/${product}:${version}`;

/** Elasticsearch, as a user of ours asks it. */
function endpoint(user: string, path = ""): Endpoint {
  const access: Access = { of: key, secret: { shared: passwordOf(user) }, user, ca: { authority } };
  return { namespace, service, port: ports.http, path, access };
}

/** Users that others ask as. */
const others = ({ all }: Pick<Given, "all">) => all("elasticUsers").flatMap(({ offer }) => offer);

/** Resources of each node that elects and keeps nothing. */
const small = { cpu: "50m", memory: "1Gi", memoryLimit: "1Gi" } as const;

interface Nodes {
  readonly name: string;
  readonly count: number;
  readonly resources: Settings["resources"];
  readonly size: string;
  readonly config: Readonly<Record<string, unknown>>;
  /** Where its pods run alone. @default anywhere */
  readonly zone?: string;
}

/** Nodes that keep lines, evenly over the zones. */
function dataNodes({ nodes, masters, zones, resources, storage: { size } }: Settings): Nodes[] {
  const config =
    masters === 0 ? {} : { "node.roles": ["data_content", "data_hot", "ingest", "remote_cluster_client", "transform"] };
  if (zones.length === 0) return [{ name: "default", count: nodes, resources, size, config }];
  return zones.map((zone, index) => ({
    // Zones may have characters that no name has.
    name: `zone-${index + 1}`,
    count: Math.floor(nodes / zones.length) + (index < nodes % zones.length ? 1 : 0),
    resources,
    size,
    zone,
    config: {
      ...config,
      "node.attr.zone": zone,
      // The first is the operator's own, of nodes of Kubernetes.
      "cluster.routing.allocation.awareness.attributes": "k8s_node_name,zone",
    },
  }));
}

const nodes = (settings: Settings): Nodes[] => [
  ...dataNodes(settings),
  ...(settings.masters === 0
    ? []
    : [
        {
          name: "masters",
          count: settings.masters,
          resources: small,
          size: "2Gi",
          config: { "node.roles": ["master"] },
        },
      ]),
];

/** How Elasticsearch reaches the bucket of its snapshots: keys are no part of it. */
function s3Client({ settings, offered }: Given): Readonly<Record<string, unknown>> {
  const storage = offered("objectStorage");
  if (settings.elasticsearch.snapshots.bucket === undefined || storage === undefined) return {};
  const client = "s3.client.default";
  return {
    [`${client}.endpoint`]: storage.url,
    [`${client}.region`]: storage.region,
    [`${client}.path_style_access`]: storage.pathStyle,
  };
}

/** Keys of the bucket, which the operator puts into every node's keystore. */
function secureSettings({ settings, offered }: Given): object {
  const { bucket } = settings.elasticsearch.snapshots;
  const secretName = bucket === undefined ? undefined : offered("objectStorage")?.credentials?.(bucket);
  if (secretName === undefined) return {};
  const [id, secret] = s3Variables;
  const entries = [
    { key: id, path: "s3.client.default.access_key" },
    { key: secret, path: "s3.client.default.secret_key" },
  ];
  return { secureSettings: [{ secretName, entries }] };
}

function nodeSet({ name: called, count, resources, size, config, zone }: Nodes, given: Given): object {
  const inZone = [{ key: "topology.kubernetes.io/zone", operator: "In", values: [zone] }];
  return {
    name: called,
    count,
    config: {
      ...config,
      "node.store.allow_mmap": given.settings.elasticsearch.mmap,
      // Neither is of use for log lines: one is memory of the machine, the other downloads from Elastic.
      "xpack.ml.enabled": false,
      "ingest.geoip.downloader.enabled": false,
      ...s3Client(given),
    },
    podTemplate: {
      spec: {
        ...pulls(given.environment),
        affinity: {
          ...spread(labels),
          ...(zone === undefined
            ? {}
            : {
                nodeAffinity: {
                  requiredDuringSchedulingIgnoredDuringExecution: {
                    nodeSelectorTerms: [{ matchExpressions: inZone }],
                  },
                },
              }),
        },
        // The heap follows the limit: Elasticsearch takes half of what its container has.
        containers: [{ name: "elasticsearch", resources: containerResources(resources) }],
      },
    },
    volumeClaimTemplates: [
      {
        // The operator mounts the one of this name.
        metadata: { name: "elasticsearch-data" },
        spec: { accessModes: ["ReadWriteOnce"], resources: { requests: { storage: canonicalBytes(size) } } },
      },
    ],
  };
}

function cluster(given: Given): Extra {
  const { settings, environment } = given;
  return {
    name: "elasticsearch",
    last: true,
    object: {
      apiVersion: "elasticsearch.k8s.elastic.co/v1",
      kind: "Elasticsearch",
      metadata: { name, namespace },
      spec: {
        version: settings.elasticsearch.version,
        image: environment.image(image(settings.elasticsearch, "elasticsearch")),
        auth: auth(others(given)),
        // An authority of ours: those who ask from other namespaces are told of it, and it is not replaced every year.
        http: { tls: { certificate: { secretName: authority } } },
        ...secureSettings(given),
        // By default volumes go with the object.
        volumeClaimDeletePolicy: "DeleteOnScaledownOnly",
        nodeSets: nodes(settings.elasticsearch).map((one) => nodeSet(one, given)),
      },
    },
  };
}

function kibana(given: Given): Extra {
  const { settings, environment, all, browserUrl } = given;
  const first = all("logs")[0]?.key === key;
  return {
    name: "kibana",
    last: true,
    object: {
      apiVersion: "kibana.k8s.elastic.co/v1",
      kind: "Kibana",
      metadata: { name: kibanaName, namespace },
      spec: {
        version: settings.elasticsearch.version,
        image: environment.image(image(settings.elasticsearch, "kibana")),
        count: settings.elasticsearch.kibana.replicas,
        elasticsearchRef: { name },
        // As every other interface here: people reach it by a port-forward, or through what ends TLS.
        http: { tls: { selfSignedCertificate: { disabled: true } } },
        config: {
          ...(first ? { "server.publicBaseUrl": browserUrl("logs") } : {}),
          "telemetry.optIn": false,
          "telemetry.allowChangingOptInStatus": false,
          // Asks feeds.elastic.co.
          "newsfeed.enabled": false,
        },
        podTemplate: {
          spec: {
            ...pulls(given.environment),
            automountServiceAccountToken: false,
            // The operator's own does not say that it is no root (ECK 3.5, controller/kibana/securitycontext.go), which the namespace demands.
            securityContext: { runAsNonRoot: true, fsGroup: 1000, seccompProfile: { type: "RuntimeDefault" } },
            containers: [{ name: "kibana", resources: containerResources(settings.elasticsearch.kibana.resources) }],
          },
        },
      },
    },
  };
}

function check({ nodes: count, masters, zones, snapshots: { bucket } }: Settings, { offered }: Known): Finding[] {
  const findings: Finding[] = [];
  const add = (setting: string, message: string) => findings.push({ path: `elasticsearch.${setting}`, message });
  if (count === 2 && masters === 0)
    add(
      "nodes",
      "is 2, of which neither can go on without the other: a majority of two is two. Set it to 1 or 3, or elasticsearch.masters to 3.",
    );
  if (zones.length > count) {
    // Two would be refused for another reason.
    const enough = zones.length === 2 && masters === 0 ? 3 : zones.length;
    add("zones", `names ${zones.length} zones, and elasticsearch.nodes is ${count}. Set that to ${enough}.`);
  }
  const storage = bucket === undefined ? undefined : offered("objectStorage");
  if (storage !== undefined && storage.credentials === undefined)
    add(
      "snapshots.bucket",
      "is set, and the object storage gives pods an identity (s3.serviceAccountAnnotations), which Elasticsearch would not find. Set s3.credentialsSecret in its place.",
    );
  if (storage?.ca !== undefined)
    add(
      "snapshots.bucket",
      "is set, and the object storage shows a certificate of network.ca (s3.ca), which Elasticsearch would not trust: it asks Java's authorities. Remove it, or reach the storage by a public certificate.",
    );
  return findings;
}

const asked = (nodes: number): Elasticsearch => ({ asked: endpoint, replicas: nodes > 1 ? 1 : 0 });
const bulk: BulkPush = {
  as: "elasticsearch",
  place: endpoint("agent"),
  stream: agentStream,
  pipeline: agentPipeline,
};
const kibanaEndpoint: Endpoint = { namespace, service: kibanaService, port: ports.kibana, path: "" };
const ui: UserInterface = { selector: kibanaLabels, podPort: ports.kibana, path: "" };

export const elasticsearchComponent = defineComponent({
  key,
  title: "Elasticsearch",
  slot: "logs",
  settings: { elasticsearch },
  charts: [],
  needs: ["elasticOperator", "monitors"],
  alsoNeeds: ({ elasticsearch: { snapshots } }) => (snapshots.bucket === undefined ? [] : ["objectStorage"]),
  uses: ["objectStorage"],
  after: ["elasticOperator", "monitors", "objectStorage"],
  namespaces: () => [namespaces.monitoring],
  offers: ({
    elasticsearch: {
      nodes: count,
      retention,
      kibana: { replicas },
      logstash: through,
      snapshots: { bucket },
    },
  }) => ({
    ...(bucket === undefined ? {} : { buckets: [bucket] }),
    elasticMetrics: true,
    ...{ elasticsearch: asked(count), elasticStack: asked(count) },
    logs: {
      endpoint: endpoint("grafana"),
      title: "Elasticsearch",
      push:
        through.replicas > 0
          ? {
              as: "http",
              place: { namespace, service: logstashService, port: ports.logstash, path: "" },
              title: "Logstash",
              off: "elasticsearch.logstash.replicas to 0",
              others: bulk,
            }
          : bulk,
      otlp: { protocol: "http", place: endpoint("gateway", otlpPath) },
      otlpLines: { as: "records" },
      lookup,
      dataSource,
      linesOfTrace,
      keeps: { retention: [{ setting: "elasticsearch.retention", is: retention }], on: "volume" },
      ...(replicas > 0 ? { ui, login: { user: person, password: passwordOf(person), at: kibanaEndpoint } } : {}),
    },
  }),
  check: ({ elasticsearch: settings }, known) => check(settings, known),
  flows: ({ settings: { elasticsearch: own } }) => [
    { name: "elasticsearch", namespace, to: labels, ports: [ports.http], from: ["logAgent"] },
    ...(own.logstash.replicas > 0
      ? [{ name: "logstash", namespace, to: logstashLabels, ports: [ports.logstash], from: ["logAgent" as const] }]
      : []),
  ],
  requests: ({
    elasticsearch: { nodes: count, masters, resources, kibana: people, exporter: metrics, logstash: through },
  }) => [
    { setting: "elasticsearch.exporter.resources", ...metrics.resources, count: 1 },
    { setting: "elasticsearch.resources", ...resources, count },
    ...(masters === 0 ? [] : [{ ...small, count: masters }]),
    ...(through.replicas === 0
      ? []
      : [{ setting: "elasticsearch.logstash.resources", ...through.resources, count: through.replicas }]),
    ...(people.replicas === 0
      ? []
      : [{ setting: "elasticsearch.kibana.resources", ...people.resources, count: people.replicas }]),
  ],
  images: ({ elasticsearch: settings }) => ({
    elasticsearch: image(settings, "elasticsearch"),
    "Elasticsearch's exporter": settings.exporter.image,
    ...(settings.kibana.replicas > 0 ? { kibana: image(settings, "kibana") } : {}),
    ...(settings.logstash.replicas > 0 ? { logstash: image(settings, "logstash") } : {}),
  }),
  secrets: (given) => secrets(others(given)),
  extras: (given) => {
    const { settings, environment } = given;
    return [
      cluster(given),
      ...(settings.elasticsearch.kibana.replicas > 0 ? [kibana(given)] : []),
      ...(settings.elasticsearch.logstash.replicas > 0
        ? [logstash(settings.elasticsearch, environment.image(image(settings.elasticsearch, "logstash")), environment)]
        : []),
      ...exporter(settings.elasticsearch, environment.image(settings.elasticsearch.exporter.image), environment),
      setup(
        settings.elasticsearch,
        given.all("elasticStreams").flatMap(({ offer }) => offer),
        environment.image(image(settings.elasticsearch, "elasticsearch")),
        environment,
      ),
    ];
  },
});
