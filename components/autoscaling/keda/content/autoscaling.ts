import { choice, dashboard, high, limits, lines, none, now, range, stat, states } from "../../../../dashboards/kit.ts";

const matchers = 'job="kube-state-metrics", namespace=~"$namespace", horizontalpodautoscaler=~"$autoscaler"';
const each = "namespace, horizontalpodautoscaler";
const of = (metric: string, more = "") => `kube_horizontalpodautoscaler_${metric}{${matchers}${more}}`;
const most = (metric: string) => `max by (${each}) (${of(metric)})`;
/** 1 where an autoscaler has its metric; one whose workload is to have no replica needs none. */
const active = `max by (${each}) (${of("status_condition", ', condition="ScalingActive", status="true"')})`;
const wanted = `(${most("status_desired_replicas")} > 0)`;
const target = "namespace, horizontalpodautoscaler, metric_name";
const keda = 'job="keda-operator", exported_namespace=~"$namespace"';

export default dashboard(
  {
    uid: "autoscaling",
    title: "Autoscaling",
    description: "Do workloads have the replicas that their load needs, and can their autoscalers read it?",
    folder: "Kubernetes",
    of: "autoscaling",
    needs: ["exporters", "scraping"],
    rowNeeds: { KEDA: ["keda"] },
    tags: ["kubernetes"],
    variables: [
      choice(
        { name: "namespace", label: "Namespace", description: "Namespace of the autoscaler." },
        'label_values(kube_horizontalpodautoscaler_spec_max_replicas{job="kube-state-metrics"}, namespace)',
      ),
      choice(
        {
          name: "autoscaler",
          label: "Autoscaler",
          description: "HorizontalPodAutoscaler; KEDA's begin with keda-hpa.",
        },
        'label_values(kube_horizontalpodautoscaler_spec_max_replicas{job="kube-state-metrics", namespace=~"$namespace"}, horizontalpodautoscaler)',
      ),
    ],
  },
  {
    "At a glance": [
      stat(
        { title: "Autoscalers", description: "HorizontalPodAutoscalers that are chosen.", unit: "short", width: 8 },
        now(`count(${of("spec_max_replicas")})`, "autoscalers"),
      ),
      stat(
        {
          title: "At their maximum",
          description: "Autoscalers that may add no replica. KubeHpaMaxedOut fires after 15 minutes.",
          unit: "short",
          width: 8,
        },
        now(
          `count(${most("status_current_replicas")} >= on (${each}) ${most("spec_max_replicas")}) or vector(0)`,
          "at their maximum",
        ),
      ).thresholds(none("yellow")),
      stat(
        {
          title: "Without a metric",
          description:
            "Autoscalers that cannot read what they scale on. AutoscalerWithoutMetric fires after 15 minutes.",
          unit: "short",
          width: 8,
        },
        now(`count(${wanted} unless on (${each}) (${active} == 1)) or vector(0)`, "without a metric"),
      ).thresholds(none()),
    ],
    "Each autoscaler": [
      lines(
        {
          title: "Replicas",
          description: "What there is and what is wanted, and the limits of both (dashed), summed over what is chosen.",
          unit: "short",
          width: 12,
        },
        range(`sum(${most("status_current_replicas")})`, "current"),
        range(`sum(${most("status_desired_replicas")})`, "desired"),
        range(`sum(${most("spec_min_replicas")})`, "minimum"),
        range(`sum(${most("spec_max_replicas")})`, "maximum"),
      )
        .min(0)
        .overrides(limits({ minimum: "blue", maximum: "red" })),
      lines(
        {
          title: "Metric, of its target",
          description:
            "What each autoscaler reads, divided by what it aims at: above 1 it adds replicas, below it takes some away.",
          unit: "percentunit",
          width: 12,
        },
        range(
          `max by (${target}) (${of("status_target_metric")}) / on (${target}) max by (${target}) (${of("spec_target_metric")})`,
          "{{namespace}}/{{horizontalpodautoscaler}} {{metric_name}}",
        ),
      ).min(0),
      states(
        {
          title: "Can read its metric",
          description:
            "Whether each autoscaler has what it scales on. One whose workload is to have no replica needs none.",
          unit: "short",
          width: 24,
        },
        { 1: ["yes", "green"], 0: ["no", "red"] },
        range(active, "{{namespace}}/{{horizontalpodautoscaler}}"),
      ),
    ],
    KEDA: [
      stat(
        {
          title: "ScaledObjects with errors",
          description:
            "ScaledObjects that had an error in the last 5 minutes. KedaScalerErrors fires after 10 minutes.",
          unit: "short",
          width: 12,
        },
        now(
          `count(sum by (exported_namespace, scaledObject) (rate(keda_scaled_object_errors_total{${keda}}[5m])) > 0) or vector(0)`,
          "with errors",
        ),
      ).thresholds(none()),
      stat(
        {
          title: "Answers that were empty",
          description:
            "Queries within the time range that named no series. KEDA takes them for zero, unless the trigger says ignoreNullValues: false.",
          unit: "short",
          width: 12,
        },
        now(`sum(increase(keda_scaler_empty_upstream_responses_total{${keda}}[$__range])) or vector(0)`, "empty"),
      ).thresholds(none("yellow")),
      lines(
        {
          title: "Time to ask, by ScaledObject",
          description: "How long what a ScaledObject scales on takes to answer KEDA.",
          unit: "s",
          width: 24,
        },
        range(
          `max by (exported_namespace, scaledObject) (keda_scaler_metrics_latency_seconds{${keda}})`,
          "{{exported_namespace}}/{{scaledObject}}",
        ),
      )
        .min(0)
        .thresholds(high(1, 3)),
    ],
  },
);
