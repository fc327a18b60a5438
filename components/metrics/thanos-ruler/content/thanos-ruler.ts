import { dashboard, lines, none, perSecond, range, stat } from "../../../../dashboards/kit.ts";

const ruler = 'job="thanos-ruler"';
const rate = (metric: string) => `sum(rate(${metric}{${ruler}}[$__rate_interval]))`;

export default dashboard(
  {
    uid: "thanos-ruler",
    title: "Thanos Ruler",
    description: "Is every rule evaluated in time, and does an Alertmanager take what fires?",
    folder: "Platform",
    of: "thanos-ruler",
    needs: ["scraping"],
    tags: ["platform", "metrics"],
  },
  {
    "At a glance": [
      stat(
        { title: "Rules", description: "Rules that are loaded.", unit: "short", width: 6 },
        range(`sum(thanos_rule_loaded_rules{${ruler}})`, "rules"),
      ).decimals(0),
      stat(
        {
          title: "Failed evaluations",
          description: "Evaluations that failed, a second. ThanosRulerEvaluationFailing fires above zero.",
          unit: perSecond("evaluations"),
          width: 6,
        },
        range(rate("prometheus_rule_evaluation_failures_total"), "failed"),
      ).thresholds(none("red", 0.001)),
      stat(
        {
          title: "Alerts lost",
          description: "Alerts that no Alertmanager took, a second.",
          unit: perSecond("alerts"),
          width: 6,
        },
        range(
          `${rate("thanos_alert_sender_alerts_dropped_total")} + ${rate("thanos_alert_queue_alerts_dropped_total")}`,
          "lost",
        ),
      ).thresholds(none("red", 0.001)),
      stat(
        {
          title: "Recorded samples refused",
          description: "What rules record and the store refused, a second.",
          unit: perSecond("samples"),
          width: 6,
        },
        range(rate("prometheus_remote_storage_samples_failed_total"), "refused"),
      ).thresholds(none("red", 0.001)),
    ],
    Rules: [
      lines(
        {
          title: "Evaluations",
          description: "Evaluations a second, and those that failed.",
          unit: perSecond("evaluations"),
          width: 12,
        },
        range(rate("prometheus_rule_evaluations_total"), "evaluated"),
        range(rate("prometheus_rule_evaluation_failures_total"), "failed"),
      ).min(0),
      lines(
        {
          title: "Slowest groups",
          description:
            "How long the last evaluation of all rules of a group took. ThanosRulerEvaluationSlow fires when it is longer than its interval.",
          unit: "s",
          width: 12,
        },
        range(`topk(5, max by (rule_group) (prometheus_rule_group_last_duration_seconds{${ruler}}))`, "{{rule_group}}"),
      ).min(0),
      lines(
        {
          title: "Alerts sent",
          description: "Alerts that Alertmanagers took, a second, by address: each is told of each.",
          unit: perSecond("alerts"),
          width: 24,
        },
        range(
          `sum by (alertmanager) (rate(thanos_alert_sender_alerts_sent_total{${ruler}}[$__rate_interval]))`,
          "{{alertmanager}}",
        ),
      ).min(0),
    ],
  },
);
