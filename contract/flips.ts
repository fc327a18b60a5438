/**
 * Changes of a value that its type and its schema allow, one at a time: a switch thrown, a number, a duration or a size
 * doubled, a word turned into its opposite. No schema sees them; a check has to know what the value is for.
 */
import { asMap } from "./finding.ts";
import { type Exempt, formAt, type Mutation, replaced } from "./mutations.ts";

/** Words with a meaning for security or data, and what is as valid and means something else. */
const opposites: Readonly<Record<string, string>> = {
  ALL: "NET_RAW",
  Abort: "Ignore",
  ClientIP: "None",
  Egress: "Ingress",
  Fail: "Ignore",
  Ingress: "Egress",
  Namespace: "Node",
  Orphan: "Delete",
  Recreate: "RollingUpdate",
  RetryOnFailure: "RemediateOnFailure",
  RuntimeDefault: "Unconfined",
  Skip: "CreateReplace",
  CreateReplace: "Skip",
  baseline: "privileged",
  enabled: "disabled",
  filesystem: "memory",
  "full-access": "no-access",
  list: "delete",
  get: "update",
  watch: "patch",
  "127.0.0.1": "0.0.0.0",
  ED25519: "RSA",
  WaitForTermination: "Orphan",
  private: "public",
  Create: "CreateReplace",
  on: "off",
  off: "on",
  On: "Off",
  Off: "On",
  "cluster-admin": "view",
  restricted: "privileged",
  true: "false",
  false: "true",
};

const scaled = /^(\d+(?:\.\d+)?)(ms|s|m|h|d|w|y|k|M|G|T|Ki|Mi|Gi|Ti|%)?$/;

/** Another value of the same kind; undefined for what has no such kind. */
export function flipped(value: unknown): unknown {
  switch (typeof value) {
    case "boolean":
      return !value;
    case "number":
      return value === 0 ? 1 : value * 2;
    case "string": {
      const word = opposites[value];
      if (word !== undefined) return word;
      // A host key with another letter in it.
      if (/ AAAA\S{40}/.test(value))
        return value.replace(/( AAAA\S{30})(.)/, (_, all: string, c: string) => all + (c === "A" ? "B" : "A"));
      // A digest, or the checksum in it, with another digit.
      if (/(?:^|sha256:)[0-9a-f]{64}$/.test(value)) return value.slice(0, -1) + (value.endsWith("0") ? "1" : "0");
      // A duration may have several parts (`1h30m`).
      const first = /^(\d+(?:ms|s|m|h|d))+$/.test(value) ? /^\d+[a-z]+/.exec(value)?.[0] : value;
      const [, amount, unit = ""] = scaled.exec(first ?? "") ?? [];
      if (amount === undefined) return undefined;
      return `${Number(amount) === 0 ? 1 : Number(amount) * 2}${unit}${value.slice(first?.length)}`;
    }
    default:
      return undefined;
  }
}

/** Every flip of a tree. */
export function flips(tree: unknown, exempt: Exempt): Mutation[] {
  const found: Mutation[] = [];
  const walk = (value: unknown, path: readonly string[]): void => {
    const form = typeof value === "string" ? formAt(path, value) : undefined;
    if (form !== undefined) {
      for (const inner of flips(form.read(value as string), (below) => exempt([...path, ...below], "flip value")))
        found.push({
          ...inner,
          path: [...path, inner.path].join("/"),
          tree: replaced(tree, path, form.write(inner.tree)),
        });
      return;
    }
    const other = exempt(path, "flip value") ? undefined : flipped(value);
    if (other !== undefined)
      found.push({
        kind: "flip value",
        path: path.join("/"),
        change: `${JSON.stringify(value)} -> ${JSON.stringify(other)}`,
        tree: replaced(tree, path, other),
      });
    const children = Array.isArray(value) ? Object.entries(value as unknown[]) : Object.entries(asMap(value) ?? {});
    for (const [key, child] of children) walk(child, [...path, key]);
  };
  walk(tree, []);
  return found;
}
