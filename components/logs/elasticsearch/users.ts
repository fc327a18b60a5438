/** Who may do what: users of the file realm, which are there before Elasticsearch answers, and roles of ours. */
import type { ElasticUser } from "../../capabilities.ts";
import type { SecretObject } from "../../component.ts";
import { streams } from "./api.ts";
import { name, namespace } from "./names.ts";

/** Adds lines, makes the stream that they are the first of, and reads nothing. */
const writes = { cluster: [], indices: [{ names: [streams], privileges: ["auto_configure", "create_doc"] }] };

/** Users of its own, each with a role of its name. */
const own: readonly ElasticUser[] = [
  { name: "agent", ...writes },
  { name: "gateway", ...writes },
  { name: "logstash", ...writes, cluster: ["monitor"] },
  {
    name: "grafana",
    cluster: ["monitor"],
    indices: [{ names: ["logs-*"], privileges: ["read", "view_index_metadata"] }],
  },
  { name: "exporter", cluster: ["monitor"], indices: [] },
  {
    name: "setup",
    cluster: [
      ...["monitor", "manage_ilm", "manage_index_templates", "manage_ingest_pipelines"],
      // A policy of snapshots runs with the rights of whoever wrote it.
      ...["manage_slm", "cluster:admin/repository/*", "cluster:admin/snapshot/*"],
    ],
    indices: [{ names: [".slm-history-*"], privileges: ["all"] }],
    // Imports what people find in Kibana's default space.
    applications: [
      {
        application: "kibana-.kibana",
        privileges: ["feature_savedObjectsManagement.all"],
        resources: ["space:default"],
      },
    ],
  },
];

/** Whom people log in to Kibana as: `editor` is Elasticsearch's own role, all of Kibana but its administration. */
export const person = "observability";

/** Name of the password, as the environment makes it. */
export const passwordOf = (user: string) => `${name}-${user}`;

/** Name of the authority that Elasticsearch's certificates are of, and of its Secret. */
export const authority = `${name}-ca`;

/** Name of the Secret of one, in which `password` is. */
export const userSecret = (user: string) => `${name}-user-${user}`;
const roleOf = (user: string) => (user === person ? "editor" : `observability_${user}`);
const rolesSecret = `${name}-roles`;

const names = (others: readonly ElasticUser[]) => [...[...own, ...others].map((user) => user.name), person];

/** What one user has to be allowed that does what those of ours do, but for the Job's: of an Elasticsearch that is there already. */
export const roleOfAll = (others: readonly ElasticUser[]): Pick<ElasticUser, "cluster" | "indices"> => {
  const all = [...own.filter(({ name: user }) => !["setup", "exporter", "logstash"].includes(user)), ...others];
  return {
    cluster: [...new Set(all.flatMap(({ cluster }) => cluster))],
    indices: [...new Map(all.flatMap(({ indices }) => indices.map((one) => [JSON.stringify(one), one]))).values()],
  };
};

/**
 * Secrets that the operator reads; of a user it hashes the password itself (ECK 3.5, elasticsearch/user/user_provided.go).
 * @param others users that others ask as
 */
export const secrets = (others: readonly ElasticUser[]): SecretObject[] => [
  ...names(others).map((user) => ({
    name: userSecret(user),
    namespace,
    data: { username: user, password: { shared: passwordOf(user) }, roles: roleOf(user) },
  })),
  // JSON is YAML.
  {
    name: rolesSecret,
    namespace,
    data: {
      "roles.yml": JSON.stringify(
        Object.fromEntries([...own, ...others].map(({ name: user, ...role }) => [roleOf(user), role])),
      ),
    },
  },
  {
    name: authority,
    namespace,
    data: { "ca.crt": { authority, part: "certificate" }, "ca.key": { authority, part: "key" } },
  },
];

/** What of an Elasticsearch object names them. */
export const auth = (others: readonly ElasticUser[]) => ({
  roles: [{ secretName: rolesSecret }],
  fileRealm: names(others).map((user) => ({ secretName: userSecret(user) })),
});
