import type { z } from "zod";
import { durationSeconds } from "../../../settings/formats.ts";
import type { Finding } from "../../../settings/finding.ts";
import { chart } from "./chart.ts";
import { clusterUrl, type DataSource, type Endpoint, type Linked } from "../../capabilities.ts";
import { defineComponent } from "../../component.ts";
import { namespaces } from "../../kubernetes/namespaces.ts";
import { imagePullSecrets } from "../../kubernetes/pull-secrets.ts";
import { loki } from "./settings.ts";
import { lokiValues } from "./values.ts";

const namespace = namespaces.monitoring.name;
const endpoint: Endpoint = { namespace, service: "loki", port: 3100, path: "" };

/** In provisioning files Grafana replaces `$NAME` from its environment, so a literal `$` is written `$$`. */
function dataSource({ traces }: Linked): DataSource {
  const toTrace = { datasourceUid: traces, url: "$${__value.raw}", urlDisplayLabel: "Trace" };
  return {
    name: "Loki",
    type: "loki",
    jsonData:
      traces === undefined
        ? {}
        : {
            derivedFields: [
              // Lines that a log agent read: the id stands in the line. Lines that came by OTLP: it is structured metadata.
              {
                name: "trace_id",
                matcherType: "regex",
                matcherRegex: '"trace_?[iI][dD]"\\s*:\\s*"(\\w+)"',
                ...toTrace,
              },
              { name: "Trace", matcherType: "label", matcherRegex: "trace_id", ...toTrace },
            ],
          },
  };
}

function check({ storage, replicas, retention }: z.output<typeof loki>): Finding[] {
  const findings: Finding[] = [];
  const add = (path: string, message: string) => findings.push({ path, message });
  if (storage.type === "s3" && storage.s3 === undefined) {
    add("loki.storage.s3", "is missing. Set bucket and credentialsSecret, or set loki.storage.type to filesystem.");
  }
  if (storage.type === "filesystem" && replicas > 1) {
    add("loki.replicas", `is ${replicas}, but pods cannot share a filesystem. Set loki.storage.type to s3, or 1.`);
  }
  if (replicas === 2) {
    add(
      "loki.replicas",
      "is 2: both would have to work for a line to be written, which is worse than one. Set 1 or 3.",
    );
  }
  if (durationSeconds(retention) < 24 * 3600) {
    add("loki.retention", `is ${retention}; Loki's compactor keeps at least 24h. Set 24h or more.`);
  }
  return findings;
}

export const lokiComponent = defineComponent({
  key: "loki",
  title: "Loki",
  slot: "logs",
  settings: { loki },
  charts: [chart],
  needs: ["monitors"],
  after: ["monitors"],
  namespaces: () => [namespaces.monitoring],
  offers: () => ({
    logs: {
      endpoint,
      title: "Loki",
      pushPath: "/loki/api/v1/push",
      otlpUrl: `${clusterUrl(endpoint)}/otlp`,
      lookup: {
        path: "/loki/api/v1/query_range",
        query: { query: '{service_name="<service>"} |= "<traceId>"', since: "1h", limit: "1" },
        found: ["data", "result"],
      },
      dataSource,
    },
  }),
  flows: () => [
    { name: "logs", namespace, to: { "app.kubernetes.io/name": "loki" }, ports: [3100], from: ["logAgent"] },
  ],
  requests: ({ loki: { resources, replicas } }) => [{ setting: "loki.resources", ...resources, count: replicas }],
  check: ({ loki: settings }) => check(settings),
  releases: ({ settings }) => [
    {
      chart,
      namespace,
      values: lokiValues(settings.loki),
      override: settings.loki.values,
      pullSecrets: { imagePullSecrets },
      // The chart's StatefulSet and the name of its claim template.
      volumes: {
        setting: "loki.storage.size",
        size: ["singleBinary", "persistence", "size"],
        namespace,
        statefulSet: "loki",
        claim: "storage",
      },
    },
  ],
});
