import { expect } from "chai";
import type { Manifest } from "../../components/kubernetes/manifest.ts";
import { checkObjects } from "../../contract/checks/objects.ts";
import { checkReferences } from "../../contract/checks/references.ts";
import { kubernetesApi } from "../../contract/kubernetes-api.ts";
import { render, type Rendered } from "../../contract/rendered.ts";
import { strictSchema, validate } from "../../contract/schemas.ts";
import { fluxObjects } from "../support/flux.ts";
import { allEnvironments, defaultEnvironment, expectNone, needsCustomResources, orSkip } from "../support/rendered.ts";

/** An object with what the tests change in it. */
interface Changeable {
  readonly metadata: Record<string, unknown>;
  readonly spec: Record<string, unknown>;
  readonly stringData: Record<string, unknown>;
}

/** The default environment with one object changed: the first of a kind, or `<kind> <start of its name>`. */
async function changed(what: string, change: (object: Changeable) => void): Promise<Rendered> {
  const [kind, name] = what.split(" ");
  const rendered = structuredClone(await defaultEnvironment());
  const object = [...rendered.declared, ...rendered.content].find(
    (candidate) => candidate.kind === kind && candidate.metadata.name.startsWith(name ?? ""),
  );
  if (object === undefined) throw new Error(`there is no ${what}`);
  change(object as unknown as Changeable);
  return rendered;
}

describe("Objects against their schemas", function () {
  it("are right by the CRDs, for every pair of choices", async function () {
    needsCustomResources(this);
    const environments = await allEnvironments();
    expectNone(environments.flatMap(({ rendered }) => checkObjects(rendered, undefined)));
  });

  it("are right by the API server's own OpenAPI, for every pair of choices", async function () {
    const api = await orSkip(this, "the source of the API server", kubernetesApi);
    console.log(`      Kubernetes ${api.version}`);
    const environments = await allEnvironments();
    expectNone(environments.flatMap(({ rendered }) => checkObjects(rendered, api)));
  });

  it("are right with Flux's own objects among them", async function () {
    needsCustomResources(this);
    const fluxManifests = await orSkip(this, "Flux's manifests", fluxObjects);
    const api = await orSkip(this, "the source of the API server", kubernetesApi);
    const rendered = await render({ fluxManifests });
    expect(rendered.declared.length).to.be.greaterThan(80);
    expectNone(checkObjects(rendered, api));
  });

  it("fail for an unknown field, a wrong type and a missing field", async function () {
    needsCustomResources(this);
    const unknown = await changed("HelmRelease", (object) => {
      Object.assign(object.spec, { intervall: "1m" });
    });
    expect(checkObjects(unknown, undefined).map(({ path }) => path)).to.deep.equal(["spec.intervall"]);
    const type = await changed("OpenTelemetryCollector", (object) => {
      Object.assign(object.spec, { replicas: "1" });
    });
    expect(checkObjects(type, undefined)).to.have.length(1);
    const missing = await changed("GitRepository", (object) => {
      delete object.spec["url"];
    });
    expect(checkObjects(missing, undefined)).to.have.length(1);
    const kind = await changed("ServiceMonitor", (object) => {
      Object.assign(object, { apiVersion: "monitoring.coreos.com/v2" });
    });
    expect(checkObjects(kind, undefined)).to.have.length(1);
  });

  it("fail for an unknown field of a kind of Kubernetes' own", async function () {
    const api = await orSkip(this, "the source of the API server", kubernetesApi);
    const policy = await changed("NetworkPolicy", (object) => {
      Object.assign(object.spec, { ingres: [] });
    });
    expect(checkObjects(policy, api).filter(({ path }) => path === "spec.ingres")).to.have.length(1);
  });

  it("fail for an unknown field of a pod that Elastic's definitions leave open", async function () {
    const api = await orSkip(this, "the source of the API server", kubernetesApi);
    const podTemplate = { spec: { containers: [{ name: "kibana", securityContexts: {} }] } };
    const kibana = {
      ...{ apiVersion: "kibana.k8s.elastic.co/v1", kind: "Kibana", metadata: { name: "kibana" } },
      spec: { version: "9.5.0", podTemplate },
    };
    const rendered = { ...(await defaultEnvironment()), declared: [kibana], content: [] };
    expect(checkObjects(rendered, api).map(({ path }) => path)).to.deep.equal([
      "spec.podTemplate.spec.containers.0.securityContexts",
    ]);
    expect(checkObjects(rendered, undefined)).to.deep.equal([]);
  });
});

