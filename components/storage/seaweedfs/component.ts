import { type Context, defineComponent } from "../../component.ts";
import type { ObjectStorage } from "../../capabilities.ts";
import { namespaces } from "../../kubernetes/namespaces.ts";
import { registryCredentialsName } from "../../kubernetes/pull-secrets.ts";
import { chart } from "./chart.ts";
import { seaweedfs } from "./settings.ts";
import { replicatedName, replicatedValues, singleValues, small } from "./values.ts";

const namespace = namespaces.objectStorage.name;
const port = 8333;

/** Names of Secrets have the rotation in them: whoever uses another one starts again. */
const credentials = (bucket: string, rotation: number) => `object-storage-${bucket}-${rotation}`;
const users = (rotation: number) => `seaweedfs-users-${rotation}`;

/** Buckets that somebody needs, each once. */
const bucketsOf = (all: Context<unknown>["all"]) => [...new Set(all("buckets").flatMap(({ offer }) => offer))];

export const seaweedfsComponent = defineComponent({
  key: "seaweedfs",
  title: "SeaweedFS",
  slot: "objectStorage",
  settings: { seaweedfs },
  charts: [chart],
  needs: ["monitors"],
  after: ["monitors"],
  // Credentials are where they are used.
  namespaces: () => [namespaces.objectStorage, namespaces.monitoring],
  offers: ({ seaweedfs: { replicas, keyRotation } }): { objectStorage: ObjectStorage } => {
    const service = replicas === 1 ? `${chart.name}-all-in-one` : `${replicatedName}-s3`;
    return {
      objectStorage: {
        url: `http://${service}.${namespace}.svc:${port}`,
        // Any will do; clients have to sign for one.
        region: "us-east-1",
        pathStyle: true,
        own: true,
        credentials: (bucket) => credentials(bucket, keyRotation),
        serviceAccount: {},
      },
    };
  },
  flows: ({
    settings: {
      seaweedfs: { replicas },
    },
  }) => {
    const to = (component: string) => ({
      "app.kubernetes.io/name": chart.name,
      "app.kubernetes.io/component": component,
    });
    return replicas === 1
      ? [
          { name: "buckets", namespace, to: to("seaweedfs-all-in-one"), ports: [port], from: ["buckets"] },
          { name: "seaweedfs-metrics", namespace, to: to("seaweedfs-all-in-one"), ports: [9324], from: ["scraping"] },
        ]
      : [
          { name: "buckets", namespace, to: to("s3"), ports: [port], from: ["buckets"] },
          ...["master", "volume", "filer", "s3"].map((component) => ({
            name: `seaweedfs-${component}-metrics`,
            namespace,
            to: to(component),
            ports: [9327],
            from: ["scraping" as const],
          })),
        ];
  },
  requests: ({ seaweedfs: { resources, replicas } }) =>
    replicas === 1
      ? [{ setting: "seaweedfs.resources", ...resources, count: 1 }]
      : [
          // Volume servers, filers and two gateways.
          { setting: "seaweedfs.resources", ...resources, count: 2 * replicas + 2 },
          { ...small, count: replicas },
        ],
  secrets: ({
    settings: {
      seaweedfs: { keyRotation },
    },
    all,
  }) => {
    const keys = bucketsOf(all).map((bucket) => ({ bucket, secret: { generated: `${bucket}-${keyRotation}` } }));
    return [
      {
        name: users(keyRotation),
        namespace,
        data: {
          seaweedfs_s3_config: {
            json: {
              identities: keys.map(({ bucket, secret }) => ({
                name: bucket,
                credentials: [{ accessKey: bucket, secretKey: secret }],
                actions: ["Read", "Write", "List", "Tagging"].map((action) => `${action}:${bucket}`),
              })),
            },
          },
        },
      },
      ...keys.map(({ bucket, secret }) => ({
        name: credentials(bucket, keyRotation),
        namespace: namespaces.monitoring.name,
        data: { AWS_ACCESS_KEY_ID: bucket, AWS_SECRET_ACCESS_KEY: secret },
      })),
    ];
  },
  releases: ({ settings: { seaweedfs: settings }, all }) => {
    const told = { namespace, usersSecret: users(settings.keyRotation), buckets: bucketsOf(all) };
    const single = settings.replicas === 1;
    return [
      {
        chart,
        namespace,
        ...(single ? {} : { name: replicatedName }),
        values: single ? singleValues(settings, told) : replicatedValues(settings, told),
        override: settings.values,
        // By name: the chart makes the reference.
        pullSecrets: { global: { imagePullSecrets: registryCredentialsName } },
        ...(single
          ? {}
          : {
              volumes: [
                {
                  setting: "seaweedfs.storage.size",
                  size: ["volume", "dataDirs", "0", "size"],
                  namespace,
                  statefulSet: `${replicatedName}-volume`,
                  claim: "data",
                },
              ],
            }),
      },
    ];
  },
});
