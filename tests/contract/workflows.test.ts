/** The workflows of GitHub: what actionlint says of them, and what it does not know: who may do what with which secrets. */
import { globSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect } from "chai";
import { parse } from "yaml";
import { releaseNotes } from "../../commands/release-notes.ts";
import { run } from "../../toolchain/run.ts";
import { programOrSkip } from "../support/program.ts";

const project = join(import.meta.dirname, "..", "..");
const read = (file: string) => readFileSync(join(project, file), "utf8");

interface Step {
  readonly uses?: string;
  readonly run?: string;
  readonly with?: Readonly<Record<string, unknown>>;
  readonly env?: Readonly<Record<string, string>>;
}
interface Job {
  readonly if?: string;
  readonly needs?: string;
  readonly uses?: string;
  readonly environment?: string;
  readonly permissions?: Readonly<Record<string, string>>;
  readonly "timeout-minutes"?: number;
  readonly env?: Readonly<Record<string, string>>;
  readonly steps?: readonly Step[];
}
interface Workflow {
  readonly on: Readonly<Record<string, unknown>>;
  readonly permissions: unknown;
  readonly concurrency: { readonly group: string };
  readonly jobs: Readonly<Record<string, Job>>;
}

const files = globSync(".github/workflows/*.yaml", { cwd: project }).sort();
const nameOf = (file: string) => file.replace(/^.*\/|\.yaml$/g, "");
const workflows = new Map(files.map((file) => [nameOf(file), parse(read(file)) as Workflow]));
const action = parse(read(".github/actions/environment/action.yaml")) as { runs: { steps: readonly Step[] } };
const jobs = [...workflows].flatMap(([workflow, { jobs }]) =>
  Object.entries(jobs).map(([name, job]) => ({ where: `${workflow}.yaml ${name}`, workflow, job })),
);
const commandsOf = (job: Job) => (job.steps ?? []).map((step) => step.run ?? "").join("\n");
const works = (job: Job) => /npm run .*(preview|up|destroy|pulumi) -- /.test(commandsOf(job));

