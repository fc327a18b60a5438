import { createHash } from "node:crypto";
import { mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect } from "chai";
import { fluxManifests, withFlags } from "../../../components/gitops/flux-manifests.ts";
import { parseSettings } from "../../../settings/parse.ts";

const controllers = ["source", "kustomize", "helm", "notification", "image-automation"];
const deployment = (name: string) => `
apiVersion: apps/v1
kind: Deployment
metadata: {name: ${name}-controller, namespace: flux-system, labels: {app.kubernetes.io/component: ${name}-controller}}
spec:
  template: {spec: {containers: [{name: manager, args: [--log-level=info, --watch-all-namespaces=true]}]}}
`;
// No label, and a name that ends like a controller's: without these rights source-controller may list nothing.
const rights = ["ClusterRole", "ClusterRoleBinding"].map(
  (kind) => `\napiVersion: rbac.authorization.k8s.io/v1\nkind: ${kind}\nmetadata: {name: crd-controller}\n`,
);
const release = [...controllers.map(deployment), ...rights].join("---");

const settings = (manifests: string, more: object = {}) =>
  parseSettings({ flux: { manifests, ...more } }, { file: "Pulumi.dev.yaml", secrets: ["telegramToken"] }).flux;

async function rejection(promise: Promise<unknown>): Promise<string> {
  return promise.then(
    () => {
      throw new Error("it was accepted");
    },
    (error: unknown) => String(error),
  );
}

describe("Flux's manifests", () => {
  let folder: string;
  let file: string;
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), "flux-manifests-"));
    file = join(folder, "install.yaml");
    await writeFile(file, release);
  });
  afterEach(() => rm(folder, { recursive: true }));

  const flagsOf = async (name: string) => {
    const found = (await fluxManifests(settings(file))).find((manifest) => manifest.metadata.name === name);
    const spec = found?.["spec"] as { template: { spec: { containers: { args: string[] }[] } } };
    return spec.template.spec.containers[0]?.args ?? [];
  };

  it("leave out controllers that the environment does not use", async () => {
    const names = (await fluxManifests(settings(file))).map((manifest) => manifest.metadata.name);
    expect(names).to.have.members([
      "source-controller",
      "kustomize-controller",
      "helm-controller",
      "notification-controller",
      "crd-controller",
      "crd-controller",
    ]);
  });

  it("are tuned, and locked down (acceptance, security 7)", async () => {
    const helm = await flagsOf("helm-controller");
    expect(helm).to.include.members(["--concurrent=10", "--requeue-dependency=5s", "--no-cross-namespace-refs=true"]);
    const kustomize = await flagsOf("kustomize-controller");
    expect(kustomize).to.include.members(["--no-cross-namespace-refs=true", "--no-remote-bases=true"]);
    expect(await flagsOf("notification-controller")).to.include("--no-cross-namespace-refs=true");
    expect(await flagsOf("source-controller")).to.include("--watch-all-namespaces=true");
  });

  it("replace a flag in place and keep the others", () => {
    expect(withFlags(["--a=1", "--b"], { "--a": "2", "--c": "3" })).to.deep.equal(["--a=2", "--b", "--c=3"]);
  });

  it("must have the checksum that the settings name", async () => {
    const sha256 = createHash("sha256").update(release).digest("hex");
    expect(await fluxManifests(settings(file, { sha256 }))).to.have.length(6);
    const message = await rejection(fluxManifests(settings(file, { sha256: "0".repeat(64) })));
    expect(message).to.include(sha256).and.to.include("flux.sha256");
  });

  it("must be Flux's", async () => {
    await writeFile(file, deployment("source"));
    expect(await rejection(fluxManifests(settings(file)))).to.include("lacks kustomize-controller");
  });

  it("are kept where XDG_CACHE_HOME says, and not downloaded again", async () => {
    const before = process.env["XDG_CACHE_HOME"];
    process.env["XDG_CACHE_HOME"] = join(folder, "cache");
    let asked = 0;
    const server = createServer((_, response) => {
      asked++;
      response.end(release);
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    try {
      const { port } = server.address() as AddressInfo;
      const url = `http://127.0.0.1:${port}/install.yaml`;
      for (let run = 0; run < 2; run++) expect(await fluxManifests(settings(url))).to.have.length(6);
      expect(asked).to.equal(1);
      expect(await readdir(join(folder, "cache/observability-environment/flux"))).to.have.length(1);
    } finally {
      server.close();
      if (before === undefined) delete process.env["XDG_CACHE_HOME"];
      else process.env["XDG_CACHE_HOME"] = before;
    }
  });

  it("that cannot be had are an error that says what to do", async () => {
    expect(await rejection(fluxManifests(settings(join(folder, "absent.yaml"))))).to.include("flux.manifests");
    const server = createServer((_, response) => response.writeHead(404).end());
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const { port } = server.address() as AddressInfo;
    const message = await rejection(fluxManifests(settings(`http://127.0.0.1:${port}/install.yaml`)));
    server.close();
    expect(message).to.include("HTTP 404").and.to.include("flux.manifests");
  });
});
