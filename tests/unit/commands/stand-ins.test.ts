import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { expect } from "chai";
import { digestOf, importedBy } from "../../../commands/stand-ins.ts";

describe("npm run test:stand-ins", () => {
  let folder: string;
  const write = (file: string, text: string) => {
    mkdirSync(dirname(join(folder, file)), { recursive: true });
    writeFileSync(join(folder, file), text);
  };
  const test = "tests/stand-ins/one.test.ts";
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "stand-ins-"));
    write(test, 'import { a } from "../../rehearsal/a.ts";\nrun(new URL("../../components/b.ts", import.meta.url));\n');
    write("rehearsal/a.ts", 'import type { C } from "../toolchain/c.ts";\nimport { z } from "zod";\n');
    write("rehearsal/chart/values.yaml", "a: 1\n");
    write("components/b.ts", "");
    write("components/unrelated.ts", "");
    write("toolchain/c.ts", 'export * from "../rehearsal/a.ts";\n');
    write("package-lock.json", "{}");
  });
  afterEach(() => {
    rmSync(folder, { recursive: true });
  });

  it("knows what its tests import and start, however far away", () => {
    expect(importedBy(folder, [test])).to.deep.equal(["components/b.ts", "rehearsal/a.ts", test, "toolchain/c.ts"]);
  });

  it("runs again for a change of what they stand on, and for no other", () => {
    const before = digestOf(folder, [test]);
    write("components/unrelated.ts", "changed");
    expect(digestOf(folder, [test])).to.equal(before);
    for (const file of [
      "toolchain/c.ts",
      "rehearsal/chart/values.yaml",
      "package-lock.json",
      "rehearsal/new.yaml",
      test,
    ]) {
      const last = digestOf(folder, [test]);
      write(file, "changed");
      expect(digestOf(folder, [test]), file).to.not.equal(last);
    }
  });
});
