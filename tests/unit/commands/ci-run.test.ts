import { spawnSync } from "node:child_process";
import { chmodSync, copyFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect } from "chai";
import { exists, until } from "../../support/until.ts";

const project = join(import.meta.dirname, "..", "..", "..");

describe(".ci/run, with a stand-in for npm", () => {
  let folder: string;

  beforeEach(() => {
    folder = join(mkdtempSync(join(tmpdir(), "ci-run-")), "project");
    mkdirSync(join(folder, ".ci"), { recursive: true });
    mkdirSync(join(folder, "bin"));
    copyFileSync(join(project, ".ci", "run"), join(folder, ".ci", "run"));
  });
  afterEach(() => {
    rmSync(join(folder, ".."), { recursive: true });
  });

  /** @param commands what npm does, by its first words: shell text */
  function run(
    commands: {
      readonly ci?: string;
      readonly test: string;
      readonly rehearsal?: string;
      readonly kind?: string;
      /** Whether Kind has to build nothing. */
      readonly warm?: boolean;
      /** Sets NIGHTLY. */
      readonly nightly?: string;
    },
    minutes = 90,
  ) {
    writeFileSync(
      join(folder, "bin", "npm"),
      `#!/bin/sh
echo "$*" >> ${folder}/calls
case "$1 $2" in
  "ci ") ${commands.ci ?? "true"} ;;
  "test ") echo "shared=$OBSERVABILITY_SHARED CI=$CI" >> ${folder}/calls; ${commands.test} ;;
  "test --") echo "1 passed, 0 failed, 0 skipped" ;;
  # The last argument is totals=<file>.
  "run test:rehearsal") for last in "$@"; do :; done; totals="\${last#totals=}"; ${commands.rehearsal ?? "exit 9"} ;;
  "run test:nightly") for last in "$@"; do :; done; totals="\${last#totals=}"; ${commands.nightly ?? "exit 9"} ;;
  "run test:kind:ci") case "$*" in *" --warm") exit ${commands.warm === true ? 0 : 1} ;; esac; echo "left=$MINUTES_LEFT" >> ${folder}/calls; ${commands.kind ?? "exit 9"} ;;
  *) exit 99 ;;
esac
`,
    );
    chmodSync(join(folder, "bin", "npm"), 0o755);
    for (const tier of ["rehearsal", "kind"] as const) {
      if (commands[tier] === undefined) continue;
      mkdirSync(join(folder, "tests", tier), { recursive: true });
      writeFileSync(join(folder, "tests", tier, "one.test.ts"), "");
    }
    const PATH = `${join(folder, "bin")}:${process.env["PATH"] ?? ""}`;
    const NIGHTLY = commands.nightly === undefined ? "" : "1";
    const env = { ...process.env, PATH, CI_MINUTES: String(minutes), NIGHTLY };
    const { status, stdout } = spawnSync(join(folder, ".ci", "run"), { encoding: "utf8", env });
    const all = readFileSync(join(folder, "calls"), "utf8").trim().split("\n");
    const calls = all.filter((line) => !line.startsWith("shared="));
    // Whatever lies beside the project, its tests do without, and no skip passes for a success.
    for (const line of all.filter((one) => one.startsWith("shared="))) expect(line).to.equal("shared=none CI=1");
    return { status, stdout, last: stdout.trimEnd().split("\n").at(-1), calls };
  }

  it("adds up the tests, the rehearsal and Kind", () => {
    const result = run({
      test: `echo "1 passed, 0 failed, 0 skipped"; echo "10 passed, 0 failed, 2 skipped"`,
      rehearsal: `echo "5 0 1" > "$totals"`,
      kind: `echo "3 passed, 0 failed, 1 skipped"`,
    });
    expect(result).to.include({ status: 0, last: "18 passed, 0 failed, 4 skipped" });
    expect(result.calls[2]).to.equal("run test:kind:ci -- --warm");
    expect(result.calls[3]).to.match(/^run test:rehearsal -- --reporter \S+ --reporter-option totals=/);
    expect(result.calls.slice(4)).to.deep.equal(["run test:kind:ci", "left=90"]);
  });

  it("runs Kind beside the rehearsal when nothing has to be built, and tells it after it", () => {
    // Each waits for the other, so they do not end unless they are there at the same time.
    const meets = (own: string, other: string) =>
      `touch ${folder}/${own}; while [ ! -e ${folder}/${other} ]; do sleep 0.1; done`;
    const result = run({
      test: `echo "1 passed, 0 failed, 0 skipped"`,
      rehearsal: `${meets("rehearsal", "kind")}; echo rehearsed; echo "5 0 1" > "$totals"`,
      kind: `${meets("kind", "rehearsal")}; echo "3 passed, 1 failed, 1 skipped"; exit 1`,
      warm: true,
    });
    expect(result).to.include({ status: 1, last: "9 passed, 1 failed, 2 skipped" });
    expect(result.calls).to.include("left=90");
    expect(result.stdout).to.match(/rehearsed\n[^]*3 passed, 1 failed, 1 skipped\n[^]*9 passed/);
  });

  it("ends Kind when it is ended itself", async () => {
    const result = run({
      test: `echo "1 passed, 0 failed, 0 skipped"`,
      rehearsal: `while [ ! -e ${folder}/pid ]; do sleep 0.1; done; kill $PPID`,
      kind: `echo $$ > ${folder}/pid.new; mv ${folder}/pid.new ${folder}/pid; sleep 60`,
      warm: true,
    });
    expect(result.status).to.equal(null);
    const kind = Number(readFileSync(join(folder, "pid"), "utf8"));
    await until("Kind is ended", () => !exists(kind), 30);
  });

  it("holds what is known of charts against those that lie beside the project", () => {
    mkdirSync(join(folder, "../shared/charts"), { recursive: true });
    const result = run({ test: `echo "10 passed, 0 failed, 0 skipped"` });
    expect(result).to.include({ status: 0, last: "11 passed, 0 failed, 0 skipped" });
    expect(result.calls).to.deep.equal(["ci", "test", "test -- contract/charts"]);
  });

  it("skips Kind, visibly, when too little of the time is left", () => {
    const result = run({ test: `echo "10 passed, 0 failed, 2 skipped"`, kind: "exit 1" }, 25);
    expect(result).to.include({ status: 0, last: "10 passed, 0 failed, 3 skipped" });
    expect(result.calls).to.deep.equal(["ci", "test"]);
  });

  it("adds the tests of chance at night, whatever the time", () => {
    const result = run(
      {
        test: `echo "1 passed, 0 failed, 0 skipped"`,
        kind: `echo "1 passed, 0 failed, 0 skipped"`,
        nightly: `echo "1 1 0" > "$totals"; exit 1`,
      },
      5,
    );
    expect(result).to.include({ status: 1, last: "3 passed, 1 failed, 0 skipped" });
    expect(result.calls.slice(2, 4)).to.deep.equal(["run test:kind:ci", "left="]);
    expect(result.calls[4]).to.match(/^run test:nightly -- --reporter /);
  });

  it("does without a rehearsal that has no tests", () => {
    const result = run({ test: `echo "10 passed, 0 failed, 2 skipped"` });
    expect(result).to.include({ status: 0, last: "10 passed, 0 failed, 2 skipped" });
    expect(result.calls).to.deep.equal(["ci", "test"]);
  });

  it("fails, still runs the rehearsal, and ends with what failed, when a test failed", () => {
    const result = run({
      test: `echo "10 passed, 2 failed, 0 skipped"; printf 'one\\ntwo\\n' >> "$FAILURES_FILE"; exit 1`,
      rehearsal: `echo "5 0 0" > "$totals"`,
    });
    expect(result).to.include({ status: 1, last: "15 passed, 2 failed, 0 skipped" });
    expect(result.stdout).to.match(/\n==== What failed\none\ntwo\n\n15 passed.*\n$/);
  });

  for (const [what, commands, last] of [
    ["npm test dies without a total", { test: "exit 1" }, "0 passed, 1 failed, 0 skipped"],
    ["npm test says nothing and claims success", { test: "true" }, "0 passed, 1 failed, 0 skipped"],
    [
      "npm test fails though no test did",
      { test: `echo "3 passed, 0 failed, 0 skipped"; exit 1` },
      "3 passed, 1 failed, 0 skipped",
    ],
    [
      "the rehearsal dies without a total",
      { test: `echo "3 passed, 0 failed, 0 skipped"`, rehearsal: "exit 1" },
      "3 passed, 1 failed, 0 skipped",
    ],
    [
      "a rehearsal test failed",
      { test: `echo "3 passed, 0 failed, 0 skipped"`, rehearsal: `echo "2 1 0" > "$totals"; exit 1` },
      "5 passed, 1 failed, 0 skipped",
    ],
    [
      "Kind dies without a total beside the rehearsal",
      {
        test: `echo "3 passed, 0 failed, 0 skipped"`,
        rehearsal: `echo "2 0 0" > "$totals"`,
        kind: "exit 1",
        warm: true,
      },
      "5 passed, 1 failed, 0 skipped",
    ],
    [
      "Kind dies without a total",
      { test: `echo "3 passed, 0 failed, 0 skipped"`, kind: "exit 1" },
      "3 passed, 1 failed, 0 skipped",
    ],
    [
      "a test on Kind failed",
      { test: `echo "3 passed, 0 failed, 0 skipped"`, kind: `echo "1 passed, 2 failed, 0 skipped"; exit 1` },
      "4 passed, 2 failed, 0 skipped",
    ],
  ] as const) {
    it(`fails when ${what}`, () => {
      expect(run(commands)).to.include({ status: 1, last });
    });
  }

  it("installs once more when that failed, then gives up", () => {
    const once = run({
      ci: `[ -e ${folder}/tried ] || { touch ${folder}/tried; exit 1; }`,
      test: `echo "1 passed, 0 failed, 0 skipped"`,
    });
    expect(once).to.include({ status: 0 });
    expect(once.calls).to.deep.equal(["ci", "ci", "test"]);
    rmSync(join(folder, "calls"));
    const never = run({ ci: "exit 1", test: "true" });
    expect(never).to.include({ status: 1, last: "0 passed, 1 failed, 0 skipped" });
    expect(never.calls).to.deep.equal(["ci", "ci"]);
  });
});
