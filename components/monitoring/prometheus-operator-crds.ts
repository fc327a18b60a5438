import * as pulumi from "@pulumi/pulumi";
import { charts } from "../../settings/versions.ts";
import { HelmRelease } from "../gitops/helm-release.ts";
import type { ReleaseArgs } from "./component.ts";
import { namespaces } from "./namespaces.ts";

/**
 * The definitions of the Prometheus Operator as a release of their own, first: every other chart may then declare its
 * ServiceMonitor at its first install, and none waits for the whole of kube-prometheus-stack.
 */
export class PrometheusOperatorCrds extends pulumi.ComponentResource {
  constructor(name: string, args: ReleaseArgs, opts?: pulumi.ComponentResourceOptions) {
    super("observability:monitoring:PrometheusOperatorCrds", name, {}, opts);
    new HelmRelease(
      name,
      { ...args, chart: charts.prometheusOperatorCrds, namespace: namespaces.monitoring, values: {} },
      { parent: this },
    );
    this.registerOutputs();
  }
}
