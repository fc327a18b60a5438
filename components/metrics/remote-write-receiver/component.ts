import { containerResources } from "../../../settings/resources.ts";
import type { Finding } from "../../../settings/finding.ts";
import { clusterUrl, isRemote, type Place } from "../../capabilities.ts";
import { defineComponent, type Extra, type SecretTree } from "../../component.ts";
import { guardedServers } from "../../guarded-servers.ts";
import { disruptionBudgets, hardened, ownPod, spread } from "../../kubernetes/hardened.ts";
import { namespaces } from "../../kubernetes/namespaces.ts";
import { remoteWriteReceiver, type Writer } from "./settings.ts";

const namespace = namespaces.monitoring.name;

/** Of all its objects, and of its job. */
const name = "remote-write-receiver";
const labels = { "app.kubernetes.io/name": name };
const ports = { write: 8427, internal: 8426 };
const folders = { config: "/etc/vmauth", certificate: "/etc/vmauth-tls" };
const configKey = "auth.json";

/** The path of Prometheus' own receiver: what is configured for it works here. */
const path = "/api/v1/write";

const guarded = guardedServers("remoteWriteReceiver.users", "remoteWriteSecrets", name);

/** vmauth's configuration (1.151): each user reaches the write path of the store, and nothing else of it. */
function authConfig(users: readonly Writer[], store: Place): SecretTree {
  // What is left of the path once its three parts are dropped is nothing: the whole address is the prefix.
  const route = { src_paths: [path], url_prefix: clusterUrl(store), drop_src_path_prefix_parts: 3 };
  return {
    users: users.map(({ name: user, secret, kind }) => {
      const text = { group: "remoteWriteSecrets" as const, member: secret };
      const login: Readonly<Record<string, SecretTree>> =
        kind === "token" ? { bearer_token: text } : { username: user, password: text };
      return { name: user, ...login, url_map: [route] };
    }),
  };
}

/** Tokens that several users have: vmauth could not tell who writes, and does not start. */
function sharedTokens(users: readonly Writer[]): Finding[] {
  return users.flatMap(({ kind, secret }, index) => {
    const first = users.findIndex((other) => other.kind === "token" && other.secret === secret);
    if (kind !== "token" || first === index) return [];
    const message = `is ${secret}, as is remoteWriteReceiver.users.${first}.secret, and both are tokens. Give each its own.`;
    return [{ path: `remoteWriteReceiver.users.${index}.secret`, message }];
  });
}

/** A store that is there already asks for passwords itself. */
const elsewhere = (store: Place | undefined): Finding[] =>
  store === undefined || !isRemote(store)
    ? []
    : [
        {
          path: "remoteWriteReceiver.users",
          message:
            "are let into a store of the environment, and metrics is external: who writes there asks that store. Remove them, or set metrics to prometheus.",
        },
      ];

export const remoteWriteReceiverComponent = defineComponent({
  key: "remoteWriteReceiver",
  title: "The receiver of remote write",
  settings: { remoteWriteReceiver },
  charts: [],
  enabled: (settings) => settings.remoteWriteReceiver.users.length > 0,
  needs: ["metricsReceiver", "monitors"],
  after: ["monitors"],
  namespaces: () => [namespaces.monitoring],
  flows: () => [{ name, namespace, to: labels, ports: [ports.write], from: ["anyone"] }],
  requests: ({ remoteWriteReceiver: { resources, replicas } }) => [
    { setting: "remoteWriteReceiver.resources", ...resources, count: replicas },
  ],
  images: ({ remoteWriteReceiver: { image } }) => ({ vmauth: image }),
  check: ({ remoteWriteReceiver: { users } }, known) => [
    ...guarded.check(
      users.map((user) => ({ ...user, ca: "public" as const })),
      known,
    ),
    ...sharedTokens(users),
    ...elsewhere(known.offered("metricsReceiver")?.place),
  ],
  warnings: ({ remoteWriteReceiver: { tlsSecret } }) =>
    tlsSecret !== undefined
      ? []
      : [
          {
            path: "remoteWriteReceiver.tlsSecret",
            message:
              "is not set: passwords and tokens come in clear unless something in front of it has TLS. Set it, or have an ingress with TLS.",
          },
        ],
  secrets: ({ settings, offered }) => {
    const store = offered("metricsReceiver");
    const { users } = settings.remoteWriteReceiver;
    return store === undefined
      ? []
      : [{ name, namespace, data: { [configKey]: { json: authConfig(users, store.place) } } }];
  },
  extras: ({ settings: { remoteWriteReceiver: settings }, environment }) => {
    const { image, replicas, resources, tlsSecret } = settings;
    const metadata = { name, namespace, labels };
    // The flags of certificates are about both addresses; nobody knows the pod by the certificate's name.
    const tls = tlsSecret !== undefined;
    const probe = { httpGet: { path: "/health", port: "metrics", ...(tls ? { scheme: "HTTPS" } : {}) } };
    const endpoint = { port: "metrics", ...(tls ? { scheme: "https", tlsConfig: { insecureSkipVerify: true } } : {}) };
    const mounted = [
      { volume: "config", secretName: name, mountPath: folders.config },
      ...(tlsSecret === undefined
        ? []
        : [{ volume: "certificate", secretName: tlsSecret, mountPath: folders.certificate }]),
    ];
    const objects: readonly Extra["object"][] = [
      {
        apiVersion: "apps/v1",
        kind: "Deployment",
        metadata,
        spec: {
          replicas,
          selector: { matchLabels: labels },
          template: {
            metadata: { labels },
            spec: {
              ...ownPod(65534, environment, { runAsGroup: 65534 }),
              ...(replicas > 1 ? { affinity: spread(labels) } : {}),
              containers: [
                {
                  name: "vmauth",
                  image: environment.image(image),
                  args: [
                    `-auth.config=${folders.config}/${configKey}`,
                    // A password that is set anew counts without a restart.
                    "-configCheckInterval=30s",
                    `-httpListenAddr=:${ports.write}`,
                    // Metrics, profiles and reloads are for the platform alone.
                    `-httpInternalListenAddr=:${ports.internal}`,
                    "-loggerFormat=json",
                    ...(tls
                      ? [
                          "-tls=true",
                          `-tlsCertFile=${folders.certificate}/tls.crt`,
                          `-tlsKeyFile=${folders.certificate}/tls.key`,
                        ]
                      : []),
                  ],
                  ports: [
                    { name: "write", containerPort: ports.write },
                    { name: "metrics", containerPort: ports.internal },
                  ],
                  readinessProbe: probe,
                  livenessProbe: probe,
                  resources: containerResources(resources),
                  securityContext: hardened,
                  volumeMounts: mounted.map(({ volume, mountPath }) => ({ name: volume, mountPath, readOnly: true })),
                },
              ],
              volumes: mounted.map(({ volume, secretName }) => ({ name: volume, secret: { secretName } })),
            },
          },
        },
      },
      {
        apiVersion: "v1",
        kind: "Service",
        metadata,
        spec: {
          selector: labels,
          ports: [
            { name: "write", port: ports.write, targetPort: "write" },
            { name: "metrics", port: ports.internal, targetPort: "metrics" },
          ],
        },
      },
      {
        apiVersion: "monitoring.coreos.com/v1",
        kind: "ServiceMonitor",
        metadata,
        spec: { selector: { matchLabels: labels }, endpoints: [endpoint] },
      },
      ...disruptionBudgets(replicas, metadata, labels),
    ];
    return objects.map((object) => ({ name: object.kind.toLowerCase(), object }));
  },
});
