/**
 * The registry beside a cluster, on real Docker and real Kind: the registry's own program (built from its Go module) in a
 * container, source-controller and kustomize-controller in pods, which find it by its name through the cluster's DNS.
 *
 * Of the environment there is what delivers content, and the dashboards as content: no release, no other component.
 */
import { expect } from "chai";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, it } from "mocha";
import * as k8s from "@pulumi/kubernetes";
import { registryGeneration } from "../../components/cluster/registry.ts";
import { KindCluster } from "../../components/cluster/kind-cluster.ts";
import { clusterGeneration } from "../../components/cluster/generation.ts";
import { explainUnready } from "../../components/gitops/diagnosis.ts";
import { Flux } from "../../components/gitops/flux.ts";
import { fluxManifests } from "../../components/gitops/flux-manifests.ts";
import { localContent, LocalRegistry } from "../../components/gitops/local-registry.ts";
import { ownHome, sourceName } from "../../components/gitops/names.ts";
import { Source } from "../../components/gitops/source.ts";
import type { Manifest } from "../../components/kubernetes/manifest.ts";
import { Namespace } from "../../components/kubernetes/namespace.ts";
import { connect, type Api } from "../../rehearsal/control-plane/api.ts";
import { openEnvironment, type Environment } from "../../rehearsal/engine.ts";
import { CONTROLLERS, fluxManifests as assembledManifests } from "../../rehearsal/flux/manifests.ts";
import { startStandIns } from "../../rehearsal/providers/index.ts";
import { settingsSchema } from "../../settings/schema.ts";
import { flux as fluxVersion } from "../../settings/versions.ts";
import { obtain } from "../../toolchain/obtain.ts";
import { type Clone, makeClone } from "../support/clone.ts";
import { programImage } from "../support/image.ts";
import {
  inDocker,
  kindTier,
  loadImage,
  makeHost,
  openListeners,
  say,
  temporaryFolder,
  type Host,
  type KindTier,
} from "../support/kind-tier.ts";
import { buildOnEachOther } from "../support/steps.ts";

const name = "kind-local";
const container = `${name}-registry`;
const registryImage = "made-here/registry:3";
const dashboard = "flux-repo/content/exporters/dashboards+scraping/cluster.json";

