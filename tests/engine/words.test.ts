/** What people read when something is wrong, by the real CLI and the SDK's own runner: each class of error. */
import { appendFileSync, mkdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect } from "chai";
import { merge } from "ts-deepmerge";
import { answers, failing } from "../../rehearsal/github/answers.ts";
import { type CommandLine, openCommandLine } from "../support/command-line.ts";
import { startVault, type Vault } from "../support/vault.ts";

type Config = Readonly<Record<string, unknown>>;

interface ErrorCase {
  readonly title: string;
  /** Settings over those that lead to the stand-ins. */
  readonly config?: Config;
  readonly command?: "preview" | "up";
  readonly env?: NodeJS.ProcessEnv;
  /** @returns what takes it back; tokens and the fake host's plan are put back before each case */
  readonly arrange?: (line: CommandLine) => (() => void) | undefined;
  /** Each is said once. */
  readonly says: readonly (string | RegExp)[];
  /** Progress that the command provider repeats with its error, which has all that the script printed. */
  readonly progress?: RegExp;
}

const cases: readonly ErrorCase[] = [
  {
    title:
      "typos in settings, one without --path, some that do not fit each other, a secret in clear and no owner, at once, each with its line",
    config: {
      ...{ loki: { retntion: "4h" }, grafana: { adminUsr: "me" } },
      ...{ telegramToken: "1:clear", alertmanager: { replicas: 0 }, "loki.retention": "48h" },
    },
    env: { GITHUB_OWNER: "" },
    says: [
      "settings are wrong",
      /loki\.retntion \(line \d+\): .*Did you mean loki\.retention\?/,
      /grafana\.adminUsr \(line \d+\)/,
      "github:owner: is missing",
      /telegramToken \(line \d+\)/,
      /alertmanager\.replicas \(line \d+\)/,
      /loki\.retention.*: is set without --path\./,
    ],
  },
  {
    title: "a file of Flux that is not there",
    config: { flux: { manifests: "/nowhere/install.yaml" } },
    says: ["Cannot read /nowhere/install.yaml (ENOENT). Set flux.manifests"],
  },
  {
    title: "a kubeconfig that is not there, and a wrong token",
    command: "up",
    arrange: ({ github }) => {
      github.setToken("another");
      return undefined;
    },
    config: { cluster: { type: "existing", existing: { kubeconfig: "/nowhere/kubeconfig", context: "a" } } },
    says: [
      "2 things to put right, nothing was changed",
      "The kubeconfig /nowhere/kubeconfig cannot be read (ENOENT). Set cluster.existing.kubeconfig.",
      "the token is wrong, revoked or expired",
    ],
  },
  {
    title: "preflight of an up without a preview, which tells the warnings, too",
    command: "up",
    env: { OBSERVABILITY_SKIPS_PREVIEW: "true" },
    arrange: ({ github, host }) => {
      github.setToken("another");
      host.world.plan = { kindVersion: "kind v0.31.0" };
      return undefined;
    },
    says: ["nothing was changed", "the token is wrong, revoked or expired", "warning: kind: version v0.31.0 works"],
  },
  {
    title: "GitHub refuses the deploy key",
    command: "up",
    arrange: ({ github }) =>
      github.fail(
        failing(
          "POST /repos/acme/fleet/keys",
          answers.invalid({ resource: "PublicKey", code: "custom", message: "key is weak" }),
          9,
        ),
      ),
    says: ["key is weak"],
  },
  {
    title: "kind fails",
    config: { cluster: { kind: { workers: 1 } } },
    command: "up",
    arrange: ({ host }) => {
      host.world.plan = { fail: { after: "init", says: "write /var/lib/docker/x: no space left on device" } };
      return undefined;
    },
    says: ["the disk of Docker is full", "ERROR: write /var/lib/docker/x"],
    progress: /^(kind: |cluster "dev" is there)/,
  },
];

/** A line of a stack trace, as Node and Go print it. */
const frame = /^\s*(at .+[:(]\S+:\d+|goroutine \d+)/m;

describe("errors, as people read them", function () {
  let line: CommandLine;
  let vault: Vault;
  /** What the stack's file says of the key of its secrets. */
  let key: string;
  const file = () => join(line.folder, "Pulumi.dev.yaml");
  const state = () => ({ PULUMI_BACKEND_URL: `file://${join(line.home, "state")}`, ...vault.env });

  before(async () => {
    line = await openCommandLine();
    vault = await startVault();
    mkdirSync(join(line.home, "state"));
    line.write("dev", line.settings);
    const init = ["stack", "init", "dev", "--secrets-provider", vault.secretsProvider];
    const { code, stderr } = await line.run(line.pulumi, init, state());
    expect(code, stderr).to.equal(0);
    key = /^secretsprovider: .*\nencryptedkey: .*\n/m.exec(readFileSync(file(), "utf8"))?.[0] ?? "";
    expect(key).to.not.equal("");
  });
  after(async () => {
    vault.close();
    await line.close();
  });

  for (const { title, config = {}, command = "preview", env = {}, arrange, says, progress } of cases) {
    it(`${title}: one message, no stack, nothing twice`, async () => {
      line.write("dev", merge(line.settings, config));
      appendFileSync(file(), key);
      line.github.setToken("ghp_plantedGithubToken0123456789");
      line.host.world.plan = {};
      const takeBack = arrange?.(line);
      const yes = command === "up" ? ["--yes", "--skip-preview"] : [];
      const args = [command, "--stack", "dev", "--non-interactive", "--color", "never", ...yes];
      const { code, stdout, stderr } = await line.run(line.pulumi, args, { ...state(), ...env });
      takeBack?.();
      const output = stdout.slice(stdout.indexOf("Diagnostics:")) + stderr;
      expect(code, output).to.not.equal(0);
      expect(output)
        .to.not.match(frame)
        .and.not.match(/unhandled exception|\[object|\x1b\[/i);
      for (const text of says) {
        const found =
          typeof text === "string" ? output.split(text).length - 1 : (output.match(new RegExp(text, "g")) ?? []).length;
        expect(found, `${String(text)} in ${output}`).to.equal(1);
      }
      const sentences = output
        .split("\n")
        .map((text) => text.trim().replace(/^error: /, ""))
        .filter((text) => text.length > 20 && progress?.test(text) !== true);
      expect(
        sentences.filter((text, index) => sentences.indexOf(text) !== index),
        output,
      ).to.deep.equal([]);
    });
  }
});
