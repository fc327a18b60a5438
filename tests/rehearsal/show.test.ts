/** `npm run rehearse` as a person runs it: what it says, how it ends, what it leaves. */
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { expect } from "chai";
import { parse } from "yaml";
import { connect } from "../../rehearsal/control-plane/api.ts";
import type { Message } from "../../commands/rehearse/show.ts";
import { bare } from "../support/bare.ts";
import { until } from "../support/until.ts";

const root = resolve(import.meta.dirname, "..", "..");
type Of<Type extends Message["type"]> = Extract<Message, { type: Type }>;

/** A rehearsal in a process of its own, whose temporary files are in a folder that nobody else uses. */
class Command {
  readonly temporary = mkdtempSync(join(tmpdir(), "show-test-"));
  readonly child: ChildProcess;
  readonly ended: Promise<number | null>;
  stdout = "";
  stderr = "";

  constructor(...args: string[]) {
    // What can be downloaded differs from machine to machine.
    this.child = spawn(process.execPath, [join(root, "commands", "rehearse.ts"), "--offline", ...args], {
      env: { ...process.env, TMPDIR: this.temporary },
      stdio: ["ignore", "pipe", "pipe"],
    });
    this.child.stdout?.setEncoding("utf8").on("data", (text: string) => (this.stdout += text));
    this.child.stderr?.setEncoding("utf8").on("data", (text: string) => (this.stderr += text));
    this.ended = new Promise((done) => this.child.on("close", done));
  }

  readonly #messages: Message[] = [];
  #read = 0;

