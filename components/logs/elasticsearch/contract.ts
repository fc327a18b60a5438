/** Values that security or data rest on: for the judges in `contract/`. */
import type { Scraped } from "../../../contract/component-files.ts";
import { asks, of, type Pin, setting, why } from "../../../contract/pin.ts";

const first = "spec/nodeSets/0";
const data = `${first}/volumeClaimTemplates/0`;

export const pins: readonly Pin[] = [
  ...of("Elasticsearch monitoring/*", [
    ["spec/version", setting((s) => s.elasticsearch.version), "elasticsearch.version"],
    ["spec/http/tls/certificate/secretName", "elasticsearch-ca", "who asks it trusts this authority alone"],
    ["spec/volumeClaimDeletePolicy", "DeleteOnScaledownOnly", "lines outlive the object that is taken away by mistake"],
    ["spec/nodeSets/*/config/node.store.allow_mmap", setting((s) => s.elasticsearch.mmap), "elasticsearch.mmap"],
    [
      "spec/nodeSets/*/config/ingest.geoip.downloader.enabled",
      false,
      "it would download from Elastic, and fail where it may not",
    ],
    ["spec/nodeSets/*/config/xpack.ml.enabled", false, "memory beside the heap that nobody uses"],
    [`${first}/podTemplate/spec/containers/0/resources`, setting((s) => asks(s.elasticsearch.resources)), why.sized],
    [`${data}/metadata/name`, "elasticsearch-data", "the operator mounts the claim of this name"],
  ]),
  ...of("Kibana monitoring/*", [
    ["spec/version", setting((s) => s.elasticsearch.version), "elasticsearch.version"],
    ["spec/count", setting((s) => s.elasticsearch.kibana.replicas), "elasticsearch.kibana.replicas"],
    ["spec/config/telemetry.optIn", false, why.reported],
    ["spec/config/newsfeed.enabled", false, why.reported],
    ["spec/podTemplate/spec/securityContext/runAsNonRoot", true, why.contained],
    ["spec/podTemplate/spec/containers/0/resources", setting((s) => asks(s.elasticsearch.kibana.resources)), why.sized],
  ]),
  ...of("Logstash monitoring/*", [
    ["spec/count", setting((s) => s.elasticsearch.logstash.replicas), "elasticsearch.logstash.replicas"],
    ["spec/config/queue.type", "persisted", "a line that it has taken outlives the pod"],
    ["spec/config/pipeline.ecs_compatibility", "disabled", "its own fields would be those of every line"],
    [
      "spec/podTemplate/spec/containers/0/resources",
      setting((s) => asks(s.elasticsearch.logstash.resources)),
      why.sized,
    ],
    [
      "spec/volumeClaimTemplates/0/spec/resources/requests/storage",
      setting((s) => s.elasticsearch.logstash.storage.size),
      "elasticsearch.logstash.storage.size",
    ],
    ["spec/volumeClaimTemplates/0/metadata/name", "logstash-data", "the operator mounts the claim of this name"],
  ]),
  ...of("Deployment monitoring/elasticsearch-exporter", [
    ["spec/template/spec/containers/0/resources", setting((s) => asks(s.elasticsearch.exporter.resources)), why.sized],
    [
      "spec/template/spec/containers/0/image",
      setting((s) => s.elasticsearch.exporter.image),
      "elasticsearch.exporter.image",
    ],
  ]),
];

export const scraped: Scraped = { jobs: ["monitoring/elasticsearch"], metrics: ["elasticsearch_"] };
