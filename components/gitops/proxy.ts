/** The proxy of the Flux controllers, as the variables that Go's HTTP clients read (Flux, "Using HTTP/S proxy for egress traffic"). */
import * as k8s from "@pulumi/kubernetes";
import * as pulumi from "@pulumi/pulumi";
import * as random from "@pulumi/random";
import type { Settings } from "../../settings/schema.ts";
import { ownHome } from "./names.ts";

type Proxy = NonNullable<Settings["network"]["proxy"]>;

/** The variables that hold an address. @param credentials `user:password`, for the addresses */
export function proxyAddresses({ httpsProxy, httpProxy = httpsProxy }: Proxy, credentials?: string) {
  const [user = "", ...password] = credentials?.trim().split(":") ?? [];
  const login = `${encodeURIComponent(user)}:${encodeURIComponent(password.join(":"))}`;
  const to = (address: string) => (credentials === undefined ? address : address.replace("://", `://${login}@`));
  return { HTTPS_PROXY: to(httpsProxy), HTTP_PROXY: to(httpProxy) } as const;
}

/**
 * The environment of a controller. Never through the proxy: the cluster's own names, of which the controllers use those with a
 * dot at the end, too, and the API server, whose address the kubelet puts in.
 * @param secret Secret with the addresses; undefined where they hold no password
 */
export function proxyVariables(proxy: Proxy, secret: pulumi.Input<string> | undefined): object[] {
  const own = ["localhost", "127.0.0.1", ".svc", ".cluster.local", ".cluster.local.", "$(KUBERNETES_SERVICE_HOST)"];
  return [
    ...Object.entries(proxyAddresses(proxy)).map(([name, value]) =>
      secret === undefined ? { name, value } : { name, valueFrom: { secretKeyRef: { name: secret, key: name } } },
    ),
    { name: "NO_PROXY", value: [...own, ...proxy.noProxy].join(",") },
  ];
}

/**
 * The Secret with the addresses of a proxy that asks for a password. A container reads its environment once: another password
 * is another Secret, so that the controllers start anew with it, and its name tells nothing of it.
 * @param credentials `user:password`; secret
 * @returns its name
 */
export function proxySecret(
  name: string,
  proxy: Proxy,
  credentials: pulumi.Output<string>,
  opts: pulumi.CustomResourceOptions,
): pulumi.Output<string> {
  const stringData = credentials.apply((login) => proxyAddresses(proxy, login));
  const version = new random.RandomUuid(`${name}-version`, { keepers: stringData }, { parent: opts.parent });
  const secret = new k8s.core.v1.Secret(
    name,
    { metadata: { name: pulumi.interpolate`proxy-${version.result}`, namespace: ownHome.namespace }, stringData },
    opts,
  );
  return secret.metadata.name;
}
