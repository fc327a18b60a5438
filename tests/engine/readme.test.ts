/** The README's commands for a real environment, word by word, with the real CLI and stand-ins for what it talks to. */
import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect } from "chai";
import { obtain } from "../../toolchain/obtain.ts";
import { type CommandLine, openCommandLine } from "../support/command-line.ts";

describe("the README's commands", function () {
  let line: CommandLine;

  before(async () => {
    const { registry } = await obtain(["registry"]);
    line = await openCommandLine({ FAKE_REGISTRY: registry });
  });
  after(async () => {
    await line.close();
  });

  /** The shell blocks of a section, as they stand. */
  function blocks(section: string): string {
    const text = readFileSync(join(line.folder, "README.md"), "utf8");
    const [, part = ""] = text.split(`\n## ${section}\n`);
    const [own = ""] = part.split("\n## ");
    return [...own.matchAll(/```sh\n([\s\S]*?)```/g)].map(([, block]) => block ?? "").join("\n");
  }

  it("for a real environment work literally: settings, up, outputs, kubeconfig, destroy; the stack file keeps its comments", async () => {
    const tracked = readFileSync(join(line.folder, "Pulumi.dev.yaml"), "utf8");
    const script = blocks("A real environment")
      .replaceAll("<owner>", "acme")
      .replaceAll("<token>", "ghp_plantedGithubToken0123456789")
      .replaceAll("<repository>", "fleet");
    expect(script).to.include("npm run up -- dev").and.include("npm run -s pulumi -- dev stack output");
    // What leads to the stand-ins, where a person's machine has the real ones; and nobody answers a question here.
    const settings = Object.fromEntries(
      Object.entries(line.settings).map(([key, value]) => [`observability:${key}`, value]),
    );
    const file = join(line.folder, "Pulumi.dev.yaml");
    writeFileSync(file, tracked.replace("config: {}", `config: ${JSON.stringify(settings)}`));
    const all = `set -e\nexport CI=1\n${script.replaceAll("npm run up -- dev", "npm run up -- dev --yes")}\necho "KUBECONFIG=$KUBECONFIG"\nnpm run destroy -- dev --yes`;
    const { code, stdout, stderr } = await line.run("sh", ["-c", all]);
    expect(code, stdout + stderr).to.equal(0);
    expect(stdout).to.match(/^http:\/\/localhost:\d+$/m);
    expect(stdout).to.include(`KUBECONFIG=${join(line.host.folder, "private", "dev.yaml")}`);
    expect(readFileSync(file, "utf8").startsWith(tracked.split("config:")[0] ?? "?")).to.equal(true);
    expect(stderr).to.match(/A passphrase was made for the secrets of "dev": \S+passphrase-observability-dev/);
    // This machine's own limits may be worth a warning of doctor's.
    const well =
      /> node commands\/pulumi\.ts doctor dev\n\n(Nothing stands in the way of: npm run up -- dev\n|( {2}(warning|note): .*\n)+)\n> /;
    expect(stdout).to.match(well);
    expect(line.host.leftovers()).to.deep.equal([]);
  });

  it("a name that is mistyped makes nothing: no file, no passphrase, no stack", async () => {
    const before = readdirSync(line.folder);
    for (const [name, says] of [
      ["prodution", "Did you mean production?"],
      ["../x", '"../x" is no name for a stack'],
      ["..", '".." is no name for a stack'],
    ] as const) {
      const { code, stderr } = await line.run("node", ["commands/pulumi.ts", "up", name, "--yes"]);
      expect(code).to.equal(1);
      expect(stderr).to.include(says).and.include("Nothing was done");
    }
    expect(readdirSync(line.folder)).to.deep.equal(before);
    const secrets = join(line.home, ".config", "observability-environment");
    expect(readdirSync(secrets).filter((name) => !name.endsWith("-dev"))).to.deep.equal([]);
    expect(existsSync(join(line.folder, "..", "x.yaml"))).to.equal(false);
  });

  it("doctor tells what stands in the way of an up, by the same list", async () => {
    line.write("dev", line.settings);
    line.github.setToken("another");
    const ill = await line.run("npm", ["run", "-s", "doctor", "--", "dev"]);
    expect(ill.code).to.equal(1);
    expect(ill.stdout).to.match(/^ {2}GitHub: the token is wrong, revoked or expired/m);
  });

  it("for this machine work literally, without an account: up, outputs, destroy", async () => {
    await line.host.addCluster("local");
    const [up = "", push = ""] = blocks("On this machine, without an account").split(/(?=^npm run push)/m);
    // By tests/rehearsal/local.test.ts, with a cluster that applies it.
    expect(push).to.equal("npm run push -- local\n");
    const file = join(line.folder, "Pulumi.local.yaml");
    const settings = Object.entries(line.settings).filter(([group]) => group !== "repository");
    const ours = settings.map(([key, value]) => `  observability:${key}: ${JSON.stringify(value)}\n`);
    writeFileSync(file, readFileSync(file, "utf8") + ours.join(""));
    // The preview is the same as above.
    const script = up
      .replace("npm ci\n", "")
      .replace("npm run up -- local", "npm run up -- local --yes --skip-preview");
    const all = `set -e\nexport CI=1\nunset GITHUB_TOKEN GITHUB_OWNER\n${script}npm run destroy -- local --yes`;
    const { code, stdout, stderr } = await line.run("sh", ["-c", all]);
    expect(code, stdout + stderr).to.equal(0);
    expect(stdout).to.match(/^http:\/\/localhost:\d+$/m);
    expect(stderr).to.not.include("GITHUB_TOKEN");
    expect(stdout)
      .to.match(/registry-content.*create/)
      .and.not.match(/github:index|tls:index/);
    expect(line.host.leftovers()).to.deep.equal([]);
  });
});
