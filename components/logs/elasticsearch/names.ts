/** Names and labels by which the operator calls what it makes (ECK 3.5: pkg/apis/{elasticsearch,kibana}/v1/name.go, pkg/apis/logstash/v1alpha1/name.go, controller/{elasticsearch,kibana}/label, controller/logstash/labels). */
import { namespaces } from "../../kubernetes/namespaces.ts";

/** Of the Elasticsearch object. */
export const name = "elasticsearch";
/** Of the Kibana object. */
export const kibanaName = "kibana";

/** Of the Logstash object. */
export const logstashName = "logstash";

export const namespace = namespaces.monitoring.name;

/** Its Service, behind which is every node. */
export const service = `${name}-es-http`;
export const kibanaService = `${kibanaName}-kb-http`;
/** Of the name that its object gives the Service. */
export const logstashService = `${logstashName}-ls-agent`;

/** Ports (controller/{elasticsearch,kibana}/network/ports.go). */
export const ports = { http: 9200, transport: 9300, kibana: 5601, logstash: 8080 } as const;

export const labels = {
  "common.k8s.elastic.co/type": "elasticsearch",
  "elasticsearch.k8s.elastic.co/cluster-name": name,
} as const;

export const kibanaLabels = {
  "common.k8s.elastic.co/type": "kibana",
  "kibana.k8s.elastic.co/name": kibanaName,
} as const;

export const logstashLabels = {
  "common.k8s.elastic.co/type": "logstash",
  "logstash.k8s.elastic.co/name": logstashName,
} as const;
