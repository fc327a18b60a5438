import { chmodSync, mkdtempSync, readFileSync, rmSync, utimesSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect } from "chai";
import { type Asked, programSaid } from "../../contract/said.ts";

describe("what a program has said of some files", () => {
  let folder: string;
  let program: string;
  const { XDG_CACHE_HOME: before } = process.env;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "said-test-"));
    process.env["XDG_CACHE_HOME"] = folder;
    program = join(folder, "program");
    writeFileSync(
      program,
      `#!/bin/sh\necho once >> ${folder}/starts\n[ "$1" = die ] && kill -9 $$\ncat - a; echo "$@ $B" >&2; exit 3\n`,
    );
    chmodSync(program, 0o755);
  });
  afterEach(() => {
    if (before === undefined) delete process.env["XDG_CACHE_HOME"];
    else process.env["XDG_CACHE_HOME"] = before;
    rmSync(folder, { recursive: true });
  });
  const starts = () => readFileSync(join(folder, "starts"), "utf8").split("\n").length - 1;
  const question: Asked = { files: { a: "text" }, args: ["x"], input: "in ", env: { B: "b" } };

  it("is what it says, and the same question is asked once", () => {
    const said = programSaid(program, question);
    expect(said).to.deep.equal({ status: 3, stdout: "in text", stderr: "x b\n" });
    expect(programSaid(program, question)).to.deep.equal(said);
    expect(starts()).to.equal(1);
  });

  it("is asked again when anything of the question is another, or the program", () => {
    programSaid(program, question);
    const others: Asked[] = [
      { ...question, files: { a: "other" } },
      { ...question, files: { a: "text", b: "text" } },
      { ...question, args: ["x", "y"] },
      { ...question, input: "" },
      { ...question, env: {} },
    ];
    for (const other of others) programSaid(program, other);
    utimesSync(program, 1, 1);
    programSaid(program, question);
    expect(starts()).to.equal(others.length + 2);
  });

  it("is nothing when it was killed: that is an error each time", () => {
    for (let time = 0; time < 2; time += 1)
      expect(() => programSaid(program, { ...question, args: ["die"] })).to.throw("was ended by SIGKILL");
    expect(starts()).to.equal(2);
  });
});
