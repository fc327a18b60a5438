/** Whom vmalert tells, in the words of its `-notifier.config` (1.151, app/vmalert/notifier/config.go). */
import { type AlertRouter, isRemote } from "../capabilities.ts";
import { authenticates, caKey, caOf, hostPort, type Known, secretKey, tenantHeader } from "../remote.ts";

/** An Alertmanager of the cluster whose replicas are all told: they share what they have told, not what they were told. */
export function discovered({ endpoint, replicas }: AlertRouter): object | undefined {
  if (isRemote(endpoint)) return undefined;
  const { namespace: home, service, port } = replicas ?? endpoint;
  const found = { names: [`${service}.${home}.svc`], type: "A", port };
  return { scheme: "http", path_prefix: endpoint.path, dns_sd_configs: [found] };
}

/** The same, or an Alertmanager that is there already, as it wants to be asked. @param folder where the pod has the Secret with what it wants */
export function notifiers(router: AlertRouter, known: Known, folder: string): object {
  const { endpoint } = router;
  if (!isRemote(endpoint)) return discovered(router) ?? {};
  const { url, access } = endpoint;
  const { protocol, pathname } = new URL(url);
  const file = `${folder}/${secretKey(access)}`;
  return {
    scheme: protocol.slice(0, -1),
    path_prefix: pathname === "/" ? "" : pathname,
    static_configs: [{ targets: [hostPort(url)] }],
    ...(!authenticates(access, known)
      ? {}
      : access.user === undefined
        ? { bearer_token_file: file }
        : { basic_auth: { username: access.user, password_file: file } }),
    ...(access.tenant === undefined ? {} : { headers: [`${tenantHeader}: ${access.tenant}`] }),
    ...(caOf(endpoint, known) === undefined ? {} : { tls_config: { ca_file: `${folder}/${caKey(access)}` } }),
  };
}
