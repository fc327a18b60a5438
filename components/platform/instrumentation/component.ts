import { containerResources } from "../../../settings/resources.ts";
import { clusterUrl } from "../../capabilities.ts";
import { defineComponent } from "../../component.ts";
import { namespaces } from "../../kubernetes/namespaces.ts";
import { instrumentation } from "./settings.ts";

/** Log records of the framework leave by OTLP too, with the ids of the span that was active. */
const logsByOtlp = { name: "OTEL_LOGS_EXPORTER", value: "otlp" };

/** Of the init container that copies an agent into the pod. */
const copied = containerResources({ cpu: "50m", memory: "64Mi", memoryLimit: "128Mi" });

/** What is injected into a pod, for each language. */
function injected(otlpHttp: string, samplingRatio: number, clusterName: string) {
  return {
    // OTLP over HTTP: the one protocol that all agents speak by default.
    exporter: { endpoint: otlpHttp },
    propagators: ["tracecontext", "baggage"],
    sampler: { type: "parentbased_traceidratio", argument: String(samplingRatio) },
    // service.name, k8s.namespace.name, k8s.pod.name and k8s.container.name come from the operator; they equal the
    // namespace, pod and container labels of logs and metrics. The cluster is ours to say.
    resource: {
      addK8sUIDAttributes: true,
      resourceAttributes: {
        "k8s.cluster.name": clusterName,
        "deployment.environment.name": clusterName,
      },
    },
    go: { resourceRequirements: containerResources({ cpu: "20m", memory: "64Mi", memoryLimit: "256Mi" }) },
    java: { env: [logsByOtlp], resources: copied },
    nodejs: { env: [logsByOtlp], resourceRequirements: copied },
    python: {
      env: [logsByOtlp, { name: "OTEL_PYTHON_LOGGING_AUTO_INSTRUMENTATION_ENABLED", value: "true" }],
      resourceRequirements: copied,
    },
    dotnet: { env: [logsByOtlp], resourceRequirements: copied },
  };
}

/**
 * What the operator injects into pods that ask for it. One object for all namespaces, which name it in their pods'
 * annotations as `monitoring/default` (operator 0.158, internal/instrumentation/podmutator.go): so nothing has to be made in a
 * namespace of somebody else, or in one that does not exist yet.
 */
export const instrumentationComponent = defineComponent({
  key: "instrumentation",
  title: "Instrumentation",
  settings: { instrumentation },
  charts: [],
  switch: "instrumentation.enabled",
  enabled: ({ instrumentation: { enabled } }) => enabled,
  needs: ["collectors", "gateway"],
  after: ["collectors"],
  namespaces: () => [namespaces.monitoring],
  offers: ({ instrumentation: { samplingRatio, go } }) => ({ injection: { samplingRatio, go } }),
  extras: ({ settings, environment, offered }) => {
    const gateway = offered("gateway");
    if (gateway === undefined) return [];
    return [
      {
        name: "default",
        last: true,
        webhook: true,
        object: {
          apiVersion: "opentelemetry.io/v1alpha1",
          kind: "Instrumentation",
          metadata: { name: "default", namespace: namespaces.monitoring.name },
          spec: injected(clusterUrl(gateway.otlpHttp), settings.instrumentation.samplingRatio, environment.clusterName),
        },
      },
    ];
  },
});
