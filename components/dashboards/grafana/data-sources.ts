/** Grafana's data sources, out of what the stores say of themselves, and the links between them. */
import { clusterUrl, dataSourceUid, type Linked } from "../../capabilities.ts";
import type { Context } from "../../component.ts";

/** A provisioned data source of Grafana, as far as the environment sets it. */
export interface GrafanaDataSource {
  readonly name: string;
  readonly uid: string;
  readonly type: string;
  readonly access: "proxy";
  readonly isDefault: boolean;
  readonly url: string;
  readonly jsonData: Readonly<Record<string, unknown>>;
}

const capabilities = ["metrics", "alerts", "logs", "traces"] as const;

/**
 * One for each store: the first of a capability has the capability's UID, so that dashboards and bookmarks find it whatever it
 * is; a further one has its own key behind it.
 */
export function grafanaDataSources({ all }: Pick<Context<unknown>, "all">): GrafanaDataSource[] {
  const linked: Linked = Object.fromEntries(
    capabilities
      .filter((capability) => all(capability).length > 0)
      .map((capability) => [capability, dataSourceUid[capability]]),
  );
  return capabilities.flatMap((capability) =>
    all(capability).map(({ key, offer }, index): GrafanaDataSource => {
      const { name, type, jsonData } = offer.dataSource(linked);
      const uid = index === 0 ? dataSourceUid[capability] : `${dataSourceUid[capability]}-${key.toLowerCase()}`;
      return {
        name,
        uid,
        type,
        access: "proxy",
        isDefault: uid === dataSourceUid.metrics,
        url: clusterUrl(offer.endpoint),
        jsonData,
      };
    }),
  );
}
