import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { homedir, tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { expect } from "chai";
import { removeCutOffAttributes, stateFolder } from "../../../toolchain/state.ts";

describe("the state in a folder", () => {
  let folder: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "state-"));
  });
  afterEach(() => {
    rmSync(folder, { recursive: true, force: true });
  });

  const write = (name: string, text: string) => {
    const file = join(folder, name);
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, text);
    return file;
  };

  it("loses only attributes that a kill cut off", () => {
    const empty = write("stacks/observability/dev.json.attrs", "");
    const half = write("stacks/observability/dev.json.bak.attrs", '{"md5":');
    const kept = [
      write("stacks/observability/dev.json", ""),
      write("stacks/observability/other.json.attrs", '{"md5":"x"}\n'),
      write("meta.yaml", "version: 1"),
    ];
    expect(removeCutOffAttributes(folder)).to.have.members([empty, half]);
    expect(existsSync(empty) || existsSync(half)).to.equal(false);
    expect(kept.filter((file) => !existsSync(file))).to.deep.equal([]);
    expect(removeCutOffAttributes(folder)).to.deep.equal([]);
  });

  it("need not be there", () => {
    expect(removeCutOffAttributes(join(folder, "absent"))).to.deep.equal([]);
  });

  it("is found by the backend's address", () => {
    expect(stateFolder("file:///var/state?no_tmp_dir=true")).to.equal("/var/state/.pulumi");
    // "~" is the CLI's own word for the home folder, not the shell's.
    expect(stateFolder("file://~")).to.equal(join(homedir(), ".pulumi"));
    expect(stateFolder("s3://bucket")).to.equal(undefined);
  });
});
