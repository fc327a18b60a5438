import type { z } from "zod";
import { containerResources } from "../../../settings/resources.ts";
import { hardened } from "../../kubernetes/hardened.ts";
import type { blackboxExporter, Check } from "./settings.ts";

/** A module of the exporter's configuration, as far as the environment sets it. */
export interface Module {
  readonly prober: Check["type"];
  readonly timeout: string;
  readonly http?: {
    readonly preferred_ip_protocol: "ip4";
    readonly follow_redirects: boolean;
    readonly valid_http_versions: readonly string[];
    readonly valid_status_codes?: readonly number[];
  };
  readonly tcp?: { readonly preferred_ip_protocol: "ip4" };
  readonly icmp?: { readonly preferred_ip_protocol: "ip4" };
}

/** The part of the values of prometheus-blackbox-exporter 11.17.2 that the environment sets. */
export interface BlackboxExporterValues {
  readonly resources: ReturnType<typeof containerResources>;
  readonly securityContext: typeof hardened;
  readonly podSecurityContext?: { readonly sysctls: readonly { readonly name: string; readonly value: string }[] };
  readonly config: { readonly modules: Readonly<Record<string, Module>> };
}

/** The group that the chart runs the exporter as (`securityContext.runAsGroup`). */
const group = 1000;

/** Name of the module that makes a check. */
export function moduleOf({ type, expectStatus }: Pick<Check, "type" | "expectStatus">): string {
  if (type === "http") return `http_${expectStatus ?? "2xx"}`;
  return { tcp: "tcp_connect", icmp: "icmp" }[type];
}

// IPv6 first, as by default, would fail on pods without IPv6 wherever a name has both addresses; ip4 falls back to it.
const network = { preferred_ip_protocol: "ip4" } as const;
const timeout = "5s";

/** Says every key of the chart's own `http_2xx`, with which Helm merges it. */
const http = (status?: number): Module => ({
  prober: "http",
  timeout,
  http: {
    ...network,
    // Else a redirect would never be seen.
    follow_redirects: status === undefined || status < 300 || status > 399,
    valid_http_versions: ["HTTP/1.0", "HTTP/1.1", "HTTP/2.0"],
    ...(status === undefined ? {} : { valid_status_codes: [status] }),
  },
});

/** Values of the blackbox exporter: the usual three modules, which people's own Probes may name, and one for each status. */
export function blackboxExporterValues(
  { resources }: z.output<typeof blackboxExporter>,
  checks: readonly Check[],
): BlackboxExporterValues {
  return {
    resources: containerResources(resources),
    securityContext: hardened,
    // Pings without a capability: "restricted" lets no container add NET_RAW, but lets a pod set this sysctl, which is safe
    // to the kubelet and holds in the pod's own network only. The exporter tries such a socket first (prober/icmp.go).
    ...(checks.some(({ type }) => type === "icmp")
      ? { podSecurityContext: { sysctls: [{ name: "net.ipv4.ping_group_range", value: `${group} ${group}` }] } }
      : {}),
    config: {
      modules: {
        http_2xx: http(),
        tcp_connect: { prober: "tcp", timeout, tcp: network },
        icmp: { prober: "icmp", timeout, icmp: network },
        ...Object.fromEntries(
          checks
            .filter(({ expectStatus }) => expectStatus !== undefined)
            .map((check) => [moduleOf(check), http(check.expectStatus)]),
        ),
      },
    },
  };
}
