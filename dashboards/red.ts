/** The dashboard of a demo application: rate, errors and duration of its work, then resources, then traces and logs. */
import {
  colors,
  dashboard,
  heatmap,
  high,
  line,
  lines,
  link,
  now,
  range,
  redAbove,
  stack,
  stat,
  steps,
  traces,
  type Dashboard,
  type Meta,
  type Unit,
  withExemplars,
} from "./kit.ts";
import { cpu, logPanel, memory, readiness, restartMarks, restarts } from "./panels.ts";

/** A demo application, as far as its dashboard depends on it: what it counts, how long that takes, and where it runs. */
export interface Application {
  readonly name: "kbot" | "podinfo";
  readonly description: string;
  readonly variable: NonNullable<Meta["variables"]>[number];
  /** What is counted, in the plural. */
  readonly work: string;
  readonly unit: Unit;
  /** Counter of that work, and the histogram of its duration. */
  readonly counter: string;
  readonly bucket: string;
  /** Matchers of both: the application's own, and what the variable chose. */
  readonly chosen: string;
  /** Matcher of what went wrong, and in words. */
  readonly failed: string;
  readonly failure: string;
  /** Label by which the work is told apart, and what it means. */
  readonly by: string;
  readonly byLabel: string;
  readonly byStatus: string;
  readonly statusColors: Readonly<Record<string, string>>;
  readonly duration: string;
  /** Seconds above which the latency alert fires. */
  readonly slow: number;
  /** Whether the histogram carries exemplars. */
  readonly exemplars: boolean;
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
  /** Fields of its log lines that are shown beside the message. */
  readonly fields: readonly string[];
  /** Whether its log records come by OTLP alone, not beside the lines that the log agent reads. */
  readonly otlpLogs: boolean;
  /** A further number at a glance. */
  readonly glance?: (width: number) => ReturnType<typeof stat>;
}

const capital = (text: string) => text.charAt(0).toUpperCase() + text.slice(1);

export function redDashboard(app: Application): Dashboard {
  const { name, work, unit, chosen, counter, failed, by, slow, containers } = app;
  const alert = (what: string) => `${capital(name)}${what}High`;
  const rate = (matchers: string) => `rate(${counter}{${matchers}}[$__rate_interval])`;
  const ratio = (sum: string) => `${sum}(${rate(`${chosen}, ${failed}`)}) / (${sum}(${rate(chosen)}) > 0)`;
  const quantile = (share: number) =>
    `histogram_quantile(${share}, sum by (le) (rate(${app.bucket}{${chosen}}[$__rate_interval])))`;
  const width = app.glance === undefined ? 5 : 4;
  const most = (resource: string, kind: "requests" | "limits") =>
    `max(kube_pod_container_resource_${kind}{${containers}, resource="${resource}"})`;
  return dashboard(
    {
      uid: name,
      title: name,
      description: app.description,
      folder: "Applications",
      of: name,
      needs: ["exporters", "scraping"],
      rowNeeds: app.otlpLogs ? {} : { Logs: ["logAgent"] },
      tags: ["demo"],
      variables: [app.variable],
      annotations: [restartMarks("{{pod}}", containers)],
    },
    {
      "At a glance": [
        stat(
          { title: capital(work), description: `${capital(work)} a second, whatever their status.`, unit, width },
          range(`sum(${rate(chosen)})`, work),
        ).decimals(2),
        stat(
          {
            title: "Errors",
            description: `Share of the ${work} whose status is ${app.failure}. ${alert("ErrorRatio")} fires above 5 %.`,
            unit: "percentunit",
            width,
          },
          range(ratio("sum"), "errors"),
        )
          .decimals(1)
          .noValue(`no ${work}`)
          .thresholds(high(0.01, 0.05)),
        stat(
          {
            title: "Duration, p95",
            description: `95 of 100 ${work} take no longer. ${alert("Latency")} fires above ${slow} s.`,
            unit: "s",
            width,
          },
          range(quantile(0.95), "p95"),
        )
          .noValue(`no ${work}`)
          .thresholds(high(slow / 2, slow)),
        ...(app.glance === undefined ? [] : [app.glance(width)]),
        stat(
          {
            title: "Ready replicas",
            description: `Replicas that are ready. Zero: ${app.noReplica}`,
            unit: "short",
            width,
          },
          now(`sum(kube_deployment_status_replicas_ready{namespace="demo", ${app.deployments}})`, "ready"),
        ).thresholds(steps("red", [1, "green"])),
        restarts(`sum(increase(kube_pod_container_status_restarts_total{${containers}}[$__range]))`).dataLinks([
          link("Workload", "workload", { namespace: "demo", workload: app.workload }),
          link("Logs", "logs", { namespace: "demo", container: app.container }),
        ]),
      ],
      [capital(work)]: [
        stack(
          { title: `${capital(work)} by ${by}`, description: app.byLabel, unit, width: 8 },
          range(`sum by (${by}) (${rate(chosen)})`, `{{${by}}}`),
        ),
        stack(
          { title: `${capital(work)} by status`, description: app.byStatus, unit, width: 8 },
          range(`sum by (status) (${rate(chosen)})`, "{{status}}"),
        ).overrides(colors(app.statusColors)),
        line(
          lines(
            {
              title: `Error ratio by ${by}`,
              description: `Which ${by} fails. Dashed: ${alert("ErrorRatio")} fires above.`,
              unit: "percentunit",
              width: 8,
            },
            range(ratio(`sum by (${by}) `), `{{${by}}}`),
          )
            .min(0)
            .noValue("no errors"),
          redAbove(0.05),
        ),
      ],
      Duration: [
        line(
          lines(
            {
              title: "Duration quantiles",
              description: `${app.duration} Dashed: ${alert("Latency")} fires when p95 is above.`,
              unit: "s",
              width: 12,
            },
            range(quantile(0.5), "p50"),
            (app.exemplars ? withExemplars : range)(quantile(0.95), "p95"),
            range(quantile(0.99), "p99"),
          ).min(0),
          redAbove(slow),
        ),
        heatmap(
          {
            title: "Duration distribution",
            description: `${capital(work)} by duration: brighter is more. Two bands mean two kinds of work.`,
            unit: "s",
            width: 12,
          },
          `sum by (le) (increase(${app.bucket}{${chosen}}[$__rate_interval]))`,
        ),
      ],
      Resources: [
        readiness(8, `max by (pod) (kube_pod_status_ready{namespace="demo", pod=~"${app.pods}", condition="true"})`),
        cpu(8, {
          usage: `sum by (namespace, pod) (rate(container_cpu_usage_seconds_total{${containers}}[$__rate_interval]))`,
          request: most("cpu", "requests"),
        }),
        memory(8, {
          usage: `sum by (namespace, pod) (container_memory_working_set_bytes{${containers}})`,
          request: most("memory", "requests"),
          limit: most("memory", "limits"),
        }),
      ],
      Traces: [
        traces(
          {
            title: "Traces",
            description: `${app.traces} Open one to see its spans, logs and metrics.`,
            width: 24,
          },
          app.service,
        ),
      ],
      Logs: [
        logPanel(
          app.logs,
          { width: 24, height: 10 },
          { namespace: "demo", pod: app.pods, ...(app.otlpLogs ? {} : { agentOnly: true }) },
          {
            fields: app.fields,
          },
        ),
      ],
    },
  );
}
