import type { SettingsInput } from "../../../settings/schema.ts";

export const variants: Readonly<Record<string, SettingsInput>> = {
  "checks of each type": {
    checks: [
      { name: "shop", target: "https://shop.example.com/healthz?full=1", interval: "1m" },
      { name: "login", target: "https://id.example.com/", expectStatus: 401 },
      { name: "old-address", target: "http://example.com/", expectStatus: 301 },
      { name: "database", type: "tcp", target: "db.example.com:5432" },
      { name: "gateway", type: "icmp", target: "192.0.2.1" },
    ],
  },
  "checks of pages": { checks: [{ name: "shop", target: "https://shop.example.com/" }] },
};

export const alone: Readonly<Record<string, SettingsInput>> = {
  "checks in a company's network": {
    checks: [{ name: "shop", target: "https://shop.example.com/" }],
    network: { ca: "company.pem" },
  },
};

/** What each of its settings changes, and where (`tests/contract/settings-effects.test.ts`). */
export const effects = [
  [
    "checks",
    [{ name: "shop", target: "https://shop.example.com/" }],
    "blackbox-exporter-check-shop.spec.targets.staticConfig.static.0",
    "https://shop.example.com/",
  ],
  [
    "blackboxExporter.values",
    { planted: "blackboxExporter" },
    "blackbox-exporter-prometheus-blackbox-exporter-release.spec.values.planted",
    "blackboxExporter",
  ],
] as const;
