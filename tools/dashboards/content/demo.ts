import type { Dashboard, Panel, Unit, Variable } from "../builder.ts";
import { dashboardUrl, logStreams } from "../names.ts";

/** A demo application, as far as its dashboard depends on it: what it counts, how long that takes, and where it runs. */
export interface DemoApplication {
  readonly name: "kbot" | "podinfo";
  readonly description: string;
  /** The dashboard's one variable. */
  readonly variable: Variable;
  /** What is counted, in the plural and in the singular. */
  readonly work: { readonly many: string; readonly one: string; readonly unit: Unit };
  /** Counter of that work, and the histogram of its duration. */
  readonly counter: string;
  readonly bucket: string;
  /** Matchers of both: the application's own, and what the variable chose. */
  readonly chosen: string;
  /** Matcher of what went wrong, and in words. */
  readonly failed: string;
  readonly failure: string;
  /** Label by which the work is told apart, with a title and a description for each panel that does. */
  readonly by: string;
  readonly panels: {
    readonly byLabel: readonly [title: string, description: string];
    readonly byStatus: readonly [title: string, description: string];
    readonly errors: readonly [title: string, description: string];
    readonly duration: string;
  };
  readonly statusColors: readonly { readonly field: string; readonly color: string }[];
  /** Seconds above which the latency alert fires. */
  readonly slow: number;
  /** Whether the histogram carries exemplars. */
  readonly exemplars: boolean;
  /** A further number at a glance. */
  readonly glance?: Panel;
  /** Matcher of its Deployments' names (kube-state-metrics). */
  readonly deployments: string;
  readonly noReplica: string;
  /** Matchers of its containers, and its pods' names as a regular expression. */
  readonly containers: string;
  readonly pods: string;
  readonly container: string;
  readonly workload: string;
  /** Service in traces. */
  readonly service: string;
  readonly traces: string;
  readonly logs: string;
  /** Whether its log records come by OTLP alone, not beside the lines that the log agent reads. */
  readonly otlpLogs: boolean;
}

const capital = (text: string) => text.charAt(0).toUpperCase() + text.slice(1);

