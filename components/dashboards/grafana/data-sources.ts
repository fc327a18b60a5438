/** Grafana's data sources, out of what the stores say of themselves, and the links between them. */
import {
  type Access,
  clusterUrl,
  dataSourceUid,
  asRemote,
  type Linked,
  type Place,
  type Remote,
} from "../../capabilities.ts";
import type { Context } from "../../component.ts";
import { authenticates, caKey, caOf, type Known, remotes, secretKey, secretOf, tenantHeader } from "../../remote.ts";

/** A provisioned data source of Grafana, as far as the environment sets it. */
export interface GrafanaDataSource {
  readonly name: string;
  readonly uid: string;
  readonly type: string;
  readonly access: "proxy";
  readonly isDefault: boolean;
  readonly url: string;
  readonly basicAuth?: true;
  readonly basicAuthUser?: string;
  readonly jsonData: Readonly<Record<string, unknown>>;
  readonly secureJsonData?: Readonly<Record<string, string>>;
}

/**
 * The variable with the secret of a server. As `$NAME`, never `${NAME}` or a file: what those are replaced by is looked through for
 * variables again, and a password loses what follows a `$` (grafana/grafana#130055).
 */
const secretVariable = ({ of }: Access) => `EXTERNAL_${of.toUpperCase()}_SECRET`;

/** The same of an authority of the environment's own, whose certificate only its Secret has. */
const caVariable = ({ of }: Access) => `EXTERNAL_${of.toUpperCase()}_CA`;

/** How a server is asked: the keys of a data source that say so. */
function asked(
  remote: Remote,
  known: Known,
): Pick<GrafanaDataSource, "basicAuth" | "basicAuthUser" | "jsonData" | "secureJsonData"> {
  const { access } = remote;
  const secret = authenticates(access, known) ? `$${secretVariable(access)}` : undefined;
  const ca = caOf(remote, known);
  const headers = [
    ...(secret === undefined || access.user !== undefined
      ? []
      : [["Authorization", `${access.scheme ?? "Bearer"} ${secret}`] as const]),
    ...(access.tenant === undefined ? [] : [[tenantHeader, access.tenant] as const]),
  ];
  const secureJsonData = {
    ...(secret === undefined || access.user === undefined ? {} : { basicAuthPassword: secret }),
    ...(ca === undefined ? {} : { tlsCACert: typeof ca === "string" ? ca : `$${caVariable(access)}` }),
    ...Object.fromEntries(headers.map(([, value], index) => [`httpHeaderValue${index + 1}`, value])),
  };
  return {
    ...(access.user === undefined ? {} : { basicAuth: true, basicAuthUser: access.user }),
    jsonData: {
      ...(ca === undefined ? {} : { tlsAuthWithCACert: true }),
      ...Object.fromEntries(headers.map(([name], index) => [`httpHeaderName${index + 1}`, name])),
    },
    ...(Object.keys(secureJsonData).length === 0 ? {} : { secureJsonData }),
  };
}

const capabilities = ["metrics", "alerts", "logs", "traces"] as const;

/**
 * One for each store: the first of a capability has the capability's UID, so that dashboards and bookmarks find it whatever it
 * is; a further one has its own key behind it.
 */
export function grafanaDataSources({
  all,
  environment,
}: Pick<Context<unknown>, "all" | "environment">): GrafanaDataSource[] {
  const shown = (capability: (typeof capabilities)[number]) =>
    all(capability).flatMap(({ key, offer: { endpoint, dataSource } }) =>
      dataSource === undefined ? [] : [{ key, endpoint, dataSource }],
    );
  const linesOfTrace = all("logs").find(({ offer }) => offer.dataSource !== undefined)?.offer.linesOfTrace;
  const linked: Linked = {
    ...Object.fromEntries(
      capabilities
        .filter((capability) => shown(capability).length > 0)
        .map((capability) => [capability, dataSourceUid[capability]]),
    ),
    ...(linesOfTrace === undefined ? {} : { linesOfTrace }),
  };
  return capabilities.flatMap((capability) =>
    shown(capability).map(({ key, endpoint, dataSource }, index): GrafanaDataSource => {
      const { name, type, jsonData } = dataSource(linked);
      const uid = index === 0 ? dataSourceUid[capability] : `${dataSourceUid[capability]}-${key.toLowerCase()}`;
      const remote = asRemote(endpoint);
      const server = remote === undefined ? undefined : asked(remote, environment);
      return {
        name,
        uid,
        type,
        access: "proxy",
        isDefault: uid === dataSourceUid.metrics,
        url: clusterUrl(endpoint),
        ...server,
        jsonData: { ...jsonData, ...server?.jsonData },
      };
    }),
  );
}

/** Plugins that Grafana's image has not. */
export function grafanaPlugins({ all }: Pick<Context<unknown>, "all">): string[] {
  return capabilities.flatMap((capability) =>
    all(capability).flatMap(({ offer: { dataSource } }) => dataSource?.({}).plugin ?? []),
  );
}

/** Where Grafana asks. */
export function askedPlaces({ all }: Pick<Context<unknown>, "all">): Place[] {
  return capabilities.flatMap((capability) =>
    all(capability).flatMap(({ offer: { endpoint, dataSource } }) => (dataSource === undefined ? [] : [endpoint])),
  );
}

/** A variable of a container that is a key of a Secret. */
export interface SecretVariable {
  readonly secretKeyRef: { readonly name: string; readonly key: string };
}

/** Variables of Grafana's container with the secrets of the servers that it asks. */
export function secretVariables(
  context: Pick<Context<unknown>, "all" | "environment">,
): Record<string, SecretVariable> {
  return Object.fromEntries(
    remotes(askedPlaces(context)).flatMap((remote) => {
      const { access } = remote;
      const of = (key: string) => ({ secretKeyRef: { name: secretOf("grafana"), key } });
      return [
        ...(authenticates(access, context.environment) ? [[secretVariable(access), of(secretKey(access))]] : []),
        ...(typeof access.ca === "object" ? [[caVariable(access), of(caKey(access))]] : []),
      ] as [string, SecretVariable][];
    }),
  );
}
