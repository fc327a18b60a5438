/** Each stand-in provider does what the released one does, as far as the project relies on it. */
import { createHash, createPublicKey } from "node:crypto";
import { existsSync, readdirSync } from "node:fs";
import { mkdtemp, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { after, afterEach, before, describe, it } from "mocha";
import { expect } from "chai";
import * as command from "@pulumi/command";
import * as github from "@pulumi/github";
import * as k8s from "@pulumi/kubernetes";
import * as pulumi from "@pulumi/pulumi";
import * as random from "@pulumi/random";
import * as tls from "@pulumi/tls";
import ssh2 from "ssh2";
import { openEnvironment, type Environment } from "../../rehearsal/engine.ts";
import { answers, failing, startGitHub, type GitHub } from "../../rehearsal/github/index.ts";
import { startStandIns, type CallHook, type StandIns } from "../../rehearsal/providers/index.ts";
import { obtain } from "../../toolchain/obtain.ts";
import { failure } from "../support/failure.ts";
import { until } from "../support/until.ts";

type Program = () => Record<string, unknown>;

describe("stand-in providers, one by one", function () {
  let cli: string;
  let folder: string;
  let standIns: StandIns;
  let environment: Environment;
  let shown = "";
  let hook: CallHook = () => undefined;
  let program: Program = () => ({});

  before(async function () {
    this.timeout(20 * 60_000); // The first time the CLI may have to be built.
    cli = (await obtain(["pulumi"])).pulumi;
    folder = await mkdtemp(join(tmpdir(), "stand-in-providers-"));
    standIns = await startStandIns({
      kubernetes: "memory",
      environment: { PATH: process.env["PATH"], FROM_ENGINE: "seen" },
      onCall: (call) => hook(call),
    });
    environment = await open("providers", () => Promise.resolve(program()));
  });

  after(async () => {
    await environment.close();
    await standIns.close();
    await rm(folder, { recursive: true, force: true });
  });

  afterEach(async () => {
    hook = () => undefined;
    await environment.destroy();
    shown = "";
  });

  function open(stack: string, program: () => Promise<Record<string, unknown>>): Promise<Environment> {
    return openEnvironment({ stack, pulumi: cli, env: standIns.env, program, onOutput: (text) => (shown += text) });
  }

  async function output(name: string): Promise<unknown> {
    return (await environment.outputs())[name]?.value;
  }

  describe("command", () => {
    it("runs the text with environment, input and folder, and shows only what logging allows", async () => {
      program = () => {
        const all = new command.local.Command("all", {
          create: 'read line; echo "$FROM_ENGINE $OWN $line $(pwd)"; echo problem >&2',
          environment: { OWN: "own" },
          stdin: "input\n",
          dir: folder,
        });
        const silent = new command.local.Command("silent", { create: "echo not-to-be-shown", logging: "none" });
        const secret = new command.local.Command("secret", {
          create: "echo done",
          environment: { TOKEN: pulumi.secret("t") },
          logging: "none",
        });
        const other = new command.local.Command("other", { create: "1 + 2", interpreter: ["node", "--print"] });
        return {
          stdout: all.stdout,
          stderr: all.stderr,
          silent: silent.stdout,
          secret: secret.stdout,
          sum: other.stdout,
        };
      };
      await environment.up();
      const outputs = await environment.outputs();
      expect(outputs["stdout"]?.value).to.equal(`seen own input ${folder}`);
      expect(outputs["stderr"]?.value).to.equal("problem");
      expect(outputs["silent"]?.value).to.equal("not-to-be-shown");
      expect(outputs["sum"]?.value).to.equal("3");
      expect(outputs["secret"]).to.deep.equal({ value: "done", secret: true });
      expect(shown).to.contain("problem");
      expect(shown.split("Outputs:")[0]).not.to.contain("not-to-be-shown");
    });

    it("updates with its own text, replaces for a trigger, and hands the last output on", async () => {
      let settings: command.local.CommandArgs = {
        create: "echo created",
        update: 'echo "updated after $PULUMI_COMMAND_STDOUT"',
      };
      program = () => ({ stdout: new command.local.Command("c", settings).stdout });
      await environment.up();
      settings = { ...settings, environment: { CHANGED: "1" } };
      expect((await environment.preview()).changes).to.include({ update: 1 });
      expect((await environment.up()).changes).to.include({ update: 1 });
      expect(await output("stdout")).to.equal("updated after created");
      settings = { ...settings, triggers: ["another"] };
      expect((await environment.up()).changes).to.include({ replace: 1 });
      expect(await output("stdout")).to.equal("created");
    });

    it("keeps nothing of a create that failed, and tells what it printed", async () => {
      program = () => ({
        c: new command.local.Command("c", { create: "echo half made; echo why >&2; exit 3" }).stdout,
      });
      const message = await failure(environment.up());
      expect(message).to.contain("exit status 3");
      expect(message).to.contain("why");
      const { resources = [] } = await environment.exportDeployment();
      expect(resources.map(({ type }) => type)).not.to.include("command:local:Command");
    });

    it("on Ctrl-C kills the shell only: what that started runs to its end, and the engine waits for it", async () => {
      const started = join(folder, "started");
      const finished = join(folder, "finished");
      const child = `touch '${started}'; sleep 2; touch '${finished}'`;
      program = () => ({ c: new command.local.Command("c", { create: `sh -c "${child}"; echo unreachable` }).stdout });
      const running = failure(environment.up());
      await until("the command has started", () => Promise.resolve(existsSync(started)));
      environment.interrupt();
      const message = await running;
      expect(message).to.contain("signal: SIGKILL");
      expect(await readFile(finished, "utf8")).to.equal("");
      const { resources = [] } = await environment.exportDeployment();
      expect(resources.map(({ type }) => type)).not.to.include("command:local:Command");
    });
  });

  it("tls makes keys that other programs read, with the private parts secret", async () => {
    const kinds = {
      ed25519: { algorithm: "ED25519" },
      rsa: { algorithm: "RSA", rsaBits: 2048 },
      ecdsa: { algorithm: "ECDSA", ecdsaCurve: "P256" },
      // A curve that OpenSSH does not have.
      p224: { algorithm: "ECDSA" },
    };
    program = () =>
      Object.fromEntries(
        Object.entries(kinds).map(([name, args]) => [name, keyOutputs(new tls.PrivateKey(name, args))]),
      );
    await environment.up();
    const outputs = await environment.outputs();
    for (const [name, sshType] of [
      ["ed25519", "ssh-ed25519"],
      ["rsa", "ssh-rsa"],
      ["ecdsa", "ecdsa-sha2-nistp256"],
    ] as const) {
      expect(outputs[name]?.secret).to.equal(true);
      const key = outputs[name]?.value as Record<string, string>;
      const parsed = ssh2.utils.parseKey(key["openssh"] ?? "");
      if (parsed instanceof Error) throw parsed;
      expect(parsed.type).to.equal(sshType);
      expect(parsed.isPrivateKey()).to.equal(true);
      const signature = parsed.sign("text");
      const line = key["public"] ?? "";
      expect(line).to.equal(`${sshType} ${parsed.getPublicSSH().toString("base64")}\n`);
      const verifier = ssh2.utils.parseKey(line);
      if (verifier instanceof Error) throw verifier;
      expect(verifier.verify("text", signature)).to.equal(true);
      // RFC 4251: the first bit of a multiple precision integer is its sign.
      if (name === "rsa") {
        const [, exponent, modulus] = partsOf(Buffer.from(line.split(" ")[1] ?? "", "base64"));
        expect([exponent?.toString("hex"), modulus?.subarray(0, 1).toString("hex")]).to.deep.equal(["010001", "00"]);
      }
      const digest = createHash("sha256").update(parsed.getPublicSSH()).digest("base64").replace(/=+$/, "");
      expect(key["fingerprint"]).to.equal(`SHA256:${digest}`);
      for (const pem of [key["pem"] ?? "", parsed.getPublicPEM()]) {
        expect(createPublicKey(pem).export({ type: "spki", format: "pem" })).to.equal(key["publicPem"]);
      }
    }
    expect(outputs["p224"]?.value).to.include({ openssh: "", public: "", fingerprint: "" });
    const before = outputs["ed25519"]?.value as unknown;
    kinds.ed25519 = { algorithm: "ED25519" };
    await environment.up();
    expect(await output("ed25519")).to.deep.equal(before);
  });

  it("random keeps to the rules of a password and draws another one for other keepers", async () => {
    let keepers = { rotation: "1" };
    program = () => {
      const rules = { length: 40, minUpper: 3, minNumeric: 3, minSpecial: 2, overrideSpecial: "-_", keepers };
      return {
        password: new random.RandomPassword("p", rules).result,
        id: new random.RandomId("i", { byteLength: 4 }).hex,
      };
    };
    await environment.up();
    const first = (await output("password")) as string;
    expect(first).to.match(/^[A-Za-z0-9_-]{40}$/);
    for (const [characters, least] of [
      [/[A-Z]/g, 3],
      [/[0-9]/g, 3],
      [/[-_]/g, 2],
    ] as const) {
      expect(first.match(characters) ?? []).to.have.lengthOf.at.least(least);
    }
    expect(await output("id")).to.match(/^[0-9a-f]{8}$/);
    keepers = { rotation: "2" };
    expect((await environment.up()).changes).to.include({ replace: 1, same: 2 });
    expect(await output("password")).not.to.equal(first);
  });

  describe("github", () => {
    let server: GitHub;

    before(async () => {
      const root = await mkdtemp(join(folder, "repositories-"));
      server = await startGitHub({ root, owner: "acme", token: "good", repositories: [{ name: "platform" }] });
    });

    after(async () => {
      await server.close();
    });

    let key = "";
    let token = "good";
    const deployKey = (): Program => () => {
      const provider = new github.Provider("github", { baseUrl: server.baseUrl, owner: "acme", token });
      const args = { repository: "platform", title: "observability/dev", key, readOnly: true };
      new github.RepositoryDeployKey("key", args, { provider });
      return {};
    };
    const registered = () => server.deployKeys("acme", "platform");

    it("registers a key without its newline, sees it removed, rotates it with both there in between", async () => {
      key = publicKeyLine("first");
      program = deployKey();
      await environment.up();
      expect(registered().map(({ key, readOnly, title }) => ({ key, readOnly, title }))).to.deep.equal([
        { key: key.trim(), readOnly: true, title: "observability/dev" },
      ]);
      expect((await environment.refresh()).changes).to.deep.equal({ same: 3 });
      expect((await environment.up()).changes).to.deep.equal({ same: 3 });

      const removed = registered()[0]?.id ?? 0;
      await fetch(`${server.baseUrl}repos/acme/platform/keys/${removed}`, {
        method: "DELETE",
        headers: { authorization: "Bearer good" },
      });
      expect(registered()).to.deep.equal([]);
      expect((await environment.refresh()).changes).to.include({ delete: 1 });
      expect((await environment.up()).changes).to.include({ create: 1 });

      let during = 0;
      hook = (call) => {
        if (call.provider === "github" && call.method === "delete") during = registered().length;
      };
      key = publicKeyLine("second");
      expect((await environment.up()).changes).to.include({ replace: 1 });
      expect(during).to.equal(2);
      expect(registered().map((item) => item.key)).to.deep.equal([key.trim()]);
      await environment.destroy();
      expect(registered()).to.deep.equal([]);
    });

    it("says what is wrong with a token, a key in use and a failing GitHub, and refuses to delete what is gone until a refresh has seen it", async () => {
      key = publicKeyLine("third");
      program = deployKey();
      token = "revoked";
      expect(await failure(environment.up())).to.contain("The token is wrong or was revoked");
      token = "good";
      server.fail(failing("POST /repos/acme/platform/keys", answers.keyInUse));
      expect(await failure(environment.up())).to.contain("key is already in use");
      server.fail(failing("POST /repos/acme/platform/keys", answers.serverError(502)));
      expect(await failure(environment.up())).to.contain("GitHub failed; run it again later");
      await environment.up();
      const { id } = registered()[0] ?? expect.fail("no key");
      await fetch(`${server.baseUrl}repos/acme/platform/keys/${id}`, {
        method: "DELETE",
        headers: { authorization: "Bearer good" },
      });
      expect(await failure(environment.destroy())).to.contain("GitHub answered 404");
      await environment.refresh();
      await environment.destroy();
    });
  });

  describe("kubernetes", () => {
    const inCluster =
      (args: Partial<k8s.ProviderArgs>, make: (opts: pulumi.CustomResourceOptions) => void): Program =>
      () => {
        make({ provider: new k8s.Provider("cluster", { kubeconfig: "kubeconfig", context: "dev", ...args }) });
        return {};
      };

    it("refuses an empty kubeconfig and a missing context in strict mode, and only there", async () => {
      const strict = (args: k8s.ProviderArgs, strictMode: string) => () => {
        const transformations = [
          ({ props, opts }: pulumi.ResourceTransformationArgs) => ({ props: { ...props, strictMode }, opts }),
        ];
        const provider = new k8s.Provider("cluster", args, { transformations });
        new k8s.core.v1.Namespace("n", {}, { provider });
        return {};
      };
      program = strict({ kubeconfig: "", context: "dev" }, "true");
      expect(await failure(environment.up())).to.contain('strict mode requires Provider "kubeconfig" argument');
      program = strict({ kubeconfig: "kubeconfig", context: "" }, "true");
      expect(await failure(environment.up())).to.contain('strict mode requires Provider "context" argument');
      program = strict({ kubeconfig: "", context: "dev" }, "false");
      await environment.up();
      await environment.destroy();
    });

    it("replaces a changed Secret unless the provider says that Secrets are mutable", async () => {
      let password = "one";
      let enableSecretMutable = false;
      const secret = (): Program =>
        inCluster({ enableSecretMutable }, (opts) => {
          new k8s.core.v1.Secret(
            "s",
            { metadata: { name: "s", namespace: "default" }, stringData: { password } },
            opts,
          );
        });
      program = secret();
      await environment.up();
      const methods = (since: number) =>
        standIns.calls
          .slice(since)
          .flatMap(({ name, method }) => (name === "s" && /create|update|delete/.test(method) ? [method] : []));
      password = "two";
      let since = standIns.calls.length;
      await environment.up();
      expect(methods(since)).to.deep.equal(["delete", "create"]);
      enableSecretMutable = true;
      program = secret();
      await environment.up();
      password = "three";
      since = standIns.calls.length;
      await environment.up();
      expect(methods(since)).to.deep.equal(["update"]);
    });

    it("waits for a namespace that is made at the same time", async () => {
      hook = async ({ method, name, preview }) => {
        if (method === "create" && name === "namespace" && !preview) await sleep(300);
      };
      program = inCluster({}, (opts) => {
        new k8s.core.v1.Namespace("namespace", { metadata: { name: "late" } }, opts);
        new k8s.core.v1.ConfigMap("early", { metadata: { name: "early", namespace: "late" } }, opts);
      });
      expect((await environment.up()).changes).to.include({ create: 4 });
    });

    it("replaces all objects when the cluster's identifier changes, and none when only its kubeconfig does", async () => {
      let args: Partial<k8s.ProviderArgs> = { clusterIdentifier: "one" };
      program = () =>
        inCluster(args, (opts) => {
          new k8s.core.v1.ConfigMap("c", { metadata: { name: "c", namespace: "default" } }, opts);
        })();
      await environment.up();
      args = { clusterIdentifier: "one", kubeconfig: "server: https://127.0.0.1:2" };
      expect((await environment.up()).changes).to.deep.equal({ same: 2, update: 1 });
      args = { ...args, clusterIdentifier: "two" };
      expect((await environment.preview()).changes).to.deep.equal({ same: 1, replace: 2 });
    });

    it("without an identifier replaces all objects when the kubeconfig names another cluster, not for another user", async () => {
      const kubeconfig = (server: string, token: string): string =>
        JSON.stringify({
          clusters: [{ name: "dev", cluster: { server } }],
          contexts: [{ name: "dev", context: { cluster: "dev", user: "dev" } }],
          users: [{ name: "dev", user: { token } }],
        });
      let args: Partial<k8s.ProviderArgs> = { kubeconfig: kubeconfig("https://127.0.0.1:2", "one") };
      program = () =>
        inCluster(args, (opts) => {
          new k8s.core.v1.ConfigMap("c", { metadata: { name: "c", namespace: "default" } }, opts);
        })();
      await environment.up();
      args = { kubeconfig: kubeconfig("https://127.0.0.1:2", "two") };
      expect((await environment.preview()).changes).to.deep.equal({ same: 2, update: 1 });
      args = { kubeconfig: kubeconfig("https://127.0.0.1:3", "one") };
      expect((await environment.preview()).changes).to.deep.equal({ same: 1, replace: 2 });
    });

    it("creates again after an error that a hook of the program calls temporary", async () => {
      let attempts = 0;
      hook = ({ method, name, preview }) => {
        if (method === "create" && name === "collector" && !preview && ++attempts < 3) {
          throw new Error(
            'Internal error occurred: failed calling webhook "mopentelemetrycollector.kb.io": connection refused',
          );
        }
        if (method === "create" && name === "broken" && !preview) throw new Error("spec.config: Required value");
      };
      program = inCluster({}, (opts) => {
        const lateWebhook = new pulumi.ErrorHook("late-webhook", async ({ errors: [latest = ""] }) => {
          await sleep(50);
          return latest.includes("failed calling webhook");
        });
        for (const name of ["collector", "broken"]) {
          const metadata = { name, namespace: "default" };
          const args = { apiVersion: "opentelemetry.io/v1beta1", kind: "OpenTelemetryCollector", metadata };
          new k8s.apiextensions.CustomResource(name, args, { ...opts, hooks: { onError: [lateWebhook] } });
        }
      });
      const message = await failure(environment.up());
      expect(attempts).to.equal(3);
      expect(message).to.contain("retrying create due to on-error hook request (2/100)");
      expect(message).to.contain("spec.config: Required value");
      expect(standIns.cluster.objects.map(({ metadata }) => metadata.name)).to.include("collector");
    });
  });

  it("keeps its folder private, puts no secret in a command line, takes settings back, and leaves nothing behind", async () => {
    const seen = join(folder, "command-lines");
    const recorder = join(folder, "pulumi");
    await writeFile(recorder, `#!/bin/sh\necho "$@" >>'${seen}'\nexec '${cli}' "$@"\n`, { mode: 0o700 });
    const own = await openEnvironment({
      stack: "private",
      pulumi: recorder,
      env: standIns.env,
      config: { "observability:token": { secret: "planted-token" }, "observability:plain": "one" },
      program: () => {
        const config = new pulumi.Config("observability");
        return Promise.resolve({ token: config.requireSecret("token"), plain: config.get("plain") ?? "none" });
      },
    });
    try {
      expect((await stat(own.workDir)).mode & 0o777).to.equal(0o700);
      await own.up();
      expect((await own.outputs())["token"]).to.deep.equal({ value: "planted-token", secret: true });
      await own.configure({ "observability:plain": undefined });
      await own.up();
      expect((await own.outputs())["plain"]?.value).to.equal("none");
      const lines = await readFile(seen, "utf8");
      expect(lines).to.contain("config set --secret observability:token");
      expect(lines).not.to.contain("planted-token");
    } finally {
      await own.close();
    }
    expect(existsSync(own.workDir)).to.equal(false);

    // A temporary folder of our own, so that nobody else's appear in it.
    const temporary = await mkdtemp(join(folder, "temporary-"));
    const before = process.env["TMPDIR"];
    process.env["TMPDIR"] = temporary;
    try {
      const cli = join(folder, "no-such-cli");
      const missing = openEnvironment({ stack: "missing", pulumi: cli, program: () => Promise.resolve({}) });
      expect(await missing.catch((error: unknown) => String(error))).to.contain("no-such-cli");
      expect(readdirSync(temporary)).to.deep.equal([]);
    } finally {
      if (before === undefined) delete process.env["TMPDIR"];
      else process.env["TMPDIR"] = before;
    }
  });

  it("runs two environments in one process at once without mixing them", async () => {
    const others = await startStandIns({ kubernetes: "memory" });
    const colours = ["red", "green"] as const;
    const [red, green] = await Promise.all(
      colours.map((colour, index) =>
        openEnvironment({
          stack: colour,
          pulumi: cli,
          env: (index === 0 ? standIns : others).env,
          config: { "observability:colour": colour },
          program: async () => {
            const mine = new pulumi.Config("observability").require("colour");
            await sleep(200);
            const said = new command.local.Command("say", { create: `sleep 0.3; echo ${mine}`, logging: "none" });
            return {
              colour: said.stdout,
              stack: pulumi.getStack(),
              config: new pulumi.Config("observability").require("colour"),
            };
          },
        }),
      ),
    );
    if (red === undefined || green === undefined) throw new Error("two environments were asked for");
    try {
      await Promise.all([red.up(), green.up()]);
      for (const [environment, colour] of [
        [red, "red"],
        [green, "green"],
      ] as const) {
        const outputs = await environment.outputs();
        expect(outputs["colour"]?.value).to.equal(colour);
        expect(outputs["stack"]?.value).to.equal(colour);
        expect(outputs["config"]?.value).to.equal(colour);
      }
      const creates = (calls: StandIns["calls"]) =>
        calls.filter(({ method, name, preview }) => method === "create" && name === "say" && !preview);
      expect(creates(others.calls)).to.have.lengthOf(1);
    } finally {
      await Promise.all([red.close(), green.close(), others.close()]);
    }
  });
});

function keyOutputs(key: tls.PrivateKey): pulumi.Output<Record<string, string>> {
  return pulumi
    .all([
      key.privateKeyOpenssh,
      key.privateKeyPem,
      key.publicKeyOpenssh,
      key.publicKeyPem,
      key.publicKeyFingerprintSha256,
    ])
    .apply(([openssh, pem, line, publicPem, fingerprint]): Record<string, string> => ({
      openssh,
      pem,
      public: line,
      publicPem,
      fingerprint,
    }));
}

/** The length-prefixed parts of an SSH wire format. */
function partsOf(wire: Buffer): Buffer[] {
  const parts: Buffer[] = [];
  for (let at = 0; at < wire.length;) {
    const length = wire.readUInt32BE(at);
    parts.push(wire.subarray(at + 4, at + 4 + length));
    at += 4 + length;
  }
  return parts;
}

/** A well-formed Ed25519 public key; nobody has its private half. */
function publicKeyLine(seed: string): string {
  const length = (bytes: Buffer): Buffer => {
    const prefix = Buffer.alloc(4);
    prefix.writeUInt32BE(bytes.length);
    return Buffer.concat([prefix, bytes]);
  };
  const blob = Buffer.concat([length(Buffer.from("ssh-ed25519")), length(createHash("sha256").update(seed).digest())]);
  return `ssh-ed25519 ${blob.toString("base64")}\n`;
}
