import { createHash } from "node:crypto";
import type { z } from "zod";
import { containerResources } from "../../../settings/resources.ts";
import { hardened } from "../../kubernetes/hardened.ts";
import { namespaces } from "../../kubernetes/namespaces.ts";
import { helper } from "../../suites/kube-prometheus-stack/names.ts";
import type { GrafanaDataSource, SecretVariable } from "./data-sources.ts";
import type { grafana } from "./settings.ts";

type Resources = ReturnType<typeof containerResources>;

interface TmpMount {
  readonly name: "tmp";
  readonly mountPath: "/tmp";
}

/** The one folder beside their volumes that Grafana (plugin downloads) and its sidecars write to (grafana/helm-charts#3936). */
const tmp: TmpMount = { name: "tmp", mountPath: "/tmp" };

/** Name of the Role by which Grafana's sidecars find dashboards and data sources. */
export const contentRole = "grafana-content";

/**
 * Name of the Secret with Grafana's credentials: another one for another user or another rotation. Grafana makes its
 * administrator when it makes its database and never looks at the Secret again. Its database lives as long as its pod, and
 * a new name is a new pod.
 */
export function grafanaSecretName({ adminUser, passwordRotation }: z.output<typeof grafana>): string {
  return `grafana-admin-${createHash("sha256").update(adminUser).digest("hex").slice(0, 8)}-${passwordRotation}`;
}

/** The part of the values of kube-prometheus-stack 88.5.3 that is Grafana's. */
export interface GrafanaValues {
  readonly grafana: {
    readonly admin: { readonly existingSecret: string; readonly userKey: string; readonly passwordKey: string };
    readonly "grafana.ini": {
      readonly server: { readonly root_url: string };
      readonly analytics: {
        readonly reporting_enabled: boolean;
        readonly check_for_updates: boolean;
        readonly check_for_plugin_updates: boolean;
      };
      readonly plugins: { readonly preinstall_auto_update: boolean; readonly preinstall?: string };
      readonly users: { readonly allow_sign_up: boolean };
      readonly "auth.anonymous": { readonly enabled: boolean };
    };
    readonly testFramework: { readonly enabled: boolean };
    readonly defaultDashboardsTimezone: "browser";
    readonly resources: Resources;
    readonly containerSecurityContext: typeof hardened;
    readonly extraEmptyDirMounts: readonly TmpMount[];
    readonly rbac: { readonly namespaced: boolean; readonly useExistingRole: string };
    readonly sidecar: {
      readonly resources: Resources;
      readonly securityContext: typeof hardened;
      readonly dashboards: {
        readonly resource: "configmap";
        readonly searchNamespace: string;
        readonly extraMounts: readonly TmpMount[];
        readonly folderAnnotation: string;
        readonly provider: { readonly foldersFromFilesStructure: boolean };
      };
      readonly datasources: {
        readonly resource: "configmap";
        readonly searchNamespace: string;
        readonly extraMounts: readonly TmpMount[];
        readonly defaultDatasourceEnabled: false;
        readonly alertmanager: { readonly enabled: false };
      };
    };
    readonly additionalDataSources: readonly GrafanaDataSource[];
    readonly envValueFrom?: Readonly<Record<string, SecretVariable>>;
  };
}

export function grafanaValues(
  settings: z.output<typeof grafana>,
  externalUrl: string,
  dataSources: readonly GrafanaDataSource[],
  plugins: readonly string[],
  variables: Readonly<Record<string, SecretVariable>>,
): GrafanaValues {
  return {
    grafana: {
      admin: { existingSecret: grafanaSecretName(settings), userKey: "admin-user", passwordKey: "admin-password" },
      "grafana.ini": {
        server: { root_url: externalUrl },
        analytics: { reporting_enabled: false, check_for_updates: false, check_for_plugin_updates: false },
        // Its data sources are plugins of the image, which Grafana would replace by newer ones at every start.
        plugins: {
          preinstall_auto_update: false,
          // Beside the usual ones, and while it serves (pkg/setting/setting_plugins.go): the chart's `plugins` are fetched before,
          // and Grafana would not start where grafana.com cannot be reached.
          ...(plugins.length === 0 ? {} : { preinstall: plugins.join(",") }),
        },
        users: { allow_sign_up: false },
        "auth.anonymous": { enabled: false },
      },
      testFramework: { enabled: false },
      defaultDashboardsTimezone: "browser",
      resources: containerResources(settings.resources),
      containerSecurityContext: hardened,
      extraEmptyDirMounts: [tmp],
      // The chart's own roles read every Secret, of the whole cluster or of the namespace.
      rbac: { namespaced: true, useExistingRole: contentRole },
      sidecar: {
        resources: helper,
        securityContext: hardened,
        dashboards: {
          resource: "configmap",
          searchNamespace: namespaces.monitoring.name,
          extraMounts: [tmp],
          folderAnnotation: "grafana_folder",
          provider: { foldersFromFilesStructure: true },
        },
        datasources: {
          resource: "configmap",
          searchNamespace: namespaces.monitoring.name,
          extraMounts: [tmp],
          // All data sources are given below, one way: the chart's own know neither another store nor links.
          defaultDatasourceEnabled: false,
          alertmanager: { enabled: false },
        },
      },
      additionalDataSources: dataSources,
      ...(Object.keys(variables).length === 0 ? {} : { envValueFrom: variables }),
    },
  };
}
