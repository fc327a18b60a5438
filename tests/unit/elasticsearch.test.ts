import { expect } from "chai";
import { elasticsearchComponent } from "../../components/logs/elasticsearch/component.ts";
import { jaegerComponent } from "../../components/traces/jaeger/component.ts";
import { allOffers, firstOffer, plan } from "../../components/plan.ts";
import { type SettingsInput, settingsSchema } from "../../settings/schema.ts";

function said(input: SettingsInput): string[] {
  const settings = settingsSchema.parse({ logs: "elasticsearch", ...input });
  const { chosen, findings } = plan(settings);
  const known = {
    secrets: [],
    members: undefined,
    companyCa: true,
    now: new Date(),
    offered: firstOffer(chosen),
    all: allOffers(chosen),
  };
  const checks = [elasticsearchComponent.check?.(settings, known), jaegerComponent.check?.(settings, known)];
  return [...findings, ...checks.flatMap((found) => found ?? [])].map(({ path, message }) => `${path} ${message}`);
}

const bucket = { snapshots: { bucket: "nightly" } };

describe("Elasticsearch", () => {
  for (const [title, settings, message] of [
    ["one node", {}, undefined],
    ["three in three zones", { elasticsearch: { nodes: 3, zones: ["a", "b", "c"] } }, undefined],
    ["two with masters of their own", { elasticsearch: { nodes: 2, masters: 3 } }, undefined],
    ["snapshots with keys", { elasticsearch: bucket, objectStorage: "seaweedfs" }, undefined],
    [
      "two nodes",
      { elasticsearch: { nodes: 2 } },
      "elasticsearch.nodes is 2, of which neither can go on without the other: a majority of two is two. Set it to 1 or 3, or elasticsearch.masters to 3.",
    ],
    [
      "more zones than nodes",
      { elasticsearch: { nodes: 1, zones: ["a", "b"] } },
      "elasticsearch.zones names 2 zones, and elasticsearch.nodes is 1. Set that to 3.",
    ],
    [
      "snapshots to nowhere",
      { elasticsearch: bucket },
      "objectStorage is none, but elasticsearch cannot do without it. Set objectStorage to seaweedfs or s3, or logs to none.",
    ],
    [
      "snapshots by an identity",
      { elasticsearch: bucket, objectStorage: "s3", s3: { serviceAccountAnnotations: { "a/b": "c" } } },
      "elasticsearch.snapshots.bucket is set, and the object storage gives pods an identity (s3.serviceAccountAnnotations), which Elasticsearch would not find. Set s3.credentialsSecret in its place.",
    ],
    [
      "snapshots behind the company's certificate",
      { elasticsearch: bucket, objectStorage: "s3", s3: { credentialsSecret: "keys", ca: "company" } },
      "elasticsearch.snapshots.bucket is set, and the object storage shows a certificate of network.ca (s3.ca), which Elasticsearch would not trust: it asks Java's authorities. Remove it, or reach the storage by a public certificate.",
    ],
    ["a copy of metrics", { metricbeat: { enabled: true } }, undefined],
    [
      "a copy of metrics where there is none",
      { logs: "loki", metricbeat: { enabled: true } },
      "logs is loki, which has no elasticStack, and metricbeat cannot do without it. Set logs to elasticsearch, or metricbeat.enabled to false.",
    ],
    [
      "a copy of metrics in somebody else's",
      {
        ...{ logs: "external", external: { logs: { type: "elasticsearch", url: "https://search.example.com" } } },
        metricbeat: { enabled: true },
      },
      "logs is external, which has no elasticStack, and metricbeat cannot do without it. Set logs to elasticsearch, or metricbeat.enabled to false.",
    ],
    [
      "a copy of what nobody scrapes",
      { metrics: "none", metricbeat: { enabled: true } },
      "metrics is none, but metricbeat cannot do without it. Set metrics to prometheus or victoriaMetrics or scraper to prometheusAgent, or metricbeat.enabled to false.",
    ],
    ["traces of Jaeger", { jaeger: { storage: { type: "elasticsearch" }, retention: "90d" } }, undefined],
    [
      "traces where there is none",
      { logs: "loki", jaeger: { storage: { type: "elasticsearch" } } },
      "logs is loki, which has no elasticsearch, and jaeger cannot do without it. Set logs to elasticsearch, or traces to none.",
    ],
    [
      "traces of more days than one request names",
      { jaeger: { storage: { type: "elasticsearch" }, retention: "180d" } },
      "jaeger.retention is 180d, and Jaeger asks Elasticsearch for the index of each day by name, of which 90 have room in one request with this jaeger.storage.indexPrefix. Set it to 90d or less.",
    ],
  ] as const satisfies readonly (readonly [string, SettingsInput, string | undefined])[]) {
    it(`${message === undefined ? "may be" : "is refused"}: ${title}`, () => {
      expect(said(settings)).to.deep.equal(message === undefined ? [] : [message]);
    });
  }
});
