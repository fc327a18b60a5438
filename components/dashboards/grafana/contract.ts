/** What the chart leaves open and the values fill, and values that security or data rest on: for the judges in `contract/`. */
import type { Scraped } from "../../../contract/component-files.ts";
import {
  containerSecurityContext,
  flag,
  list,
  map,
  named,
  off,
  strict,
  text,
  type FreeForm,
  type HandedOn,
} from "../../../contract/handed-on.ts";
import { asks, of, release, setting, why, type Pin } from "../../../contract/pin.ts";
import { type Schema } from "../../../contract/schemas.ts";

const mounts: HandedOn = [
  "mounts of volumes; empty in the chart",
  () => list(strict({ name: named, mountPath: { type: "string", pattern: "^/" } }, ["name", "mountPath"])),
];

/** How a server that is there already is asked (Grafana: "Provisioning", jsonData of every data source over HTTP). */
const asked = { tlsAuthWithCACert: { const: true }, httpHeaderName1: text, httpHeaderName2: text };

const link = { datasourceUid: text, urlDisplayLabel: text };
const tags = { ...list(strict({ key: text, value: text }, ["key", "value"])), minItems: 1 };

/** Provisioned data sources, of the types that the environment has (Grafana: "Provision Grafana", each plug-in's page). */
const dataSources = (): Schema => ({
  ...list({
    ...strict(
      {
        name: text,
        uid: text,
        type: {
          enum: [
            "prometheus",
            "alertmanager",
            "loki",
            "victoriametrics-logs-datasource",
            "elasticsearch",
            "jaeger",
            "tempo",
          ],
        },
        access: { const: "proxy" },
        isDefault: flag,
        url: { type: "string", pattern: "^https?://" },
        basicAuth: { const: true },
        basicAuthUser: text,
        jsonData: { type: "object" },
        secureJsonData: { type: "object", additionalProperties: text },
      },
      ["name", "uid", "type", "access", "url", "jsonData"],
    ),
    allOf: [
      {
        if: { properties: { type: { const: "prometheus" } } },
        then: {
          properties: {
            jsonData: strict(
              {
                ...asked,
                httpMethod: { enum: ["POST", "GET"] },
                timeInterval: text,
                prometheusType: { enum: ["Thanos"] },
                exemplarTraceIdDestinations: list(strict({ name: text, ...link }, ["name", "datasourceUid"])),
              },
              ["httpMethod"],
            ),
          },
        },
      },
      {
        if: { properties: { type: { const: "alertmanager" } } },
        then: {
          properties: {
            jsonData: strict(
              { ...asked, handleGrafanaManagedAlerts: { const: false }, implementation: { const: "prometheus" } },
              ["handleGrafanaManagedAlerts", "implementation"],
            ),
          },
        },
      },
      {
        if: { properties: { type: { const: "loki" } } },
        then: {
          properties: {
            jsonData: strict(
              {
                ...asked,
                derivedFields: {
                  ...list(
                    strict(
                      { name: text, matcherType: { enum: ["regex", "label"] }, matcherRegex: text, url: text, ...link },
                      ["name", "matcherType", "matcherRegex", "url", "datasourceUid"],
                    ),
                  ),
                  minItems: 1,
                },
              },
              [],
            ),
          },
        },
      },
      {
        if: { properties: { type: { const: "elasticsearch" } } },
        then: {
          properties: {
            jsonData: strict(
              {
                ...asked,
                index: text,
                timeField: text,
                logMessageField: text,
                logLevelField: text,
                maxConcurrentShardRequests: { type: "number" },
                dataLinks: {
                  ...list(strict({ field: text, url: text, ...link }, ["field", "url", "datasourceUid"])),
                  minItems: 1,
                },
              },
              ["index", "timeField"],
            ),
          },
        },
      },
      {
        if: { properties: { type: { enum: ["jaeger", "tempo"] } } },
        then: {
          properties: {
            jsonData: strict(
              {
                ...asked,
                nodeGraph: strict({ enabled: flag }, ["enabled"]),
                tracesToLogsV2: strict(
                  {
                    datasourceUid: text,
                    spanStartTimeShift: { type: "string", pattern: "^-\\d+[smh]$" },
                    spanEndTimeShift: { type: "string", pattern: "^\\d+[smh]$" },
                    tags,
                    customQuery: flag,
                    query: text,
                    filterByTraceID: flag,
                    filterBySpanID: flag,
                  },
                  ["datasourceUid", "query"],
                ),
                serviceMap: strict({ datasourceUid: text }),
                tracesToMetrics: strict(
                  {
                    datasourceUid: text,
                    spanStartTimeShift: { type: "string", pattern: "^-\\d+[smh]$" },
                    spanEndTimeShift: { type: "string", pattern: "^\\d+[smh]$" },
                    tags,
                    queries: { ...list(strict({ name: text, query: text }, ["name", "query"])), minItems: 1 },
                  },
                  ["datasourceUid", "tags", "queries"],
                ),
              },
              ["nodeGraph"],
            ),
          },
        },
      },
    ],
  }),
  minItems: 1,
});

