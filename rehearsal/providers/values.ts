import structpb from "google-protobuf/google/protobuf/struct_pb.js";

/**
 * Property values as the stand-ins see them: plain JavaScript. Secrets arrive unwrapped (the server keeps note of where
 * they were), a value that is not known yet in a preview is {@link unknown}.
 */
export type Value =
  null | boolean | number | string | Unknown | Secret | Asset | readonly Value[] | { readonly [key: string]: Value };

/** A resource's inputs or outputs. */
export type Properties = Readonly<Record<string, Value>>;

/** A value that is known only after the deployment. */
export class Unknown {
  readonly isUnknown = true;
}

/** The one {@link Unknown}. */
export const unknown = new Unknown();

/** Marks an output of a stand-in as secret: the engine stores it encrypted. */
export class Secret {
  readonly value: Value;
  constructor(value: Value) {
    this.value = value;
  }
}

/** A Pulumi asset or archive, passed on as it came. */
class Asset {
  readonly content: Readonly<Record<string, Value>>;
  constructor(content: Readonly<Record<string, Value>>) {
    this.content = content;
  }
}

// How the engine marks special values inside a google.protobuf.Struct and in its state (sdk/go/common/resource/sig in pulumi/pulumi).
export const signatureKey = "4dabf18193072939515e22adb298388d";
export const secretSignature = "1b47061264138c4ac30d75fd1eb44270";
const assetSignature = "c44067f5952c0a294b673a41bacd8c17";
const archiveSignature = "0def7320c3a5731c473e5ecbe6d01bc7";
const resourceSignature = "5cf8f73096256a8f31e491e813e4eb8e";
const outputSignature = "d0e6a833031e9bbcd3f4e8bde6ca49a4";
const unknownString = "04da6b54-80e4-46f7-96ec-b56ff0331ba9";
const unknownMarkers = new Set([
  unknownString,
  "1c4a061d-8072-4f0a-a4cb-0ff528b18fe7", // boolean
  "3eeb2bf0-c639-47a8-9e75-3b44932eb421", // number
  "6a19a0b0-7e62-4c92-b797-7f8e31da9cc2", // array
  "030794c1-ac77-496b-92df-f27374a8bd58", // asset
  "e48ece36-62e2-4504-bad9-02848725956a", // archive
  "dd056dcd-154b-4c76-9bd3-c8f88648b5ff", // object
]);

/** A plain record: not an array, a {@link Secret} or an {@link Asset}. */
export function isRecord(value: unknown): value is Readonly<Record<string, Value>> {
  return (
    typeof value === "object" &&
    value !== null &&
    !Array.isArray(value) &&
    !(value instanceof Secret) &&
    !(value instanceof Asset) &&
    !(value instanceof Unknown)
  );
}

/** Reads what the engine sent; secrets stay wrapped in {@link Secret}. */
export function fromStruct(struct: structpb.Struct | undefined): Properties {
  return struct === undefined ? {} : (decode(struct.toJavaScript()) as Properties);
}

/** Writes what the engine is to receive. */
export function toStruct(properties: Properties): structpb.Struct {
  // A Struct holds JSON, which is what `encode` makes.
  return structpb.Struct.fromJavaScript(encode(properties) as Record<string, structpb.JavaScriptValue>);
}

function decode(value: unknown): Value {
  if (typeof value === "string") return unknownMarkers.has(value) ? unknown : value;
  if (typeof value !== "object" || value === null) return value as Value;
  if (Array.isArray(value)) return value.map(decode);
  const record = value as Record<string, unknown>;
  switch (record[signatureKey]) {
    case undefined:
      return Object.fromEntries(Object.entries(record).map(([key, item]) => [key, decode(item)]));
    case secretSignature:
      return new Secret(decode(record["value"]));
    case assetSignature:
    case archiveSignature:
      return new Asset(record as Record<string, Value>);
    case resourceSignature:
      // A reference to a resource counts as its id, or its URN where it has none (a component).
      return decode(record["id"] ?? record["urn"]);
    case outputSignature: {
      const inner = "value" in record ? decode(record["value"]) : unknown;
      return record["secret"] === true ? new Secret(inner) : inner;
    }
    default:
      throw new Error(`the engine sent a special value that this stand-in does not know: ${JSON.stringify(record)}`);
  }
}

