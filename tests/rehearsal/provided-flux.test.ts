/**
 * An environment in a cluster whose owners run Flux: the real controllers, from somebody else's manifests and in their namespace,
 * deliver the environment beside what they deliver for their owners. The steps build on each other.
 */
import { readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { expect } from "chai";
import { parseAllDocuments } from "yaml";
import { guestHome } from "../../components/gitops/names.ts";
import { CONTROLLERS, type Controller } from "../../rehearsal/flux/manifests.ts";
import { createRepository } from "../../rehearsal/git/index.ts";
import { type HttpServer, startHttpServer } from "../../rehearsal/git/http-server.ts";
import type { Rehearsal } from "../../rehearsal/rehearsal.ts";
import { bare } from "../support/bare.ts";
import { failure } from "../support/failure.ts";
import { until } from "../support/until.ts";
import { buildOnEachOther } from "../support/steps.ts";
import { type Applied, apply } from "./support/apply.ts";
import { flux, isReady, type Listing, type TestCluster } from "./support/cluster.ts";
import { type Kept, openKept } from "./support/kept.ts";
import { leftovers } from "./support/leftovers.ts";
import { aggregated, isDefinition, settled, sinceThen, versions } from "./support/listing.ts";
import { auditedSoFar, type Write, writesIn } from "./support/others.ts";

const theirHome = "flux-system";
const team = "shop";
const { namespace: home, serviceAccount: account } = guestHome;

/** Their repository: a folder of manifests, and a chart. */
const files = {
  "apps/settings.yaml": `apiVersion: v1\nkind: ConfigMap\nmetadata: { name: settings, namespace: ${team} }\ndata: { open: "yes" }\n`,
  "chart/Chart.yaml": "apiVersion: v2\nname: shop\nversion: 1.0.0\n",
  "chart/templates/page.yaml":
    "apiVersion: v1\nkind: ConfigMap\nmetadata: { name: {{ .Release.Name }}-page }\ndata: { title: Shop }\n",
};

/** What they have Flux deliver, with the accounts that its owners name where they lock it down (Flux, "Multi-tenancy"). */
const theirObjects = (url: string): Applied[] => {
  const of = (kind: string, apiVersion: string, spec: object): Applied => ({
    ...{ apiVersion, kind, metadata: { name: team, namespace: theirHome, labels: { team } } },
    spec: { interval: "1h", ...spec },
  });
  const sourceRef = { kind: "GitRepository", name: team };
  return [
    { apiVersion: "v1", kind: "Namespace", metadata: { name: team } },
    of("GitRepository", "source.toolkit.fluxcd.io/v1", { url, ref: { branch: "main" } }),
    of("Kustomization", "kustomize.toolkit.fluxcd.io/v1", {
      ...{ path: "./apps", prune: true, wait: true, sourceRef, serviceAccountName: "kustomize-controller" },
    }),
    of("HelmRelease", "helm.toolkit.fluxcd.io/v2", {
      chart: { spec: { chart: "./chart", sourceRef } },
      ...{ targetNamespace: team, serviceAccountName: "helm-controller" },
    }),
  ];
};

/** Flags of a Flux that keeps its tenants apart. */
const lockdown: Partial<Readonly<Record<Controller, readonly string[]>>> = {
  "kustomize-controller": [
    ...["--no-cross-namespace-refs=true", "--no-remote-bases=true"],
    "--default-service-account=nobody",
  ],
  "helm-controller": ["--no-cross-namespace-refs=true", "--default-service-account=nobody"],
  "notification-controller": ["--no-cross-namespace-refs=true"],
};

describe("an environment in a cluster whose owners run Flux", function () {
  this.timeout("20m");
  buildOnEachOther(this);
  let kept: Kept;
  let rehearsal: Rehearsal;
  let cluster: TestCluster;
  let git: HttpServer;
  let auditLog: string;
  /** Everything that was there, with its resource versions, and the line of the audit log, before an `up`. */
  let theirs: Listing;
  let start: number;

  const theirVersions = (listing: Listing) =>
    new Map([...versions(listing)].filter(([key]) => theirs.has(key) && !aggregated.test(key)));

  /** What became of theirs since. */
  const expectUntouched = async () => {
    const now = theirVersions(await cluster.everything());
    const before = theirVersions(theirs);
    expect([...before].filter(([key, version]) => now.get(key) !== version)).to.deep.equal([]);
    expect(before.size).to.be.greaterThan(100);
  };

  /** Writes of the environment: by the user of `up`, and by its account, as whom Flux acts. */
  const written = (): { ours: Write[]; controllers: Write[] } => {
    const all = writesIn(auditLog, start);
    const isTheirs = ({ user }: Write) => user.startsWith(`system:serviceaccount:${theirHome}:`);
    return { ours: all.filter((write) => !isTheirs(write)), controllers: all.filter(isTheirs) };
  };

  /** Flags of their controllers in the released manifests. */
  const released: Partial<Record<Controller, readonly string[]>> = {};
  const theirPaths = [flux.gitRepositories, flux.kustomizations, flux.helmReleases].map((collection) =>
    collection.replace(/(\/[^/]+)$/, `/namespaces/${theirHome}$1/${team}`),
  );

  /** Their controllers start anew with these flags beside the released ones, and have looked at everything of theirs. */
  const setFlags = async (more: Partial<Readonly<Record<Controller, readonly string[]>>>) => {
    for (const controller of CONTROLLERS) {
      const path = `/apis/apps/v1/namespaces/${theirHome}/deployments/${controller}`;
      const { spec } = await cluster.get(path);
      const { template } = spec as { template: { spec: { containers: { args: string[] }[] } } };
      released[controller] ??= template.spec.containers.flatMap(({ args }) => args);
      const args = [...(released[controller] ?? []), ...(more[controller] ?? [])];
      const containers = template.spec.containers.map((one) => ({ ...one, args }));
      await cluster.patch(path, { spec: { template: { spec: { containers } } } });
    }
    // The old processes end, the new ones say that they are healthy, and have looked at everything once.
    const at = new Date().toISOString();
    await until("the controllers run with their new flags", async () => {
      if (rehearsal.controllers.healthy().length < CONTROLLERS.length) return false;
      const deployments = await cluster.list(`/apis/apps/v1/namespaces/${theirHome}/deployments`);
      return deployments.every(({ status }) => status?.["availableReplicas"] === 1 && status["updatedReplicas"] === 1);
    });
    for (const path of theirPaths) {
      await cluster.patch(path, { metadata: { annotations: { "reconcile.fluxcd.io/requestedAt": at } } });
      await cluster.untilObject(
        path,
        "is Ready with them",
        (object) => isReady(object) && object.status?.["lastHandledReconcileAt"] === at,
      );
    }
  };
  const remember = async () => {
    theirs = await settled(cluster);
    start = auditedSoFar(auditLog);
  };

  /** `up`, a second one, and `destroy`, with theirs looked at after each. @param least how many releases and writes there are */
  const liveAndGo = async (least: { readonly releases: number; readonly writes: number }) => {
    await rehearsal.environment.up();
    await cluster.untilFluxIsReady();
    await expectUntouched();
    expect(Object.keys((await rehearsal.environment.up()).changes)).to.deep.equal(["same"]);
    const releases = await cluster.list(flux.helmReleases);
    expect(releases.map(({ metadata }) => metadata.namespace)).to.have.members([
      ...[theirHome, "demo"],
      ...new Array<string>(releases.length - 2).fill(home),
    ]);
    expect(releases.length).to.be.at.least(least.releases);
    expect(await cluster.list(`/apis/apps/v1/namespaces/${home}/deployments`)).to.deep.equal([]);
    // What the charts consist of is made as the environment's account, not with the controllers' rights.
    expect(
      written().ours.filter(({ user }) => user === `system:serviceaccount:${home}:${account}`).length,
    ).to.be.at.least(least.writes);

    await rehearsal.environment.destroy();
    const kept = (key: string) => isDefinition(key);
    expect(await sinceThen(cluster, theirs, kept)).to.deep.equal({ left: [], lost: [] });
    await expectUntouched();
    const { ours, controllers } = written();
    const inTheirs = ({ namespace, object }: Write) =>
      [theirHome, team].includes(namespace) || [theirHome, team].some((name) => object.endsWith(` ${name}`));
    expect(ours.filter(inTheirs)).to.deep.equal([]);
    // Flux tells of each object in its own namespace; whatever else its controllers write is about the environment's.
    expect(
      controllers.filter((write) => inTheirs(write) && !/^(events|serviceaccounts)\./.test(write.object)),
    ).to.deep.equal([]);
  };

  before(async () => {
    kept = await openKept({ checkpoints: false, settings: { provided: ["flux"], demo: { app: "kbot" } } });
    ({ rehearsal, cluster, auditLog } = kept);
    const repositories = join(kept.folder, "git");
    await createRepository(repositories, "team", "shop", { files });
    git = await startHttpServer(repositories, () => true);
    const manifests = parseAllDocuments(readFileSync(rehearsal.surroundings.fluxManifests, "utf8"));
    for (const document of manifests) {
      const object = document.toJS() as Applied | null;
      if (object !== null) await apply(cluster.api, object);
    }
    for (const object of theirObjects(`http://127.0.0.1:${git.port}/team/shop`)) await apply(cluster.api, object);
    for (const path of theirPaths) await cluster.untilObject(path, "is Ready", isReady);
  });
  after(async () => {
    // Undefined when before() failed half-way.
    await (git as HttpServer | undefined)?.close();
    await (kept as Kept | undefined)?.close();
  });

  it("is refused before the first write where no controller would look at it", async () => {
    const selector = "--watch-label-selector=team=shop";
    await setFlags({ "kustomize-controller": [selector] });
    await remember();
    const message = (await failure(rehearsal.environment.up())).replaceAll(/\s+/g, " ");
    expect(message).to.include(`${theirHome}/kustomize-controller looks at others only (${selector})`);
    expect(message).to.include("nothing was changed");
    await expectUntouched();
    expect(written().ours).to.deep.equal([]);
  });

  it("is made where they have locked it down, changed by nothing at a second up, and gone again, with theirs as they were", async () => {
    await setFlags(lockdown);
    await remember();
    await liveAndGo({ releases: 8, writes: 100 });
  });

  // Each component's rights have been seen above: what differs is whom Flux acts as where nobody is named.
  it("is so, too, where they have not", async () => {
    await setFlags({});
    await rehearsal.set({ ...bare, logs: "loki", demo: { enabled: true } });
    await remember();
    await liveAndGo({ releases: 3, writes: 10 });
    rmSync(rehearsal.kubeconfigPath);
    expect(await leftovers(rehearsal)).to.deep.equal([]);
  });
});
