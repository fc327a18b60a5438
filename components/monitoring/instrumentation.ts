import * as pulumi from "@pulumi/pulumi";
import { containerResources } from "../../settings/resources.ts";
import { clusterUrl, type Prerequisite, type TelemetryGateway } from "../capabilities.ts";
import { declare } from "../kubernetes/manifest.ts";
import { namespaces } from "./namespaces.ts";
import { retryWebhook } from "./retry-webhook.ts";

/** Log records of the framework leave by OTLP too, with the ids of the span that was active. */
const logsByOtlp = { name: "OTEL_LOGS_EXPORTER", value: "otlp" };

/**
 * What the operator injects into pods that ask for it. One object for all namespaces, which name it in their pods'
 * annotations as `monitoring/default` (operator 0.158, internal/instrumentation/podmutator.go): so nothing has to be made in a
 * namespace of somebody else, or in one that does not exist yet.
 */
export class Instrumentation extends pulumi.ComponentResource {
  constructor(
    name: string,
    args: {
      readonly gateway: TelemetryGateway;
      /** Share of new traces that are kept, from 0 to 1. */
      readonly samplingRatio: number;
      readonly clusterName: string;
      readonly prerequisites: readonly Prerequisite[];
    },
    opts?: pulumi.ComponentResourceOptions,
  ) {
    super("observability:monitoring:Instrumentation", name, {}, opts);
    declare(
      `${name}-default`,
      {
        apiVersion: "opentelemetry.io/v1alpha1",
        kind: "Instrumentation",
        metadata: { name: "default", namespace: namespaces.monitoring },
        spec: {
          // OTLP over HTTP: the one protocol that the Go, Java and Python agents all speak by default.
          exporter: { endpoint: clusterUrl(args.gateway.otlpHttp) },
          propagators: ["tracecontext", "baggage"],
          sampler: { type: "parentbased_traceidratio", argument: String(args.samplingRatio) },
          // service.name, k8s.namespace.name, k8s.pod.name and k8s.container.name come from the operator; they equal the
          // namespace, pod and container labels of logs and metrics. The cluster is ours to say.
          resource: {
            addK8sUIDAttributes: true,
            resourceAttributes: {
              "k8s.cluster.name": args.clusterName,
              "deployment.environment.name": args.clusterName,
            },
          },
          go: { resourceRequirements: containerResources({ cpu: "20m", memory: "64Mi", memoryLimit: "256Mi" }) },
          java: {
            env: [logsByOtlp],
            resources: containerResources({ cpu: "50m", memory: "64Mi", memoryLimit: "128Mi" }),
          },
          python: {
            env: [logsByOtlp, { name: "OTEL_PYTHON_LOGGING_AUTO_INSTRUMENTATION_ENABLED", value: "true" }],
            resourceRequirements: containerResources({ cpu: "50m", memory: "64Mi", memoryLimit: "128Mi" }),
          },
        },
      },
      { parent: this, dependsOn: [...args.prerequisites], hooks: { onError: [retryWebhook(name)] } },
    );
    this.registerOutputs();
  }
}
