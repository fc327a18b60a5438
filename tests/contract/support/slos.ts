/** Objectives of each kind, series that they are measured by, and what is recorded of them, whoever evaluates. */
import { slos, type Slo } from "../../../components/alerts/slos/settings.ts";

export type Written = Omit<Slo, "window" | "severity" | "labels" | "quiet" | "target"> & Partial<Slo>;
type Series = Readonly<Record<string, string>>;

/** Series of 30 seconds each. */
export interface Case {
  readonly slo: Written;
  readonly series: Series;
  /** Events and bad events a second after 20 minutes; undefined: no series. */
  readonly events: number | undefined;
  readonly errors: number | undefined;
}

const counter = (perSecond: number) => `0+${perSecond * 30}x50`;
export const requests = { bad: 'r_total{code=~"5.."}', total: "r_total" };
const span = (more: string) =>
  `traces_span_metrics_calls_total{service_name="front", k8s_namespace_name="shop", span_kind="SPAN_KIND_${more}"}`;
const took = (le: string) =>
  `traces_span_metrics_duration_seconds_bucket{service_name="front", span_kind="SPAN_KIND_SERVER", le="${le}"}`;
const counted = `traces_span_metrics_duration_seconds_count{service_name="front", span_kind="SPAN_KIND_SERVER"}`;
const probes = 'probe_success{job="checks", check="shop"}';

export const cases: Readonly<Record<string, Case>> = {
  "bad and all events": {
    slo: { name: "a", ratio: requests },
    series: {
      'r_total{code="200"}': counter(9),
      'r_total{code="500"}': counter(0.5),
      'r_total{code="503"}': counter(0.5),
    },
    events: 10,
    errors: 1,
  },
  "no bad event yet": {
    slo: { name: "a", ratio: requests },
    series: { 'r_total{code="200"}': counter(9) },
    events: 9,
    errors: 0,
  },
  "no traffic": {
    slo: { name: "a", ratio: requests },
    series: { 'r_total{code="200"}': "7x50", 'r_total{code="500"}': "1x50" },
    events: 0,
    errors: 0,
  },
  "series that are missing": { slo: { name: "a", ratio: requests }, series: {}, events: undefined, errors: undefined },
  "series that may be missing": {
    slo: { name: "a", ratio: requests, quiet: true },
    series: {},
    events: 0,
    errors: undefined,
  },
  "a counter that starts again": {
    slo: { name: "a", ratio: requests },
    series: { 'r_total{code="200"}': "0+300x35 0+300x14", 'r_total{code="500"}': "0+30x35 0+30x14" },
    events: (11 * 8) / 9,
    errors: 8 / 9,
  },
  "good and all events": {
    slo: { name: "a", ratio: { good: "g_total", total: "t_total" } },
    series: { g_total: counter(8), t_total: counter(10) },
    events: 10,
    errors: 2,
  },
  "no good event yet": {
    slo: { name: "a", ratio: { good: "g_total", total: "t_total" } },
    series: { t_total: counter(10) },
    events: 10,
    errors: 10,
  },
  "more good events than events": {
    slo: { name: "a", ratio: { good: "g_total", total: "t_total" } },
    series: { g_total: counter(10.1), t_total: counter(10) },
    events: 10,
    errors: 0,
  },
  "good and bad events": {
    slo: { name: "a", ratio: { good: "g_total", bad: "b_total" } },
    series: { g_total: counter(8), b_total: counter(2) },
    events: 10,
    errors: 2,
  },
  "bad events alone": {
    slo: { name: "a", ratio: { good: "g_total", bad: "b_total" } },
    series: { b_total: counter(2) },
    events: 2,
    errors: 2,
  },
  "requests that fail": {
    slo: { name: "a", errors: { service: "front", namespace: "shop" } },
    series: {
      [span('SERVER", status_code="STATUS_CODE_UNSET')]: counter(3),
      [span('SERVER", status_code="STATUS_CODE_ERROR')]: counter(1),
      // What it asks others is not what it is asked.
      [span('CLIENT", status_code="STATUS_CODE_ERROR')]: counter(5),
      [span('SERVER", status_code="STATUS_CODE_ERROR').replaceAll("shop", "other")]: counter(5),
    },
    events: 4,
    errors: 1,
  },
  "requests that take long": {
    slo: { name: "a", latency: { service: "front", below: "250ms" } },
    series: { [took("0.1")]: counter(1), [took("0.25")]: counter(3), [took("0.5")]: counter(4), [counted]: counter(5) },
    events: 5,
    errors: 2,
  },
  "a whole bound, as others than Prometheus 3 keep it": {
    slo: { name: "a", latency: { service: "front", below: "1s" } },
    series: { [took("1")]: counter(4), [took("10")]: counter(5), [counted]: counter(5) },
    events: 5,
    errors: 1,
  },
  "a whole bound, as Prometheus 3 writes it": {
    slo: { name: "a", latency: { service: "front", below: "1s" } },
    series: { [took("1.0")]: counter(4), [took("10.0")]: counter(5), [counted]: counter(5) },
    events: 5,
    errors: 1,
  },
  "a check that fails every other time": {
    slo: { name: "a", check: "shop" },
    series: {
      [probes]: Array.from({ length: 51 }, (_, index) => index % 2).join(" "),
      'probe_success{job="checks", check="b"}': "0x50",
    },
    events: 10 / 300,
    errors: 5 / 300,
  },
};

export const whole = (slo: Written): Slo => slos.parse([{ target: 99.9, ...slo }])[0] as Slo;
