import * as pulumi from "@pulumi/pulumi";
import { containerResources } from "../../settings/resources.ts";
import type { Settings } from "../../settings/schema.ts";
import { charts } from "../../settings/versions.ts";
import { HelmRelease } from "../gitops/helm-release.ts";
import { hardened } from "../kubernetes/hardened.ts";
import type { ReleaseArgs } from "./component.ts";
import type { OpentelemetryOperatorValues } from "./generated/opentelemetry-operator.ts";
import { namespaces } from "./namespaces.ts";

/** Values of opentelemetry-operator 0.122.0. */
function opentelemetryOperatorValues(settings: Settings["opentelemetry"]): OpentelemetryOperatorValues {
  return {
    manager: {
      autoInstrumentation: { go: { enabled: settings.goInstrumentation } },
      serviceMonitor: { enabled: true },
      resources: containerResources(settings.operator),
      securityContext: { ...hardened, runAsNonRoot: true },
    },
    // `operator.networkpolicy` stays off, its default: with it operator 0.158 crashes (opentelemetry-operator#5493).
    admissionWebhooks: { certManager: { enabled: true } },
  };
}

/** The OpenTelemetry operator; its webhooks' certificates come from cert-manager. */
export class OpentelemetryOperator extends pulumi.ComponentResource {
  constructor(
    name: string,
    args: ReleaseArgs & { readonly settings: Settings["opentelemetry"] },
    opts?: pulumi.ComponentResourceOptions,
  ) {
    super("observability:monitoring:OpentelemetryOperator", name, {}, opts);
    new HelmRelease<OpentelemetryOperatorValues>(
      name,
      {
        ...args,
        chart: charts.opentelemetryOperator,
        namespace: namespaces.monitoring,
        values: opentelemetryOperatorValues(args.settings),
        override: args.settings.operatorValues,
      },
      { parent: this },
    );
    this.registerOutputs();
  }
}
