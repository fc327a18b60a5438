/** What the chart leaves open and the values fill, and values that security or data rest on: for the judges in `contract/`. */
import type { Scraped } from "../../contract/component-files.ts";
import {
  containerSecurityContext,
  list,
  podSecurityContext,
  pullSecrets,
  resources,
  strict,
  type FreeForm,
} from "../../contract/handed-on.ts";
import { asks, of, podSecurity, setting, why, type Pin } from "../../contract/pin.ts";
import type { Settings } from "../../settings/schema.ts";

const injected = ({ demo, instrumentation }: Settings) =>
  demo.app === "kbot" && instrumentation.enabled && instrumentation.go;

export const freeForm: FreeForm = {
  podinfo: {
    "**/resources": resources,
    "image/pullSecrets": pullSecrets,
    podSecurityContext,
    securityContext: containerSecurityContext,
    backends: [
      "flags of the program: an address each (cmd/podinfo/main.go, backend-url)",
      () => list({ type: "string", pattern: "^http://podinfo-[a-z]+:9898/echo$" }),
    ],
    extraArgs: [
      "flags of the program (cmd/podinfo/main.go); any other ends it",
      () => list({ type: "string", pattern: "^--otel-service-name=podinfo-[a-z]+$" }),
    ],
    extraEnvs: [
      "variables of the container, which the SDK for Go reads (go.opentelemetry.io/otel/sdk, exporters/otlp)",
      () =>
        list({
          oneOf: [
            ["OTEL_EXPORTER_OTLP_ENDPOINT", "^https?://.+:\\d+$"],
            ["OTEL_TRACES_SAMPLER", "^parentbased_traceidratio$"],
            ["OTEL_TRACES_SAMPLER_ARG", "^(0|1|0\\.\\d+)$"],
            ["OTEL_RESOURCE_ATTRIBUTES", "^[\\w.]+=[^,]+(,[\\w.]+=[^,]+)*$"],
          ].map(([name, pattern]) =>
            strict({ name: { const: name }, value: { type: "string", pattern } }, ["name", "value"]),
          ),
        }),
    ],
    podAnnotations: [
      "read by the collector's discovery",
      () => strict({ "prometheus.io/monitor": { const: "true" } }, ["prometheus.io/monitor"]),
    ],
  },
};

export const pins: readonly Pin[] = [
  ...of("HelmRelease flux-system/podinfo-*", [
    ["spec/values/serviceMonitor/interval", "30s", why.sampled],
    ["spec/values/serviceMonitor/enabled", true, "the demo's metrics come by its monitor and no other way"],
    ["spec/values/podSecurityContext/runAsUser", 10001, why.contained],
    ["spec/values/resources", asks({ cpu: "10m", memory: "32Mi", memoryLimit: "128Mi" }), why.small],
  ]),
  ...of("Deployment demo/podinfo-client", [
    ["spec/replicas", 1, "one person's clicks"],
    ["spec/template/spec/securityContext/runAsUser", 10001, why.contained],
    ["spec/template/spec/containers/0/resources", asks({ cpu: "10m", memory: "32Mi", memoryLimit: "64Mi" }), why.small],
  ]),
  ...podSecurity(
    "demo",
    setting((s) => (injected(s) ? "privileged" : "restricted")),
    "kbot\'s Go instrumentation is privileged",
  ),
];

export const scraped: Scraped = { jobs: ["podinfo-frontend", "podinfo-backend", "kbot"] };
