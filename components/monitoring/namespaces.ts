/** Namespaces of the platform. Old and known names; the agents' is apart because its pods need the host. */
export const namespaces = {
  monitoring: "monitoring",
  nodeAgents: "node-agents",
  certManager: "cert-manager",
  demo: "demo",
} as const;
