/** Traces in Elasticsearch: an index for each day, which a CronJob of Jaeger's own program deletes by age. */
import type { z } from "zod";
import type { Finding } from "../../../settings/finding.ts";
import { durationSeconds } from "../../../settings/formats.ts";
import { asRemote, clusterUrl, type Elasticsearch, type ElasticUser, type Remote } from "../../capabilities.ts";
import type { Extra, Known as Checked } from "../../component.ts";
import { hardened, ownPod } from "../../kubernetes/hardened.ts";
import { namespaces } from "../../kubernetes/namespaces.ts";
import { authenticates, caKey, caOf, type Known, secretKey, secretOf } from "../../remote.ts";
import type { jaeger } from "./settings.ts";

type Settings = z.output<typeof jaeger>;

const asker = "jaeger";
const folder = "/etc/jaeger-elasticsearch";
const namespace = namespaces.monitoring.name;

/** What is known of the Elasticsearch that traces are kept in. */
export interface Elastic {
  readonly remote: Remote;
  readonly replicas: Elasticsearch["replicas"];
  readonly settings: Settings;
  readonly known: Known;
}

/** Whole days of a retention. */
const days = ({ retention }: Settings) => Math.ceil(durationSeconds(retention) / 86400);

/**
 * Jaeger names the index of every day that it looks into in the first line of a request (internal/storage/elasticsearch/indices), of which
 * Elasticsearch reads 4 KiB (http.max_initial_line_length); the comma between two is three characters there.
 */
export function check(settings: Settings, known: Checked): Finding[] {
  const { storage } = settings;
  const place = storage.type === "elasticsearch" ? known.offered("elasticsearch")?.asked(asker) : undefined;
  if (place === undefined) return [];
  const findings: Finding[] = [];
  const access = asRemote(place)?.access;
  if (access !== undefined && access.user === undefined && authenticates(access, known)) {
    const message =
      "is missing, and Jaeger's index cleaner can show no API key. Set it to a user of that Elasticsearch, with its password as externalLogsSecret.";
    findings.push({ path: "external.logs.user", message });
  }
  const most = Math.floor(3800 / `${storage.indexPrefix}-jaeger-service-2006-01-02%2C`.length);
  if (days(settings) > most) {
    const message = `is ${settings.retention}, and Jaeger asks Elasticsearch for the index of each day by name, of which ${most} have room in one request with this jaeger.storage.indexPrefix. Set it to ${most}d or less.`;
    findings.push({ path: "jaeger.retention", message });
  }
  return findings;
}

/** Its one user: adds and finds documents of its own indices, and deletes these. */
export const user = ({ storage: { indexPrefix } }: Settings): ElasticUser => ({
  name: asker,
  // Jaeger asks which version it has before it, and makes the templates of its indices.
  cluster: ["monitor", "manage_index_templates"],
  indices: [
    {
      names: [`${indexPrefix}-jaeger-*`],
      // Names of services have ids of their own and are written again and again: create_doc would not do.
      privileges: ["auto_configure", "index", "read", "view_index_metadata", "delete_index"],
    },
  ],
});

export function elastic(settings: Settings, store: Elasticsearch | undefined, known: Known): Elastic | undefined {
  if (settings.storage.type !== "elasticsearch" || store === undefined) return undefined;
  const place = store.asked(asker);
  const remote = asRemote(place) ?? { url: clusterUrl(place), access: { of: "elasticsearch", ca: "public" } };
  return { remote, replicas: store.replicas, settings, known };
}

const hasCa = ({ remote, known }: Elastic) => caOf(remote, known) !== undefined;
const hasSecret = ({ remote, known }: Elastic) => authenticates(remote.access, known);
const file = (key: string) => `${folder}/${key}`;

/** Configuration of the backend (Jaeger 2.19, internal/storage/elasticsearch/config/config.go). */
export function elasticBackend(elastic: Elastic): object {
  const { remote, replicas, settings } = elastic;
  const { access } = remote;
  const index = { shards: 1, replicas };
  const secret = file(secretKey(access));
  return {
    server_urls: [remote.url],
    // By file: with a password in the configuration two headers authorize, the client's own and Jaeger's (internal/auth/transport.go).
    ...(hasSecret(elastic)
      ? {
          auth: { basic: { username: access.user, password_file: secret } },
        }
      : {}),
    ...(hasCa(elastic) ? { tls: { ca_file: file(caKey(access)) } } : {}),
    indices: {
      index_prefix: settings.storage.indexPrefix,
      spans: index,
      services: index,
      dependencies: index,
      sampling: index,
    },
    // How far back a trace is looked for: three days by default, however long it is kept.
    max_span_age: `${durationSeconds(settings.retention)}s`,
  };
}

const mount = { name: "elasticsearch", mountPath: folder, readOnly: true };
const volume = { name: mount.name, secret: { secretName: secretOf(asker) } };
const isMounted = (elastic: Elastic) => hasCa(elastic) || hasSecret(elastic);

/** Files of Jaeger's pod. */
export const elasticVolume = (elastic: Elastic) =>
  isMounted(elastic) ? { extraVolumes: [volume], extraVolumeMounts: [mount] } : {};

/**
 * Deletes indices that are older than the retention, every night (Jaeger 2.19, cmd/es-index-cleaner). An object of ours: the chart's takes no
 * password but in its values.
 */
export function cleaner(elastic: Elastic, image: string, environment: { readonly credentials: boolean }): Extra {
  const { remote, settings } = elastic;
  const { access } = remote;
  const env = [
    { name: "INDEX_PREFIX", value: settings.storage.indexPrefix },
    ...(hasCa(elastic)
      ? [
          { name: "ES_TLS_ENABLED", value: "true" },
          { name: "ES_TLS_CA", value: file(caKey(access)) },
        ]
      : []),
    ...(hasSecret(elastic)
      ? [
          { name: "ES_USERNAME", value: access.user },
          { name: "ES_PASSWORD", valueFrom: { secretKeyRef: { name: secretOf(asker), key: secretKey(access) } } },
        ]
      : []),
  ];
  const spec = {
    restartPolicy: "OnFailure",
    ...ownPod(10001, environment),
    containers: [
      {
        name: "cleaner",
        image,
        args: [String(days(settings)), remote.url],
        env,
        ...(isMounted(elastic) ? { volumeMounts: [mount] } : {}),
        resources: { requests: { cpu: "10m", memory: "32Mi" }, limits: { memory: "128Mi" } },
        securityContext: hardened,
      },
    ],
    ...(isMounted(elastic) ? { volumes: [volume] } : {}),
  };
  const labels = { "app.kubernetes.io/name": "jaeger-index-cleaner" };
  return {
    name: "index-cleaner",
    object: {
      apiVersion: "batch/v1",
      kind: "CronJob",
      metadata: { name: "jaeger-index-cleaner", namespace },
      spec: {
        // Of a day's index the whole is older than the retention then.
        schedule: "55 23 * * *",
        timeZone: "Etc/UTC",
        concurrencyPolicy: "Forbid",
        jobTemplate: { spec: { backoffLimit: 5, template: { metadata: { labels }, spec } } },
      },
    },
  };
}
