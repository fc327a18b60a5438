/**
 * The environment against plain Flux, in one run (acceptance, performance 2 and 3): the same releases, charts, values and
 * control plane; once by the program on the Pulumi engine, once by Flux's released manifests with their default flags and
 * `dependsOn` between the HelmReleases. Both clocks start when the API server is ready and stop when the last HelmRelease
 * is. Also a second `up` and `destroy`. Writes its part of `docs/figures.json`.
 *
 *   node tests/bench/environment.ts [--charts FOLDER] [--rounds N]
 *
 * Pods are simulated, so no image is pulled: what is compared is what the two add to it.
 */
import { readFileSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import * as path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { parseArgs } from "node:util";
import { parseAllDocuments } from "yaml";
import type { Manifest } from "../../components/kubernetes/manifest.ts";
import { chartNamed, charts } from "../../components/catalogue.ts";
import { flux } from "../../settings/versions.ts";
import { startChartRegistry } from "../../rehearsal/charts/index.ts";
import { type Api, connect } from "../../rehearsal/control-plane/api.ts";
import { obtainBinaries } from "../../rehearsal/control-plane/binaries.ts";
import { startControlPlane } from "../../rehearsal/control-plane/control-plane.ts";
import { startFluxControllers } from "../../rehearsal/flux/controllers.ts";
import { fluxManifests } from "../../rehearsal/flux/manifests.ts";
import { openRehearsal } from "../../rehearsal/rehearsal.ts";
import { render } from "../../contract/rendered.ts";
import { obtain } from "../../toolchain/obtain.ts";
import { median, record } from "./figures.ts";

const { values: options } = parseArgs({
  options: { charts: { type: "string" }, rounds: { type: "string", default: "3" } },
});
const seconds = (since: number) => Math.round((performance.now() - since) / 100) / 10;
const say = (text: string) => {
  process.stderr.write(`${text}\n`);
};

/** The program: from the cluster's being there to the last release, then an unchanged `up`, then `destroy`. */
async function program(): Promise<{ ready: number; unchanged: number; destroy: number; stateBytes: number }> {
  let started = 0;
  let ready = 0;
  const rehearsal = await openRehearsal({
    whole: true,
    ...(options.charts === undefined ? {} : { charts: options.charts }),
    onEvent({ resOutputsEvent }) {
      if (resOutputsEvent === undefined || ready > 0) return;
      const { type, urn } = resOutputsEvent.metadata;
      if (type === "command:local:Command" && urn.endsWith("-kind")) started = performance.now();
      if (type.endsWith(":HelmRelease") && type.startsWith("kubernetes:")) last = performance.now();
    },
  });
  let last = 0;
  try {
    await rehearsal.environment.up();
    ready = Math.round((last - started) / 100) / 10;
    const stateBytes = Buffer.byteLength(await rehearsal.environment.stateText());
    let from = performance.now();
    await rehearsal.environment.up();
    const unchanged = seconds(from);
    from = performance.now();
    await rehearsal.environment.destroy();
    return { ready, unchanged, destroy: seconds(from), stateBytes };
  } finally {
    await rehearsal.close();
  }
}

/** Which release waits for which, as one would write it in YAML. */
function dependsOn(release: string): string[] {
  if (release === chartNamed("prometheus-operator-crds").name) return [];
  if (release === chartNamed("opentelemetry-operator").name)
    return [chartNamed("prometheus-operator-crds").name, chartNamed("cert-manager").name];
  return [chartNamed("prometheus-operator-crds").name];
}

function objectPath({ apiVersion, kind, metadata }: Manifest): string {
  const root = apiVersion.includes("/") ? `/apis/${apiVersion}` : `/api/${apiVersion}`;
  const plural = kind.toLowerCase().replace(/y$/, "ie") + "s";
  const scope = metadata.namespace === undefined ? "" : `/namespaces/${metadata.namespace}`;
  return `${root}${scope}/${plural}/${metadata.name}`;
}

/** `kubectl apply`: again until the definition and the namespace are there. */
async function apply(api: Api, manifest: Manifest): Promise<void> {
  for (let attempt = 0; ; attempt += 1) {
    const target = `${objectPath(manifest)}?fieldManager=plain&force=true`;
    const { status, body } = await api.call("PATCH", target, manifest, "application/apply-patch+yaml");
    if (status < 300) return;
    if (attempt > 100) throw new Error(`${manifest.kind} ${manifest.metadata.name}: ${status} ${JSON.stringify(body)}`);
    await sleep(200);
  }
}

/** Plain Flux: the released manifests as they are, and the same releases with `dependsOn`. */
async function plain(): Promise<{ ready: number }> {
  const dir = await mkdtemp(path.join(tmpdir(), "plain-flux-"));
  const registry = await startChartRegistry({
    whole: true,
    ...(options.charts === undefined ? {} : { folder: options.charts }),
  });
  const manifests = await fluxManifests(flux);
  const { declared } = await render({
    settings: {
      charts: { mirror: { url: registry.address, insecure: true } },
      flux: { manifests },
      demo: { enabled: false },
    },
  });
  const released = parseAllDocuments(readFileSync(manifests, "utf8")).map((document) => document.toJS() as Manifest);
  const objects = declared
    .filter(({ kind }) => ["Namespace", "Secret", "OCIRepository", "HelmRelease"].includes(kind))
    .filter(({ metadata }) => !metadata.name.startsWith("environment-deploy-key-"))
    .map((object) =>
      object.kind === "HelmRelease"
        ? {
            ...object,
            spec: {
              ...(object["spec"] as object),
              dependsOn: dependsOn(object.metadata.name).map((name) => ({ name })),
            },
          }
        : object,
    );
  const binaries = await obtainBinaries({ onProgress: say });
  const controllers = await obtain(
    ["source-controller", "kustomize-controller", "helm-controller", "notification-controller"],
    { onProgress: say },
  );
  const plane = await startControlPlane({ name: "plain", dir: path.join(dir, "plane"), binaries });
  const running = await startFluxControllers({
    kubeconfig: plane.kubeconfigPath,
    binaries: controllers,
    dir: path.join(dir, "flux"),
  });
  const api = connect(plane.kubeconfig);
  try {
    const from = performance.now();
    const foundation = ["Namespace", "CustomResourceDefinition"];
    const all = [...released, ...objects];
    await Promise.all(all.filter(({ kind }) => foundation.includes(kind)).map((object) => apply(api, object)));
    await Promise.all(all.filter(({ kind }) => !foundation.includes(kind)).map((object) => apply(api, object)));
    for (;;) {
      const list = (await api.get("/apis/helm.toolkit.fluxcd.io/v2/helmreleases")) as {
        items: { status?: { conditions?: { type: string; status: string }[] } }[];
      };
      const done = list.items.filter(({ status }) =>
        status?.conditions?.some((condition) => condition.type === "Ready" && condition.status === "True"),
      );
      if (done.length === Object.keys(charts).length) return { ready: seconds(from) };
      if (performance.now() - from > 900_000) throw new Error("plain Flux was not ready within 15 minutes");
      await sleep(200);
    }
  } finally {
    api.close();
    await running.stop();
    await plane.stop();
    await registry.close();
    await rm(dir, { recursive: true, force: true });
  }
}

const rounds: { program: Awaited<ReturnType<typeof program>>; plain: Awaited<ReturnType<typeof plain>> }[] = [];
for (let round = 1; round <= Number(options.rounds); round += 1) {
  const result = { program: await program(), plain: await plain() };
  say(`round ${round}: program ${result.program.ready} s, plain Flux ${result.plain.ready} s`);
  rounds.push(result);
}
record("environment", {
  how: "node tests/bench/environment.ts: medians; simulated pods, so no image is pulled",
  charts: options.charts === undefined ? "stand-ins" : "real",
  rounds: rounds.length,
  programReadySeconds: median(rounds.map((round) => round.program.ready)),
  plainFluxReadySeconds: median(rounds.map((round) => round.plain.ready)),
  ratio: median(rounds.map((round) => round.program.ready / round.plain.ready)),
  unchangedUpSeconds: median(rounds.map((round) => round.program.unchanged)),
  destroySeconds: median(rounds.map((round) => round.program.destroy)),
  stateBytes: median(rounds.map((round) => round.program.stateBytes)),
});
