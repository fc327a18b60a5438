/** JSON Schemas that judge plain data: those of CRDs, made strict, and parts of them. */
import { readdirSync, readFileSync } from "node:fs";
import * as path from "node:path";
import { fileURLToPath } from "node:url";
import { Ajv, type ErrorObject, type SchemaValidateFunction, type ValidateFunction } from "ajv";
import { Ajv2019 } from "ajv/dist/2019.js";
import addFormatsModule from "ajv-formats";
import { parse } from "yaml";
import { crdFolders } from "./crds.ts";
import { asMap, at } from "./finding.ts";
import { kept } from "./said.ts";

// A CommonJS package whose default export is the function itself, or under `default`.
const addFormats = addFormatsModule as unknown as typeof addFormatsModule.default;

export type Schema = Readonly<Record<string, unknown>>;

/** What a schema has against a value. */
export interface Complaint {
  /** Keys joined by dots. */
  readonly path: string;
  readonly message: string;
}

function pointerToPath(pointer: string): string {
  return pointer
    .split("/")
    .slice(1)
    .map((key) => key.replaceAll("~1", "/").replaceAll("~0", "~"))
    .join(".");
}

function complaint(error: ErrorObject): Complaint {
  const where = pointerToPath(error.instancePath);
  switch (error.keyword) {
    case "additionalProperties":
    case "unevaluatedProperties": {
      const key = String(error.params["additionalProperty"] ?? error.params["unevaluatedProperty"]);
      return { path: [where, key].filter((part) => part !== "").join("."), message: "is no key of this place." };
    }
    case "enum":
      return { path: where, message: `must be one of ${(error.params["allowedValues"] as unknown[]).join(", ")}.` };
    default:
      return { path: where, message: `${error.message ?? "is wrong"}.` };
  }
}

/** Durations are Go's (`10m`) and not ISO 8601's; the rest of what CRDs name are kinds of numbers. */
const kubernetesFormats = { duration: /^(\d+(\.\d+)?(ns|us|µs|ms|s|m|h))+$/, "int-or-string": true } as const;

/** Patterns of CRDs are Go's: `(?i)` anywhere is the flag of all that follows. */
const goPattern = Object.assign(
  (pattern: string, flags: string) =>
    new RegExp(pattern.replaceAll("(?i)", ""), pattern.includes("(?i)") ? `${flags}i` : flags),
  { code: "goPattern" },
);

const options = {
  strict: false,
  allErrors: true,
  unicodeRegExp: false,
  logger: false,
  code: { regExp: goPattern, optimize: false },
} as const;

/** Judges a value by a part of a schema, which is compiled then. */
const later: SchemaValidateFunction = (part: () => ValidateFunction, value: unknown, _schema, place) => {
  const check = part();
  const right = check(value, place);
  later.errors = check.errors ?? [];
  return right;
};
const draft7 = addFormats(new Ajv({ ...options, formats: kubernetesFormats }), ["int32", "int64", "uri", "date-time"]);
draft7.addKeyword({ keyword: "later", validate: later, errors: "full" });
const draft2019 = addFormats(new Ajv2019(options));

/**
 * A schema with what is below compiled when there is such a value: of the schema of a pod or a Prometheus, objects use a few keys.
 * @param root where `$ref` leads
 */
function inParts(schema: Schema, root: Schema): Schema {
  const part = (child: unknown): unknown => {
    const known = asMap(child);
    const larger = ["$ref", "properties", "items", "additionalProperties"];
    if (known === undefined || !larger.some((key) => key in known)) return child;
    const name = /^#\/definitions\/(.+)$/.exec(String(known["$ref"]))?.[1];
    const found = name === undefined ? known : (at(root, "definitions", name) as Schema);
    return { later: () => compiled(found, root) };
  };
  const below = (key: string, value: unknown): unknown => {
    if (key === "items" || key === "additionalProperties") return part(value);
    const properties = key === "properties" ? asMap(value) : undefined;
    if (properties === undefined) return value;
    return Object.fromEntries(Object.entries(properties).map(([name, child]) => [name, part(child)]));
  };
  const own = Object.entries(schema).filter(([key]) => key !== "definitions");
  return Object.fromEntries(own.map(([key, value]) => [key, below(key, value)]));
}

const checks = new WeakMap<Schema, ValidateFunction>();

function compiled(schema: Schema, root = schema): ValidateFunction {
  const known = checks.get(schema);
  if (known !== undefined) return known;
  // An $id would be taken once only.
  const rest = Object.fromEntries(Object.entries(schema).filter(([key]) => key !== "$id" && key !== "$schema"));
  const dialect = schema["$schema"];
  const check =
    typeof dialect === "string" && dialect.includes("2019")
      ? draft2019.compile(rest)
      : draft7.compile(inParts(rest, root));
  checks.set(schema, check);
  return check;
}

/** What is wrong with a value by a schema; nothing when it is right. */
export function validate(schema: Schema, value: unknown): Complaint[] {
  const check = compiled(schema);
  if (check(value)) return [];
  // What only says that a branch did not fit adds nothing to the reason inside the branch.
  const errors = (check.errors ?? []).filter(({ keyword }) => !["if", "anyOf", "oneOf", "allOf"].includes(keyword));
  return (errors.length > 0 ? errors : (check.errors ?? [])).map(complaint);
}