describe("the registry beside a cluster, on real Kind", function () {
  this.timeout(30 * 60_000);
  buildOnEachOther(this);
  let tier: KindTier;
  let host: Host;
  let environment: Environment;
  let clone: Clone;
  let api: Api;
  let clean: { readonly docker: string[]; readonly files: string[]; readonly listeners: string[] };
  const cleanUp: (() => unknown)[] = [];

  before(async function () {
    tier = await kindTier(this);
    host = makeHost(tier);
    cleanUp.push(() => {
      host.remove();
    });
    const { path: folder, remove } = temporaryFolder("kind-local-");
    cleanUp.push(remove);
    mkdirSync(join(folder, "images"));
    await loadRegistryImage(folder);
    clean = { docker: await inDocker(tier), files: host.files(), listeners: openListeners() };
    clone = makeClone(join(folder, "clone"), name, host.kubeconfigFolder);

    const settings = settingsSchema.parse({
      source: { type: "local-registry", registryImage },
      cluster: {
        kind: {
          nodeImage: tier.nodeImage,
          kubeconfigFolder: host.kubeconfigFolder,
          ports: { dashboards: null, metrics: null, alerts: null, traces: null },
          readyTimeoutSeconds: 600,
        },
      },
      flux: { manifests: await assembledManifests(fluxVersion) },
    });
    const manifests = await fluxManifests(settings.flux);
    const images = await controllerImages(folder, manifests);
    let prepared: Promise<void> | undefined;
    const standIns = await startStandIns({
      kubernetes: "api",
      environment: host.env,
      async onCall(call) {
        // The images have to be there before the first pod asks for them.
        if (call.provider !== "kubernetes" || call.method !== "create" || call.preview) return;
        prepared ??= (async () => {
          for (const image of images) await loadImage(host, name, image);
        })();
        await prepared;
      },
    });
    cleanUp.push(() => standIns.close());
    const { pulumi } = await obtain(["pulumi"], { onProgress: say });
    environment = await openEnvironment({
      stack: name,
      pulumi,
      env: { ...standIns.env, ...host.env },
      program: async () => {
        const cluster = new KindCluster("cluster", {
          project: "observability",
          stack: name,
          settings: settings.cluster.kind,
          requests: { cpuMillicores: 0, memoryMiB: 0 },
          generation: await clusterGeneration(name, settings.cluster.kind),
        });
        const local = new LocalRegistry("registry", {
          project: "observability",
          stack: name,
          cluster,
          image: settings.source.registryImage,
          content: localContent(name, settings),
          registry: await registryGeneration(name, settings.source.registryImage),
        });
        const provider = new k8s.Provider(
          "cluster",
          { kubeconfig: cluster.kubeconfig, context: cluster.context },
          { deletedWith: cluster.lifetime },
        );
        const inCluster = { providers: [provider], deletedWith: cluster.lifetime };
        const flux = new Flux("flux", { manifests }, inCluster);
        const args = { namespace: "monitoring", podSecurity: "restricted", allow: [] } as const;
        const namespace = new Namespace("monitoring", args, inCluster);
        const source = new Source(
          sourceName,
          {
            home: ownHome,
            origin: local.origin,
            folders: [
              {
                name: "dashboards",
                path: "flux-repo/clusters/local",
                components: ["flux-repo/content/exporters/dashboards+scraping"],
                prerequisites: [namespace],
              },
            ],
            interval: "10m",
            substitute: {},
            labels: {},
            prerequisites: [flux, local.pushed],
            explain: explainUnready(cluster),
          },
          inCluster,
        );
        local.awaitApplied(source.folders);
        return {};
      },
    });
    cleanUp.push(async () => {
      await environment.destroy().catch(() => undefined);
      await environment.close();
    });
  });

  after(async function () {
    this.timeout(5 * 60_000);
    (api as Api | undefined)?.close();
    for (const work of cleanUp.reverse()) await work();
    await tier.engine.docker(["image", "rm", "--force", registryImage]);
  });

  /** The registry's program, with what the published image's configuration says; into Docker, as a pull would put it there. */
  async function loadRegistryImage(folder: string): Promise<void> {
    const { registry } = await obtain(["registry"], { onProgress: say });
    const config = join(folder, "config.yml");
    const storage = "storage: {filesystem: {rootdirectory: /tmp/registry}}";
    writeFileSync(config, `version: 0.1\n${storage}\nhttp: {addr: ":5000"}\n`);
    const file = join(folder, "images", "registry.tar");
    await programImage(file, registryImage, registry, "/registry", { "/config.yml": config }, ["serve", "/config.yml"]);
    await tier.engine.docker(["load", "--quiet", "--input", file]);
  }

  /** An image for each controller, under the name that Flux's manifests ask for. */
  async function controllerImages(folder: string, manifests: readonly Manifest[]): Promise<string[]> {
    const programs = await obtain(CONTROLLERS, { onProgress: say });
    const archives: string[] = [];
    for (const manifest of manifests.filter(({ kind }) => kind === "Deployment")) {
      const spec = manifest["spec"] as { template: { spec: { containers: { image: string }[] } } };
      const controller = CONTROLLERS.find((candidate) => candidate === manifest.metadata.name);
      const image = spec.template.spec.containers[0]?.image;
      if (controller === undefined || image === undefined) expect.fail(`unknown Deployment ${manifest.metadata.name}`);
      const file = join(folder, "images", `${controller}.tar`);
      await programImage(file, image, programs[controller]);
      archives.push(file);
    }
    return archives;
  }

  const title = async () => {
    const found = await api.get("/api/v1/namespaces/monitoring/configmaps/dashboard-cluster");
    const { data } = found as { readonly data: Readonly<Record<string, string>> };
    return (JSON.parse(data["cluster.json"] ?? "{}") as { readonly title: string }).title;
  };

  it("has what this clone has, and pods fetch it by the registry's name", async () => {
    const { changes } = await environment.up();
    api = connect(readFileSync(join(host.kubeconfigFolder, `${name}.yaml`), "utf8"));
    expect(await title()).to.equal((JSON.parse(readFileSync(dashboard, "utf8")) as { readonly title: string }).title);
    expect((await environment.up()).changes).to.deep.equal({ same: changes["create"] });
  });

  it("listens on 127.0.0.1 only", async () => {
    const ports = (await tier.engine.docker(["port", container])).trim();
    expect(ports).to.match(/^5000\/tcp -> 127\.0\.0\.1:\d+$/);
    expect(openListeners()).to.deep.equal(clean.listeners);
  });

  it("takes an edited dashboard, which is in the cluster when the push ends", async () => {
    clone.edit(dashboard, (text) => JSON.stringify({ ...(JSON.parse(text) as object), title: "Edited here" }));
    const { code, stdout, stderr } = await clone.push(host.env);
    expect(code, stdout + stderr).to.equal(0);
    say(stdout.trim().replaceAll("\n", "; "));
    expect(await title()).to.equal("Edited here");
  });

  it("is started when it is stopped, and made and filled again when it is gone", async () => {
    await tier.engine.docker(["stop", container]);
    expect(Object.keys((await environment.up()).changes)).to.deep.equal(["same"]);
    await tier.engine.docker(["rm", "-fv", container]);
    expect((await environment.up()).changes).to.include({ update: 1 });
    expect((await tier.engine.docker(["inspect", "--format", "{{.State.Status}}", container])).trim()).to.equal(
      "running",
    );
  });

  it("goes with the environment, and nothing is left", async () => {
    await environment.destroy();
    expect(await inDocker(tier)).to.deep.equal(clean.docker);
    expect(host.files()).to.deep.equal(clean.files);
    expect(openListeners()).to.deep.equal(clean.listeners);
  });
});
