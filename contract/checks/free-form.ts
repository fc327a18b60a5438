/**
 * Places of charts' values that a chart's `values.yaml` says nothing about: maps that are handed on as they are, and keys
 * that only templates read. Each names its reason, and the schema of the reader behind the chart judges what is in it.
 */
import { customResourcePart, type Schema } from "../schemas.ts";

export interface FreeForm {
  readonly chart: string;
  /** Keys joined by `/`; a `*` stands for any one key, a `**` in front for any keys before it. */
  readonly path: string;
  readonly reason: string;
  /** Judges what is there. A function, because CRDs are read only when they are needed. */
  readonly schema: () => Schema;
}

const prometheus = ["monitoring.coreos.com/v1", "Prometheus"] as const;

const quantity: Schema = { type: "string", pattern: "^\\d+(\\.\\d+)?(m|k|M|G|T|Ki|Mi|Gi|Ti)?$" };
const amounts = (...names: readonly string[]): Schema => ({
  type: "object",
  additionalProperties: false,
  minProperties: 1,
  properties: Object.fromEntries(names.map((name) => [name, quantity])),
});

/** A container's requests and limits; stricter than Kubernetes, which takes any name for a resource. */
export const resourcesSchema: Schema = {
  type: "object",
  additionalProperties: false,
  required: ["requests", "limits"],
  properties: {
    requests: { ...amounts("cpu", "memory"), required: ["cpu", "memory"] },
    limits: { ...amounts("memory"), required: ["memory"] },
  },
};

const strict = (properties: Readonly<Record<string, Schema>>, required: readonly string[] = []): Schema => ({
  type: "object",
  additionalProperties: false,
  properties,
  ...(required.length > 0 ? { required } : {}),
});
const text: Schema = { type: "string", minLength: 1 };
const flag: Schema = { type: "boolean" };
/** Flags that have to be there, and off. */
const off = (...names: readonly string[]): Schema =>
  strict(Object.fromEntries(names.map((name) => [name, { const: false }])), names);
const list = (items: Schema): Schema => ({ type: "array", items });
const map = (values: Schema): Schema => ({ type: "object", additionalProperties: values });

/** `rules` of a role (rbac.authorization.k8s.io/v1 PolicyRule), for reading only. */
export const policyRulesSchema: Schema = {
  ...list(
    strict(
      {
        apiGroups: { ...list({ type: "string", pattern: "^$|^(apps|batch|[a-z.-]+\\.[a-z]+)$" }), minItems: 1 },
        resources: { ...list({ type: "string", pattern: "^[a-z/]+$" }), minItems: 1 },
        verbs: { ...list({ enum: ["get", "list", "watch"] }), minItems: 1 },
      },
      ["apiGroups", "resources", "verbs"],
    ),
  ),
  minItems: 1,
};

/** As `model.Duration` of Prometheus reads it. */
const duration: Schema = {
  type: "string",
  pattern: "^(?=\\d)(\\d+y)?(\\d+w)?(\\d+d)?(\\d+h)?(\\d+m)?(\\d+s)?(\\d+ms)?$",
};
const objectStore: Schema = { enum: ["filesystem", "s3"] };

/** Custom resource state metrics of kube-state-metrics 2.20 (docs/metrics/extend/customresourcestate-metrics.md). */
const customResourceState = (): Schema =>
  strict(
    {
      kind: { const: "CustomResourceStateMetrics" },
      spec: strict(
        {
          resources: {
            ...list(
              strict(
                {
                  groupVersionKind: strict({ group: text, version: text, kind: text }, ["group", "version", "kind"]),
                  metricNamePrefix: text,
                  metrics: {
                    ...list(
                      strict(
                        {
                          name: { type: "string", pattern: "^[a-z_]+$" },
                          help: text,
                          each: strict(
                            {
                              type: { enum: ["Info"] },
                              info: strict({ labelsFromPath: map({ ...list(text), minItems: 1 }) }, ["labelsFromPath"]),
                            },
                            ["type", "info"],
                          ),
                          labelsFromPath: map({ ...list(text), minItems: 1 }),
                        },
                        ["name", "help", "each"],
                      ),
                    ),
                    minItems: 1,
                  },
                },
                ["groupVersionKind", "metrics"],
              ),
            ),
            minItems: 1,
          },
        },
        ["resources"],
      ),
    },
    ["kind", "spec"],
  );