describe("Workflows", () => {
  it("are right by actionlint", async function () {
    const actionlint = await programOrSkip(this, "actionlint");
    // Other linters on this machine's PATH would judge, too.
    const flags = ["-shellcheck=", "-pyflakes=", "-no-color"];
    const judge = async (...paths: readonly string[]) =>
      (await run(actionlint, [...flags, ...paths], { cwd: project })).stdout;
    expect(await judge(...files)).to.equal("");
    const folder = mkdtempSync(join(tmpdir(), "workflow-"));
    const file = join(folder, "wrong.yaml");
    const wrong = "on: push\njobs: { a: { runs-on: ubuntu-24.04, steps: [{ run: 'echo ${{ github.evnt }}' }] } }\n";
    writeFileSync(file, wrong);
    const found = await judge(file);
    rmSync(folder, { recursive: true });
    expect(found).to.include("evnt");
  });

  it("are these, none of which gives a pull request's code the rights of main", () => {
    expect([...workflows.keys()]).to.deep.equal(["check", "destroy", "drift", "preview", "release", "up"]);
    for (const [name, { on }] of workflows) {
      const trusting = ["pull_request_target", "workflow_run", "issue_comment"].filter((event) => event in on);
      expect(trusting, name).to.deep.equal([]);
    }
  });

  it("run actions by digest, each at one version, with that in words beside it", () => {
    const versions = new Map<string, Set<string>>();
    for (const file of [...files, ".github/actions/environment/action.yaml"]) {
      for (const [line, uses = ""] of read(file).matchAll(/uses: (\S+).*/g)) {
        if (uses.startsWith("./")) continue;
        expect(line, file).to.match(/@[0-9a-f]{40} # v\d+\.\d+\.\d+$/);
        const [path = "", digest = ""] = uses.split("@");
        const repository = path.split("/").slice(0, 2).join("/");
        versions.set(repository, (versions.get(repository) ?? new Set()).add(digest));
      }
    }
    for (const [repository, digests] of versions) expect([...digests], repository).to.have.length(1);
  });

  it("have the rights that a job needs and no more", () => {
    for (const { permissions } of workflows.values()) expect(permissions).to.deep.equal({});
    for (const { where, job } of jobs) {
      const rights = { ...job.permissions };
      expect(job, where).to.have.property("permissions");
      // The tag, and the branch of a pull request with refreshed digests.
      const writing = ["release.yaml release", "release.yaml digests"].includes(where);
      expect(rights["contents"] ?? "read", where).to.equal(writing ? "write" : "read");
      expect(rights["pull-requests"], where).to.equal(where === "release.yaml digests" ? "write" : undefined);
      // To ask the cloud for credentials, which trusts the GitHub environment that the job is in.
      expect(rights["id-token"], where).to.equal(job.environment === undefined ? undefined : "write");
      expect(Object.keys(rights), where).to.satisfy((names: string[]) =>
        names.every((name) => ["contents", "id-token", "pull-requests"].includes(name)),
      );
    }
  });

  it("give secrets to jobs of a protected environment only, and only those of main may write", () => {
    const stack = "${{ vars.ENVIRONMENT_STACK }}";
    for (const { where, workflow, job } of jobs) {
      const secrets = JSON.stringify(job).includes("secrets.");
      expect(secrets, where).to.equal(job.environment !== undefined);
      const permission = job.steps?.find(({ uses }) => uses === "./.github/actions/environment")?.with?.[
        "github-permission"
      ];
      if (workflow === "preview") expect([job.environment, permission]).to.deep.equal([`${stack}-preview`, "read"]);
      if (workflow === "drift") expect([job.environment, permission]).to.deep.equal([`${stack}-drift`, "read"]);
      if (permission === "write") {
        expect(job.environment, where).to.equal(stack);
        expect(Object.keys(workflows.get(workflow)?.on ?? {}), where).to.not.include("pull_request");
        expect(job.if, where).to.include("github.ref == 'refs/heads/main'");
      }
    }
  });

  it("ask for a token of one repository", () => {
    // With an owner and no repositories it would be for all of the owner's (create-github-app-token 3.1, lib/main.js).
    const token = action.runs.steps.find(({ uses }) => uses?.startsWith("actions/create-github-app-token@"));
    expect(token?.with).to.have.property("repositories");
    expect(token?.with).to.not.have.property("owner");
  });

  it("decide whether a job runs by what is known outside of its environment", () => {
    for (const { where, job } of jobs) {
      const asked = [...(job.if ?? "").matchAll(/(?:vars|secrets|env)\.(\w+)/g)].map(([, name]) => name);
      expect(new Set(asked), where).to.satisfy((names: Set<string>) =>
        [...names].every((n) => n === "ENVIRONMENT_STACK"),
      );
      if (works(job)) expect(asked, where).to.include("ENVIRONMENT_STACK");
    }
  });

  it("tell what works on the environment the owner, the token and where the state is", () => {
    const working = jobs.filter(({ job }) => works(job));
    expect(working.map(({ workflow }) => workflow)).to.deep.equal(["destroy", "drift", "preview", "up"]);
    for (const { where, job } of working) {
      for (const step of job.steps ?? []) {
        if (!/npm run .* -- /.test(step.run ?? "")) continue;
        expect(Object.keys(step.env ?? {}), where).to.include.members([
          "GITHUB_OWNER",
          "GITHUB_TOKEN",
          "PULUMI_BACKEND_URL",
          "PULUMI_CONFIG_PASSPHRASE",
        ]);
      }
    }
    expect(commandsOf(workflows.get("drift")?.jobs["drift"] ?? {})).to.match(
      /preview -- .*--refresh .*--expect-no-changes/,
    );
  });

  it("change nothing before the checks have passed", () => {
    for (const workflow of ["up", "release"]) {
      const { check, ...others } = workflows.get(workflow)?.jobs ?? {};
      expect(check?.uses).to.equal("./.github/workflows/check.yaml");
      const first = Object.values(others).filter(({ needs }) => needs === "check");
      expect(first, workflow).to.have.length(1);
      for (const { needs } of Object.values(others)) expect(needs, workflow).to.be.a("string");
    }
  });

  it("end, one at a time, and give expressions to scripts by the environment only", () => {
    for (const { concurrency } of workflows.values()) expect(concurrency.group).to.be.a("string");
    for (const { where, job } of jobs) {
      if (job.uses === undefined) expect(job["timeout-minutes"], where).to.be.a("number");
    }
    for (const step of [...jobs.flatMap(({ job }) => job.steps ?? []), ...action.runs.steps]) {
      // A value in the script's text would be read by the shell, and shown in the log.
      expect(step.run ?? "").to.not.include("${{");
      if (step.uses?.startsWith("actions/checkout@")) expect(step.with).to.include({ "persist-credentials": false });
    }
  });

  it("give .ci/run its time and its caches, and keep these also when it fails", () => {
    const { check } = workflows.get("check")?.jobs ?? {};
    const minutes = Number(check?.env?.["CI_MINUTES"]);
    expect(minutes).to.be.at.least(90);
    expect(check?.["timeout-minutes"]).to.be.at.least(minutes + 30);
    const [restored, saved] = ["restore", "save"].map(
      (what) => check?.steps?.find(({ uses }) => uses?.startsWith(`actions/cache/${what}@`))?.with?.["path"],
    );
    expect(saved).to.equal(restored);
    expect(restored).to.include("~/.cache/observability-environment").and.to.include("~/go/pkg/mod");
    expect(read(".github/workflows/check.yaml")).to.match(/if: always\(\) && .*cache-hit/);
  });

  it("call only npm scripts and files that there are, and docs/ci.md tells every variable and secret", () => {
    const { scripts } = JSON.parse(read("package.json")) as { scripts: Record<string, string> };
    const page = read("docs/ci.md");
    for (const file of [...files, ".github/actions/environment/action.yaml", ".ci/run"]) {
      const text = read(file);
      for (const [, script] of text.matchAll(/npm run (?:--silent |-s )?([\w:]+)/g))
        expect(scripts, file).to.have.property(script ?? "");
      for (const [, path] of text.matchAll(/node (tools\/\S+\.ts)/g)) expect(read(path ?? "")).to.not.equal("");
      for (const [, name] of text.matchAll(/\$\{\{ *(?:vars|secrets)\.(\w+)/g))
        expect(page, file).to.include(`\`${name ?? ""}\``);
    }
  });
});

describe("Notes of a release", () => {
  const changelog =
    "# Changelog\n\n## [Unreleased]\n\n## [1.2.0] - 2026-01-02\n\n### Added\n\n- a\n\n## [1.1.0] - 2026-01-01\n\n- b\n";

  it("are the changelog's section of that version", () => {
    expect(releaseNotes(changelog, "1.2.0")).to.equal("### Added\n\n- a\n");
    expect(releaseNotes(changelog, "1.1.0")).to.equal("- b\n");
  });
  it("are asked for where there are none", () => {
    for (const version of ["9.9.9", "1.2", "Unreleased"])
      expect(() => releaseNotes(changelog, version)).to.throw("[Unreleased]");
  });
});
