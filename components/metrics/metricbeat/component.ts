import type { RemoteWriteTarget } from "../../capabilities.ts";
import type { z } from "zod";
import { defineComponent } from "../../component.ts";
import { namespaces } from "../../kubernetes/namespaces.ts";
import { elasticsearch } from "../../logs/elasticsearch/settings.ts";
import { credentials } from "../../remote.ts";
import { containerResources } from "../../../settings/resources.ts";
import { filterRules } from "../relabelings.ts";
import { beat, user } from "./beat.ts";
import { mappings } from "./mappings.ts";
import { labels, name, namespace, port, queueName, streams } from "./names.ts";
import { savedObjects } from "./saved-objects.ts";
import { metricbeat } from "./settings.ts";

type Settings = z.output<typeof metricbeat>;

/**
 * One connection: Metricbeat makes increments of counters, in the order in which their samples come. And a long time to answer: what is sent a
 * second time has grown by nothing. The rest as its documentation wants it (requests of up to 1000 samples, three to five of them waiting).
 */
const target = (settings: Settings): RemoteWriteTarget => ({
  name: queueName,
  url: `http://${name}.${namespace}.svc:${port}/write`,
  timeout: "5m",
  protocol: "1.0",
  exemplars: false,
  nativeHistograms: false,
  headers: {},
  relabelings: [
    ...filterRules(settings),
    // Of the buckets in one request it makes one histogram, whether they are all of them or not.
    { action: "drop", sourceLabels: ["__name__"], regex: ".*_bucket" },
  ],
  queue: { capacity: 5000, minShards: 1, maxShards: 1, maxSamplesPerSend: 1000, batchSendDeadline: "5s" },
});

const image = ({ images, version }: z.output<typeof elasticsearch>) => `${images}/beats/metricbeat:${version}`;

export const metricbeatComponent = defineComponent({
  key: "metricbeat",
  title: "Metricbeat",
  // Every program of the Elastic Stack has Elasticsearch's version.
  settings: { metricbeat, elasticsearch },
  charts: [],
  switch: "metricbeat.enabled",
  enabled: ({ metricbeat: { enabled } }) => enabled,
  needs: ["elasticStack", "elasticOperator", "scraping"],
  // What comes before Elasticsearch has its template would be kept in another form.
  after: ["elasticStack", "elasticOperator"],
  namespaces: () => [namespaces.monitoring],
  offers: ({ metricbeat: settings }) => ({
    remoteWrite: [target(settings)],
    elasticUsers: [user],
    elasticStreams: [
      {
        name: "metrics",
        pattern: streams,
        retention: { setting: "metricbeat.retention", is: settings.retention },
        settings: {
          codec: "best_compression",
          mapping: { total_fields: { limit: 10_000, ignore_dynamic_beyond_limit: true } },
        },
        mappings,
        savedObjects,
      },
    ],
  }),
  requests: ({ metricbeat: { resources } }) => [{ setting: "metricbeat.resources", ...resources, count: 1 }],
  images: ({ elasticsearch: settings }) => ({ metricbeat: image(settings) }),
  secrets: ({ offered, environment }) =>
    credentials(name, namespace, [offered("elasticStack")?.asked(name)], environment),
  extras: ({ settings, offered, environment }) => {
    const store = offered("elasticStack");
    if (store === undefined) return [];
    const { version } = settings.elasticsearch;
    const resources = containerResources(settings.metricbeat.resources);
    return [
      {
        name: "service",
        object: {
          apiVersion: "v1",
          kind: "Service",
          // It would wait for pods, and the Beat that they are of is made after it.
          metadata: { name, namespace, annotations: { "pulumi.com/skipAwait": "true" } },
          spec: { selector: labels, ports: [{ name: "remote-write", port, targetPort: "remote-write" }] },
        },
      },
      {
        name: "beat",
        last: true,
        object: beat(version, environment.image(image(settings.elasticsearch)), resources, store, environment),
      },
    ];
  },
});