const link = { datasourceUid: text, urlDisplayLabel: text };
const tags = { ...list(strict({ key: text, value: text }, ["key", "value"])), minItems: 1 };

/** Provisioned data sources, of the types that the environment has (Grafana: "Provision Grafana", each plug-in's page). */
const dataSources = (): Schema => ({
  ...list({
    ...strict(
      {
        name: text,
        uid: text,
        type: { enum: ["prometheus", "alertmanager", "loki", "jaeger", "tempo"] },
        access: { const: "proxy" },
        isDefault: flag,
        url: { type: "string", pattern: "^http://" },
        jsonData: { type: "object" },
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
                httpMethod: { enum: ["POST", "GET"] },
                timeInterval: text,
                exemplarTraceIdDestinations: list(strict({ name: text, ...link }, ["name", "datasourceUid"])),
              },
              ["httpMethod", "timeInterval"],
            ),
          },
        },
      },
      {
        if: { properties: { type: { const: "alertmanager" } } },
        then: {
          properties: {
            jsonData: strict(
              { handleGrafanaManagedAlerts: { const: false }, implementation: { const: "prometheus" } },
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
        if: { properties: { type: { enum: ["jaeger", "tempo"] } } },
        then: {
          properties: {
            jsonData: strict(
              {
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

const matcher: Schema = { type: "string", pattern: '^[a-zA-Z_][a-zA-Z0-9_]*(=~|!~|!=|=)"[^]*"$' };
const matchers: Schema = { ...list(matcher), minItems: 1 };
const labelNames: Schema = list({ type: "string", pattern: "^[a-zA-Z_][a-zA-Z0-9_]*$" });
const named: Schema = { type: "string", pattern: "^[A-Za-z0-9._-]+$" };
const secretFile: Schema = { type: "string", pattern: "^/etc/alertmanager/secrets/[^/]+/[^/]+$" };
const integration = (properties: Readonly<Record<string, Schema>>, required: readonly string[]): Schema => ({
  ...list(strict({ send_resolved: flag, ...properties }, ["send_resolved", ...required])),
  minItems: 1,
});

/** A route without those below it; the root names everything that those inherit. */
const route = (below: Readonly<Record<string, Schema>>, required: readonly string[]): Schema =>
  strict(
    {
      receiver: named,
      group_by: list({ type: "string", pattern: "^(\\.\\.\\.|[a-zA-Z_][a-zA-Z0-9_]*)$" }),
      group_wait: duration,
      group_interval: duration,
      repeat_interval: duration,
      ...below,
    },
    ["receiver", ...required],
  );

/** Alertmanager's file (Alertmanager 0.34, docs/configuration.md): what the environment writes of it. */
const alertmanagerConfig = (): Schema =>
  strict(
    {
      route: route(
        {
          routes: list(
            route(
              {
                matchers,
                continue: flag,
                mute_time_intervals: list(named),
                active_time_intervals: list(named),
              },
              ["matchers"],
            ),
          ),
        },
        ["group_by", "group_wait", "group_interval", "repeat_interval", "routes"],
      ),
      inhibit_rules: list(
        strict({ source_matchers: matchers, target_matchers: matchers, equal: labelNames }, [
          "source_matchers",
          "target_matchers",
        ]),
      ),
      time_intervals: list(
        strict(
          {
            name: named,
            time_intervals: list(
              strict({
                times: list(strict({ start_time: text, end_time: text }, ["start_time", "end_time"])),
                weekdays: list(text),
                days_of_month: list(text),
                months: list(text),
                years: list(text),
                location: text,
              }),
            ),
          },
          ["name", "time_intervals"],
        ),
      ),
      receivers: {
        ...list(
          strict(
            {
              name: named,
              slack_configs: integration(
                {
                  api_url_file: secretFile,
                  channel: text,
                  title: text,
                  title_link: text,
                  text,
                  fallback: text,
                  color: text,
                },
                ["api_url_file", "channel", "title", "text"],
              ),
              email_configs: integration(
                {
                  to: text,
                  from: text,
                  smarthost: { type: "string", pattern: "^[\\w.-]+:\\d+$" },
                  require_tls: flag,
                  auth_username: text,
                  auth_password_file: secretFile,
                  headers: map(text),
                  html: text,
                  text,
                },
                ["to", "from", "smarthost", "html", "text"],
              ),
              telegram_configs: integration(
                {
                  bot_token_file: secretFile,
                  chat_id: { type: "integer" },
                  parse_mode: { const: "HTML" },
                  message: text,
                },
                ["bot_token_file", "chat_id", "message"],
              ),
              webhook_configs: integration({ url_file: secretFile }, ["url_file"]),
            },
            ["name"],
          ),
        ),
        minItems: 1,
      },
      // Where the chart puts templateFiles.
      templates: { const: ["/etc/alertmanager/config/*.tmpl"] },
    },
    ["route", "inhibit_rules", "receivers", "templates"],
  );

const dependency = "a map that the chart hands to the pod as it is";

export const freeForm: readonly FreeForm[] = [
  ...[
    "cert-manager",
    "fluent-bit",
    "jaeger",
    "kube-prometheus-stack",
    "loki",
    "metrics-server",
    "opentelemetry-operator",
    "podinfo",
    "tempo",
    "prometheus-blackbox-exporter",
  ].map((chart) => ({ chart, path: "**/resources", reason: dependency, schema: () => resourcesSchema })),
  {
    chart: "fluent-bit",
    path: "tolerations",
    reason: dependency,
    schema: () => customResourcePart(...prometheus, "spec", "tolerations"),
  },
  ...[
    ["cert-manager", "global/imagePullSecrets"],
    ["fluent-bit", "imagePullSecrets"],
    ["kube-prometheus-stack", "global/imagePullSecrets"],
    ["loki", "imagePullSecrets"],
    ["metrics-server", "imagePullSecrets"],
    ["opentelemetry-operator", "imagePullSecrets"],
    ["podinfo", "image/pullSecrets"],
  ].map(([chart = "", path = ""]) => ({
    chart,
    path,
    reason: dependency,
    schema: () => customResourcePart(...prometheus, "spec", "imagePullSecrets"),
  })),
  ...[
    ["jaeger", "jaeger/image/pullSecrets"],
    ["tempo", "tempo/pullSecrets"],
    ["prometheus-blackbox-exporter", "image/pullSecrets"],
  ].map(([chart = "", path = ""]) => ({
    chart,
    path,
    reason: "a list of names, of which the chart makes references",
    schema: () => ({ type: "array", items: text }),
  })),
  {
    chart: "prometheus-blackbox-exporter",
    path: "podSecurityContext",
    reason: dependency,
    schema: () => customResourcePart(...prometheus, "spec", "securityContext"),
  },
  {
    chart: "prometheus-blackbox-exporter",
    path: "config",
    reason: "the exporter's configuration: tests/contract/blackbox-config.test.ts gives it to the exporter",
    schema: () => strict({ modules: map({ type: "object" }) }, ["modules"]),
  },
  {
    chart: "jaeger",
    path: "jaeger/podLabels",
    reason: "read by the template of the Deployment only (seen in a render: the pod has the label)",
    schema: () => map({ type: "string", pattern: "^[a-z0-9]+$" }),
  },
  ...[
    ["jaeger", "jaeger/podSecurityContext"],
    ["tempo", "securityContext"],
  ].map(([chart = "", path = ""]) => ({
    chart,
    path,
    reason: dependency,
    schema: () => customResourcePart(...prometheus, "spec", "securityContext"),
  })),
  {
    chart: "tempo",
    path: "tempo/overrides/defaults",
    reason: "Tempo's own limits, empty in the chart; read by its documented keys (contract/tempo-reader.ts)",
    schema: () => ({ type: "object" }),
  },
  ...[
    ["fluent-bit", "securityContext"],
    ["jaeger", "jaeger/securityContext"],
    ["kube-prometheus-stack", "grafana/containerSecurityContext"],
    ["kube-prometheus-stack", "grafana/sidecar/securityContext"],
    ["kube-prometheus-stack", "prometheus-node-exporter/containerSecurityContext"],
    ["opentelemetry-operator", "manager/securityContext"],
    ["tempo", "tempo/securityContext"],
    ["prometheus-blackbox-exporter", "securityContext"],
  ].map(([chart = "", path = ""]) => ({
    chart,
    path,
    reason: "a container's security context, handed to the pod as it is",
    schema: () => customResourcePart(...prometheus, "spec", "containers", "items", "securityContext"),
  })),
  ...[
    ["cert-manager", "affinity"],
    ["cert-manager", "webhook/affinity"],
    ["metrics-server", "affinity"],
  ].map(([chart = "", path = ""]) => ({
    chart,
    path,
    reason: dependency,
    schema: () => customResourcePart(...prometheus, "spec", "affinity"),
  })),
  ...["extraEmptyDirMounts", "sidecar/dashboards/extraMounts", "sidecar/datasources/extraMounts"].map((path) => ({
    chart: "kube-prometheus-stack",
    path: `grafana/${path}`,
    reason: "mounts of volumes; empty in the chart",
    schema: () => list(strict({ name: named, mountPath: { type: "string", pattern: "^/" } }, ["name", "mountPath"])),
  })),
  {
    chart: "kube-prometheus-stack",
    path: "grafana/rbac/useExistingRole",
    reason: "a comment in the chart's values; the template binds to it in place of a Role of its own",
    schema: () => named,
  },
  {
    chart: "kube-prometheus-stack",
    path: "kube-state-metrics/collectorsExclude",
    reason: "names of kinds; empty in the chart",
    schema: () => list({ enum: ["secrets"] }),
  },
  {
    chart: "metrics-server",
    path: "args",
    reason: "flags of the program (cmd/metrics-server/app/options); any other ends it",
    schema: () => list({ const: "--kubelet-insecure-tls" }),
  },
  ...["podSecurityContext", "securityContext"].map((path) => ({
    chart: "podinfo",
    path,
    reason: dependency,
    schema: () =>
      path === "podSecurityContext"
        ? customResourcePart(...prometheus, "spec", "securityContext")
        : customResourcePart(...prometheus, "spec", "containers", "items", "securityContext"),
  })),
  {
    chart: "podinfo",
    path: "backends",
    reason: "flags of the program: an address each (cmd/podinfo/main.go, backend-url)",
    schema: () => list({ type: "string", pattern: "^http://podinfo-[a-z]+:9898/echo$" }),
  },
  {
    chart: "podinfo",
    path: "extraArgs",
    reason: "flags of the program (cmd/podinfo/main.go); any other ends it",
    schema: () => list({ type: "string", pattern: "^--otel-service-name=podinfo-[a-z]+$" }),
  },
  {
    chart: "podinfo",
    path: "extraEnvs",
    reason: "variables of the container, which the SDK for Go reads (go.opentelemetry.io/otel/sdk, exporters/otlp)",
    schema: () =>
      list({
        oneOf: [
          ["OTEL_EXPORTER_OTLP_ENDPOINT", "^http://.+:4317$"],
          ["OTEL_TRACES_SAMPLER", "^parentbased_traceidratio$"],
          ["OTEL_TRACES_SAMPLER_ARG", "^(0|1|0\\.\\d+)$"],
          ["OTEL_RESOURCE_ATTRIBUTES", "^[\\w.]+=[^,]+(,[\\w.]+=[^,]+)*$"],
        ].map(([name, pattern]) =>
          strict({ name: { const: name }, value: { type: "string", pattern } }, ["name", "value"]),
        ),
      }),
  },
  {
    chart: "podinfo",
    path: "podAnnotations",
    reason: "read by the collector's discovery",
    schema: () => strict({ "prometheus.io/monitor": { const: "true" } }, ["prometheus.io/monitor"]),
  },
  {
    chart: "jaeger",
    path: "userconfig",
    reason: "Jaeger's own configuration, null in the chart; checked as a collector's",
    schema: () => ({ type: "object" }),
  },
  ...[
    ["prometheus/prometheusSpec/externalUrl", "/prometheus"],
    ["alertmanager/alertmanagerSpec/externalUrl", "/alertmanager"],
  ].map(([path = "", prefix = ""]) => ({
    chart: "kube-prometheus-stack",
    path,
    reason: "null in the chart; its path has to be the routePrefix",
    schema: () => ({ type: "string", pattern: `^https?://[\\w.-]+(:\\d+)?${prefix}$` }),
  })),
  {
    chart: "kube-prometheus-stack",
    path: "alertmanager/config",
    reason: "Alertmanager's own configuration, handed on as it is; amtool judges it too",
    schema: alertmanagerConfig,
  },
  {
    chart: "kube-prometheus-stack",
    path: "alertmanager/templateFiles",
    reason: "files by name; empty in the chart",
    schema: () => ({ ...map(text), propertyNames: { pattern: "\\.tmpl$" } }),
  },
  {
    chart: "kube-prometheus-stack",
    path: "alertmanager/alertmanagerSpec/additionalArgs",
    reason: "handed on to the Alertmanager object's spec.additionalArgs; flags of Alertmanager 0.34",
    schema: () => ({
      allOf: [
        customResourcePart("monitoring.coreos.com/v1", "Alertmanager", "spec", "additionalArgs"),
        list(strict({ name: { enum: ["dispatch.start-delay"] }, value: duration }, ["name", "value"])),
      ],
    }),
  },
  {
    chart: "kube-prometheus-stack",
    path: "alertmanager/alertmanagerSpec/secrets",
    reason: "names of Secrets that the operator mounts; empty in the chart",
    schema: () => list(named),
  },
  {
    chart: "kube-prometheus-stack",
    path: "additionalPrometheusRulesMap",
    reason: "PrometheusRule objects by name; empty in the chart",
    schema: () =>
      map(
        strict({ groups: customResourcePart("monitoring.coreos.com/v1", "PrometheusRule", "spec", "groups") }, [
          "groups",
        ]),
      ),
  },
  {
    chart: "kube-prometheus-stack",
    path: "prometheus/prometheusSpec/storageSpec",
    reason: "handed on to the Prometheus object's spec.storage",
    schema: () => customResourcePart(...prometheus, "spec", "storage"),
  },
  {
    chart: "kube-prometheus-stack",
    path: "prometheus/prometheusSpec/sampleLimit",
    reason: "false in the chart, which means none; handed on to the Prometheus object's spec.sampleLimit",
    schema: () => customResourcePart(...prometheus, "spec", "sampleLimit"),
  },
  {
    chart: "kube-prometheus-stack",
    path: "prometheus/prometheusSpec/enableFeatures",
    reason: "flags of Prometheus 3.14 (docs/feature_flags.md): those that the environment knows the meaning of",
    // Without the first there is no way from a metric to a trace.
    schema: () => ({
      ...list({ enum: ["exemplar-storage", "extra-scrape-metrics"] }),
      contains: { const: "exemplar-storage" },
    }),
  },
  ...[
    "kubeApiServer/serviceMonitor/metricRelabelings",
    "kubelet/serviceMonitor/cAdvisorMetricRelabelings",
    "kube-state-metrics/prometheus/monitor/http/metricRelabelings",
  ].map((path) => ({
    chart: "kube-prometheus-stack",
    path,
    reason: "handed on to a ServiceMonitor's endpoint",
    // Of labels that the metrics have: a misspelt one is empty everywhere, and nothing would be dropped.
    schema: () =>
      list(
        strict(
          {
            action: { const: "drop" },
            sourceLabels: list({ enum: ["__name__", "id", "interface", "le", "pod", "reason", "scope"] }),
            regex: text,
          },
          ["action", "sourceLabels", "regex"],
        ),
      ),
  })),
  {
    chart: "kube-prometheus-stack",
    path: "kube-state-metrics/rbac/extraRules",
    reason: "rules of a ClusterRole",
    schema: () => policyRulesSchema,
  },
  {
    chart: "kube-prometheus-stack",
    path: "kube-state-metrics/customResourceState/config",
    reason: "kube-state-metrics' own configuration",
    schema: customResourceState,
  },
  {
    chart: "kube-prometheus-stack",
    path: "defaultRules/disabled",
    reason: "names of the chart's alerts (templates/prometheus/rules-1.14); empty in the chart",
    schema: () =>
      strict({ NodeSystemdServiceFailed: { const: true }, NodeSystemdServiceCrashlooping: { const: true } }),
  },
  {
    chart: "kube-prometheus-stack",
    path: "grafana/additionalDataSources",
    reason: "provisioned data sources, Grafana's own format",
    schema: dataSources,
  },
  {
    chart: "kube-prometheus-stack",
    path: "grafana/grafana.ini",
    reason:
      "Grafana's own configuration (conf/defaults.ini of Grafana 13): sections and keys that the environment sets",
    schema: () =>
      strict(
        {
          server: strict({ root_url: { type: "string", pattern: "^https?://" } }),
          // On by default (conf/defaults.ini, pkg/setting/setting_plugins.go): each asks grafana.com.
          analytics: off("reporting_enabled", "check_for_updates", "check_for_plugin_updates"),
          plugins: off("preinstall_auto_update"),
          users: strict({ allow_sign_up: flag }),
          "auth.anonymous": strict({ enabled: flag }),
        },
        ["analytics", "plugins", "users", "auth.anonymous"],
      ),
  },
  {
    chart: "loki",
    path: "loki/analytics",
    reason: "Loki's own configuration, handed on as it is",
    schema: () => strict({ reporting_enabled: flag }),
  },
  {
    chart: "loki",
    path: "loki/ingester",
    reason: "Loki's own configuration, handed on as it is",
    schema: () => strict({ max_chunk_age: text }),
  },
  {
    chart: "loki",
    path: "loki/querier",
    reason: "Loki's own configuration, handed on as it is",
    schema: () => strict({ query_ingesters_within: text }),
  },
  {
    chart: "loki",
    path: "singleBinary/affinity",
    reason: dependency,
    schema: () => customResourcePart(...prometheus, "spec", "affinity"),
  },
  {
    chart: "loki",
    path: "loki/compactor",
    reason: "Loki's own configuration, handed on as it is",
    schema: () =>
      strict({ retention_enabled: flag, delete_request_store: objectStore }, [
        "retention_enabled",
        "delete_request_store",
      ]),
  },
  {
    chart: "loki",
    path: "loki/limits_config",
    reason: "Loki's own configuration, handed on as it is; the chart sets some of its keys",
    schema: () =>
      strict({ allow_structured_metadata: flag, volume_enabled: flag, retention_period: duration }, [
        "allow_structured_metadata",
        "retention_period",
      ]),
  },
  {
    chart: "loki",
    path: "loki/schemaConfig",
    reason: "Loki's own configuration, handed on as it is",
    schema: () =>
      strict(
        {
          configs: {
            ...list(
              strict(
                {
                  from: { type: "string", pattern: "^\\d{4}-\\d\\d-\\d\\d$" },
                  store: { const: "tsdb" },
                  object_store: objectStore,
                  schema: { const: "v13" },
                  index: strict({ prefix: text, period: { const: "24h" } }, ["prefix", "period"]),
                },
                ["from", "store", "object_store", "schema", "index"],
              ),
            ),
            minItems: 1,
          },
        },
        ["configs"],
      ),
  },
  {
    chart: "loki",
    path: "loki/storage/bucketNames",
    reason: "read by the chart's helpers when the storage is a bucket; absent from values.yaml",
    schema: () => strict({ chunks: text, ruler: text }, ["chunks", "ruler"]),
  },
  {
    chart: "loki",
    path: "singleBinary/extraEnvFrom",
    reason: dependency,
    schema: () => customResourcePart(...prometheus, "spec", "containers", "items", "envFrom"),
  },
];

/** Whether a place is at or below a free-form path; the place itself is returned as a schema's root. */
export function freeFormAt(chart: string, path: readonly string[]): FreeForm | undefined {
  return freeForm.find((entry) => {
    if (entry.chart !== chart) return false;
    const pattern = entry.path.split("/");
    if (pattern[0] === "**") return path.length >= pattern.length - 1 && ends(path, pattern.slice(1));
    return pattern.length === path.length && ends(path, pattern);
  });
}

function ends(path: readonly string[], pattern: readonly string[]): boolean {
  const tail = path.slice(path.length - pattern.length);
  return pattern.every((key, index) => key === "*" || key === tail[index]);
}
