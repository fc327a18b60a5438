import { spawnSync } from "node:child_process";
import { chmodSync, cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, dirname, join } from "node:path";
import { expect } from "chai";

const projectFolder = join(import.meta.dirname, "../../..");

/** A fake: notes its arguments, and says what the real one says where it matters. */
function fake(folder: string, name: string, answers: string): void {
  const file = join(folder, name);
  writeFileSync(file, `#!/bin/sh\n# A FAKE ${name}\necho "$@" >> "${folder}/${name}.calls"\n${answers}\n`);
  chmodSync(file, 0o755);
}

describe("npm run destroy", function () {
  this.timeout("60s");
  let folder: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "destroy-"));
    for (const name of ["settings", "components", "tools", "Pulumi.yaml", "package.json"]) {
      cpSync(join(projectFolder, name), join(folder, name), { recursive: true });
    }
    symlinkSync(join(projectFolder, "node_modules"), join(folder, "node_modules"));
    writeFileSync(join(folder, "Pulumi.dev.yaml"), "config: {}\n");
    mkdirSync(join(folder, "bin"));
    fake(join(folder, "bin"), "pulumi", 'case "$1" in version) echo v3.246.0;; esac');
    fake(
      join(folder, "bin"),
      "kind",
      'case "$1 $2" in version*) echo "kind v0.33.0 stand-in";; "get clusters") echo dev;; esac',
    );
  });
  afterEach(() => {
    rmSync(folder, { recursive: true });
  });

  const destroy = (...rest: string[]) => {
    spawnSync(process.execPath, [join(folder, "tools/pulumi.ts"), "destroy", "dev", ...rest], {
      cwd: folder,
      encoding: "utf8",
      env: {
        PATH: [join(folder, "bin"), dirname(process.execPath), "/usr/bin", "/bin"].join(delimiter),
        HOME: folder,
        PULUMI_CONFIG_PASSPHRASE: "x",
        PULUMI_BACKEND_URL: `file://${folder}`,
        KIND_LOCK_DIR: join(folder, "lock"),
      },
    });
    expect(readFileSync(join(folder, "bin/pulumi.calls"), "utf8")).to.match(/^destroy .*dev/m);
    try {
      return readFileSync(join(folder, "bin/kind.calls"), "utf8");
    } catch {
      return "";
    }
  };

  it("removes the Kind cluster that a killed run left without a record", () => {
    expect(destroy()).to.include("delete cluster --name dev");
  });

  it("leaves the cluster when only a part was to be destroyed", () => {
    expect(destroy("--target", "urn:x")).to.equal("");
  });

  it("knows no Kind cluster of a stack that lives in an existing one", () => {
    const settings = "{ type: existing, existing: { kubeconfig: a, context: b } }";
    writeFileSync(join(folder, "Pulumi.dev.yaml"), `config:\n  observability:cluster: ${settings}\n`);
    expect(destroy()).to.equal("");
  });
});
