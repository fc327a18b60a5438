/** Whom Thanos Ruler asks and tells, in the words of Thanos 0.42 (pkg/clientconfig, pkg/alert). */
import { type Access, isRemote, type Place } from "../../capabilities.ts";
import { authenticates, caKey, caOf, hostPort, type Known, secretKey } from "../../remote.ts";

/** Where the pod has the Secret with what servers want. */
export const externalFolder = "/etc/thanos/external";

const file = (key: string) => `${externalFolder}/${key}`;

function login(access: Access, known: Known): object {
  if (!authenticates(access, known)) return {};
  const secret = file(secretKey(access));
  return access.user === undefined
    ? { bearer_token_file: secret }
    : { basic_auth: { username: access.user, password_file: secret } };
}

/** @param discovery how Thanos looks up the addresses of a service: `dns+` asks each of them, `` one of them */
function endpoint(place: Place, known: Known, discovery: "dns+" | ""): object {
  if (!isRemote(place)) {
    const { service, namespace, port, path } = place;
    return { static_configs: [`${discovery}${service}.${namespace}.svc:${port}`], scheme: "http", path_prefix: path };
  }
  const { protocol, pathname } = new URL(place.url);
  const http = {
    ...login(place.access, known),
    ...(caOf(place, known) === undefined ? {} : { tls_config: { ca_file: file(caKey(place.access)) } }),
  };
  return {
    static_configs: [hostPort(place.url)],
    scheme: protocol.slice(0, -1),
    path_prefix: pathname === "/" ? "" : pathname,
    ...(Object.keys(http).length === 0 ? {} : { http_config: http }),
  };
}

/** `--query.config`. */
export const queryConfig = (store: Place, known: Known) => [endpoint(store, known, "")];

/** `--alertmanagers.config`. Replicas tell each other what they have sent, so each is told of every alert. */
export const alertmanagersConfig = (routers: readonly Place[], known: Known) => ({
  alertmanagers: routers.map((place) => ({ ...endpoint(place, known, "dns+"), api_version: "v2" })),
});

/** `--alert.relabel-config`: whose alert it is, where the rule has not kept it. */
export const alertRelabelings = (cluster: string) => [
  { source_labels: ["cluster"], regex: "", target_label: "cluster", replacement: cluster },
];
