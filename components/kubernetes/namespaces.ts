/**
 * Namespaces of the platform. Old and known names; the agents' is apart because its pods need the host, that of buckets because
 * inside SeaweedFS nobody is asked for credentials: only its S3 port may be reached.
 */
import type { OwnNamespace } from "../component.ts";

export const namespaces = {
  monitoring: { name: "monitoring", podSecurity: "restricted" },
  nodeAgents: { name: "node-agents", podSecurity: "privileged" },
  objectStorage: { name: "object-storage", podSecurity: "restricted" },
  certManager: { name: "cert-manager", podSecurity: "restricted" },
} as const satisfies Record<string, OwnNamespace>;

/** Namespace of the demo; its level follows from what is injected into it. */
export const demoNamespace = "demo";
