/**
 * Schemas of Kubernetes' own kinds: the OpenAPI that ships in the source of the API server (the module k8s.io/kubernetes,
 * of the version that the rehearsal runs), made strict.
 */
import { readFile } from "node:fs/promises";
import * as path from "node:path";
import { remembered } from "../components/remembered.ts";
import { moduleDir, pinnedVersion } from "../toolchain/obtain.ts";
import { asMap } from "./finding.ts";
import { type Schema, strictSchema } from "./schemas.ts";

interface OpenApi {
  readonly definitions: Readonly<Record<string, Schema>>;
}

interface GroupVersionKind {
  readonly group: string;
  readonly version: string;
  readonly kind: string;
}

export interface KubernetesApi {
  readonly version: string;
  /** The strict schema of a kind; undefined for one that Kubernetes has not. */
  readonly schema: (apiVersion: string, kind: string) => Schema | undefined;
}

/** Every `$ref` among definitions that a schema needs, itself included. */
function needed(definitions: OpenApi["definitions"], root: string): string[] {
  const found = new Set([root]);
  const look = (value: unknown): void => {
    if (Array.isArray(value)) value.forEach(look);
    const map = asMap(value);
    if (map === undefined) return;
    const reference = map["$ref"];
    if (typeof reference === "string") {
      const name = reference.replace("#/definitions/", "");
      if (!found.has(name)) {
        found.add(name);
        look(definitions[name]);
      }
    }
    Object.values(map).forEach(look);
  };
  look(definitions[root]);
  return [...found];
}

function strict(name: string, definition: Schema): Schema {
  if (name.endsWith(".IntOrString")) return { type: ["integer", "string"] };
  if (name.endsWith(".Quantity")) return { type: "string", pattern: "^\\d+(\\.\\d+)?(m|k|M|G|T|Ki|Mi|Gi|Ti)?$" };
  // A type without properties takes anything (RawExtension, managed fields).
  return definition["properties"] === undefined ? definition : strictSchema(definition);
}

let api: Promise<KubernetesApi> | undefined;

/**
 * The schemas, from Go's module cache or its proxy; they are read once.
 * @throws when Go is missing, or the module cannot be had
 */
export async function kubernetesApi(): Promise<KubernetesApi> {
  api ??= readApi();
  return api;
}

async function readApi(): Promise<KubernetesApi> {
  const version = pinnedVersion("control-plane", "k8s.io/kubernetes");
  const file = path.join(await moduleDir("k8s.io/kubernetes", version), "api/openapi-spec/swagger.json");
  const { definitions } = JSON.parse(await readFile(file, "utf8")) as OpenApi;
  const names = new Map<string, string>();
  for (const [name, definition] of Object.entries(definitions)) {
    const kinds = (definition["x-kubernetes-group-version-kind"] ?? []) as readonly GroupVersionKind[];
    for (const { group, version: v, kind } of kinds) names.set(`${group === "" ? v : `${group}/${v}`}/${kind}`, name);
  }
  const strictOf = remembered((name: string) => strict(name, definitions[name] ?? {}));
  const made = new Map<string, Schema>();
  return {
    version,
    schema: (apiVersion, kind) => {
      const name = names.get(`${apiVersion}/${kind}`);
      if (name === undefined) return undefined;
      const known = made.get(name);
      if (known !== undefined) return known;
      const parts = needed(definitions, name).map((part) => [part, strictOf(part)]);
      const all = Object.fromEntries(parts) as Record<string, Schema>;
      const schema = { ...all[name], required: ["apiVersion", "kind", "metadata"], definitions: all };
      made.set(name, schema);
      return schema;
    },
  };
}
