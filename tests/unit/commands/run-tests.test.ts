import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect } from "chai";
import type { Durations } from "../../../commands/durations.ts";
import { parseTotals, totalsLine } from "../../../commands/mocha.ts";
import { bound, digestFor, selectTests } from "../../../commands/run-tests.ts";
import { keptWith, oncePerRun } from "../../support/once.ts";

const project = join(import.meta.dirname, "..", "..", "..");

describe("npm test", () => {
  let folder: string;
  let ci = "";
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "run-tests-"));
  });
  afterEach(() => {
    rmSync(folder, { recursive: true });
  });

  /** Runs Mocha on one file with the totals reporter, as outside of CI unless said otherwise. */
  function mocha(
    test: string,
    ...options: string[]
  ): { readonly status: number | null; readonly totals: () => string; readonly failures: () => string } {
    writeFileSync(join(folder, "sample.test.mjs"), test);
    const [totals, failures] = [join(folder, "totals"), join(folder, "failures")];
    rmSync(failures, { force: true });
    const reporter = ["--reporter", join(project, "commands", "totals-reporter.ts")];
    const { status } = spawnSync(
      process.execPath,
      [
        join(project, "node_modules", "mocha", "bin", "mocha.js"),
        ...[
          "--no-config",
          ...options,
          ...reporter,
          "--reporter-option",
          `totals=${totals}`,
          join(folder, "sample.test.mjs"),
        ],
      ],
      { encoding: "utf8", env: { ...process.env, CI: ci, FAILURES_FILE: failures, XDG_CACHE_HOME: folder } },
    );
    const read = (file: string) => () => readFileSync(file, "utf8");
    return { status, totals: read(totals), failures: read(failures) };
  }

  for (const [mode, options] of [
    ["one file after the other", []],
    ["several files at once", ["--parallel", "--jobs", "2"]],
  ] as const) {
    describe(mode, () => {
      it("counts passed, failed and skipped tests as Mocha saw them, whatever a test prints", () => {
        const run = mocha(
          `it("passes", () => console.log("99 passing\\n99 passed, 0 failed, 0 skipped"));
           it("passes too", () => new Promise((done) => setTimeout(done, 20)));
           it("fails", () => { throw Object.assign(new Error("on purpose"), { actual: ["a", "c"], expected: ["a", "b"] }); });
           it.skip("is skipped", () => {});`,
          ...options,
        );
        expect(run.status).to.equal(1);
        expect(run.failures()).to.match(/^fails\n {4}on purpose\n +- +"c"\n +\+ +"b"\n$/);
        expect(parseTotals(run.totals())).to.deep.equal({ passed: 2, failed: 1, skipped: 1 });
        const kept = readFileSync(join(folder, "observability-environment", "durations.json"), "utf8");
        const [[file, took], ...others] = Object.entries(JSON.parse(kept) as Durations) as [[string, number]];
        expect(others).to.deep.equal([]);
        expect(join(process.cwd(), file)).to.equal(join(folder, "sample.test.mjs"));
        expect(took).to.be.within(19, 10_000);
      });

      it("skips what builds on a test that failed, and nothing else", () => {
        const run = mocha(
          `import { buildOnEachOther } from ${JSON.stringify(join(project, "tests/support/steps.ts"))};
           describe("broken", function () {
             buildOnEachOther(this);
             it("first", () => {});
             it("second", () => { throw new Error("on purpose"); });
             it("third", () => {});
           });
           describe("whole", function () {
             buildOnEachOther(this);
             it("first", () => {});
             it("second", () => {});
           });`,
          ...options,
        );
        expect(run.status).to.equal(1);
        expect(parseTotals(run.totals())).to.deep.equal({ passed: 3, failed: 1, skipped: 1 });
        expect(run.failures()).to.equal("broken second\n    on purpose\n");
      });

      it("counts a failing hook as a failure", () => {
        const run = mocha(
          `describe("suite", () => {
             before(() => { throw new Error("on purpose"); });
             it("never runs", () => {});
           });`,
          ...options,
        );
        expect(run.status).to.equal(1);
        expect(parseTotals(run.totals()).failed).to.equal(1);
      });
    });
  }

  it("fails in CI for a skip that is not allowed, and for none that is", () => {
    const test = `it.skip("is skipped", () => {}); it.skip("says the same as kustomize", () => {}); it("passes", () => {});`;
    for (const options of [[], ["--parallel", "--jobs", "2"]]) {
      ci = "1";
      const run = mocha(test, ...options);
      expect(run.failures()).to.match(/^is skipped\n {4}skipped, which CI does not allow\n$/);
      ci = "";
      expect(run.status).to.equal(1);
      expect(parseTotals(run.totals())).to.deep.equal({ passed: 1, failed: 1, skipped: 1 });
      expect(mocha(test, ...options).status).to.equal(0);
    }
  });

  it("counts a file that cannot be loaded as a failure when several run at once", () => {
    const run = mocha(`import "./not-there.mjs";`, "--parallel", "--jobs", "2");
    expect(run.status).to.not.equal(0);
    expect(parseTotals(run.totals()).failed).to.equal(1);
  });

  it("has no totals when Mocha ends before its report", () => {
    const run = mocha(`import "./not-there.mjs";`);
    expect(run.status).to.not.equal(0);
    expect(run.totals).to.throw("ENOENT");
  });

  it("refuses a file that is not the totals", () => {
    expect(() => parseTotals("")).to.throw("not the totals");
    expect(() => parseTotals("1 2\n")).to.throw("not the totals");
  });

  it("counts a failed step as a failure in the last line", () => {
    expect(totalsLine({ passed: 5, failed: 0, skipped: 1 }, [])).to.equal("5 passed, 0 failed, 1 skipped");
    expect(totalsLine({ passed: 5, failed: 2, skipped: 0 }, ["eslint", "tests"])).to.equal(
      "5 passed, 3 failed, 0 skipped",
    );
    // Mocha crashed, or coverage could not be had.
    expect(totalsLine({ passed: 5, failed: 0, skipped: 0 }, ["tests"])).to.equal("5 passed, 1 failed, 0 skipped");
  });

  it("lints and compiles again for a change of any source, of the rules, of the types' settings and of packages; looks at the form again for a change of any file", () => {
    const files = [
      "a.ts",
      "data.json",
      "eslint.config.js",
      "package-lock.json",
      "start.js",
      "tests/b.ts",
      "tsconfig.json",
    ];
    mkdirSync(join(folder, "tests"));
    mkdirSync(join(folder, "node_modules"));
    mkdirSync(join(folder, ".kube"));
    mkdirSync(join(folder, ".github", "workflows"), { recursive: true });
    for (const file of files) writeFileSync(join(folder, file), "");
    const digests = () => (["types", "eslint", "prettier"] as const).map((step) => digestFor(step, folder));
    /** Which of them are others once a file has changed. */
    const changed = (file: string) => {
      const before = digests();
      writeFileSync(join(folder, file), "changed");
      return digests().map((digest, index) => digest !== before[index]);
    };
    for (const file of ["node_modules/a.ts", ".kube/dev.yaml"])
      expect(changed(file), file).to.deep.equal([false, false, false]);
    for (const file of ["README.md", ".prettierignore", ".github/workflows/check.yaml"])
      expect(changed(file), file).to.deep.equal([false, false, true]);
    for (const file of [...files, "tests/new.ts"]) expect(changed(file), file).to.deep.equal([true, true, true]);
  });

  it("makes what its processes share once, again after a failure, and gives all the same", async () => {
    const file = join(folder, "shared");
    let made = 0;
    const make = () => Promise.resolve(new Map([["made", ++made]]));
    const failed = await oncePerRun(file, () => Promise.reject(new Error("on purpose"))).catch(String);
    expect(failed).to.equal("Error: on purpose");
    const all = await Promise.all([oncePerRun(file, make), oncePerRun(file, make), oncePerRun(file, make)]);
    expect(all).to.deep.equal(Array.from({ length: 3 }, () => new Map([["made", 1]])));
  });

  it("keeps what was made of the same things, and makes it again of others, or where nothing whole was kept", async () => {
    const file = join(folder, "cache", "kept");
    let made = 0;
    const of = (digest: string) => keptWith(file, digest, () => Promise.resolve(new Map([["made", ++made]])));
    const asked = [await of("a"), await of("a"), await of("ab"), await of("a")];
    expect(asked.map((map) => map.get("made"))).to.deep.equal([1, 1, 2, 3]);
    writeFileSync(file, "a\n");
    expect((await of("a")).get("made")).to.equal(4);
  });

  it("empties a folder of the cache that has grown, and leaves any other", () => {
    const kept = join(folder, "kept");
    mkdirSync(join(kept, "v1"), { recursive: true });
    for (const file of ["a", "b"]) writeFileSync(join(kept, "v1", file), "");
    bound(kept, 3);
    expect(readdirSync(folder, { recursive: true })).to.have.members(["kept", "kept/v1", "kept/v1/a", "kept/v1/b"]);
    bound(kept, 2);
    expect(readdirSync(folder)).to.deep.equal([]);
    bound(kept, 2);
  });

  it("selects test files by a part of their path, and refuses to run none", () => {
    for (const file of [
      "unit/a/one.test.ts",
      "contract/two.test.ts",
      "rehearsal/three.test.ts",
      "unit/a/help.ts",
      "engine/z.test.ts",
    ]) {
      mkdirSync(join(folder, "tests", file, ".."), { recursive: true });
      writeFileSync(join(folder, "tests", file), "");
    }
    const [one, two, z] = ["tests/unit/a/one.test.ts", "tests/contract/two.test.ts", "tests/engine/z.test.ts"];
    expect(selectTests(folder, undefined, {}), "nothing is known").to.deep.equal([z, two, one]);
    expect(selectTests(folder, undefined, { [one]: 70_000, [two]: 9, [z]: 20 }), "long ones first").to.deep.equal([
      ...[one, z, two],
    ]);
    expect(selectTests(folder, "unit/a")).to.deep.equal(["tests/unit/a/one.test.ts"]);
    expect(() => selectTests(folder, "nothing-of-the-kind")).to.throw('contains "nothing-of-the-kind"');
  });
});
