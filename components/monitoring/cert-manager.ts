import * as pulumi from "@pulumi/pulumi";
import { containerResources } from "../../settings/resources.ts";
import type { Settings } from "../../settings/schema.ts";
import { charts } from "../../settings/versions.ts";
import { HelmRelease } from "../gitops/helm-release.ts";
import { spread } from "../kubernetes/hardened.ts";
import type { ReleaseArgs } from "./component.ts";
import type { CertManagerValues } from "./generated/cert-manager.ts";
import { namespaces } from "./namespaces.ts";

/** Several replicas keep serving while a node is drained; one of one would keep its node from being drained. */
function available(component: string, replicas: number) {
  if (replicas === 1) return {};
  return {
    affinity: spread({ "app.kubernetes.io/instance": "cert-manager", "app.kubernetes.io/component": component }),
    podDisruptionBudget: { enabled: true },
  };
}

/** Values of cert-manager v1.21.1. */
function certManagerValues(settings: Settings["certManager"]): CertManagerValues {
  return {
    crds: { enabled: true, keep: false },
    // The chart's own default is kube-system, where the environment has no business.
    global: { leaderElection: { namespace: namespaces.certManager } },
    replicaCount: settings.replicas,
    resources: containerResources(settings.controller),
    ...available("controller", settings.replicas),
    webhook: {
      replicaCount: settings.replicas,
      resources: containerResources(settings.webhook),
      ...available("webhook", settings.replicas),
    },
    cainjector: { resources: containerResources(settings.cainjector) },
    // Lower-case: `serviceMonitor` fails the chart's schema.
    prometheus: { enabled: true, servicemonitor: { enabled: true } },
    // A hook Job that ends when the webhook answers: the release is Ready when certificates can be made.
    startupapicheck: {
      enabled: true,
      resources: containerResources({ cpu: "10m", memory: "32Mi", memoryLimit: "96Mi" }),
    },
  };
}

/** cert-manager: certificates for webhooks. */
export class CertManager extends pulumi.ComponentResource {
  constructor(
    name: string,
    args: ReleaseArgs & { readonly settings: Settings["certManager"] },
    opts?: pulumi.ComponentResourceOptions,
  ) {
    super("observability:monitoring:CertManager", name, {}, opts);
    new HelmRelease<CertManagerValues>(
      name,
      {
        ...args,
        chart: charts.certManager,
        namespace: namespaces.certManager,
        values: certManagerValues(args.settings),
        override: args.settings.values,
      },
      { parent: this },
    );
    this.registerOutputs();
  }
}
