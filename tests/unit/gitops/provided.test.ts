import { expect } from "chai";
import {
  checkProvidedFlux,
  type Controller,
  type Schema,
  selects,
  written,
} from "../../../components/gitops/provided.ts";
import { type Account, ApiError, type Attributes } from "../../../components/kubernetes/api.ts";
import { flux } from "../../../settings/versions.ts";
import { fluxObjects } from "../../support/flux.ts";
import { allEnvironments, orSkip } from "../../support/rendered.ts";

interface Version {
  name: string;
  served: boolean;
  schema: { openAPIV3Schema: Schema };
}
interface Definition {
  readonly kind: string;
  readonly metadata: { readonly name: string };
  readonly spec: { readonly names: { readonly kind: string }; readonly versions: Version[] };
}

/** Paths of an object's fields; lists are looked into, maps that people fill are not. */
function fieldsOf(value: unknown, path = ""): string[] {
  if (Array.isArray(value)) return value.flatMap((item) => fieldsOf(item, path));
  if (typeof value !== "object" || value === null || /\.(values|substitute|labels|target|patch)$/.test(path))
    return [path];
  return Object.entries(value).flatMap(([key, child]) => fieldsOf(child, `${path}.${key}`));
}

describe("somebody else's Flux", function () {
  const controllers: readonly Controller[] = ["source", "kustomize", "helm", "notification"].map((name) => ({
    deployment: `flux-system/${name}-controller`,
    account: `${name}-controller`,
    image: `${name}-controller`,
    args: ["--no-cross-namespace-refs=true", "--default-service-account=nobody", "--watch-all-namespaces=true"],
  }));
  let definitions: readonly Definition[];

  before(async function () {
    const objects = await orSkip(this, "Flux's manifests", fluxObjects);
    definitions = objects.filter(({ kind }) => kind === "CustomResourceDefinition") as unknown as Definition[];
  });

  const said = async (
    change: (definition: Definition) => void = () => undefined,
    some = controllers,
    may: (account: Account, what: Attributes) => boolean = () => true,
  ) => {
    const changed = structuredClone(definitions) as Definition[];
    changed.forEach(change);
    const api = {
      get: (path: string) => Promise.resolve(changed.find(({ metadata }) => path.endsWith(`/${metadata.name}`))),
      list: () => Promise.resolve([]),
      may: (account: Account, what: Attributes) => Promise.resolve(may(account, what)),
    };
    return (await checkProvidedFlux(api, "dev", some)).map(({ level, message }) => `${level}: ${message}`);
  };
  /** The properties of a part of a kind's spec. */
  const properties = ({ spec }: Definition, version: string, ...keys: readonly string[]): Record<string, Schema> => {
    const root = spec.versions.find(({ name }) => name === version)?.schema.openAPIV3Schema;
    return ["spec", ...keys].reduce<Schema | undefined>((schema, key) => schema?.properties?.[key], root)
      ?.properties as Record<string, Schema>;
  };
  const args = (image: string, ...flags: readonly string[]) =>
    controllers.map((one) => (one.image === image ? { ...one, args: flags } : one));

  it("of the version that this is made for takes all, locked down or not, and it is said as whom it acts", async () => {
    expect(await said()).to.deep.equal([
      "note: the Flux that is there applies what is in observability-flux, as its ServiceAccount observability-flux, to which `up` binds cluster-admin.",
    ]);
  });

  it("is refused where its definitions lack a version, a field or a value, all named at once", async () => {
    const [error] = await said((definition) => {
      const { kind } = definition.spec.names;
      if (kind === "OCIRepository") definition.spec.versions.forEach((one) => (one.served = one.name !== "v1"));
      if (kind === "HelmRelease") {
        delete properties(definition, "v2", "install")["strategy"];
        delete properties(definition, "v2", "upgrade")["disableTakeOwnership"];
      }
      if (kind === "Kustomization")
        properties(definition, "v1")["deletionPolicy"] = { enum: ["MirrorPrune", "Delete", "Orphan"] };
    });
    expect(error).to.equal(
      "error: flux is in provided, but its definitions do not know what the environment writes: " +
        "OCIRepository source.toolkit.fluxcd.io/v1, Kustomization spec.deletionPolicy WaitForTermination, " +
        "HelmRelease spec.install.strategy, HelmRelease spec.upgrade.disableTakeOwnership. " +
        `Have it updated (the environment is made for Flux ${flux}), or use another cluster.`,
    );
  });

  it("is refused where no controller looks at the environment's namespace, and doubted where one is not there", async () => {
    const cases: readonly (readonly [readonly Controller[], string])[] = [
      [
        args("helm-controller", "--watch-all-namespaces=false"),
        "error: flux is in provided, but nobody would apply what the environment puts into observability-flux: " +
          "flux-system/helm-controller looks at its own namespace only (--watch-all-namespaces=false).",
      ],
      [
        args("source-controller", "--watch-label-selector", "sharding.fluxcd.io/key in (a, b)"),
        "flux-system/source-controller looks at others only (--watch-label-selector=sharding.fluxcd.io/key in (a, b)).",
      ],
      [
        controllers.slice(1),
        "warning: flux is in provided, but no Deployment with an image source-controller is there.",
      ],
    ];
    for (const [some, text] of cases) {
      const found = await said(undefined, some);
      expect(found.join("\n")).to.include(text);
      expect(found, found.join("\n")).to.have.length(2);
    }
    // A shard beside the one that has all without a key; notifications are nothing of the environment's.
    const shard: Controller = {
      deployment: "flux-system/helm-controller-a",
      account: "helm-controller",
      image: "helm-controller",
      args: ["--watch-label-selector=sharding.fluxcd.io/key=a"],
    };
    const rest = args("helm-controller", "--watch-label-selector=!sharding.fluxcd.io/key").slice(0, 3);
    expect(await said(undefined, [shard, ...rest])).to.have.length(1);
  });

  it("is refused where a controller may not act as the environment's ServiceAccount, which is asked of those that apply", async () => {
    const asked: object[] = [];
    const found = await said(undefined, controllers, (account, what) => {
      asked.push([account, what]);
      return account.name !== "helm-controller";
    });
    expect(found[0]).to.equal(
      "error: flux is in provided, but may not act as the ServiceAccount observability-flux in observability-flux: " +
        "flux-system/helm-controller (helm-controller). Allow the ServiceAccount to impersonate serviceaccounts there, " +
        "as Flux's own manifests do, or use another cluster.",
    );
    const what = { verb: "impersonate", resource: "serviceaccounts", namespace: "observability-flux" };
    expect(asked).to.deep.equal(
      ["kustomize-controller", "helm-controller"].map((name) => [
        { namespace: "flux-system", name },
        { ...what, name: "observability-flux" },
      ]),
    );
    // Who asks may not ask that: it shows in `up`.
    const forbidden = () => {
      throw new ApiError("answers 403: forbidden", 403);
    };
    expect(await said(undefined, controllers, forbidden)).to.have.length(1);
  });

  it("is held against every field that an environment writes", async () => {
    const known = Map.groupBy(written(), ({ kind }) => kind);
    let looked = 0;
    for (const { settings, rendered } of await allEnvironments()) {
      if (settings.provided?.includes("flux") !== true) continue;
      for (const { kind, spec, metadata } of rendered.declared) {
        const samples = known.get(kind);
        if (samples === undefined) continue;
        looked++;
        const fields = new Set(samples.flatMap((sample) => fieldsOf(sample.spec)));
        expect(
          fieldsOf(spec).filter((field) => !fields.has(field)),
          `${kind} ${metadata.name}`,
        ).to.deep.equal([]);
      }
    }
    expect(looked).to.be.greaterThan(10);
  });

  it("is not watched, but what it delivers is, and of that the environment's own", async () => {
    const guests = (await allEnvironments()).filter(({ settings }) => settings.provided?.includes("flux"));
    expect(guests).to.have.lengthOf.greaterThan(0);
    for (const { rendered } of guests) {
      const content = rendered.content.map(({ kind, metadata }) => `${kind} ${metadata.name}`);
      expect(content).to.include.members(["PrometheusRule flux-objects", "ConfigMap dashboard-flux"]);
      expect(content).to.not.include.members(["PodMonitor flux-controllers"]).and.not.include("PrometheusRule flux");
      const stack = rendered.declared.find(
        ({ kind, metadata }) => kind === "HelmRelease" && metadata.name === "kube-prometheus-stack",
      );
      expect(JSON.stringify(stack)).to.include("gotk_resource_info;");
    }
  });

  it("selects by labels as Kubernetes does", () => {
    const labels = { app: "shop", "example.com/tier": "web" };
    const taken = [
      ...["", "app", "!other", "app=shop", "app==shop", "app!=bank", "other!=x", "app in (bank, shop)"],
      ...["app notin (bank)", "other notin (x)", "app,example.com/tier in (web,db),!other"],
    ];
    const left = [
      "other",
      "!app",
      "app=bank",
      "app!=shop",
      "app in (bank)",
      "app notin (shop,x)",
      "app,other",
      "other in (x)",
    ];
    expect(taken.filter((selector) => !selects(selector, labels))).to.deep.equal([]);
    expect(left.filter((selector) => selects(selector, labels))).to.deep.equal([]);
  });
});