/** The dashboard of a demo application: rate, errors and duration, then resources, then traces and logs. */
export function demoDashboard(app: DemoApplication): Dashboard {
  const { name, work, chosen, counter, failed, containers } = app;
  const alert = (what: string) => `${capital(name)}${what}High`;
  const rate = (matchers: string) => `rate(${counter}{${matchers}}[$__rate_interval])`;
  const ratio = (sum: string) => `${sum}(${rate(`${chosen}, ${failed}`)}) / (${sum}(${rate(chosen)}) > 0)`;
  const quantile = (share: number) =>
    `histogram_quantile(${share}, sum by (le) (rate(${app.bucket}{${chosen}}[$__rate_interval])))`;
  const none = `no ${work.many}`;
  const logs = logStreams({ namespace: "demo", pod: app.pods });
  const width = app.glance === undefined ? 5 : 4;
  return {
    uid: name,
    title: name,
    description: app.description,
    folder: `demo/${name}`,
    tags: ["demo"],
    sources: ["metrics", "logs", "traces"],
    variables: [app.variable],
    annotations: [
      {
        name: "Restarts",
        description: `${name}'s container started again`,
        title: `${name} restarted`,
        color: "orange",
        expr: `changes(kube_pod_container_status_restarts_total{${containers}}[2m]) > 0`,
      },
    ],
    rows: [
      {
        title: "At a glance",
        panels: [
          {
            kind: "stat",
            title: capital(work.many),
            description: `${capital(work.many)} processed a second, all statuses, for the selected ${app.variable.label.toLowerCase()}s.`,
            unit: work.unit,
            width,
            height: 4,
            decimals: 2,
            targets: [{ expr: `sum(${rate(chosen)})`, legend: work.many }],
          },
          {
            kind: "stat",
            title: "Errors",
            description: `Share of the ${work.many} whose status is ${app.failure}. The alert ${alert("ErrorRatio")} fires above 5 %.`,
            unit: "percentunit",
            width,
            height: 4,
            decimals: 1,
            noValue: none,
            thresholds: [
              { from: 0, color: "green" },
              { from: 0.01, color: "yellow" },
              { from: 0.05, color: "red" },
            ],
            targets: [{ expr: ratio("sum"), legend: "errors" }],
          },
          {
            kind: "stat",
            title: "Duration, p95",
            description: `95 of 100 ${work.many} are processed at least this fast. The alert ${alert("Latency")} fires above ${app.slow} s.`,
            unit: "s",
            width,
            height: 4,
            noValue: none,
            thresholds: [
              { from: 0, color: "green" },
              { from: app.slow / 2, color: "yellow" },
              { from: app.slow, color: "red" },
            ],
            targets: [{ expr: quantile(0.95), legend: "p95" }],
          },
          ...(app.glance === undefined ? [] : [app.glance]),
          {
            kind: "stat",
            title: "Ready replicas",
            description: `Replicas that are ready. Zero: ${app.noReplica}`,
            unit: "short",
            width,
            height: 4,
            thresholds: [
              { from: 0, color: "red" },
              { from: 1, color: "green" },
            ],
            targets: [
              {
                expr: `sum(kube_deployment_status_replicas_ready{namespace="demo", ${app.deployments}})`,
                legend: "ready",
                instant: true,
              },
            ],
          },
          {
            kind: "stat",
            title: "Restarts",
            description: "Container restarts within the time range.",
            unit: "short",
            width: 4,
            height: 4,
            decimals: 0,
            thresholds: [
              { from: 0, color: "green" },
              { from: 1, color: "orange" },
            ],
            links: [
              { title: "Workload", url: dashboardUrl("workload", { namespace: "demo", workload: app.workload }) },
              { title: "Logs", url: dashboardUrl("logs", { namespace: "demo", container: app.container }) },
            ],
            targets: [
              {
                expr: `sum(increase(kube_pod_container_status_restarts_total{${containers}}[$__range]))`,
                legend: "restarts",
                instant: true,
              },
            ],
          },
        ],
      },
      {
        title: capital(work.many),
        panels: [
          {
            kind: "timeseries",
            title: app.panels.byLabel[0],
            description: app.panels.byLabel[1],
            unit: work.unit,
            width: 8,
            stack: true,
            targets: [{ expr: `sum by (${app.by}) (${rate(chosen)})`, legend: `{{${app.by}}}` }],
          },
          {
            kind: "timeseries",
            title: app.panels.byStatus[0],
            description: app.panels.byStatus[1],
            unit: work.unit,
            width: 8,
            stack: true,
            targets: [{ expr: `sum by (status) (${rate(chosen)})`, legend: "{{status}}" }],
            overrides: app.statusColors,
          },
          {
            kind: "timeseries",
            title: app.panels.errors[0],
            description: `${app.panels.errors[1]} The dashed line is the alert's threshold.`,
            unit: "percentunit",
            width: 8,
            min: 0,
            thresholds: [
              { from: 0, color: "green" },
              { from: 0.05, color: "red" },
            ],
            showThresholds: true,
            noValue: "no errors",
            targets: [{ expr: ratio(`sum by (${app.by}) `), legend: `{{${app.by}}}` }],
          },
        ],
      },
      {
        title: "Duration",
        panels: [
          {
            kind: "timeseries",
            title: "Duration quantiles",
            description: app.panels.duration,
            unit: "s",
            width: 12,
            min: 0,
            targets: [
              { expr: quantile(0.5), legend: "p50" },
              { expr: quantile(0.95), legend: "p95", ...(app.exemplars ? { exemplar: true } : {}) },
              { expr: quantile(0.99), legend: "p99" },
            ],
          },
          {
            kind: "heatmap",
            title: "Duration distribution",
            description: `${capital(work.many)} by duration: darker is more. Two bands mean two kinds of work.`,
            unit: "s",
            width: 12,
            targets: [
              {
                expr: `sum by (le) (increase(${app.bucket}{${chosen}}[$__rate_interval]))`,
                legend: "{{le}}",
                format: "heatmap",
              },
            ],
          },
        ],
      },
      {
        title: "Resources",
        panels: [
          {
            kind: "timeseries",
            title: "CPU",
            description: "CPU of the containers against what one requests.",
            unit: "cores",
            decimals: 3,
            width: 12,
            min: 0,
            targets: [
              {
                expr: `sum by (pod) (rate(container_cpu_usage_seconds_total{${containers}}[$__rate_interval]))`,
                legend: "{{pod}}",
              },
              {
                expr: `max(kube_pod_container_resource_requests{${containers}, resource="cpu"})`,
                legend: "request",
              },
            ],
            overrides: [{ field: "request", limit: true, color: "gray" }],
          },
          {
            kind: "timeseries",
            title: "Memory",
            description: "Working set against request and limit; at the limit the kernel kills the container.",
            unit: "bytes",
            width: 12,
            min: 0,
            targets: [
              { expr: `sum by (pod) (container_memory_working_set_bytes{${containers}})`, legend: "{{pod}}" },
              {
                expr: `max(kube_pod_container_resource_requests{${containers}, resource="memory"})`,
                legend: "request",
              },
              { expr: `max(kube_pod_container_resource_limits{${containers}, resource="memory"})`, legend: "limit" },
            ],
            overrides: [
              { field: "request", limit: true, color: "gray" },
              { field: "limit", limit: true, color: "red" },
            ],
          },
        ],
      },
      {
        title: "Traces and logs",
        panels: [
          {
            kind: "traces",
            title: "Traces",
            description: `${app.traces} Open one to see its spans, logs and metrics.`,
            unit: "string",
            width: 8,
            height: 10,
            source: "traces",
            targets: [{ expr: app.service }],
          },
          {
            kind: "logs",
            title: "Log lines",
            description: `${app.logs} A line with a trace_id carries a link to its trace.`,
            unit: "string",
            width: 16,
            height: 10,
            source: "logs",
            targets: [{ expr: logs.agent }, ...(app.otlpLogs ? [{ expr: logs.otlp }] : [])],
          },
        ],
      },
    ],
  };
}