/** Metadata of an object: the API server's own type, as far as manifests say it. */
const objectMeta: Schema = {
  type: "object",
  additionalProperties: false,
  properties: {
    name: { type: "string", pattern: "^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$", maxLength: 253 },
    namespace: { type: "string", pattern: "^[a-z0-9]([-a-z0-9]*[a-z0-9])?$", maxLength: 63 },
    labels: {
      type: "object",
      additionalProperties: { type: "string", maxLength: 63, pattern: "^(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?$" },
    },
    annotations: { type: "object", additionalProperties: { type: "string" } },
    finalizers: { type: "array", items: { type: "string" } },
  },
};

/**
 * A structural schema of a CRD as a JSON Schema that refuses what the API server would drop: a key is unknown unless the
 * schema lists it, has `additionalProperties`, or preserves unknown fields. CEL rules are left to an API server.
 */
export function strictSchema(structural: Schema): Schema {
  const result: Record<string, unknown> = { ...structural };
  const properties = asMap(structural["properties"]);
  const preserves = structural["x-kubernetes-preserve-unknown-fields"] === true;
  if (structural["x-kubernetes-int-or-string"] === true) {
    delete result["type"];
    delete result["format"];
    // As CRDs write it, this may stand beside `allOf` of our own.
    result["allOf"] = [{ type: ["integer", "string"] }];
    delete result["anyOf"];
  }
  if (properties !== undefined) {
    const strict = Object.fromEntries(
      Object.entries(properties).map(([key, child]) => [key, strictSchema(child as Schema)]),
    );
    result["properties"] =
      structural["x-kubernetes-embedded-resource"] === true
        ? { apiVersion: { type: "string" }, kind: { type: "string" }, metadata: objectMeta, ...strict }
        : strict;
  }
  if (asMap(structural["additionalProperties"]) !== undefined) {
    result["additionalProperties"] = strictSchema(structural["additionalProperties"] as Schema);
  } else if (structural["type"] === "object" && !preserves && structural["additionalProperties"] === undefined) {
    result["additionalProperties"] = false;
  }
  // Of a list that preserves what is unknown, so do its items (apiextensions-apiserver, pruning/algorithm.go: skipPrune).
  const items = asMap(structural["items"]);
  if (items !== undefined)
    result["items"] = strictSchema(preserves ? { ...items, "x-kubernetes-preserve-unknown-fields": true } : items);
  if (structural["nullable"] === true && typeof result["type"] === "string") {
    result["type"] = [result["type"], "null"];
  }
  return result;
}

interface Definition {
  readonly spec: {
    readonly versions: readonly {
      readonly name: string;
      readonly served: boolean;
      readonly schema: { readonly openAPIV3Schema: Schema };
    }[];
  };
}

/** The text of the CRD of each kind, as `group/Kind`: parsing all of them would take seconds. */
let texts: Map<string, string> | undefined;

function definitionTexts(): ReadonlyMap<string, string> {
  if (texts !== undefined) return texts;
  const found = new Map<string, string>();
  for (const folder of crdFolders()) {
    for (const file of readdirSync(folder).filter((name) => name.endsWith(".yaml"))) {
      for (const text of readFileSync(path.join(folder, file), "utf8").split(/^---$/m)) {
        const group = /^ {2}group: (\S+)$/m.exec(text)?.[1];
        const kind = /^ {4}kind: (\S+)$/m.exec(text)?.[1];
        if (group !== undefined && kind !== undefined) found.set(`${group}/${kind}`, text);
      }
    }
  }
  texts = found;
  return found;
}

/** Which version of the library reads YAML. */
const yaml = readFileSync(fileURLToPath(import.meta.resolve("yaml/package.json")), "utf8");

const definitions = new Map<string, Schema>();

/**
 * The strict schema of a custom resource; undefined for a kind or a version that no CRD serves.
 * @throws Error when the CRDs cannot be had
 */
export function customResourceSchema(apiVersion: string, kind: string): Schema | undefined {
  const id = `${apiVersion}/${kind}`;
  const known = definitions.get(id);
  if (known !== undefined) return known;
  const [group = "", version = ""] = apiVersion.split("/");
  const text = definitionTexts().get(`${group}/${kind}`);
  if (text === undefined) return undefined;
  // To read it takes a quarter of a second for some of them.
  const { spec } = kept([yaml, text], () => parse(text) as Definition);
  const served = spec.versions.find(({ name, served: isServed }) => name === version && isServed);
  if (served === undefined) return undefined;
  const strict = strictSchema(served.schema.openAPIV3Schema);
  const schema = {
    ...strict,
    required: ["apiVersion", "kind", "metadata", ...((strict["required"] as string[] | undefined) ?? [])],
    properties: { ...asMap(strict["properties"]), metadata: { ...objectMeta, required: ["name"] } },
  };
  definitions.set(id, schema);
  return schema;
}

const parts = new Map<string, Schema>();

/**
 * A part of a CRD's schema, by the keys that lead there (`items` for the elements of a list). For types of Kubernetes that
 * CRDs embed: `spec.resources` of a Prometheus is a container's resources.
 * @throws when there is no such part
 */
export function customResourcePart(apiVersion: string, kind: string, ...keys: readonly string[]): Schema {
  const id = [apiVersion, kind, ...keys].join("/");
  const known = parts.get(id);
  if (known !== undefined) return known;
  let here: unknown = customResourceSchema(apiVersion, kind);
  for (const key of keys) here = key === "items" ? at(here, "items") : at(here, "properties", key);
  const part = asMap(here);
  if (part === undefined) throw new Error(`The CRD of ${kind} (${apiVersion}) has no ${keys.join(".")}.`);
  parts.set(id, part);
  return part;
}
