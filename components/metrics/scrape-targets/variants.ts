import type { SettingsInput } from "../../../settings/schema.ts";

export const variants: Readonly<Record<string, SettingsInput>> = {
  "targets found in each way": {
    scrapeTargets: [
      { name: "hosts", static: ["10.0.0.5:9100", "[2001:db8::1]:9100"], labels: { site: "office" } },
      { name: "databases", dns: { names: ["_metrics._tcp.db.example.com"] }, scheme: "https", secret: "db" },
      { name: "devices", dns: { names: ["snmp.example.com"], type: "A", port: 9116 }, labels: { site: "a 1" } },
      {
        ...{
          name: "fleet",
          http: "https://netbox.example.com/api/targets?x=1",
          scheme: "https",
          path: "/probe/metrics",
        },
        ...{ user: "prometheus", secret: "fleet", interval: "1m", ca: "company" },
      },
    ],
    network: { ca: "company.pem" },
  },
};

/** What each of its settings changes, and where (`tests/contract/settings-effects.test.ts`). */
export const effects = [
  [
    "scrapeTargets",
    [{ name: "hosts", static: ["10.0.0.5:9100"] }],
    "scrape-targets-targets-hosts.spec.staticConfigs.0.targets.0",
    "10.0.0.5:9100",
  ],
] as const;
