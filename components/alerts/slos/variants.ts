import type { SettingsInput } from "../../../settings/schema.ts";

export const variants: Readonly<Record<string, SettingsInput>> = {
  "objectives by counters": {
    slos: [
      {
        name: "orders",
        description: "Orders are taken.",
        ratio: { bad: 'http_requests_total{job="shop", code=~"5.."}', total: 'http_requests_total{job="shop"}' },
        target: 99.9,
        owner: "team-web",
        namespace: "shop",
        labels: { tier: "1" },
      },
      { name: "jobs", ratio: { good: "jobs_done_total", bad: "jobs_failed_total" }, target: 95, window: "4w" },
      { name: "mail", ratio: { good: "mail_sent_total", total: "mail_total" }, target: 99, severity: "warning" },
    ],
  },
};

/** By what others count: not with every choice of gateway, and a check has to be there. */
export const alone: Readonly<Record<string, SettingsInput>> = {
  "objectives of each kind": {
    checks: [{ name: "shop", target: "https://shop.example.com/" }],
    slos: [
      { name: "answers", errors: { service: "frontend", namespace: "shop" }, target: 99.5, quiet: true },
      { name: "quick", latency: { service: "frontend", below: "2.5s" }, target: 95 },
      { name: "open", check: "shop", target: 99.9, window: "90d" },
    ],
  },
};

/** What each of its settings changes, and where (`tests/contract/settings-effects.test.ts`). */
export const effects = [
  [
    "slos",
    [{ name: "orders", ratio: { bad: "a_total", total: "b_total" }, target: 99.9 }],
    "slos-slo-orders.spec.groups.0.rules.2.expr",
    "vector(0.001)",
  ],
] as const;
