/** Names and addresses that the operator gives to what it makes (0.74.1: api/operator/v1beta1, `PrefixedName`, `SelectorLabels`). */
import type { Endpoint } from "../../capabilities.ts";
import { namespaces } from "../../kubernetes/namespaces.ts";

export const namespace = namespaces.monitoring.name;

/** Name of every object of ours. */
export const name = "metrics";

/** Programs, and the port of each; vmstorage's further ports are for the other two. */
export const ports = { vmsingle: 8428, vmagent: 8429, vmalert: 8080, vminsert: 8480, vmselect: 8481, vmstorage: 8482 };

export type Program = keyof typeof ports;

/** Labels of a program's pods and Service. */
export const labelsOf = (program: Program) => ({
  "app.kubernetes.io/name": program,
  "app.kubernetes.io/instance": name,
  "app.kubernetes.io/component": "monitoring",
  "managed-by": "vm-operator",
});

const service = (program: Program, path: string): Endpoint => ({
  namespace,
  service: `${program}-${name}`,
  port: ports[program],
  path,
});

/** Where the store is asked and written to: the tenant of the cluster is 0, which every one has. */
export const endpoints = {
  single: { ask: service("vmsingle", ""), write: service("vmsingle", ""), ui: "/vmui" },
  cluster: {
    ask: service("vmselect", "/select/0/prometheus"),
    write: service("vminsert", "/insert/0/prometheus"),
    ui: "/select/0/vmui",
  },
} as const;
