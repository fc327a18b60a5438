/** What a stack tells people and CI. Names and shapes are a contract: `schemas/outputs.schema.json`. */
import type * as pulumi from "@pulumi/pulumi";

/** Where a service answers. */
export interface ServiceUrl {
  /** URL on the host that made the environment; null where the cluster maps no port to it. */
  readonly host: string | null;
  /** URL inside the cluster. */
  readonly cluster: string;
}

export interface Outputs {
  /** Absolute path of the kubeconfig: `export KUBECONFIG=$(pulumi stack output kubeconfigPath)`. */
  readonly kubeconfigPath: string;
  /** Secret. */
  readonly kubeconfig: pulumi.Output<string>;
  /** Grafana's URL: on the host where there is one, else in the cluster. Null, as the next two, without Grafana. */
  readonly grafanaUrl: string | null;
  readonly grafanaUser: string | null;
  /** Secret. */
  readonly grafanaPassword: pulumi.Output<string> | null;
  /** By capability: `dashboards`, `metrics`, `alerts`, `logs`, `traces`; and `otlpGrpc`, `otlpHttp` for applications. */
  readonly serviceUrls: Readonly<Record<string, ServiceUrl>>;
  /** `SHA256:...` of the deploy key, as GitHub shows it; null where nothing is at GitHub (`source.type`). */
  readonly deployKeyFingerprint: pulumi.Output<string> | null;
  /** `owner/name` of the repository that Flux syncs; null as above. */
  readonly repository: pulumi.Output<string> | null;
  /** Version of each part: charts, Flux, node image, collector. */
  readonly componentVersions: Readonly<Record<string, string>>;
}
