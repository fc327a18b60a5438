import type { Dashboard } from "../builder.ts";

const info = `gotk_resource_info{customresource_kind=~"$kind", exported_namespace=~"$namespace"}`;
const notReady = `gotk_resource_info{customresource_kind=~"$kind", exported_namespace=~"$namespace", ready!="True", ready!=""}`;
const suspended = `gotk_resource_info{customresource_kind=~"$kind", exported_namespace=~"$namespace", suspended="true"}`;
const controllers = `job="flux"`;
const objects = `${controllers}, kind=~"$kind", exported_namespace=~"$namespace"`;

const ready = {
  True: { text: "ready", color: "green" },
  False: { text: "failed", color: "red" },
  Unknown: { text: "working", color: "yellow" },
} as const;

export const flux: Dashboard = {
  uid: "flux",
  title: "Flux",
  description:
    "Does the cluster run what Git declares? If not: which object hangs, since when, and which controller is slow?",
  folder: "platform",
  tags: ["platform", "gitops"],
  sources: ["metrics", "logs"],
  variables: [
    {
      name: "namespace",
      label: "Namespace",
      description: "Namespace of the Flux object.",
      query: "label_values(gotk_resource_info, exported_namespace)",
    },
    {
      name: "kind",
      label: "Kind",
      description: "Kind of the Flux object.",
      query: "label_values(gotk_resource_info, customresource_kind)",
    },
  ],
  rows: [
    {
      title: "At a glance",
      panels: [
        {
          kind: "stat",
          title: "Objects",
          description: "Flux objects of the selected kinds and namespaces.",
          unit: "short",
          width: 6,
          height: 4,
          targets: [{ expr: `count(${info})`, legend: "objects", instant: true }],
        },
        {
          kind: "stat",
          title: "Not ready",
          description: "Objects whose Ready condition is False or Unknown. FluxObjectNotReady fires after 10 minutes.",
          unit: "short",
          width: 6,
          height: 4,
          thresholds: [
            { from: 0, color: "green" },
            { from: 1, color: "red" },
          ],
          targets: [{ expr: `count(${notReady}) or vector(0)`, legend: "not ready", instant: true }],
        },
        {
          kind: "stat",
          title: "Suspended",
          description: "Objects that somebody paused: Flux does not correct them.",
          unit: "short",
          width: 6,
          height: 4,
          thresholds: [
            { from: 0, color: "green" },
            { from: 1, color: "yellow" },
          ],
          targets: [{ expr: `count(${suspended}) or vector(0)`, legend: "suspended", instant: true }],
        },
        {
          kind: "stat",
          title: "Reconcile time, p95",
          description: "95 of 100 reconciliations are at least this fast.",
          unit: "s",
          width: 6,
          height: 4,
          noValue: "idle",
          targets: [
            {
              expr: `histogram_quantile(0.95, sum by (le) (rate(gotk_reconcile_duration_seconds_bucket{${objects}}[$__rate_interval])))`,
              legend: "p95",
            },
          ],
        },
      ],
    },
    {
      title: "Objects",
      panels: [
        {
          kind: "table",
          title: "Objects and their state",
          description: "Every object with what it runs. Those that failed come first.",
          unit: "string",
          width: 24,
          height: 12,
          columns: ["customresource_kind", "exported_namespace", "name", "ready", "suspended", "revision"],
          sortBy: { column: "Ready", descending: false },
          targets: [{ expr: info, instant: true, format: "table" }],
          overrides: [
            { field: "customresource_kind", rename: "Kind", width: 160 },
            { field: "exported_namespace", rename: "Namespace", width: 160 },
            { field: "name", rename: "Name", width: 260 },
            { field: "ready", rename: "Ready", width: 100, mappings: ready, thresholds: [{ from: 0, color: "text" }] },
            { field: "suspended", rename: "Suspended", width: 110 },
            { field: "revision", rename: "Revision" },
          ],
        },
        {
          kind: "timeseries",
          title: "Not ready, by object",
          description: "When an object left Ready and when it came back.",
          unit: "short",
          width: 12,
          draw: "bars",
          stack: true,
          decimals: 0,
          shades: "red",
          noValue: "every object is ready",
          targets: [
            {
              expr: `sum by (customresource_kind, name) (${notReady})`,
              legend: "{{customresource_kind}}/{{name}}",
            },
          ],
        },
        {
          kind: "timeseries",
          title: "Slowest reconciliations",
          description:
            "The ten objects that take longest to reconcile (p95 of 5 minutes). A chart that waits shows here.",
          unit: "s",
          width: 12,
          targets: [
            {
              expr: `topk(10, kind_namespace_name:gotk_reconcile_duration_seconds:p95_5m{kind=~"$kind", exported_namespace=~"$namespace"})`,
              legend: "{{kind}}/{{name}}",
            },
          ],
        },
      ],
    },
    {
      title: "Controllers",
      panels: [
        {
          kind: "timeseries",
          title: "Reconciliations by controller",
          description: "Work done. A controller at zero for long has nothing to do or hangs.",
          unit: "ops",
          width: 8,
          targets: [
            {
              expr: `sum by (app) (rate(controller_runtime_reconcile_total{${controllers}}[$__rate_interval]))`,
              legend: "{{app}}",
            },
          ],
        },
        {
          kind: "timeseries",
          title: "Errors by controller",
          description: "Reconciliations that ended with an error and are retried.",
          unit: "ops",
          width: 8,
          targets: [
            {
              expr: `sum by (app) (rate(controller_runtime_reconcile_errors_total{${controllers}}[$__rate_interval]))`,
              legend: "{{app}}",
            },
          ],
        },
        {
          kind: "timeseries",
          title: "Work queue",
          description:
            "Objects that wait for a free worker. It should return to zero; if it does not, raise --concurrent.",
          unit: "short",
          width: 8,
          targets: [{ expr: `sum by (name) (workqueue_depth{${controllers}})`, legend: "{{name}}" }],
        },
        {
          kind: "timeseries",
          title: "Memory",
          description: "Resident memory of each controller.",
          unit: "bytes",
          width: 12,
          targets: [{ expr: `process_resident_memory_bytes{${controllers}}`, legend: "{{pod}}" }],
        },
        {
          kind: "logs",
          title: "Errors in the controllers' logs",
          description: "Lines with level error: they name the object and the cause.",
          unit: "string",
          width: 12,
          source: "logs",
          targets: [{ expr: `{job="fluentbit", namespace="flux-system"} |~ "\\"?level\\"?[:=]\\"?error"` }],
        },
      ],
    },
  ],
};
