/** What the agent on every node reads. */
import { dirname } from "node:path";
import type { Settings } from "../../settings/schema.ts";
import { kindAuditLog } from "../cluster/kind-config.ts";

/** Folder of the node with a folder for each pod, in which each container has one for its files. */
export const podLogs = "/var/log/pods";

/** Beside lines of containers. */
export interface NodeSources {
  /** Folder of the node's journal. @default it is not read */
  readonly journal?: string;
  /** File of the API server's audit log, on the nodes that have it. @default it is not read */
  readonly auditLog?: string;
}

export function nodeSources({ cluster, journal }: Pick<Settings, "cluster" | "journal">): NodeSources {
  const auditLog =
    cluster.type === "existing" ? cluster.existing?.auditLog : cluster.kind.auditLog ? kindAuditLog : undefined;
  return {
    ...(journal.enabled ? { journal: journal.folder } : {}),
    ...(auditLog === undefined ? {} : { auditLog }),
  };
}

/** Folders of the node that are read, by the names of their volumes. Only a node of the control plane has an audit log. */
export const nodeFolders = ({ journal, auditLog }: NodeSources) => [
  ...(journal === undefined ? [] : [{ name: "journal", path: journal, type: "Directory" as const }]),
  ...(auditLog === undefined
    ? []
    : [{ name: "audit-log", path: dirname(auditLog), type: "DirectoryOrCreate" as const }]),
];

/** The file and those that the API server has moved aside: it puts a time in front of the ending (lumberjack). */
export const auditFiles = (auditLog: string): string => auditLog.replace(/(\.\w+)$/, "*$1");
