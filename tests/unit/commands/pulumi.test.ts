import { spawn, spawnSync, type ChildProcess } from "node:child_process";
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { hostname, tmpdir } from "node:os";
import { join } from "node:path";
import { expect } from "chai";
import { clusterName } from "../../../components/cluster/kind-config.ts";
import { pinnedVersion } from "../../../toolchain/obtain.ts";
import {
  configuredBackend,
  ensurePassphraseFile,
  explain,
  liveLock,
  needsPassphrase,
  parseArguments,
  settingsFor,
  shellLine,
  steps,
} from "../../../commands/pulumi.ts";

const project = join(import.meta.dirname, "..", "..", "..");

describe("npm run up, preview, refresh, destroy, recover", () => {
  let home: string;
  let folder: string;
  let env: Record<string, string>;
  const holders: ChildProcess[] = [];

  beforeEach(() => {
    home = mkdtempSync(join(tmpdir(), "pulumi-"));
    folder = join(home, "project");
    mkdirSync(folder);
    writeFileSync(join(folder, "Pulumi.yaml"), "name: sample\nruntime: nodejs\n");
    writeFileSync(join(folder, "Pulumi.dev.yaml"), "");
    env = { HOME: home, PATH: "/usr/bin:/bin", NODE_COMPILE_CACHE: process.env["NODE_COMPILE_CACHE"] ?? "" };
  });
  afterEach(() => {
    for (const child of holders.splice(0)) child.kill("SIGKILL");
    rmSync(home, { recursive: true });
  });

  /** The id of a process that is called like the CLI, as long as the test runs. */
  const holder = (): number => {
    const file = join(home, "pulumi-holder");
    if (!existsSync(file)) symlinkSync("/bin/sleep", file);
    const child = spawn(file, ["60"], { stdio: "ignore" });
    holders.push(child);
    return child.pid ?? 0;
  };

  const login = (current: string) => {
    mkdirSync(join(home, ".pulumi"));
    writeFileSync(join(home, ".pulumi", "credentials.json"), JSON.stringify({ current }));
  };

  describe("the commands of the CLI", () => {
    it("up and preview make the stack if need be; refresh and destroy do not", () => {
      expect(steps("up", "dev", ["--yes"])).to.deep.equal([
        ["stack", "select", "dev", "--create"],
        ["up", "--stack", "dev", "--parallel", "32", "--yes"],
      ]);
      expect(steps("preview", "dev", []).map(([first]) => first)).to.deep.equal(["stack", "preview"]);
      expect(steps("destroy", "dev", [])).to.deep.equal([["destroy", "--stack", "dev", "--parallel", "32"]]);
      expect(steps("refresh", "dev", [])).to.deep.equal([["refresh", "--stack", "dev", "--parallel", "32"]]);
    });

    it("recover removes the lock, then drops what was being created, without a question", () => {
      expect(steps("recover", "dev", [])).to.deep.equal([
        ["cancel", "--yes", "--stack", "dev"],
        ["refresh", "--clear-pending-creates", "--yes", "--non-interactive", "--stack", "dev", "--parallel", "32"],
      ]);
    });

    it("leaves the person's own --parallel alone", () => {
      for (const own of [["--parallel", "4"], ["--parallel=4"], ["-p", "4"], ["-p4"]]) {
        expect(steps("up", "dev", own)[1]).to.deep.equal(["up", "--stack", "dev", ...own]);
      }
    });

    it("pulumi is every other command of the CLI, told the stack where it has one", () => {
      for (const [rest, whole] of [
        [
          ["config", "set", "a", "b"],
          ["config", "set", "a", "b", "--stack", "dev"],
        ],
        [
          ["stack", "output", "grafanaUrl"],
          ["stack", "output", "grafanaUrl", "--stack", "dev"],
        ],
        [["stack"], ["stack", "--stack", "dev"]],
        [
          ["stack", "ls"],
          ["stack", "ls"],
        ],
        [
          ["stack", "rm", "dev", "--force"],
          ["stack", "rm", "dev", "--force"],
        ],
        [["whoami"], ["whoami"]],
      ] as const) {
        expect(steps("pulumi", "dev", rest)).to.deep.equal([whole]);
      }
    });

    it("a stack is a name, with a file or with --create; nothing else gets further", () => {
      writeFileSync(join(folder, "Pulumi.production.yaml"), "");
      expect(() => parseArguments(["up", "prodution"], folder)).to.throw("Did you mean production?");
      expect(() => parseArguments(["preview", "staging"], folder)).to.throw("npm run up -- staging --create");
      expect(parseArguments(["up", "staging", "--create", "--yes"], folder).rest).to.deep.equal(["--yes"]);
      for (const name of ["../x", "a/b", "..", ".", "a b", "a".repeat(101)])
        expect(() => parseArguments(["destroy", name], folder), name).to.throw("is no name for a stack");
      // The state may know it all the same.
      expect(parseArguments(["destroy", "staging"], folder).stack).to.equal("staging");
    });

    it("says how it is used, with the stacks that have a settings file", () => {
      writeFileSync(join(folder, "Pulumi.production.yaml"), "");
      expect(() => parseArguments(["upp", "dev"], folder)).to.throw(
        "npm run <up|preview|refresh|destroy|recover|push|pulumi|doctor>",
      );
      expect(() => parseArguments(["up"], folder)).to.throw("dev, production");
      expect(() => parseArguments(["up", "--yes"], folder)).to.throw("Which stack?");
      expect(parseArguments(["up", "dev", "--yes", "--diff"], folder)).to.deep.equal({
        command: "up",
        stack: "dev",
        rest: ["--yes", "--diff"],
      });
    });

    it("refuses a stack that no cluster can be named after, before anything is written", () => {
      expect(() => parseArguments(["up", "___"], folder)).to.throw("no letter or digit");
    });

    it("refuses to be sent to another stack or project than the one it is set up for", () => {
      for (const rest of [
        ["--stack", "x"],
        ["--stack=x"],
        ["-s", "x"],
        ["-sx"],
        ["-ys", "x"],
        ["-C", "x"],
        ["--cwd=x"],
      ]) {
        for (const command of ["up", "destroy"]) {
          expect(() => parseArguments([command, "dev", ...rest], folder), rest.join(" ")).to.throw("Nothing was done");
        }
      }
      for (const rest of [["-m", "stack"], ["-mstack"], ["-tsome"], ["--show-secrets"], ["-y"], ["--stacked"]]) {
        expect(parseArguments(["destroy", "dev", ...rest], folder).rest).to.deep.equal(rest);
      }
    });
  });

  describe("where the state is", () => {
    it("is a private folder of the user when nothing says otherwise", () => {
      const { PULUMI_BACKEND_URL } = settingsFor("dev", folder, env, true);
      const state = join(home, ".local", "share", "observability-environment", "state");
      expect(PULUMI_BACKEND_URL).to.equal(`file://${state}`);
      expect(statSync(state).mode & 0o777).to.equal(0o700);
    });

    it("is what the environment says, before Pulumi.yaml, before `pulumi login`, before a token", () => {
      expect(configuredBackend(folder, env)).to.equal(undefined);
      env["PULUMI_ACCESS_TOKEN"] = "token";
      expect(configuredBackend(folder, env)).to.equal("https://api.pulumi.com");
      login("s3://bucket");
      expect(configuredBackend(folder, env)).to.equal("s3://bucket");
      writeFileSync(join(folder, "Pulumi.yaml"), "name: sample\nruntime: nodejs\nbackend: {url: gs://bucket}\n");
      expect(configuredBackend(folder, env)).to.equal("gs://bucket");
      env["PULUMI_BACKEND_URL"] = "file:///state";
      expect(configuredBackend(folder, env)).to.equal("file:///state");
      expect(settingsFor("dev", folder, env, true)).to.not.have.property("PULUMI_BACKEND_URL");
    });

    it("is nowhere after `pulumi logout`", () => {
      login("");
      expect(configuredBackend(folder, env)).to.equal(undefined);
    });
  });

  describe("the passphrase", () => {
    const file = () => join(home, ".config", "observability-environment", "passphrase-sample-dev");

    it("is made once per stack, random, readable by its owner only", () => {
      const first = settingsFor("dev", folder, env, true)["PULUMI_CONFIG_PASSPHRASE_FILE"];
      expect(first).to.equal(file());
      expect(statSync(file()).mode & 0o777).to.equal(0o600);
      const passphrase = readFileSync(file(), "utf8").trim();
      expect(passphrase).to.match(/^[\w-]{43}$/);
      settingsFor("dev", folder, env, true);
      expect(readFileSync(file(), "utf8").trim()).to.equal(passphrase);
      const other = settingsFor("production", folder, env, true)["PULUMI_CONFIG_PASSPHRASE_FILE"] ?? "";
      expect(readFileSync(other, "utf8").trim()).to.not.equal(passphrase);
      expect(readdirSync(join(file(), "..")), "nothing else is left").to.have.length(2);
    });

    it("is not replaced by another process that makes one at the same time", () => {
      mkdirSync(join(file(), ".."), { recursive: true });
      writeFileSync(file(), "theirs\n");
      ensurePassphraseFile(file());
      expect(readFileSync(file(), "utf8")).to.equal("theirs\n");
    });

    it("is not made when one is given, even an empty one", () => {
      for (const given of [{ PULUMI_CONFIG_PASSPHRASE: "" }, { PULUMI_CONFIG_PASSPHRASE_FILE: "/file" }]) {
        expect(settingsFor("dev", folder, { ...env, ...given }, true)).to.not.have.property(
          "PULUMI_CONFIG_PASSPHRASE_FILE",
        );
      }
      expect(existsSync(file())).to.equal(false);
    });

    it("is not made for another secrets provider, nor for Pulumi Cloud, which has its own", () => {
      const stackFile = join(folder, "Pulumi.dev.yaml");
      expect(needsPassphrase(stackFile, "file:///state", env)).to.equal(true);
      expect(needsPassphrase(stackFile, "https://api.pulumi.com", env)).to.equal(false);
      writeFileSync(stackFile, "secretsprovider: awskms://key\n");
      expect(needsPassphrase(stackFile, "file:///state", env)).to.equal(false);
      writeFileSync(stackFile, "secretsprovider: passphrase\n");
      expect(needsPassphrase(stackFile, "https://api.pulumi.com", env)).to.equal(true);
      writeFileSync(stackFile, "encryptionsalt: v1:x\n");
      expect(needsPassphrase(stackFile, "https://api.pulumi.com", env)).to.equal(true);
    });

    it("is not made for a stack that was encrypted with another one, nor by a command that makes no stack", () => {
      expect(settingsFor("dev", folder, env, false)).to.not.have.property("PULUMI_CONFIG_PASSPHRASE_FILE");
      writeFileSync(join(folder, "Pulumi.dev.yaml"), "encryptionsalt: v1:x\n");
      expect(settingsFor("dev", folder, env, true)).to.not.have.property("PULUMI_CONFIG_PASSPHRASE_FILE");
      expect(existsSync(file())).to.equal(false);
    });
  });

  describe("errors of the CLI, as version 3.246 words them", () => {
    for (const [says, expected] of [
      [
        "error: the stack is currently locked by 1 lock(s). Either wait for the other process(es) to end or",
        "npm run recover -- dev",
      ],
      ["error: no stack named 'dev' found", "npm run up -- dev"],
      ["error: failed to load checkpoint: EOF", "npm run recover -- dev"],
      ["error: getting stack configuration: get stack secrets manager: incorrect passphrase", "another passphrase"],
      [
        "error: get stack secrets manager: passphrase must be set with PULUMI_CONFIG_PASSPHRASE or",
        "not on this machine",
      ],
      ["error: PULUMI_ACCESS_TOKEN must be set for login during non-interactive CLI sessions", "pulumi login"],
      [
        "error: failed to load language plugin nodejs: no language plugin 'pulumi-language-nodejs' found",
        "pulumi.com/docs/install",
      ],
    ] as const) {
      it(`explains: ${says.slice(7, 60)}`, () => {
        expect(explain(says, "dev")).to.include(expected);
      });
    }

    it("means another stack where one of a near name has a file", () => {
      expect(explain("error: no stack named 'prodution' found", "prodution", ["dev", "production"])).to.include(
        "Did you mean production?",
      );
    });

    it("takes the CLI's warning about the language host's place for what it is", () => {
      const warning =
        "warning: using pulumi-language-nodejs from $PATH at /usr/bin/pulumi-language-nodejs\nerror: update failed";
      expect(explain(warning, "dev")).to.equal(undefined);
    });

    it("adds nothing to an error it does not know", () => {
      expect(explain("error: update failed", "dev")).to.equal(undefined);
    });
  });

  describe("a lock", () => {
    const lock = (content: unknown) => {
      const locks = join(home, "state", ".pulumi", "locks", "organization", "sample", "dev");
      mkdirSync(locks, { recursive: true });
      writeFileSync(join(locks, "one.json"), typeof content === "string" ? content : JSON.stringify(content));
    };
    const found = () => liveLock(`file://${join(home, "state")}`, "sample", "dev");

    it("is live while its process runs on this machine", () => {
      expect(found()).to.equal(undefined);
      const pid = holder();
      lock({ pid, hostname: hostname(), timestamp: "2026-01-01T00:00:00Z" });
      expect(found()).to.deep.equal({ pid, since: "2026-01-01T00:00:00Z" });
    });

    it("is not judged live when its process is gone or another program, is another machine's, or the file is half", () => {
      const { pid } = spawnSync("true");
      lock({ pid, hostname: hostname() });
      expect(found()).to.equal(undefined);
      lock({ pid: process.pid, hostname: hostname() });
      expect(found()).to.equal(undefined);
      lock({ pid: holder(), hostname: `not-${hostname()}` });
      expect(found()).to.equal(undefined);
      lock("{}");
      expect(found()).to.equal(undefined);
      expect(liveLock("s3://bucket", "sample", "dev")).to.equal(undefined);
    });
  });

  it("prints words so that a shell reads them back", () => {
    const words = ["pulumi", "up", "it's; $HOME", "a b", "", "--stack=dev"];
    const line = shellLine(words);
    const { stdout } = spawnSync("sh", ["-c", `for word in ${line}; do printf '%s\\n' "$word"; done`], {
      encoding: "utf8",
    });
    expect(stdout.split("\n").slice(0, -1)).to.deep.equal(words);
  });

  describe("the whole command, with a stand-in for the CLI", () => {
    /** A CLI of the pinned version that notes how it is called, then does what `script` says. */
    function standIn(script: string): void {
      const bin = join(home, "bin");
      mkdirSync(bin);
      symlinkSync(process.execPath, join(bin, "node"));
      writeFileSync(
        join(bin, "pulumi"),
        `#!/bin/sh
if [ "$1" = version ]; then echo ${pinnedVersion("pulumi", "github.com/pulumi/pulumi/pkg/v3")}; exit 0; fi
echo "$@" >> ${home}/calls
echo "$PULUMI_BACKEND_URL|$PULUMI_CONFIG_PASSPHRASE_FILE|$PULUMI_SKIP_UPDATE_CHECK|$OBSERVABILITY_SKIPS_PREVIEW" > ${home}/variables
${script}
`,
      );
      chmodSync(join(bin, "pulumi"), 0o755);
      // Never run: so that none is looked for in the network.
      writeFileSync(join(bin, "kind"), "", { mode: 0o755 });
      env["PATH"] = `${bin}:/usr/bin:/bin`;
    }

    /** One command after the other, up to one that fails. */
    const commands = (...all: readonly (readonly string[])[]) => {
      const main = `import { main } from ${JSON.stringify(join(project, "commands", "pulumi.ts"))};
        for (const args of ${JSON.stringify(all)})
          process.exitCode ||= await main(args, ${JSON.stringify(folder)}, process.env);`;
      return ["--input-type=module", "-e", main];
    };
    const runCommands = (...all: readonly (readonly string[])[]) =>
      spawnSync(process.execPath, commands(...all), { env, encoding: "utf8" });
    const runCommand = (...args: string[]) => runCommands(args);
    const calls = () => readFileSync(join(home, "calls"), "utf8").trim().split("\n");

    it("runs the steps, prints each, gives the state and the passphrase, and passes the exit code on", () => {
      standIn(`[ "$1" = up ] && exit 3; exit 0`);
      const { status, stderr } = runCommand("up", "dev", "--yes");
      expect(status).to.equal(3);
      expect(calls()).to.deep.equal(["stack select dev --create", "up --stack dev --parallel 32 --yes"]);
      expect(stderr)
        .to.include("$ pulumi up --stack dev --parallel 32 --yes\n")
        .and.include("$ export PULUMI_BACKEND_URL=file://");
      const [backend, passphrase, skip] = readFileSync(join(home, "variables"), "utf8").trim().split("|");
      expect(backend).to.match(/^file:\/\/.*state$/);
      expect(readFileSync(passphrase ?? "", "utf8")).to.have.length.greaterThan(20);
      expect(skip).to.equal("true");
      expect(stderr).to.not.include(readFileSync(passphrase ?? "", "utf8").trim());
    });

    it("tells the program that no preview came before: then it says the warnings itself", () => {
      standIn("exit 0");
      for (const [word, said] of [
        ["--yes", ""],
        ["--skip-preview", "true"],
        ["-yf", "true"],
      ] as const) {
        expect(runCommand("up", "dev", word).status).to.equal(0);
        expect(readFileSync(join(home, "variables"), "utf8").trim().split("|")[3], word).to.equal(said);
      }
    });

    it("prints where the time of an up went, from the CLI's event log and the state, and leaves no log", () => {
      const urn = "urn:pulumi:dev::sample::observability:cluster:KindCluster$command:local:Command::cluster-kind";
      const step = (at: number, kind: string, op: string) =>
        JSON.stringify({ timestamp: at, [kind]: { metadata: { op, urn, type: "command", new: { custom: true } } } });
      const log = (op: string) => [step(100, "resourcePreEvent", op), step(107, "resOutputsEvent", op)].join("\n");
      writeFileSync(join(home, "create"), log("create"));
      writeFileSync(join(home, "same"), log("same"));
      standIn(`case "$1 $2" in
"up --stack") [ "$PULUMI_DEBUG_COMMANDS" = true ] && cp "${home}/$CASE" "$PULUMI_OPTION_EVENT_LOG" && echo "$PULUMI_OPTION_EVENT_LOG" > ${home}/log ;;
"stack export") echo '{"deployment":{"resources":[{"urn":"${urn}"}]}}' ;;
esac`);
      env["CASE"] = "create";
      const { status, stderr } = runCommand("up", "dev", "--yes");
      expect(status).to.equal(0);
      expect(calls().at(-1)).to.equal("stack export --stack dev");
      expect(stderr)
        .to.include("Critical path, 7.0 s")
        .and.match(/7\.0 s {2}cluster-kind {2}Command/);
      expect(existsSync(readFileSync(join(home, "log"), "utf8").trim())).to.equal(false);

      env["CASE"] = "same";
      const again = runCommand("up", "dev", "--yes");
      expect(again.status).to.equal(0);
      expect(again.stderr).to.not.include("Critical path");
      expect(calls().at(-1)).to.match(/^up --stack/);
    });

    it("shows the CLI's help of a command, and does nothing else", () => {
      standIn("exit 0");
      const { status, stderr } = runCommands(["destroy", "dev", "--help", "--yes"], ["up", "dev", "-h", "--yes"]);
      expect(status).to.equal(0);
      expect(stderr).to.equal("");
      expect(calls()).to.deep.equal(["destroy --help", "up --help"]);
      expect(existsSync(join(home, ".local")), "a state").to.equal(false);
      expect(existsSync(join(home, ".config")), "a passphrase").to.equal(false);
    });

    it("destroy deletes nothing by itself, however it ends: what is in the state decides", () => {
      standIn("exit 0");
      for (const name of ["kind", "docker"]) {
        writeFileSync(join(home, "bin", name), `#!/bin/sh\necho ${name} "$@" >> ${home}/calls\n`, { mode: 0o755 });
      }
      const ways = [["--yes"], ["-x", "urn"], ["-yt", "urn"], ["--preview-only"], ["--exclude-protected"], ["-h"]];
      expect(runCommands(...ways.map((rest) => ["destroy", "dev", ...rest])).status).to.equal(0);
      expect(calls().map((call) => call.split(" ", 1).join())).to.deep.equal(ways.map(() => "destroy"));
    });

    it("destroy looks for what it leaves in an existing cluster, and says so where it cannot", () => {
      standIn("exit 0");
      // No kubeconfig is named: that is known before anything is loaded that asks a cluster.
      writeFileSync(join(folder, "Pulumi.dev.yaml"), "config: { sample:cluster: { type: existing, existing: {} } }\n");
      const { status, stderr } = runCommand("destroy", "dev", "--yes");
      expect(status).to.equal(0);
      expect(stderr).to.include("it cannot be asked which");
    });

    it("says what comes of a refresh or destroy without a GitHub token, which no state keeps", () => {
      standIn("exit 0");
      const told = (command: string) => runCommand(command, "dev").stderr.includes("There is no GITHUB_TOKEN");
      delete env["GITHUB_TOKEN"];
      expect(["refresh", "destroy", "recover", "up"].map(told)).to.deep.equal([true, true, true, false]);
      env["GITHUB_TOKEN"] = "a";
      expect(told("destroy")).to.equal(false);
    });

    it("recover --adopt asks Docker and not Pulumi, and passes on what the cluster script says", () => {
      standIn("exit 0");
      const docker = join(home, "bin", "docker");
      writeFileSync(docker, `#!/bin/sh\necho docker "$@" >> ${home}/calls\n`, { mode: 0o755 });
      symlinkSync(join(project, "components"), join(folder, "components"));
      env["KIND_LOCK_DIR"] = join(home, "lock");
      const { status, stderr } = runCommand("recover", "Team.dev", "--adopt");
      expect(status, stderr).to.equal(0);
      const name = clusterName("Team.dev");
      expect(stderr).to.include(`there is no Kind cluster "${name}" here: nothing to take over`);
      expect(calls()).to.have.length(1);
      expect(calls()[0]).to.match(new RegExp(`^docker ps -a --filter label=io.x-k8s.kind.cluster=${name} `));
      writeFileSync(docker, "#!/bin/sh\necho Cannot connect to the Docker daemon at x >&2; exit 1\n");
      const silent = runCommand("recover", "dev", "--adopt");
      expect(silent.status).to.equal(1);
      expect(silent.stderr).to.include("Docker does not run");
    });

    it("never makes a second passphrase for a stack that exists, and tells of the first", () => {
      standIn("exit 0");
      const first = runCommand("up", "dev", "--yes");
      expect(first.stderr).to.match(/A passphrase was made for the secrets of "dev": \S+passphrase-sample-dev\./);
      const { PULUMI_BACKEND_URL: backend = "" } = settingsFor("dev", folder, env, false);
      const stacks = join(backend.replace("file://", ""), ".pulumi", "stacks", "sample");
      mkdirSync(stacks, { recursive: true });
      writeFileSync(join(stacks, "dev.json"), "{}");
      rmSync(join(home, ".config"), { recursive: true });
      rmSync(join(home, "calls"));
      const second = runCommand("up", "dev", "--yes");
      expect(second.status).to.equal(1);
      expect(second.stderr).to.include("None is made anew").and.include("docs/troubleshooting.md");
      expect(existsSync(join(home, ".config")) || existsSync(join(home, "calls"))).to.equal(false);
    });

    it("keeps the comments at a stack file's head, which the CLI loses of a file without settings", () => {
      const file = join(folder, "Pulumi.dev.yaml");
      writeFileSync(file, "# the editor's line\n# a comment\nconfig: {}\n");
      standIn(`echo "encryptionsalt: v1:x" > ${file}`);
      runCommand("up", "dev", "--yes");
      expect(readFileSync(file, "utf8")).to.equal("# the editor's line\n# a comment\nencryptionsalt: v1:x\n");
    });

    it("pulumi prints nothing but what the CLI does", () => {
      standIn(`[ "$2" = output ] && echo value; exit 0`);
      const { stdout, stderr } = runCommand("pulumi", "dev", "stack", "output", "a");
      expect(stdout).to.equal("value\n");
      expect(stderr).to.not.include("$ ");
      expect(calls()).to.deep.equal(["stack init dev", "stack output a --stack dev"]);
    });

    it("stops at the first step that fails, shows its error and says what to do", () => {
      standIn(`echo "error: no stack named 'dev' found" >&2; exit 6`);
      const { status, stderr } = runCommand("recover", "dev");
      expect(status).to.equal(6);
      expect(calls()).to.have.length(1);
      expect(stderr).to.include("error: no stack named").and.include("There is no stack").and.not.include("Bring the");
    });

    it("recover refuses while the update still runs, and does not touch its lock", () => {
      standIn("exit 0");
      const pid = holder();
      const locks = join(home, "state", ".pulumi", "locks", "organization", "sample", "dev");
      mkdirSync(locks, { recursive: true });
      writeFileSync(join(locks, "one.json"), JSON.stringify({ pid, hostname: hostname() }));
      env["PULUMI_BACKEND_URL"] = `file://${join(home, "state")}`;
      const { status, stderr } = runCommand("recover", "dev");
      expect(status).to.not.equal(0);
      expect(stderr).to.include(`process ${pid} of this machine`).and.include("Nothing was done");
      expect(existsSync(join(home, "calls"))).to.equal(false);
    });

    it("stays until the CLI has ended well after a Ctrl-C", async () => {
      standIn(`trap 'echo interrupted >> ${home}/calls; exit 5' INT; echo ready >&2; while :; do sleep 0.1; done`);
      const child = spawn(process.execPath, commands(["refresh", "dev"]), {
        env,
        stdio: ["ignore", "ignore", "pipe"],
        detached: true,
      });
      await new Promise<void>((ready) =>
        child.stderr.on("data", (text: Buffer) => {
          if (text.toString().includes("ready")) ready();
        }),
      );
      // A terminal signals the whole process group.
      if (child.pid) process.kill(-child.pid, "SIGINT");
      const code = await new Promise((ended) => child.on("close", ended));
      expect(code).to.equal(5);
      expect(calls().at(-1)).to.equal("interrupted");
    });
  });
});