function encode(value: Value): unknown {
  if (value === unknown) return unknownString;
  if (value instanceof Secret) return { [signatureKey]: secretSignature, value: encode(value.value) };
  if (value instanceof Asset) return value.content;
  if (Array.isArray(value)) return value.map((item) => encode(item as Value));
  if (isRecord(value)) {
    return Object.fromEntries(
      Object.entries(value)
        .filter(([, item]) => (item as unknown) !== undefined)
        .map(([key, item]) => [key, encode(item)]),
    );
  }
  return value;
}

/** The value without any secret mark. */
export function reveal(value: Value): Value {
  if (value instanceof Secret) return reveal(value.value);
  if (Array.isArray(value)) return value.map((item) => reveal(item as Value));
  if (isRecord(value)) return mapValues(value, reveal);
  return value;
}

/** Whether some part of the value is secret. */
export function hasSecret(value: Value): boolean {
  return some(value, (part) => part instanceof Secret);
}

/** Whether some part of the value is not known yet. */
export function hasUnknown(value: Value): boolean {
  return some(value, (part) => part === unknown);
}

function some(value: Value, test: (part: Value) => boolean): boolean {
  if (test(value)) return true;
  if (value instanceof Secret) return some(value.value, test);
  if (Array.isArray(value)) return value.some((item) => some(item as Value, test));
  return isRecord(value) && Object.values(value).some((item) => some(item, test));
}

/** Marks as secret in `outputs` whatever is secret at the same place in `inputs`, as the real providers do. */
export function keepSecrets(outputs: Value, inputs: Value): Value {
  if (outputs instanceof Secret) return outputs;
  if (inputs instanceof Secret) return new Secret(outputs);
  if (Array.isArray(outputs) && Array.isArray(inputs)) {
    return outputs.map((item, index) => {
      const mark = inputs[index] as Value | undefined;
      return mark === undefined ? (item as Value) : keepSecrets(item as Value, mark);
    });
  }
  if (isRecord(outputs) && isRecord(inputs)) {
    return mapValues(outputs, (item, key) => {
      const mark = inputs[key];
      return mark === undefined ? item : keepSecrets(item, mark);
    });
  }
  return outputs;
}

/** The value as text; empty for what is not text, a number or a truth value. */
export function text(value: Value | undefined): string {
  return typeof value === "string" || typeof value === "number" || typeof value === "boolean" ? String(value) : "";
}

/** Structural equality. An unknown value equals nothing, not even another unknown one. */
export function equal(left: Value | undefined, right: Value | undefined): boolean {
  if (left instanceof Secret || right instanceof Secret) {
    return equal(left instanceof Secret ? left.value : left, right instanceof Secret ? right.value : right);
  }
  if (left === unknown || right === unknown) return false;
  if (left instanceof Asset || right instanceof Asset) {
    return left instanceof Asset && right instanceof Asset && left.content["hash"] === right.content["hash"];
  }
  if (Array.isArray(left) && Array.isArray(right)) {
    return left.length === right.length && left.every((item, index) => equal(item as Value, right[index] as Value));
  }
  if (isRecord(left) && isRecord(right)) {
    const keys = new Set([...Object.keys(left), ...Object.keys(right)]);
    return [...keys].every((key) => equal(left[key], right[key]));
  }
  return left === right;
}

function mapValues(
  record: Readonly<Record<string, Value>>,
  change: (value: Value, key: string) => Value,
): Readonly<Record<string, Value>> {
  return Object.fromEntries(Object.entries(record).map(([key, value]) => [key, change(value, key)]));
}
