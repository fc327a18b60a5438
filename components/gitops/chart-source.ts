import { createHash } from "node:crypto";
import * as k8s from "@pulumi/kubernetes";
import * as pulumi from "@pulumi/pulumi";
import type { Settings } from "../../settings/schema.ts";
import type { ChartPin } from "../../settings/versions.ts";
import { imagePullSecrets } from "../kubernetes/pull-secrets.ts";
import { api, type FluxHome } from "./names.ts";

/** A source object that a HelmRelease refers to. */
export interface ChartSource {
  readonly kind: "OCIRepository" | "HelmRepository";
  readonly name: string;
  readonly resource: pulumi.Resource;
}

/** Host and path of a repository's address as an object name: `https://a.b/c` is `a-b-c`. */
function objectName(address: string): string {
  return address
    .replace(/^[a-z]+:\/\//, "")
    .toLowerCase()
    .replaceAll(/[^a-z0-9]+/g, "-")
    .replaceAll(/^-+|-+$/g, "");
}

/** Secret with the CA certificates, beside the sources. */
const caSecret = "network-ca";

const shortHash = (text: string) => createHash("sha256").update(text).digest("hex").slice(0, 8);

/** What a source says of whom it trusts, and with whose credentials it asks. */
export interface ChartAccess {
  /** Whether the Secret with the company's CA certificates is there. */
  readonly ca: boolean;
  /** Whether the Secret with the credentials of private registries is. */
  readonly credentials: boolean;
}

/** The source of a chart, without its resource. Pure: preflight holds it against the definitions of others. */
export function chartSource(
  { mirror, interval }: Pick<Settings["charts"], "mirror" | "interval">,
  pin: ChartPin,
  { ca, credentials }: ChartAccess,
): Omit<ChartSource, "resource"> & { readonly spec: Record<string, unknown> } {
  const repository = mirror?.url ?? pin.repository;
  // Flux trusts the public authorities beside these (source-controller, `secrets.WithSystemCertPool`).
  const trust = ca ? { certSecretRef: { name: caSecret } } : {};
  if (!repository.startsWith("oci://")) {
    const spec = { interval, url: repository, ...trust };
    return { kind: "HelmRepository", name: objectName(repository), spec };
  }
  // The tag is the exact version; a digest, where it is pinned, decides alone. A mirror may have packed the chart anew.
  const artifact = {
    url: `${repository}/${pin.name}`,
    ref: {
      tag: pin.version,
      ...(pin.digest === undefined || mirror !== undefined ? {} : { digest: pin.digest }),
    },
  };
  const spec = {
    interval,
    ...artifact,
    layerSelector: {
      mediaType: "application/vnd.cncf.helm.chart.content.v1.tar+gzip",
      operation: "copy",
    },
    ...(mirror?.insecure === true ? { insecure: true } : {}),
    ...trust,
    // Of hosts that it does not name, none is used.
    ...(credentials ? { secretRef: imagePullSecrets[0] } : {}),
  };
  return { kind: "OCIRepository", name: `${pin.name}-${shortHash(JSON.stringify(artifact))}`, spec };
}

/**
 * Where charts come from. The name of an OCI artifact's source says what it fetches: another version, digest or registry is
 * another source, so that the release that names it changes with it. Flux then deploys chart and values together, and an
 * `up` waits for that: it would not see an upgrade that only changes a source (its release would stay Ready, with the same
 * spec). The old source goes at the end. The version of an HTTP repository's chart stands in the release itself.
 *
 * Every source is declared at once and waits for nothing but Flux, so that all charts are
 * fetched while the first releases install. A chart asked for twice, or two charts of one HTTP repository, share a
 * source.
 */
export class ChartSources extends pulumi.ComponentResource {
  /** Where the releases are, too. */
  readonly home: FluxHome;
  /** How long a release of any chart may take, in minutes. */
  readonly releaseTimeoutMinutes: number;
  readonly explain: pulumi.ErrorHook;
  /** Whether others use the cluster, too. */
  readonly shared: boolean;
  /** Whether images are pulled with the credentials of private registries. */
  readonly credentials: boolean;
  /** Whether charts get the digests of their images. A mirror may have packed charts anew, with other images. */
  readonly imagesByDigest: boolean;

  private readonly settings: Settings["charts"];
  private readonly declared = new Map<string, ChartSource>();

  private readonly prerequisites: readonly pulumi.Resource[];
  private readonly ca: boolean;

  constructor(
    name: string,
    args: {
      readonly home: FluxHome;
      readonly settings: Settings["charts"];
      /** Whether others use the cluster, too: releases take nothing of theirs over, and leave them the definitions. */
      readonly shared: boolean;
      /** CA certificates that registries and repositories may have theirs of, beside the public ones; PEM. */
      readonly ca?: string | undefined;
      /** Whether charts and images come with the credentials of private registries, which are in their namespaces. */
      readonly credentials: boolean;
      /** Whether images are pulled by digest. @default false */
      readonly imagesByDigest?: boolean;
      readonly prerequisites: readonly pulumi.Resource[];
      /** Tells why a release that uses these sources is not Ready. */
      readonly explain: pulumi.ErrorHook;
    },
    opts?: pulumi.ComponentResourceOptions,
  ) {
    super("observability:gitops:ChartSources", name, {}, opts);
    this.home = args.home;
    this.settings = args.settings;
    this.releaseTimeoutMinutes = args.settings.timeoutMinutes;
    const secrets = new Array<k8s.core.v1.Secret>();
    if (args.ca !== undefined) {
      const metadata = { name: caSecret, namespace: args.home.namespace };
      const options = { parent: this, dependsOn: [...args.prerequisites] };
      secrets.push(new k8s.core.v1.Secret(`${name}-ca`, { metadata, stringData: { "ca.crt": args.ca } }, options));
    }
    this.ca = args.ca !== undefined;
    this.prerequisites = [...args.prerequisites, ...secrets];
    this.explain = args.explain;
    this.shared = args.shared;
    this.credentials = args.credentials;
    this.imagesByDigest = args.imagesByDigest === true && args.settings.mirror === undefined;
    this.registerOutputs();
  }

  /** The source of a chart, declared on first use. */
  source(pin: ChartPin): ChartSource {
    const { kind, name, spec } = chartSource(this.settings, pin, { ca: this.ca, credentials: this.credentials });
    const known = this.declared.get(name);
    if (known !== undefined) return known;
    const resource = new k8s.apiextensions.CustomResource(
      `chart-${name}`,
      { apiVersion: api.source, kind, metadata: { name, namespace: this.home.namespace }, spec },
      { parent: this, dependsOn: [...this.prerequisites] },
    );
    const source = { kind, name, resource } as const;
    this.declared.set(name, source);
    return source;
  }
}
