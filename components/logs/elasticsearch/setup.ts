/**
 * What Elasticsearch is told once it answers: how long lines are kept, and what becomes of an agent's record; and Kibana, what it shows. The operator has an object for
 * that (StackConfigPolicy), which does nothing without an enterprise licence (ECK 3.5, controller/stackconfigpolicy/controller.go); so a Job asks
 * Elasticsearch's API.
 */
import { createHash } from "node:crypto";
import type { z } from "zod";
import { durationSeconds } from "../../../settings/formats.ts";
import { droppedFields, levelWords, recordFields } from "../../agents/lines.ts";
import type { ElasticStream } from "../../capabilities.ts";
import type { Extra } from "../../component.ts";
import { hardened, ownPod } from "../../kubernetes/hardened.ts";
import { agentPipeline } from "./api.ts";
import { kibanaService, name, namespace, ports, service } from "./names.ts";
import { savedObjects } from "./saved-objects.ts";
import type { elasticsearch } from "./settings.ts";
import { authority, passwordOf } from "./users.ts";

type Settings = z.output<typeof elasticsearch>;

/** Method and path of a request, and its body. */
export type Request = readonly [method: string, path: string, body: object];

/** Name of the lifecycle policy. */
const policy = "observability-logs";

/** Name of the repository of snapshots, and of their policy. */
const repository = "observability";

/** How long an index is written to: a quarter of the retention, and a day at most. */
const written = (retention: string) =>
  `${Math.max(1, Math.min(24, Math.floor(durationSeconds(retention) / 3600 / 4)))}h`;

/**
 * An agent's record as Elasticsearch keeps one that came by OTLP (x-pack/plugin/otel-data, logs-otel@mappings): what Kubernetes knows as
 * attributes of the resource, the message as the body, everything else as attributes, which may have any type in any line.
 */
const script = `
def resource = new HashMap();
def kubernetes = ctx.remove('kubernetes');
if (kubernetes instanceof Map) {
  for (def entry : params.resource.entrySet()) {
    def value = kubernetes.get(entry.getKey());
    if (value != null) resource.put(entry.getValue(), value);
  }
}
def stream = ctx._index;
if (stream instanceof String) {
  int mark = stream.indexOf(params.mark);
  def cluster = mark < 0 ? params.own : stream.substring(mark + params.mark.length());
  if (cluster != params.own) resource.put('cluster', cluster);
}
for (def key : params.dropped) ctx.remove(key);
def found = new HashMap();
for (def kind : params.fields.entrySet()) {
  for (def key : kind.getValue()) {
    def value = ctx.get(key);
    if (value == null || value instanceof Map || value instanceof List) continue;
    ctx.remove(key);
    found.put(kind.getKey(), value.toString());
    break;
  }
}
def attributes = new HashMap();
for (def key : new ArrayList(ctx.keySet())) {
  if (key.startsWith('_') || key == '@timestamp' || key == 'data_stream') continue;
  attributes.put(key, ctx.remove(key));
}
def text = found.get('text');
def level = found.get('level');
if (level == null && text != null) {
  def lower = text.toLowerCase();
  int first = lower.length();
  for (def word : params.levels) {
    int at = lower.indexOf(word);
    if (at >= 0 && at < first) {
      first = at;
      level = word;
    }
  }
}
ctx.body = ['text': text == null ? '' : text];
if (level != null) ctx.severity_text = level;
if (found.get('trace') != null) ctx.trace_id = found.get('trace');
if (found.get('span') != null) ctx.span_id = found.get('span');
ctx.resource = ['attributes': resource];
ctx.attributes = attributes;
`.trim();

const params = {
  // Fields of Fluent Bit's filter, and what OpenTelemetry calls them.
  resource: {
    namespace_name: "k8s.namespace.name",
    pod_name: "k8s.pod.name",
    pod_id: "k8s.pod.uid",
    container_name: "k8s.container.name",
    container_image: "container.image.name",
    host: "k8s.node.name",
  },
  // An Elasticsearch that was there already may have lines of several clusters: each has a stream that ends with its name.
  mark: ".otel-",
  own: "default",
  dropped: droppedFields,
  fields: recordFields,
  levels: levelWords,
};

/** What dashboards ask of every line: the level in small letters, and one word for one level; and how long it is. */
const finish = {
  script: {
    source: `
def level = ctx.severity_text == null ? 'unknown' : ctx.severity_text.toLowerCase();
ctx.severity_text = level == 'warning' ? 'warn' : level;
if (ctx.attributes == null) ctx.attributes = new HashMap();
if (ctx.body instanceof Map && ctx.body.text instanceof String) {
  ctx.attributes.put('log.record.length', ctx.body.text.length());
}
`.trim(),
  },
};

/** A snapshot of all lines every night: what has not changed since the one before is not written again. */
const snapshots = (bucket: string, keep: string): Request[] => [
  ["PUT", `/_snapshot/${repository}`, { type: "s3", settings: { bucket } }],
  [
    "PUT",
    `/_slm/policy/${repository}`,
    {
      schedule: "0 30 1 * * ?",
      name: "<nightly-{now/d}>",
      repository,
      config: { indices: ["logs-*"], include_global_state: false },
      retention: { expire_after: keep },
    },
  ],
];

/** An index is written to until it is full or old enough, and deleted when the last of it is older than the retention. */
const lifecycle = (retention: string) => ({
  policy: {
    phases: {
      hot: { actions: { rollover: { max_age: written(retention), max_primary_shard_size: "50gb" } } },
      delete: { min_age: retention, actions: { delete: {} } },
    },
  },
});

