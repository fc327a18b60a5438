import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { expect } from "chai";
import { plan } from "../../../tools/kind-tier/ci.ts";

const project = join(import.meta.dirname, "..", "..", "..");
const all = [
  "tests/kind/environment.test.ts",
  "tests/kind/flux-pods.test.ts",
  "tests/kind/interrupted.test.ts",
  "tests/kind/kind-cluster.test.ts",
];

describe("what CI runs of the Kind tier", () => {
  const cold = { nodeImage: false, components: false };

  it("is everything where the node image and the programs are there", () => {
    const chosen = plan(all, { nodeImage: true, components: true }, undefined);
    expect(chosen).to.deep.include({ files: all });
    expect(chosen).not.to.have.property("grep");
  });

  it("is all of the Kind component where the node image is there and the programs are not", () => {
    const chosen = plan(all, { nodeImage: true, components: false }, undefined);
    expect(chosen).to.deep.include({ files: all.slice(1) });
    expect(chosen.why).to.include("tests/kind/environment.test.ts");
  });

  it("is all of the Kind component where a change touches it", () => {
    for (const path of [
      "components/cluster/kind-script.ts",
      "tools/kind-tier/go.mod",
      "tests/kind/flux-pods.test.ts",
    ]) {
      const { files, grep, why } = plan(all, cold, ["README.md", path]);
      expect(files).to.deep.equal(all.slice(1));
      expect(grep).to.equal(undefined);
      expect(why).to.include(path);
    }
  });

  it("is one cluster's life otherwise: create, adopt, stop, kill, delete", () => {
    const smallest = plan(all, cold, undefined);
    for (const changed of [[], ["docs/kind-tier.md", "components/environment.ts"]]) {
      expect(plan(all, cold, changed)).to.deep.include({ files: smallest.files, grep: smallest.grep });
    }
    const args = ["--dry-run", "--reporter", "json", "--grep", smallest.grep ?? "", ...smallest.files];
    const { stdout } = spawnSync(join(project, "node_modules/.bin/mocha"), args, { cwd: project, encoding: "utf8" });
    const { tests } = JSON.parse(stdout) as { tests: { title: string }[] };
    const titles = tests.map(({ title }) => title).join("\n");
    expect(titles).to.match(/is created[^]*is started when it is only stopped[^]*is destroyed/);
    expect(titles).to.match(/is healed by the next up after a SIGKILL/);
    expect(tests).to.have.length.below(12);
  }).timeout(120_000);
});
