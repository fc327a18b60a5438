import type { SettingsInput } from "../../../settings/schema.ts";

export const variants: Readonly<Record<string, SettingsInput>> = {
  "written by several": {
    remoteWriteReceiver: {
      users: [
        { name: "berlin", secret: "berlin" },
        { name: "shop@example.com", secret: "shop", kind: "token" },
      ],
      tlsSecret: "write.example.com",
      replicas: 2,
    },
  },
  "written by one": { remoteWriteReceiver: { users: [{ name: "berlin", secret: "berlin" }] } },
};

const deployment = "remote-write-receiver-deployment.spec";
const container = `${deployment}.template.spec.containers.0`;

/** What each of its settings changes, and where (`tests/contract/settings-effects.test.ts`). */
export const effects = [
  [
    "remoteWriteReceiver.users",
    [{ name: "berlin", secret: "berlin" }],
    "remote-write-receiver.stringData",
    '"username":"berlin"',
  ],
  ["remoteWriteReceiver.tlsSecret", "write-tls", `${deployment}.template.spec.volumes.1.secret.secretName`],
  ["remoteWriteReceiver.replicas", 3, `${deployment}.replicas`],
  ["remoteWriteReceiver.image", "r.io/vmauth:v1.2.3", `${container}.image`],
] as const;
