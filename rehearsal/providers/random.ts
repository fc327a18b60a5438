import { randomBytes, randomInt, randomUUID } from "node:crypto";
import { compare, unsupported, type StandIn } from "./server.ts";
import { Secret, text, unknown, type Properties, type Value } from "./values.ts";

const passwordType = "random:index/randomPassword:RandomPassword";
const stringType = "random:index/randomString:RandomString";
const idType = "random:index/randomId:RandomId";
const uuidType = "random:index/randomUuid:RandomUuid";

const lower = "abcdefghijklmnopqrstuvwxyz";
const upper = lower.toUpperCase();
const digits = "0123456789";
const special = "!@#$%&*()-_=+[]{}<>:?";

/** The defaults that the released provider fills in. */
const textDefaults = {
  lower: true,
  upper: true,
  numeric: true,
  special: true,
  minLower: 0,
  minUpper: 0,
  minNumeric: 0,
  minSpecial: 0,
};

/**
 * Stand-in for the random provider: `RandomPassword`, `RandomString`, `RandomId` and `RandomUuid`, from a real source of
 * randomness.
 */
export function randomStandIn(): StandIn {
  return {
    check(request) {
      switch (request.type) {
        case passwordType:
        case stringType: {
          const numeric = request.inputs["numeric"] ?? request.inputs["number"] ?? true;
          return { inputs: { ...textDefaults, ...request.inputs, numeric } };
        }
        case idType:
        case uuidType:
          return { inputs: request.inputs };
        default:
          throw unsupported("random", request.type);
      }
    },
    diff(request) {
      return { changes: compare(request.oldInputs, request.inputs, "all") };
    },
    create({ type, inputs, preview }) {
      if (type === idType) return newId(inputs, preview);
      if (type === uuidType) {
        // The released provider's id of it is the UUID itself.
        const id = preview ? "" : randomUUID();
        return { id, properties: { ...inputs, result: preview ? unknown : id } };
      }
      const result = preview ? unknown : characters(inputs);
      if (type === stringType) return { id: preview ? "" : text(result), properties: { ...inputs, result } };
      // The released provider also gives a bcrypt hash; nothing here makes one, so nothing pretends to.
      return { id: "none", properties: { ...inputs, result: new Secret(result) } };
    },
    update(request) {
      return { properties: { ...request.old, ...request.inputs } };
    },
    delete() {
      // The value lives nowhere but in the state.
    },
  };
}

function newId(inputs: Properties, preview: boolean): { id: string; properties: Properties } {
  const prefix = typeof inputs["prefix"] === "string" ? inputs["prefix"] : "";
  const bytes = randomBytes(Number(inputs["byteLength"]));
  const values: Record<string, Value> = {
    hex: prefix + bytes.toString("hex"),
    b64Std: prefix + bytes.toString("base64"),
    b64Url: prefix + bytes.toString("base64url"),
    dec: prefix + BigInt(`0x${bytes.toString("hex")}`).toString(),
  };
  const outputs = preview ? Object.fromEntries(Object.keys(values).map((key) => [key, unknown])) : values;
  return { id: preview ? "" : bytes.toString("base64url"), properties: { ...inputs, ...outputs } };
}

function characters(inputs: Properties): string {
  const custom = inputs["overrideSpecial"];
  const classes = [
    { on: inputs["lower"], least: inputs["minLower"], from: lower },
    { on: inputs["upper"], least: inputs["minUpper"], from: upper },
    { on: inputs["numeric"], least: inputs["minNumeric"], from: digits },
    {
      on: inputs["special"],
      least: inputs["minSpecial"],
      from: typeof custom === "string" && custom !== "" ? custom : special,
    },
  ].filter((kind) => kind.on === true);
  const all = classes.map((kind) => kind.from).join("");
  const length = Number(inputs["length"]);
  if (all === "") throw new Error("a random string needs at least one class of characters");
  const picked = classes.flatMap((kind) => Array.from({ length: Number(kind.least) }, () => pick(kind.from)));
  while (picked.length < length) picked.push(pick(all));
  // Fisher-Yates, so that the required characters do not come first.
  for (let index = picked.length - 1; index > 0; index--) {
    const other = randomInt(index + 1);
    [picked[index], picked[other]] = [picked[other] ?? "", picked[index] ?? ""];
  }
  return picked.join("");
}

function pick(from: string): string {
  return from.charAt(randomInt(from.length));
}
