import { containerResources } from "../../../settings/resources.ts";
import { defineComponent } from "../../component.ts";
import { hardened, runsAs } from "../../kubernetes/hardened.ts";
import { namespaces } from "../../kubernetes/namespaces.ts";
import { pulls } from "../../kubernetes/pull-secrets.ts";
import { credentials } from "../../remote.ts";
import { externalFolder } from "../exporters.ts";
import { targets, withoutLabels } from "../line-pipelines.ts";
import { kubernetesEvents } from "./settings.ts";
import { eventsConfig, stateFolder } from "./values.ts";

const namespace = namespaces.monitoring.name;

/** Name of the OpenTelemetryCollector object; the operator calls its StatefulSet `<name>-collector`. */
const name = "kubernetes-events";
const rbac = "rbac.authorization.k8s.io";

/** One collector that watches events: each is read once, whatever reads the nodes' logs. */
export const kubernetesEventsComponent = defineComponent({
  key: "kubernetesEvents",
  title: "Kubernetes' events as log lines",
  settings: { kubernetesEvents },
  charts: [],
  switch: "kubernetesEvents.enabled",
  enabled: ({ kubernetesEvents: { enabled } }) => enabled,
  needs: ["logs", "collectors"],
  after: ["collectors"],
  namespaces: () => [namespaces.monitoring],
  requests: ({ kubernetesEvents: { resources } }) => [
    { setting: "kubernetesEvents.resources", ...resources, count: 1 },
  ],
  images: ({ kubernetesEvents: { image } }) => ({ "opentelemetry-collector (events)": image }),
  check: (_settings, { all }) =>
    withoutLabels(all("logs"), "kubernetesEvents.enabled", "true", "kubernetesEvents.enabled to false"),
  secrets: ({ environment, all }) => credentials(name, namespace, targets(all("logs")), environment),
  extras: ({ settings, environment, all }) => {
    const stores = all("logs");
    const { image, resources } = settings.kubernetesEvents;
    const external = credentials(name, namespace, targets(stores), environment);
    const state = "state";
    const metadata = { name, namespace };
    return [
      {
        name: "account",
        object: {
          apiVersion: "v1",
          kind: "ServiceAccount",
          metadata,
          ...pulls(environment),
        },
      },
      {
        name: "role",
        object: {
          apiVersion: `${rbac}/v1`,
          kind: "ClusterRole",
          metadata: { name },
          rules: [{ apiGroups: [""], resources: ["events"], verbs: ["list", "watch"] }],
        },
      },
      {
        name: "binding",
        object: {
          apiVersion: `${rbac}/v1`,
          kind: "ClusterRoleBinding",
          metadata: { name },
          roleRef: { apiGroup: rbac, kind: "ClusterRole", name },
          subjects: [{ kind: "ServiceAccount", ...metadata }],
        },
      },
      {
        name: "collector",
        last: true,
        webhook: true,
        object: {
          apiVersion: "opentelemetry.io/v1beta1",
          kind: "OpenTelemetryCollector",
          metadata,
          spec: {
            // Never two at a time: each would send every event.
            mode: "statefulset",
            replicas: 1,
            image: environment.image(image),
            serviceAccount: name,
            resources: containerResources(resources),
            // The operator's own policy opens its ports to everybody (gate `operand.networkpolicy`, on by default at 0.158).
            networkPolicy: { enabled: false },
            observability: { metrics: { enableMetrics: true } },
            // The volume is made its own.
            podSecurityContext: runsAs(10001, { fsGroup: 10001 }),
            securityContext: hardened,
            volumeClaimTemplates: [
              {
                metadata: { name: state },
                // Of 128 MiB that wait for each store, of three at most, as much again while files are compacted, and positions.
                spec: { accessModes: ["ReadWriteOnce"], resources: { requests: { storage: "1Gi" } } },
              },
            ],
            volumes: external.map(({ name: secretName }) => ({ name: "external", secret: { secretName } })),
            volumeMounts: [
              { name: state, mountPath: stateFolder },
              ...external.map(() => ({ name: "external", mountPath: externalFolder, readOnly: true })),
            ],
            config: eventsConfig(stores, environment),
          },
        },
      },
    ];
  },
});
