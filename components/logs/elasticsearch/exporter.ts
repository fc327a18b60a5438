/**
 * Metrics of Elasticsearch, which has none that Prometheus reads: prometheus-community's exporter asks its API at each scrape. Objects of ours: its chart is not
 * in the catalogue, and they are held against their definitions field by field.
 */
import type { z } from "zod";
import { containerResources } from "../../../settings/resources.ts";
import type { Extra } from "../../component.ts";
import { hardened, ownPod } from "../../kubernetes/hardened.ts";
import { name, namespace, ports, service } from "./names.ts";
import type { elasticsearch } from "./settings.ts";
import { authority, userSecret } from "./users.ts";

const labels = { "app.kubernetes.io/name": "elasticsearch-exporter" } as const;
const folder = "/etc/elasticsearch-ca";

/** Its user, who reads what nodes and the cluster say of themselves and no document. */
export const exporterUser = "exporter";

export function exporter(
  { exporter: { resources } }: z.output<typeof elasticsearch>,
  image: string,
  environment: { readonly credentials: boolean },
): Extra[] {
  const container = {
    name: "exporter",
    image,
    // Of every node, whichever answers.
    args: [`--es.uri=https://${service}.${namespace}.svc:${ports.http}`, "--es.all", `--es.ca=${folder}/ca.crt`],
    env: [
      { name: "ES_USERNAME", value: exporterUser },
      { name: "ES_PASSWORD", valueFrom: { secretKeyRef: { name: userSecret(exporterUser), key: "password" } } },
    ],
    ports: [{ name: "metrics", containerPort: 9114 }],
    readinessProbe: { httpGet: { path: "/healthz", port: "metrics" } },
    resources: containerResources(resources),
    securityContext: hardened,
    volumeMounts: [{ name: "ca", mountPath: folder, readOnly: true }],
  };
  const template = {
    metadata: { labels },
    spec: {
      ...ownPod(65534, environment),
      containers: [container],
      volumes: [{ name: "ca", secret: { secretName: authority, items: [{ key: "ca.crt", path: "ca.crt" }] } }],
    },
  };
  return [
    {
      name: "exporter",
      last: true,
      object: {
        apiVersion: "apps/v1",
        kind: "Deployment",
        metadata: { name: "elasticsearch-exporter", namespace },
        spec: { replicas: 1, selector: { matchLabels: labels }, template },
      },
    },
    {
      name: "podmonitor",
      object: {
        apiVersion: "monitoring.coreos.com/v1",
        kind: "PodMonitor",
        metadata: { name, namespace },
        spec: {
          selector: { matchLabels: labels },
          podMetricsEndpoints: [
            {
              port: "metrics",
              // Its label of Elasticsearch's name would hide that of the environment, wherever samples of several are kept.
              metricRelabelings: [{ action: "labeldrop", regex: "cluster" }],
            },
          ],
        },
      },
    },
  ];
}
