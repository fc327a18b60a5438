/** What the chart leaves open and the values fill, and values that security or data rest on: for the judges in `contract/`. */
import type { Scraped } from "../../../contract/component-files.ts";
import {
  containerSecurityContext,
  map,
  podSecurityContext,
  pullSecretNames,
  resources,
  strict,
  type FreeForm,
} from "../../../contract/handed-on.ts";
import { asks, release, setting, why, type Pin } from "../../../contract/pin.ts";

export const freeForm: FreeForm = {
  "prometheus-blackbox-exporter": {
    "**/resources": resources,
    "image/pullSecrets": pullSecretNames,
    podSecurityContext,
    securityContext: containerSecurityContext,
    config: [
      "the exporter's configuration: tests/contract/blackbox-config.test.ts gives it to the exporter",
      () => strict({ modules: map({ type: "object" }) }, ["modules"]),
    ],
  },
};

export const pins: readonly Pin[] = [
  ...release("prometheus-blackbox-exporter", [
    ["resources", setting((s) => asks(s.blackboxExporter.resources)), why.sized],
    [
      "podSecurityContext/sysctls/0/value",
      setting((s) => (s.checks.some(({ type }) => type === "icmp") ? "1000 1000" : undefined)),
      "only the exporter's own group may open sockets for pings",
    ],
  ]),
];

// Of all checks.
export const scraped: Scraped = { jobs: ["checks"], metrics: ["probe_"] };
