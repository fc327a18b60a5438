/** Targets of remote write in the words of the Prometheus Operator: for its Prometheus and for its PrometheusAgent. */
import type { Relabeling, RemoteWriteTarget, SecretRef } from "../../capabilities.ts";
import { operatorLogin, operatorTls } from "../../guarded-servers.ts";

/** What is set of `RemoteWriteSpec` (prometheus-operator 0.93.1, monitoring/v1). */
export interface RemoteWriteSpec {
  readonly name: string;
  readonly url: string;
  readonly remoteTimeout: string;
  readonly messageVersion: "V1.0" | "V2.0";
  readonly sendExemplars: boolean;
  readonly sendNativeHistograms: boolean;
  readonly headers?: Readonly<Record<string, string>>;
  readonly basicAuth?: { readonly username: SecretRef; readonly password: SecretRef };
  readonly authorization?: { readonly type: "Bearer"; readonly credentials: SecretRef };
  readonly tlsConfig?: { readonly ca: { readonly secret: SecretRef } };
  readonly writeRelabelConfigs?: readonly Relabeling[];
  readonly queueConfig: RemoteWriteTarget["queue"] & { readonly retryOnRateLimit: true };
}

export function remoteWriteSpecs(targets: readonly RemoteWriteTarget[]): RemoteWriteSpec[] {
  return targets.map(
    ({ name, url, timeout, protocol, exemplars, nativeHistograms, headers, login, ca, relabelings, queue }) => ({
      ...{ name, url, remoteTimeout: timeout, messageVersion: `V${protocol}` as const },
      ...{ sendExemplars: exemplars, sendNativeHistograms: nativeHistograms },
      ...(Object.keys(headers).length === 0 ? {} : { headers }),
      ...operatorLogin(login),
      ...operatorTls(ca),
      ...(relabelings.length === 0 ? {} : { writeRelabelConfigs: relabelings }),
      // Without it what a server is too busy for is lost; with it, it waits.
      queueConfig: { ...queue, retryOnRateLimit: true },
    }),
  );
}
