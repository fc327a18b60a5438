import type { z } from "zod";
import { durationSeconds } from "../../../settings/formats.ts";
import { type Finding, noCompanyCa } from "../../../settings/finding.ts";
import type { Endpoint } from "../../capabilities.ts";
import { defineComponent, type Known } from "../../component.ts";
import { namespaces } from "../../kubernetes/namespaces.ts";
import { imagePullSecrets } from "../../kubernetes/pull-secrets.ts";
import { dataSource, lookup } from "../prometheus/api.ts";
import { prometheus } from "../prometheus/settings.ts";
import { chart } from "./chart.ts";
import { thanos } from "./settings.ts";
import {
  bucketConfig,
  bucketSecret,
  frontend,
  grpcPort,
  httpPort,
  labels,
  path,
  service,
  showsCompanys,
  storeGatewayEndpoint,
  storesCa,
  thanosValues,
} from "./values.ts";

const namespace = namespaces.monitoring.name;

/** Of the Service in front of the sidecars, its monitor, and the label `job` of their series. */
const sidecars: Endpoint = { namespace, service: "thanos-sidecar", port: grpcPort, path: "" };

type Settings = z.output<typeof thanos>;

const hour = 3600;

/** As Thanos refuses it, and keeps on restarting over it (cmd/thanos/compact.go of 0.42). */
function check({ retention, stores }: Settings, { companyCa }: Known): Finding[] {
  const least = (key: "raw" | "fiveMinutes", hours: number, words: string, what: string): Finding[] => {
    const seconds = durationSeconds(retention[key]);
    return seconds === 0 || seconds >= hours * hour
      ? []
      : [
          {
            path: `thanos.retention.${key}`,
            message: `is ${retention[key]}: ${what} is made of what is ${words} old. Set ${words} or more, or 0d for ever.`,
          },
        ];
  };
  return [
    ...least("raw", 40, "40h", "one sample of every five minutes"),
    ...least("fiveMinutes", 240, "10d", "one sample of every hour"),
    ...stores.flatMap(({ tls, ca }, index): Finding[] => {
      const path = `thanos.stores.${index}.ca`;
      if (ca === "public") return [];
      if (!tls)
        return [{ path, message: "is company, and tls is false: it shows no certificate. Remove one of them." }];
      return companyCa ? [] : [noCompanyCa(path)];
    }),
  ];
}

const front = (settings: Settings) => (settings.queryFrontend ? "query-frontend" : "query");

export const thanosComponent = defineComponent({
  key: "thanos",
  title: "Thanos",
  // Prometheus' own: how many sidecars there are, and how often it scrapes.
  settings: { thanos, prometheus },
  charts: [chart],
  enabled: ({ thanos: { enabled } }) => enabled,
  switch: "thanos.enabled",
  needs: ["thanosSidecar", "objectStorage", "monitors"],
  uses: ["rules"],
  after: ["monitors", "objectStorage"],
  namespaces: () => [namespaces.monitoring],
  offers: ({ thanos: settings, prometheus: { scrapeInterval } }) => {
    const { enabled, bucket, sidecar, retention } = settings;
    if (!enabled) return {};
    const endpoint: Endpoint = { namespace, service: service(front(settings)), port: httpPort, path };
    return {
      metrics: {
        endpoint,
        title: "Thanos",
        ui: { selector: labels(front(settings)), podPort: httpPort },
        lookup,
        dataSource: (linked) => {
          const source = dataSource(linked, scrapeInterval);
          return { ...source, name: "Thanos", jsonData: { ...source.jsonData, prometheusType: "Thanos" } };
        },
        keeps: {
          retention: (["raw", "fiveMinutes", "oneHour"] as const).map((of) => ({
            setting: `thanos.retention.${of}`,
            is: retention[of],
          })),
          on: { bucket },
        },
      },
      buckets: [bucket],
      blocks: { bucket, config: (storage) => bucketSecret(storage, bucket), sidecar: sidecar.resources },
    };
  },
  requests: ({ thanos: { query, queryFrontend, storeGateway, compactor, sidecar }, prometheus: { replicas } }) => [
    { setting: "thanos.query.resources", ...query.resources, count: query.replicas },
    ...(queryFrontend ? [{ ...frontend, count: 1 }] : []),
    { setting: "thanos.storeGateway.resources", ...storeGateway.resources, count: storeGateway.replicas },
    { setting: "thanos.compactor.resources", ...compactor.resources, count: 1 },
    { setting: "thanos.sidecar.resources", ...sidecar.resources, count: replicas },
  ],
  check: ({ thanos: settings }, known) => check(settings, known),
  secrets: ({
    settings: {
      thanos: { bucket, stores },
    },
    offered,
    environment: { ca },
  }) => {
    const storage = offered("objectStorage");
    if (storage === undefined) return [];
    const { name, key } = bucketSecret(storage, bucket);
    return [
      { name, namespace, data: { [key]: bucketConfig(storage, bucket) } },
      ...(ca === undefined || !showsCompanys(stores)
        ? []
        : [{ name: storesCa.secret, namespace, data: { [storesCa.key]: ca } }]),
    ];
  },
  extras: () => {
    const metadata = { name: sidecars.service, namespace, labels: { "app.kubernetes.io/name": sidecars.service } };
    return [
      {
        name: "sidecars",
        object: {
          apiVersion: "v1",
          kind: "Service",
          metadata,
          spec: {
            // A name for each pod: whoever asks one server asks the others, too.
            clusterIP: "None",
            selector: { "app.kubernetes.io/name": "prometheus" },
            ports: [
              { name: "grpc", port: grpcPort, targetPort: "grpc" },
              { name: "http", port: httpPort, targetPort: "http" },
            ],
          },
        },
      },
      {
        name: "sidecars-monitor",
        object: {
          apiVersion: "monitoring.coreos.com/v1",
          kind: "ServiceMonitor",
          metadata,
          spec: { selector: { matchLabels: metadata.labels }, endpoints: [{ port: "http" }] },
        },
      },
    ];
  },
  releases: ({ settings: { thanos: settings }, offered }) => {
    const [storage, recorded] = [offered("objectStorage"), offered("rules")?.recorded];
    if (storage === undefined) return [];
    const asked = [sidecars, storeGatewayEndpoint, ...(recorded === undefined ? [] : [recorded])];
    const size = (part: "storeGateway" | "compact", setting: string, statefulSet: string) => ({
      setting,
      size: [part, "persistence", "size"],
      namespace,
      statefulSet: service(statefulSet),
      claim: "data",
    });
    return [
      {
        chart,
        namespace,
        values: thanosValues(settings, storage, asked),
        override: settings.values,
        pullSecrets: { imagePullSecrets },
        volumes: [
          size("storeGateway", "thanos.storeGateway.size", "store-gateway"),
          size("compact", "thanos.compactor.size", "compact"),
        ],
      },
    ];
  },
});
