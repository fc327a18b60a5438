/** Who may do what: users of the file realm, which are there before Elasticsearch answers, and roles of ours. */
import type { SecretObject } from "../../component.ts";
import { streams } from "./api.ts";
import { name, namespace } from "./names.ts";

interface Role {
  readonly cluster: readonly string[];
  readonly indices: readonly { readonly names: readonly string[]; readonly privileges: readonly string[] }[];
}

const roles: Readonly<Record<string, Role>> = {
  // Adds lines, makes the stream that they are the first of, and reads nothing.
  observability_writer: { cluster: [], indices: [{ names: [streams], privileges: ["auto_configure", "create_doc"] }] },
  observability_reader: {
    cluster: ["monitor"],
    indices: [{ names: ["logs-*"], privileges: ["read", "view_index_metadata"] }],
  },
  observability_setup: {
    cluster: [
      ...["monitor", "manage_ilm", "manage_index_templates", "manage_ingest_pipelines"],
      // A policy of snapshots runs with the rights of whoever wrote it.
      ...["manage_slm", "cluster:admin/repository/*", "cluster:admin/snapshot/*"],
    ],
    indices: [{ names: [".slm-history-*"], privileges: ["all"] }],
  },
};

/** Roles of each user; `editor` is Elasticsearch's own: all of Kibana but its administration. */
const users = {
  agent: "observability_writer",
  gateway: "observability_writer",
  grafana: "observability_reader",
  setup: "observability_setup",
  observability: "editor",
} as const;

export type User = keyof typeof users;

/** Whom people log in to Kibana as. */
export const person: User = "observability";

/** Name of the password, as the environment makes it. */
export const passwordOf = (user: User) => `${name}-${user}`;

/** Name of the authority that Elasticsearch's certificates are of, and of its Secret. */
export const authority = `${name}-ca`;

const secretOf = (user: User) => `${name}-user-${user}`;
const rolesSecret = `${name}-roles`;

/** Secrets that the operator reads; of a user it hashes the password itself (ECK 3.5, elasticsearch/user/user_provided.go). */
export const secrets = (): SecretObject[] => [
  ...(Object.keys(users) as User[]).map((user) => ({
    name: secretOf(user),
    namespace,
    data: { username: user, password: { shared: passwordOf(user) }, roles: users[user] },
  })),
  // JSON is YAML.
  { name: rolesSecret, namespace, data: { "roles.yml": JSON.stringify(roles) } },
  {
    name: authority,
    namespace,
    data: { "ca.crt": { authority, part: "certificate" }, "ca.key": { authority, part: "key" } },
  },
];

/** What of an Elasticsearch object names them. */
export const auth = {
  roles: [{ secretName: rolesSecret }],
  fileRealm: (Object.keys(users) as User[]).map((user) => ({ secretName: secretOf(user) })),
};