describe("Strict schemas", () => {
  const open = {
    type: "object",
    properties: {
      known: { type: "integer" },
      any: { type: "object", "x-kubernetes-preserve-unknown-fields": true },
      map: { type: "object", additionalProperties: { type: "object", properties: { a: { type: "string" } } } },
      port: { "x-kubernetes-int-or-string": true, anyOf: [{ type: "integer" }, { type: "string" }] },
      none: { type: "string", nullable: true },
      list: { type: "array", items: { type: "object", properties: { name: { type: "string" } } } },
    },
  };
  const paths = (value: unknown) => validate(strict, value).map(({ path }) => path);
  const strict = strictSchema(open);

  it("refuse what the API server would drop, at every depth", () => {
    expect(paths({ unknown: 1 })).to.deep.equal(["unknown"]);
    expect(paths({ map: { x: { b: "" } } })).to.deep.equal(["map.x.b"]);
    expect(paths({ list: [{ nam: "" }] })).to.deep.equal(["list.0.nam"]);
  });
  it("take what a CRD leaves open", () => {
    expect(paths({ any: { whatever: [1] }, map: { x: { a: "" } }, port: "http", none: null, known: 1 })).to.deep.equal(
      [],
    );
    expect(paths({ port: 80 })).to.deep.equal([]);
    expect(paths({ port: true })).to.have.length(1);
  });
});

describe("References between objects", function () {
  it("lead somewhere, for every pair of choices", async () => {
    const environments = await allEnvironments();
    expectNone(environments.flatMap(({ rendered }) => checkReferences(rendered)));
  });

  const cases: readonly [string, string, (object: Changeable) => void][] = [
    [
      "a release whose source is another's",
      "HelmRelease loki",
      ({ spec }) => {
        spec["chartRef"] = { kind: "OCIRepository", name: "other" };
      },
    ],
    [
      "a release in a namespace that nobody makes",
      "HelmRelease loki",
      ({ spec }) => {
        spec["targetNamespace"] = "other";
      },
    ],
    [
      "a chart at another version than pinned",
      "OCIRepository",
      ({ spec }) => {
        spec["ref"] = { tag: "0.0.1" };
      },
    ],
    [
      "a Secret without a key that is used",
      "Secret environment-deploy-key",
      ({ stringData }) => {
        delete stringData["known_hosts"];
      },
    ],
    [
      "an object in a namespace that nobody makes",
      "ServiceMonitor",
      ({ metadata }) => {
        metadata["namespace"] = "other";
      },
    ],
    [
      "an account that has no rights",
      "ClusterRoleBinding",
      (binding) => {
        Object.assign(binding, { subjects: [] });
      },
    ],
  ];
  for (const [title, kind, change] of cases) {
    it(`fail for ${title}`, async () => {
      expect(checkReferences(await changed(kind, change))).not.to.deep.equal([]);
    });
  }

  it("fail for an object that two owners declare", async () => {
    const rendered = await defaultEnvironment();
    const twice: Manifest[] = [
      ...rendered.content,
      ...rendered.declared.filter(({ kind }) => kind === "Namespace").slice(0, 1),
    ];
    expect(checkReferences({ ...rendered, content: twice }).map(({ message }) => message)).to.deep.equal([
      "is declared twice: each object has one owner.",
    ]);
  });
});
