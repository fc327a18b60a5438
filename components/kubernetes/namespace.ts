import * as k8s from "@pulumi/kubernetes";
import * as pulumi from "@pulumi/pulumi";
import { registryCredentials } from "./registry-credentials.ts";

/**
 * Level of the Pod Security Standards that a namespace enforces. There is no default: whoever makes a namespace says
 * what its pods may do.
 */
export type PodSecurityLevel = "restricted" | "baseline" | "privileged";

/** Version of the standards, so that a new Kubernetes does not tighten them unasked. */
const podSecurityVersion = "v1.36";

/** Labels of a namespace that enforces a level and warns about what a stricter one would refuse. */
export function podSecurityLabels(level: PodSecurityLevel): Record<string, string> {
  const warn = level === "privileged" ? "privileged" : "restricted";
  return {
    "pod-security.kubernetes.io/enforce": level,
    "pod-security.kubernetes.io/enforce-version": podSecurityVersion,
    "pod-security.kubernetes.io/warn": warn,
    "pod-security.kubernetes.io/warn-version": podSecurityVersion,
    "pod-security.kubernetes.io/audit": warn,
    "pod-security.kubernetes.io/audit-version": podSecurityVersion,
  };
}

/** Who may reach pods of a namespace, and on which ports. */
export interface Allow {
  /** Ends the policy's name: `allow-<name>`. */
  readonly name: string;
  /** Labels of the pods that are reached; all pods of the namespace when absent. */
  readonly to?: Readonly<Record<string, string>>;
  /** TCP ports of the pods; none are all, where there are no UDP ports either. */
  readonly ports: readonly number[];
  /** UDP ports. @default none */
  readonly udp?: readonly number[];
  /**
   * Namespaces that may connect; they need not exist yet. None is nobody. `anyone` is for what is reached through a node (host ports, webhooks called by the API
   * server): such traffic has no pod that a policy could name.
   */
  readonly from: readonly string[] | "anyone";
}

export interface NamespaceArgs {
  /** Name in the cluster. */
  readonly namespace: string;
  readonly podSecurity: PodSecurityLevel;
  /** Exceptions to "no one may connect"; pods of the namespace always reach each other. */
  readonly allow: readonly Allow[];
  /** Docker's config.json, for images of private registries; secret.
   * @default none */
  readonly registryCredentials?: pulumi.Output<string> | undefined;
}

function policySpec(allow: Allow): k8s.types.input.networking.v1.NetworkPolicySpec {
  const from =
    allow.from === "anyone"
      ? undefined
      : allow.from.map((namespace) => ({
          namespaceSelector: { matchLabels: { "kubernetes.io/metadata.name": namespace } },
        }));
  const ports = [
    ...allow.ports.map((port) => ({ port, protocol: "TCP" })),
    ...(allow.udp ?? []).map((port) => ({ port, protocol: "UDP" })),
  ];
  return {
    podSelector: { matchLabels: { ...allow.to } },
    policyTypes: ["Ingress"],
    ingress: [
      {
        ...(from === undefined ? {} : { from }),
        ...(ports.length === 0 ? {} : { ports }),
      },
    ],
  };
}

/** A namespace with its Pod Security level and its network policies: nothing gets in but what is allowed by name. */
export class Namespace extends pulumi.ComponentResource {
  /** Name in the cluster. */
  readonly namespace: string;

  constructor(name: string, args: NamespaceArgs, opts?: pulumi.ComponentResourceOptions) {
    super("observability:kubernetes:Namespace", name, {}, opts);
    this.namespace = args.namespace;
    const namespace = new k8s.core.v1.Namespace(
      `${name}-namespace`,
      { metadata: { name: args.namespace, labels: podSecurityLabels(args.podSecurity) } },
      { parent: this },
    );
    if (args.registryCredentials !== undefined) {
      registryCredentials(`${name}-registry`, args.namespace, args.registryCredentials, {
        parent: this,
        dependsOn: namespace,
      });
    }
    const policy = (suffix: string, spec: k8s.types.input.networking.v1.NetworkPolicySpec) =>
      new k8s.networking.v1.NetworkPolicy(
        `${name}-${suffix}`,
        { metadata: { name: suffix, namespace: args.namespace }, spec },
        { parent: this, dependsOn: namespace },
      );
    policy("default-deny", { podSelector: {}, policyTypes: ["Ingress"] });
    policy("allow-same-namespace", {
      podSelector: {},
      policyTypes: ["Ingress"],
      ingress: [{ from: [{ podSelector: {} }] }],
    });
    for (const allow of args.allow) {
      // To Kubernetes an empty list is everybody.
      if (allow.from.length > 0) policy(`allow-${allow.name}`, policySpec(allow));
    }
    this.registerOutputs({ namespace: this.namespace });
  }
}
