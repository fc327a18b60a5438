/**
 * What is recorded of one objective. All else is the same for every objective and is in `flux-repo/content/slos/rules`, which asks
 * for these series alone: the windows of burn rates, the alerts.
 *
 * Events are recorded, not ratios: the mean of ratios would weigh a night as much as a day, and one 0/0 would spoil all windows it
 * is in. No `vector(0)` stands in for series that are missing: an objective over nothing would be met for ever.
 */
import { durationSeconds } from "../../../settings/formats.ts";
import type { Slo } from "./settings.ts";

interface Recording {
  readonly record: string;
  readonly expr: string;
  readonly labels: Readonly<Record<string, string>>;
}

export interface Group {
  readonly name: string;
  readonly interval: string;
  readonly rules: readonly Recording[];
}

/** How often events are recorded, in seconds; `flux-repo/content/slos/rules` counts on it. */
export const step = 60;

const rate = (selector: string) => `sum(rate(${selector}[5m]))`;

/** A counter without an event yet has no series: zero, where the other counter has one. */
const orZero = (some: string, other: string) => `(${some} or 0 * ${other})`;

/** Events and bad events a second. */
interface Measured {
  readonly events: string;
  readonly errors: string;
}

function ofCounters({ good, bad, total }: NonNullable<Slo["ratio"]>): Measured {
  const [right, wrong, all] = [good ?? "", bad ?? "", total ?? ""].map(rate) as [string, string, string];
  if (total === undefined)
    return { events: `${orZero(right, wrong)} + ${orZero(wrong, right)}`, errors: orZero(wrong, right) };
  // Two counters are not read at the same moment.
  if (bad === undefined) return { events: all, errors: `clamp_min(${all} - ${orZero(right, all)}, 0)` };
  return { events: all, errors: orZero(wrong, all) };
}

/** What a service was asked, as connector/spanmetricsconnector 0.158 calls it and its Prometheus exporter writes it. */
function spans({ service, namespace }: NonNullable<Slo["errors"]>, more = ""): string {
  const where = namespace === undefined ? "" : `, k8s_namespace_name=${JSON.stringify(namespace)}`;
  return `{service_name=${JSON.stringify(service)}${where}, span_kind=~"SPAN_KIND_(SERVER|CONSUMER)"${more}}`;
}

/** Prometheus 3 writes whole bounds as `1.0`, others keep what was sent (docs/migration.md of Prometheus, "le"). */
const bound = (seconds: number) => (Number.isInteger(seconds) ? `le=~"${seconds}|${seconds}[.]0"` : `le="${seconds}"`);

function measured({ ratio, errors, latency, check }: Slo): Measured {
  if (ratio !== undefined) return ofCounters(ratio);
  if (errors !== undefined) {
    const calls = "traces_span_metrics_calls_total";
    return ofCounters({
      bad: calls + spans(errors, ', status_code="STATUS_CODE_ERROR"'),
      total: calls + spans(errors),
    });
  }
  if (latency !== undefined) {
    const durations = "traces_span_metrics_duration_seconds";
    return ofCounters({
      good: `${durations}_bucket${spans(latency, `, ${bound(durationSeconds(latency.below))}`)}`,
      total: `${durations}_count${spans(latency)}`,
    });
  }
  const probes = `probe_success{job="checks", check="${check ?? ""}"}[5m]`;
  return {
    events: `sum(count_over_time(${probes})) / 300`,
    errors: `sum(count_over_time(${probes}) - sum_over_time(${probes})) / 300`,
  };
}

/** What an objective is recorded by. */
export function sloRules(slo: Slo): Group[] {
  const { name, target, window, owner, namespace, description } = slo;
  const { events, errors } = measured(slo);
  const labels = { slo: name };
  const given = Object.entries({ ...slo.labels, owner, namespace, description }).filter(
    (pair): pair is [string, string] => pair[1] !== undefined,
  );
  // What it says of itself stands on one series, so that another owner does not begin another budget.
  const about = { ...Object.fromEntries(given), ...labels, pages: String(slo.severity === "critical") };
  const budget = Number((1 - target / 100).toPrecision(6));
  const [allErrors, allEvents] = ["errors", "events"].map((what) => `slo:sli_${what}:rate5m{slo="${name}"}[${window}]`);
  return [
    {
      name: `slo-${name}`,
      interval: `${step}s`,
      rules: [
        { record: "slo:sli_events:rate5m", expr: slo.quiet ? `(${events}) or vector(0)` : events, labels },
        { record: "slo:sli_errors:rate5m", expr: errors, labels },
        { record: "slo:error_budget:ratio", expr: `vector(${budget})`, labels: about },
      ],
    },
    {
      name: `slo-${name}-window`,
      interval: "5m",
      rules: [
        {
          record: "slo:error_budget_remaining:ratio",
          expr: `1 - sum_over_time(${allErrors}) / (sum_over_time(${allEvents}) > 0) / ${budget}`,
          labels,
        },
        {
          record: "slo:sli_events:covered_ratio",
          expr: `count_over_time(${allEvents}) * ${step} / ${durationSeconds(window)}`,
          labels,
        },
      ],
    },
  ];
}