  /** The JSON documents so far, each read once: there are megabytes of them. A line that is none fails the test. */
  messages(): readonly Message[] {
    const end = this.stdout.lastIndexOf("\n") + 1;
    const lines = this.stdout.slice(this.#read, end).split("\n");
    this.#read = end;
    for (const line of lines) if (line !== "") this.#messages.push(JSON.parse(line) as Message);
    return this.#messages;
  }

  told<Type extends Message["type"]>(type: Type): Of<Type>[] {
    return this.messages().filter((message): message is Of<Type> => message.type === type);
  }

  /** Command lines of processes that name this command's folder, looked up by `ps`. */
  processes(): string[] {
    const { stdout } = spawnSync("ps", ["-A", "-ww", "-o", "args="], { encoding: "utf8" });
    return stdout.split("\n").filter((line) => line.includes(this.temporary));
  }

  /** Waits, because the guard of a command that ended at once still works, then checks that there is nothing. */
  async leavesNothing(): Promise<void> {
    await until(
      "no process and no file is left",
      () => Promise.resolve(this.processes().length === 0 && readdirSync(this.temporary).length === 0),
      180,
    );
  }

  async end(): Promise<void> {
    if (this.child.exitCode === null && this.child.signalCode === null) this.child.kill("SIGTERM");
    await this.ended;
    rmSync(this.temporary, { recursive: true, force: true });
  }
}

/** Settings as options. */
const set = (settings: Readonly<Record<string, unknown>>): string[] =>
  Object.entries(settings).flatMap(([group, value]) =>
    typeof value === "string"
      ? ["--set", `${group}=${value}`]
      : Object.entries(value as object).flatMap(([key, inner]) => ["--set", `${group}.${key}=${String(inner)}`]),
  );

/** Whether a port of 127.0.0.1 can be listened on, so that nobody else does. */
function isFree(port: number): Promise<boolean> {
  return new Promise((done) => {
    const server = createServer();
    server.once("error", () => {
      done(false);
    });
    server.listen(port, "127.0.0.1", () => {
      server.close(() => {
        done(true);
      });
    });
  });
}

describe("npm run rehearse", function () {
  this.timeout("20m");
  let command: Command;
  afterEach(async () => {
    await command.end();
  });

  /** The port of the API server of the running cluster. */
  const apiPort = async (): Promise<number> =>
    until(
      "there is a cluster",
      () => {
        const [dir = ""] = readdirSync(command.temporary);
        try {
          const text = readFileSync(join(command.temporary, dir, "kube", "dev.yaml"), "utf8");
          const { clusters } = parse(text) as { clusters: { cluster: { server: string } }[] };
          return Promise.resolve(Number(new URL(clusters[0]?.cluster.server ?? "").port));
        } catch {
          return Promise.resolve(undefined);
        }
      },
      300,
    );

  it("goes from nothing to nothing, and tells it as JSON", async () => {
    // tests/rehearsal/environment.test.ts has all of it.
    const less = { traces: "none", gateway: "none", instrumentation: { enabled: false }, demo: { enabled: false } };
    const operators = { opentelemetryOperator: { enabled: false }, certManager: { enabled: false } };
    command = new Command("--json", "--set", "loki.retention=48h", ...set({ ...less, ...operators }));
    const port = await apiPort();
    expect(await isFree(port)).to.equal(false);
    const code = await command.ended;
    const messages = command.messages();
    expect(code, command.stdout.slice(-3000) + command.stderr).to.equal(0);

    expect(messages[0]).to.deep.include({
      ...{ type: "begin", stack: "dev" },
      settings: { loki: { retention: "48h" }, ...less, ...operators },
    });
    const phases = command.told("phase").filter(({ state }) => state !== "begin");
    const names = ["tools", "surroundings", "up", "outputs", "verify", "destroy"];
    expect(phases.map(({ phase, state }) => `${phase} ${state}`)).to.deep.equal(names.map((name) => `${name} end`));

    const parts = command.told("banner")[0]?.parts ?? [];
    expect(parts.filter(({ how }) => how === "real").map(({ name }) => name)).to.include.members([
      "Pulumi engine",
      "Control plane",
      "Flux controllers",
    ]);
    for (const name of ["Provider plugins", "kind", "GitHub, Git server"]) {
      expect(parts.find((part) => part.name === name)?.how, name).to.equal("stand-in");
    }
    expect(parts.find(({ name }) => name === "Flux manifests")?.how).to.equal("assembled");
    expect(parts.find(({ name }) => name === "Charts")?.what).to.include("without the descriptions of fields");

    const ended = command.told("resource").filter(({ state }) => state === "end");
    const releases = new Set(ended.filter(({ kind }) => kind === "HelmRelease").map(({ name }) => name));
    expect(releases).to.include("loki-release").and.include("kube-prometheus-stack-release");
    const [times] = command.told("times");
    expect(times?.criticalPath.links.map(({ name }) => name)).to.include.members([
      "cluster-kind",
      "prometheus-operator-crds-release",
    ]);
    expect(times?.phases.map(({ name }) => name)).to.include.members(["cluster", "Flux", "components"]);
    expect(command.told("waiting").some(({ running }) => running.some((one) => one.for !== undefined))).to.equal(true);

    const [told] = command.told("outputs");
    expect(told?.outputs).to.have.property("grafanaUser", "admin");
    expect(told?.secrets).to.have.members(["kubeconfig", "grafanaPassword"]);
    for (const name of told?.secrets ?? []) expect(told?.outputs[name]).to.equal("[secret]");
    expect(command.stdout).to.not.include("PRIVATE KEY").and.not.include("client-key-data");

    const checks = command.told("check");
    expect(checks.filter(({ ok }) => !ok)).to.deep.equal([]);
    expect(checks.map(({ name }) => name)).to.include.members([
      "schemas/outputs.schema.json",
      "every HelmRelease is Ready, as the API says",
      "every Kustomization is Ready, as the API says",
      "every GitRepository is Ready, as the API says",
      "every OCIRepository is Ready, as the API says",
      "a second up changes nothing",
      "no deploy key is left at GitHub",
      "nothing is left on this machine",
    ]);
    expect(messages.at(-1)).to.deep.include({ type: "verdict", ok: true, exitCode: 0 });
    expect(command.told("verdict")).to.have.length(1);

    await command.leavesNothing();
    expect(await isFree(port)).to.equal(true);
  });

  it("keeps it running until Ctrl-C, for kubectl", async () => {
    command = new Command("--keep", "--json", ...set(bare));
    const kept = await until("it is kept", () => Promise.resolve(command.told("kept")[0]), 600);
    expect(command.told("check").filter(({ ok }) => !ok)).to.deep.equal([]);
    const api = connect(readFileSync(kept.kubeconfig, "utf8"));
    const nodes = (await api.get("/api/v1/nodes")) as { items: unknown[] };
    api.close();
    expect(nodes.items).to.have.length(1);
    expect(command.told("phase").map(({ phase }) => phase)).to.not.include("destroy");
    command.child.kill("SIGINT");
    expect(await command.ended).to.equal(130);
    await command.leavesNothing();
  });

  it("refuses a wrong setting before anything is started", async () => {
    command = new Command("--set", "loki.retention=banana");
    expect(await command.ended).to.equal(1);
    expect(command.stdout).to.include("loki.retention: must be a duration").and.not.include("▶");
    expect(command.stdout.trimEnd().split("\n").at(-1)).to.match(/^FAILED: Pulumi\.dev\.yaml with --set: one setting/);
    await command.leavesNothing();
  });

  it("destroys after a failure all the same, and says what failed", async () => {
    command = new Command("--set", "cluster.kind.nodeImage=kindest/does-not-exist:v1.36.1");
    expect(await command.ended).to.equal(1);
    expect(command.stdout).to.include("failed to pull image").and.include("✓ destroy").and.not.include("▶ verify");
    expect(command.stdout.trimEnd().split("\n").at(-1)).to.match(/^FAILED: up failed at Command cluster-kind/);
    await command.leavesNothing();
  });

  it("touches no cluster but its own", async () => {
    command = new Command("--set", "cluster.type=existing");
    expect(await command.ended).to.equal(1);
    expect(command.stdout).to.include("a rehearsal makes a cluster of its own").and.not.include("▶");
  });

  it("says which option is wrong", async () => {
    command = new Command("--stak", "dev");
    expect(await command.ended).to.equal(2);
    expect(command.stderr).to.include("--stak is no option. Did you mean --stack?");
    expect(command.stdout).to.equal("");
  });

  it("tells at once why a release cannot be installed; cleans up after Ctrl-C in the middle", async () => {
    command = new Command("--json", ...set({ ...bare, logs: "loki" }), "--set", "loki.values.nonsense=true");
    const port = await apiPort();
    const reason = await until(
      "the reason is told",
      () => Promise.resolve(command.told("diagnostic").find(({ resource }) => resource === "HelmRelease loki")),
      400,
    );
    expect(reason.text).to.include("additional properties 'nonsense' not allowed");
    command.child.kill("SIGINT");
    expect(await command.ended).to.equal(130);
    expect(command.stderr).to.include("cleaning up");
    expect(command.told("check").find(({ name }) => name === "nothing is left on this machine")?.ok).to.equal(true);
    expect(command.messages().at(-1)).to.deep.include({ type: "verdict", ok: false, exitCode: 130 });
    await command.leavesNothing();
    expect(await isFree(port)).to.equal(true);
  });

  for (const [moment, signals] of [
    ["a second Ctrl-C", ["SIGINT", "SIGINT"]],
    ["kill -9", ["SIGKILL"]],
  ] as const) {
    it(`leaves nothing after ${moment} while the cluster is being made`, async () => {
      command = new Command();
      await until("etcd runs", () => Promise.resolve(command.processes().some((line) => /\betcd\b/.test(line))), 300);
      for (const signal of signals) command.child.kill(signal);
      const code = await command.ended;
      expect(code).to.equal(moment === "kill -9" ? null : 130);
      await command.leavesNothing();
    });
  }
});
