import { expect } from "chai";
import { existsSync, globSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import * as path from "node:path";
import { parse } from "yaml";
import { main, renderedFiles } from "../../../commands/render.ts";

const flux = path.join(import.meta.dirname, "../../support/flux-install.yaml");

const kbot = `  observability:demo:
    app: kbot
    repository: https://github.com/acme/kbot
    image:
      repository: ghcr.io/acme/kbot
`;

describe("npm run render", function () {
  let folder: string;
  const { log, error } = console;
  let said: string[];

  beforeEach(() => {
    folder = mkdtempSync(path.join(tmpdir(), "render-"));
    said = [];
    console.log = console.error = (line: string) => void said.push(line);
  });
  afterEach(() => {
    Object.assign(console, { log, error });
    rmSync(folder, { recursive: true });
  });

  const stackFile = (name: string, text: string) => {
    writeFileSync(path.join(folder, `Pulumi.${name}.yaml`), text);
  };

  it("writes one file per object and the values of each release, without an engine and without a secret", async () => {
    stackFile(
      "dev",
      [
        `config:\n  github:owner: Acme\n  observability:flux:\n    manifests: ${flux}`,
        `${kbot}  observability:telegramToken:\n    secure: v1:planted:secret\n`,
      ].join("\n"),
    );
    mkdirSync(path.join(folder, "rendered/dev"), { recursive: true });
    writeFileSync(path.join(folder, "rendered/dev/stale.yaml"), "left: over\n");
    expect(await main(["dev"], folder), said.join("\n")).to.equal(0);

    const files = globSync("**/*.yaml", { cwd: path.join(folder, "rendered/dev") });
    expect(files).to.include.members([
      "cluster/namespace-monitoring.yaml",
      "flux-system/helmrelease-loki.yaml",
      "flux-system/deployment-source-controller.yaml",
      "monitoring/opentelemetrycollector-otel.yaml",
      "flux-repo/demo/helmrelease-kbot.yaml",
      "values/kube-prometheus-stack.yaml",
    ]);
    expect(files).not.to.include("stale.yaml");
    const read = (file: string) => readFileSync(path.join(folder, "rendered/dev", file), "utf8");
    const release = parse(read("flux-system/helmrelease-loki.yaml")) as { spec: { values: object } };
    expect(parse(read("values/loki.yaml"))).to.deep.equal(release.spec.values);
    expect(read("flux-repo/demo/helmrelease-kbot.yaml")).to.include("ghcr.io/acme/kbot");
    expect(files.map(read).join()).not.to.include("planted");
    const { stringData } = parse(read("demo/secret-kbot.yaml")) as { stringData: object };
    expect(stringData).to.deep.equal({ token: "<secret: token>" });
    expect(said.join("\n")).to.match(/rendered.dev: \d+ objects of the program, \d+ of flux-repo\.$/);
  });

  it("masks every Secret but what is public in it", () => {
    const secret = {
      apiVersion: "v1",
      kind: "Secret",
      metadata: { name: "key", namespace: "flux-system" },
      data: { tls: "cGxhbnRlZA==" },
      stringData: { identity: "planted", "identity.pub": "ssh-ed25519 AAAA", known_hosts: "host key" },
    };
    const [file] = renderedFiles([secret], []);
    expect(file?.path).to.equal(path.join("flux-system", "secret-key.yaml"));
    expect(parse(file?.text ?? "")).to.deep.include({
      data: { tls: "<secret: tls>" },
      stringData: { identity: "<secret: identity>", "identity.pub": "ssh-ed25519 AAAA", known_hosts: "host key" },
    });
  });

  it("says what it assumes where a stack is not set up yet", async () => {
    const owner = process.env["GITHUB_OWNER"];
    delete process.env["GITHUB_OWNER"];
    try {
      stackFile("new", `config:\n  observability:flux:\n    manifests: ${flux}\n`);
      expect(await main(["new"], folder)).to.equal(0);
      expect(said.join()).not.to.include("telegramToken");
      stackFile("new", readFileSync(path.join(folder, "Pulumi.new.yaml"), "utf8") + kbot);
      expect(await main(["new"], folder)).to.equal(0);
    } finally {
      if (owner !== undefined) process.env["GITHUB_OWNER"] = owner;
    }
    const text = said.join("\n");
    expect(text).to.include("telegramToken is not set in Pulumi.new.yaml").and.include("github:owner is not set");
    expect(text).to.include("./flux-repo/clusters/new is not in this project");
  });

  it("needs neither an existing cluster nor its kubeconfig", async () => {
    const cluster = "    type: existing\n    existing: { kubeconfig: /nowhere/kubeconfig, context: a }\n";
    const config = `  observability:flux:\n    manifests: ${flux}\n  observability:cluster:\n${cluster}`;
    stackFile("kept", `config:\n  github:owner: acme\n${config}`);
    expect(await main(["kept"], folder), said.join("\n")).to.equal(0);
  });

  it("says what to do when the stack or Flux's manifests are missing", async () => {
    expect(await main(["none"], folder)).to.equal(1);
    expect(said.join()).to.include("There is no Pulumi.none.yaml. Name a stack of this project");
    stackFile("dev", "config:\n  observability:flux:\n    manifests: nowhere.yaml\n");
    expect(await main(["dev"], folder)).to.equal(1);
    expect(said.join()).to.include("Cannot read nowhere.yaml");
    expect(existsSync(path.join(folder, "rendered"))).to.equal(false);
    expect(await main([], folder)).to.equal(2);
  });

  it("tells a typo in a stack file as `pulumi up` does", async () => {
    stackFile("dev", "config:\n  observability:prometheus:\n    retentoin: 1d\n");
    expect(await main(["dev"], folder)).to.equal(1);
    expect(said.join()).to.include("Did you mean prometheus.retention?");
  });
});
