/** Values that the manifests of `flux-repo/` may use. */
import type { Stack } from "../settings/read.ts";
import { clusterUrl } from "./capabilities.ts";
import type { Cluster } from "./cluster/cluster.ts";
import type { contexts } from "./context.ts";
import { runbooks } from "./gitops/delivery.ts";
import { yamlScalars } from "./gitops/source.ts";
import { together } from "./outputs.ts";
import { type Chosen, providers } from "./plan.ts";

export function variables(
  stack: Stack,
  cluster: Cluster,
  chosen: readonly Chosen[],
  context: ReturnType<typeof contexts>,
): Record<string, string> {
  const [gateway] = providers(chosen, "gateway").flatMap(({ offers }) => offers.gateway ?? []);
  const [dashboards] = providers(chosen, "dashboards");
  return {
    ...yamlScalars({
      CLUSTER_NAME: cluster.name,
      ...together(chosen.map((one) => one.component.variables?.(context(one)))),
      ...(gateway === undefined
        ? {}
        : { COLLECTOR_OTLP_GRPC: clusterUrl(gateway.otlpGrpc), COLLECTOR_OTLP_HTTP: clusterUrl(gateway.otlpHttp) }),
    }),
    // Something follows them in the manifests.
    RUNBOOK_BASE_URL: runbooks(stack),
    GRAFANA_URL: dashboards === undefined ? "" : context(dashboards).browserUrl("dashboards"),
  };
}
