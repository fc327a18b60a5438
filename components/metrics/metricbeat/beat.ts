/** Metricbeat as Elastic's operator makes it (ECK 3.5, pkg/controller/beat/common): a Deployment, its configuration in a Secret. */
import { type Access, asRemote, clusterUrl, type Elasticsearch, type ElasticUser } from "../../capabilities.ts";
import type { Context } from "../../component.ts";
import { hardened, ownPod } from "../../kubernetes/hardened.ts";
import type { Manifest } from "../../kubernetes/manifest.ts";
import { caKey, secretKey, secretOf } from "../../remote.ts";
import type { containerResources } from "../../../settings/resources.ts";
import { name, namespace, port, stream, streams } from "./names.ts";

const folder = "/etc/elasticsearch-ca";
const password = "ELASTICSEARCH_PASSWORD";

/** Adds documents, makes the stream that they are the first of, and reads nothing; asks which version it has before it. */
export const user: ElasticUser = {
  name,
  cluster: ["monitor"],
  indices: [{ names: [streams], privileges: ["auto_configure", "create_doc"] }],
};

/** What Metricbeat is told (9.5: x-pack/metricbeat/module/prometheus/remote_write, libbeat/outputs/elasticsearch). */
export const config = (url: string, access: Access) => ({
  "metricbeat.modules": [
    {
      module: "prometheus",
      metricsets: ["remote_write"],
      host: "0.0.0.0",
      port,
      // A counter as what it has grown by: Kibana can add that up, and not counters.
      use_types: true,
      rate_counters: true,
      // Counters are forgotten after five of these.
      period: "60s",
    },
  ],
  // Nothing of the pod that takes them is of use beside a sample.
  processors: [
    { drop_fields: { fields: ["agent", "ecs", "event", "host", "metricset", "service"], ignore_missing: true } },
  ],
  "output.elasticsearch": {
    hosts: [url],
    username: access.user,
    password: `\${${password}}`,
    "ssl.certificate_authorities": [`${folder}/${caKey(access)}`],
    index: stream,
  },
  // Both are Elasticsearch's Job's to make, and need rights that it has not.
  "setup.template.enabled": false,
  "setup.ilm.enabled": false,
});

/** @throws Error when Elasticsearch asks for nothing, which that of the environment's own does not */
export function beat(
  version: string,
  image: string,
  resources: ReturnType<typeof containerResources>,
  { asked }: Elasticsearch,
  environment: Context<unknown>["environment"],
): Manifest {
  const remote = asRemote(asked(name));
  if (remote === undefined) throw new Error("Elasticsearch lets in anybody.");
  const { access } = remote;
  const container = {
    name: "metricbeat",
    resources,
    securityContext: hardened,
    ports: [{ name: "remote-write", containerPort: port }],
    // A GET would be a request without samples, which it refuses and logs.
    readinessProbe: { tcpSocket: { port: "remote-write" } },
    env: [{ name: password, valueFrom: { secretKeyRef: { name: secretOf(name), key: secretKey(access) } } }],
    volumeMounts: [{ name: "elasticsearch-ca", mountPath: folder, readOnly: true }],
  };
  return {
    apiVersion: "beat.k8s.elastic.co/v1beta1",
    kind: "Beat",
    metadata: { name, namespace },
    spec: {
      type: "metricbeat",
      version,
      image,
      config: config(clusterUrl(remote), access),
      deployment: {
        // Of two each would know a part of what a counter was; so one goes before the next comes.
        replicas: 1,
        strategy: { type: "Recreate" },
        podTemplate: {
          spec: {
            ...ownPod(1000, environment, { fsGroup: 1000 }),
            containers: [container],
            volumes: [
              // The operator's of this name is a folder of the node, which the namespace refuses.
              { name: "beat-data", emptyDir: {} },
              {
                name: "elasticsearch-ca",
                secret: { secretName: secretOf(name), items: [{ key: caKey(access), path: caKey(access) }] },
              },
            ],
          },
        },
      },
    },
  };
}
