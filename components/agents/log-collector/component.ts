import { containerResources } from "../../../settings/resources.ts";
import { defineComponent } from "../../component.ts";
import { hardened } from "../../kubernetes/hardened.ts";
import { namespaces } from "../../kubernetes/namespaces.ts";
import { pulls } from "../../kubernetes/pull-secrets.ts";
import { credentials } from "../../remote.ts";
import { externalFolder } from "../exporters.ts";
import { targets, withoutLabels } from "../line-pipelines.ts";
import { nodeFolders, podLogs } from "../node-sources.ts";
import { logCollector } from "./settings.ts";
import { logCollectorConfig, stateFolder } from "./values.ts";

const namespace = namespaces.nodeAgents.name;

/** Name of the OpenTelemetryCollector object; the operator calls its DaemonSet `<name>-collector`. */
const name = "log-agent";

/** The collector on every node, run by the OpenTelemetry operator. */
export const logCollectorComponent = defineComponent({
  key: "logCollector",
  choice: "collector",
  title: "The OpenTelemetry collector on each node",
  slot: "logAgent",
  settings: { logCollector },
  charts: [],
  needs: ["logs", "collectors"],
  after: ["collectors"],
  namespaces: () => [namespaces.nodeAgents],
  offers: () => ({ logAgent: true }),
  flows: () => [
    {
      name: "log-collector",
      namespace,
      to: { "app.kubernetes.io/instance": `${namespace}.${name}` },
      ports: [8888],
      from: ["scraping"],
    },
  ],
  requests: ({ logCollector: { resources } }, nodes) => [
    { setting: "logCollector.resources", ...resources, count: nodes },
  ],
  images: ({ logCollector: { image } }) => ({ "opentelemetry-collector (log agent)": image }),
  check: (_settings, { all }) => [
    ...withoutLabels(all("logs"), "logAgent", "collector", "logAgent to fluentBit"),
    ...all("logs").flatMap(({ key, offer: { title, push } }) =>
      push.as === "http"
        ? [
            {
              path: "logAgent",
              message: `is collector, which sends OTLP, and ${push.title}, through which lines go to ${title} (${key}), takes none. Set ${push.off}, or logAgent to fluentBit.`,
            },
          ]
        : [],
    ),
  ],
  secrets: ({ environment, all }) => credentials(name, namespace, targets(all("logs")), environment),
  extras: ({ settings, environment, all }) => {
    const stores = all("logs");
    const { image, resources } = settings.logCollector;
    const external = credentials(name, namespace, targets(stores), environment);
    const state = "state";
    const logs = "pod-logs";
    const folders = nodeFolders(environment.nodeSources);
    return [
      {
        name: "account",
        object: {
          apiVersion: "v1",
          kind: "ServiceAccount",
          metadata: { name, namespace },
          // It asks the API server for nothing: a file's path has the names.
          automountServiceAccountToken: false,
          ...pulls(environment),
        },
      },
      {
        name: "collector",
        last: true,
        webhook: true,
        object: {
          apiVersion: "opentelemetry.io/v1beta1",
          kind: "OpenTelemetryCollector",
          metadata: { name, namespace },
          spec: {
            mode: "daemonset",
            image: environment.image(image),
            serviceAccount: name,
            resources: containerResources(resources),
            args: { "feature-gates": "stanza.synchronousLogEmitter" },
            // The operator's own policy opens its ports to everybody (gate `operand.networkpolicy`, on by default at 0.158).
            networkPolicy: { enabled: false },
            observability: { metrics: { enableMetrics: true } },
            podSecurityContext: { seccompProfile: { type: "RuntimeDefault" } },
            // Root without any capability: container logs and the folder of its positions belong to root.
            securityContext: { ...hardened, runAsUser: 0 },
            // Every node, tainted or not.
            tolerations: [{ operator: "Exists" }],
            env: [{ name: "NODE_NAME", valueFrom: { fieldRef: { fieldPath: "spec.nodeName" } } }],
            volumes: [
              { name: logs, hostPath: { path: podLogs } },
              ...folders.map(({ name: called, path, type }) => ({ name: called, hostPath: { path, type } })),
              { name: state, hostPath: { path: stateFolder, type: "DirectoryOrCreate" } },
              ...external.map(({ name: secretName }) => ({ name: "external", secret: { secretName } })),
            ],
            volumeMounts: [
              { name: logs, mountPath: podLogs, readOnly: true },
              ...folders.map(({ name: called, path }) => ({ name: called, mountPath: path, readOnly: true })),
              { name: state, mountPath: stateFolder },
              ...external.map(() => ({ name: "external", mountPath: externalFolder, readOnly: true })),
            ],
            config: logCollectorConfig(settings.logCollector, stores, environment, {
              namespace,
              pods: `${name}-collector-`,
            }),
          },
        },
      },
    ];
  },
});
