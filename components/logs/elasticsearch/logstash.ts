/** Logstash, between the log agent and Elasticsearch: what a line goes through that neither of these can do. ECK's object of it (3.5, v1alpha1). */
import type { z } from "zod";
import { byteCount } from "../../../settings/formats.ts";
import { canonicalBytes, containerResources, memoryMiB } from "../../../settings/resources.ts";
import type { Extra } from "../../component.ts";
import { hardened, ownPod, spread } from "../../kubernetes/hardened.ts";
import { agentPipeline, agentStream } from "./api.ts";
import { logstashLabels, logstashName, namespace, ports, service } from "./names.ts";
import type { elasticsearch } from "./settings.ts";
import { authority, userSecret } from "./users.ts";

/** Its user: adds the agent's lines, and asks which version it has before it. */
export const logstashUser = "logstash";

const folder = "/etc/elasticsearch-ca";
const mebibyte = 1024 * 1024;

/** Nobody has seen it with a root that it cannot write: JRuby unpacks itself, and scripts of its image write beside its volumes. */
const { allowPrivilegeEscalation, capabilities, seccompProfile } = hardened;
const writable = { allowPrivilegeEscalation, capabilities, seccompProfile };

/** Its configuration (plug-ins logstash-input-http and logstash-output-elasticsearch, as Logstash 9.5 has them). */
export const pipeline = (filters: string) =>
  `
input {
  http {
    port => ${ports.logstash}
    codec => json
    request_headers_target_field => "[@metadata][headers]"
    remote_host_target_field => "[@metadata][host]"
  }
}
${filters.trim()}
filter {
  mutate { remove_field => ["@version"] }
}
output {
  elasticsearch {
    hosts => ["https://${service}.${namespace}.svc:${ports.http}"]
    user => "${logstashUser}"
    password => "\${ELASTICSEARCH_PASSWORD}"
    ssl_certificate_authorities => ["${folder}/ca.crt"]
    index => "${agentStream}"
    action => "create"
    pipeline => "${agentPipeline}"
    data_stream => false
    manage_template => false
    ilm_enabled => false
  }
}
`
    .replaceAll(/\n{2,}/g, "\n")
    .trim();

export function logstash(
  { version, logstash: { replicas, filters, storage, resources } }: z.output<typeof elasticsearch>,
  image: string,
  environment: { readonly credentials: boolean },
): Extra {
  const heap = Math.floor(memoryMiB(resources.memoryLimit) / 2);
  return {
    name: "logstash",
    last: true,
    object: {
      apiVersion: "logstash.k8s.elastic.co/v1alpha1",
      kind: "Logstash",
      metadata: { name: logstashName, namespace },
      spec: {
        version,
        image,
        count: replicas,
        config: {
          // What its plug-ins add of their own in the usual form would become fields of every line.
          "pipeline.ecs_compatibility": "disabled",
          // An answer says that a line is on its volume; a quarter is for what is beside the queue.
          "queue.type": "persisted",
          "queue.max_bytes": `${Math.floor((byteCount(storage.size) * 0.75) / mebibyte)}mb`,
        },
        pipelines: [{ "pipeline.id": "agent", "config.string": pipeline(filters) }],
        services: [{ name: "agent", service: { spec: { ports: [{ name: "http", port: ports.logstash }] } } }],
        podTemplate: {
          spec: {
            ...ownPod(1000, environment, { fsGroup: 1000 }),
            affinity: spread(logstashLabels),
            // The operator's says of itself only that it is not privileged (controller/logstash/initcontainer.go), which the namespace refuses.
            initContainers: [{ name: "logstash-internal-init-config", securityContext: writable }],
            containers: [
              {
                name: "logstash",
                resources: containerResources(resources),
                securityContext: writable,
                env: [
                  { name: "LS_JAVA_OPTS", value: `-Xms${heap}m -Xmx${heap}m` },
                  {
                    name: "ELASTICSEARCH_PASSWORD",
                    valueFrom: { secretKeyRef: { name: userSecret(logstashUser), key: "password" } },
                  },
                ],
                volumeMounts: [{ name: "elasticsearch-ca", mountPath: folder, readOnly: true }],
              },
            ],
            volumes: [
              {
                name: "elasticsearch-ca",
                secret: { secretName: authority, items: [{ key: "ca.crt", path: "ca.crt" }] },
              },
            ],
          },
        },
        volumeClaimTemplates: [
          {
            // The operator mounts the one of this name.
            metadata: { name: "logstash-data" },
            spec: {
              accessModes: ["ReadWriteOnce"],
              resources: { requests: { storage: canonicalBytes(storage.size) } },
            },
          },
        ],
      },
    },
  };
}