export const freeForm: FreeForm = {
  "kube-prometheus-stack": {
    "grafana/containerSecurityContext": containerSecurityContext,
    "grafana/sidecar/securityContext": containerSecurityContext,
    "grafana/extraEmptyDirMounts": mounts,
    "grafana/sidecar/dashboards/extraMounts": mounts,
    "grafana/sidecar/datasources/extraMounts": mounts,
    "grafana/rbac/useExistingRole": [
      "a comment in the chart's values; the template binds to it in place of a Role of its own",
      () => named,
    ],
    "grafana/additionalDataSources": ["provisioned data sources, Grafana's own format", dataSources],
    "grafana/envValueFrom": [
      "variables of Grafana's container, by name; empty in the chart",
      () => map(strict({ secretKeyRef: strict({ name: text, key: text }, ["name", "key"]) }, ["secretKeyRef"])),
    ],
    "grafana/grafana.ini": [
      "Grafana's own configuration (conf/defaults.ini of Grafana 13): sections and keys that the environment sets",
      () =>
        strict(
          {
            server: strict({ root_url: { type: "string", pattern: "^https?://" } }),
            // On by default (conf/defaults.ini, pkg/setting/setting_plugins.go): each asks grafana.com.
            analytics: off("reporting_enabled", "check_for_updates", "check_for_plugin_updates"),
            plugins: {
              ...off("preinstall_auto_update"),
              properties: { preinstall_auto_update: { const: false }, preinstall: text },
            },
            users: strict({ allow_sign_up: flag }),
            "auth.anonymous": strict({ enabled: flag }),
          },
          ["analytics", "plugins", "users", "auth.anonymous"],
        ),
    ],
  },
};

export const pins: readonly Pin[] = [
  ...of("Role monitoring/grafana-content", [
    ["rules/*/verbs", ["get", "watch", "list"], "Grafana reads ConfigMaps of its namespace and writes nothing"],
  ]),
  ...release(
    "kube-prometheus-stack",
    [
      ["grafana/grafana.ini/auth.anonymous/enabled", false, "who has no password sees nothing"],
      ["grafana/grafana.ini/users/allow_sign_up", false, "nobody makes an account for himself"],
      ["grafana/rbac/namespaced", true, "Grafana reads nothing of other namespaces, Secrets above all"],
      ["grafana/resources", setting((s) => asks(s.grafana.resources)), why.sized],
      ["grafana/sidecar/resources", asks({ cpu: "5m", memory: "32Mi", memoryLimit: "128Mi" }), why.small],
      [
        "grafana/sidecar/dashboards/provider/foldersFromFilesStructure",
        true,
        "folders of docs/dashboards are those of Grafana",
      ],
      ["grafana/testFramework/enabled", false, why.noTest],
    ],
    ({ dashboards }) => dashboards === "grafana",
  ),
];

export const scraped: Scraped = { jobs: ["kube-prometheus-stack-grafana"] };
