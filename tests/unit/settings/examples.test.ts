/** Settings in the pages that people read: what is copied from them into a stack file is accepted. */
import { globSync, readFileSync } from "node:fs";
import * as path from "node:path";
import { expect } from "chai";
import { isMap, isScalar, parseAllDocuments, type YAMLMap } from "yaml";
import { settingsSchema } from "../../../settings/schema.ts";

const root = path.resolve(import.meta.dirname, "../../..");
const pages = globSync(["README.md", "docs/*.md", "components/**/README.md"], { cwd: root });
const groups: Readonly<Record<string, { safeParse: (value: unknown) => { error?: { message: string } | undefined } }>> =
  settingsSchema.shape;

/** Entries of a block that are in the form of a stack file, `<project>:<group>`, at its top or under `config`. */
function entriesOf(block: string): (readonly [key: string, value: unknown])[] {
  // Alternatives stand below each other under the same key.
  return parseAllDocuments(block, { uniqueKeys: false }).flatMap(({ contents }) => {
    if (!isMap(contents)) return [];
    const config = contents.get("config");
    return [contents, ...(isMap(config) ? [config] : [])].flatMap((map: YAMLMap) =>
      map.items.flatMap(({ key, value }) => {
        const name = isScalar(key) ? String(key.value) : "";
        const plain = (value as { toJSON?: () => unknown } | null)?.toJSON?.();
        return /^[\w-]*observability[\w-]*:\w+$/.test(name) ? [[name, plain] as const] : [];
      }),
    );
  });
}

describe("examples of settings in the documentation", () => {
  it("are accepted as they stand", () => {
    const faults: string[] = [];
    let tried = 0;
    for (const page of pages) {
      const text = readFileSync(path.join(root, page), "utf8");
      for (const [, block = ""] of text.matchAll(/```yaml\n([^]*?)```/g)) {
        for (const [key, value] of entriesOf(block)) {
          tried++;
          const [project, group = ""] = key.split(":");
          const schema = project === "observability" ? groups[group] : undefined;
          const fault = schema === undefined ? "is not a setting" : schema.safeParse(value).error?.message;
          if (fault !== undefined) faults.push(`${page}: ${key} ${fault}`);
        }
      }
    }
    expect(faults, faults.join("\n")).to.deep.equal([]);
    expect(tried).to.be.greaterThan(30);
    console.log(`      ${tried} examples on ${pages.length} pages`);
  });
});
