import type { z } from "zod";
import { containerResources } from "../../../settings/resources.ts";
import type { victoriaLogs } from "./settings.ts";

/** Name of its StatefulSet and its Service. */
export const name = "victoria-logs";

/** The part of the values of victoria-logs-single 0.13.9 that the environment sets. */
export interface VictoriaLogsValues {
  readonly printNotes: boolean;
  readonly serviceAccount: { readonly create: true; readonly automountToken: false };
  readonly server: {
    readonly fullnameOverride: typeof name;
    readonly retentionPeriod: string;
    readonly retentionMaxDiskUsagePercent: string;
    readonly persistentVolume: { readonly enabled: boolean; readonly size: string };
    readonly resources: ReturnType<typeof containerResources>;
    readonly podSecurityContext: { readonly seccompProfile: { readonly type: "RuntimeDefault" } };
    readonly serviceMonitor: { readonly enabled: boolean };
    readonly service: { readonly clusterIP: "" };
  };
}

export function victoriaLogsValues(settings: z.output<typeof victoriaLogs>): VictoriaLogsValues {
  return {
    printNotes: false,
    serviceAccount: { create: true, automountToken: false },
    server: {
      fullnameOverride: name,
      retentionPeriod: settings.retention,
      retentionMaxDiskUsagePercent: String(settings.storage.fullAt),
      persistentVolume: { enabled: true, size: settings.storage.size },
      resources: containerResources(settings.resources),
      // The chart's own say the rest: no root, no capability, nothing written but to the volume.
      podSecurityContext: { seccompProfile: { type: "RuntimeDefault" } },
      serviceMonitor: { enabled: true },
      // The chart's is headless: the address of a pod that is gone would be asked until names are looked up again.
      service: { clusterIP: "" },
    },
  };
}