/** What others keep here. */
function stream({ name: called, pattern, retention, settings, mappings }: ElasticStream): Request[] {
  const own = `observability-${called}`;
  const index = { lifecycle: { name: own }, auto_expand_replicas: "0-1", ...settings };
  return [
    ["PUT", `/_ilm/policy/${own}`, lifecycle(retention.is)],
    [
      "PUT",
      `/_index_template/${own}`,
      // Elasticsearch's own template of all metrics has the priority 100, those of its integrations have 200.
      { index_patterns: [pattern], priority: 500, data_stream: {}, template: { settings: { index }, mappings } },
    ],
  ];
}

/** In their order: each needs those before it. @param streams what others keep here; none when absent */
export function requests(
  { retention, snapshots: { bucket, keep } }: Settings,
  streams: readonly ElasticStream[] = [],
): Request[] {
  return [
    ["PUT", `/_ilm/policy/${policy}`, lifecycle(retention)],
    ["PUT", `/_ingest/pipeline/${agentPipeline}`, { processors: [{ script: { source: script, params } }, finish] }],
    // Of lines that come by OTLP: templates of Elasticsearch's own ask for these two names (logs@default-pipeline, logs-otel@template).
    ["PUT", "/_ingest/pipeline/logs@custom", { processors: [finish] }],
    [
      "PUT",
      "/_component_template/logs@custom",
      {
        template: {
          settings: { index: { lifecycle: { name: policy }, auto_expand_replicas: "0-1" } },
          // What cannot be indexed is kept, as it came, and nothing is refused for ever.
          data_stream_options: { failure_store: { enabled: true, lifecycle: { data_retention: retention } } },
        },
      },
    ],
    ...(bucket === undefined ? [] : snapshots(bucket, keep)),
    ...streams.flatMap(stream),
  ];
}

const folder = "/etc/elasticsearch-ca";

/** Sends each pair of "method path" and body, and Kibana its objects; while nobody answers, or they are not ready, it waits. */
const shell = `
set -euo pipefail
ask() { curl --silent --show-error --cacert ${folder}/ca.crt --config <(printf 'user = "setup:%s"\\n' "$PASSWORD") "$@"; }
until ask --fail --output /dev/null "$ADDRESS/_cluster/health?wait_for_status=yellow&timeout=30s"; do sleep 5; done
while (( $# )); do
  echo "$1"
  ask --fail-with-body --retry 5 --request "\${1%% *}" --header 'content-type: application/json' --data-binary "$2" "$ADDRESS\${1#* }"
  echo
  shift 2
done
[[ -v KIBANA ]] || exit 0
until ask --fail --output /dev/null "$KIBANA/api/status"; do sleep 5; done
echo "$KIBANA"
answer=$(ask --fail-with-body --header 'kbn-xsrf: true' --form 'file=@-;filename=observability.ndjson' "$KIBANA/api/saved_objects/_import" <<< "$KIBANA_OBJECTS")
echo "$answer"
# What is there already stays as people have changed it: Kibana tells of a conflict.
[[ "\${answer//'"error":{"type":"conflict"'/}" != *'"error":'* ]]
`.trim();

/** A Job that sends them. Another setting is another Job, because Kubernetes changes none. */
export function setup(
  settings: Settings,
  streams: readonly ElasticStream[],
  image: string,
  environment: { readonly credentials: boolean },
): Extra {
  const sent = requests(settings, streams);
  const args = sent.flatMap(([method, path, body]) => [`${method} ${path}`, JSON.stringify(body)]);
  const objects = [...savedObjects, ...streams.flatMap((one) => one.savedObjects)];
  const template = {
    metadata: { labels: { "app.kubernetes.io/name": `${name}-setup` } },
    spec: {
      restartPolicy: "OnFailure",
      ...ownPod(1000, environment),
      containers: [
        {
          name: "setup",
          // It has curl, and the nodes have it.
          image,
          command: ["bash", "-c", shell, "setup"],
          args,
          env: [
            { name: "ADDRESS", value: `https://${service}.${namespace}.svc:${ports.http}` },
            ...(settings.kibana.replicas === 0
              ? []
              : [
                  { name: "KIBANA", value: `http://${kibanaService}.${namespace}.svc:${ports.kibana}` },
                  { name: "KIBANA_OBJECTS", value: objects.map((object) => JSON.stringify(object)).join("\n") },
                ]),
            { name: "PASSWORD", valueFrom: { secretKeyRef: { name: `${name}-user-setup`, key: "password" } } },
          ],
          volumeMounts: [{ name: "ca", mountPath: folder, readOnly: true }],
          resources: { requests: { cpu: "10m", memory: "32Mi" }, limits: { memory: "128Mi" } },
          securityContext: hardened,
        },
      ],
      volumes: [{ name: "ca", secret: { secretName: authority, items: [{ key: "ca.crt", path: "ca.crt" }] } }],
    },
  };
  const hash = createHash("sha256")
    .update(JSON.stringify([template, passwordOf("setup")]))
    .digest("hex")
    .slice(0, 8);
  return {
    name: "setup",
    last: true,
    object: {
      apiVersion: "batch/v1",
      kind: "Job",
      metadata: { name: `${name}-setup-${hash}`, namespace },
      spec: { backoffLimit: 20, template },
    },
  };
}
