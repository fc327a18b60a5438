/**
 * What scales workloads: the queries answer one number of the series that are there, the parameters are those that KEDA reads,
 * and prometheus-adapter's own reader takes its rules. That the objects fit KEDA's definitions is looked at for every
 * environment (objects.test.ts).
 */
import { expect } from "chai";
import { readFileSync } from "node:fs";
import * as path from "node:path";
import { parseAllDocuments } from "yaml";
import { clusterUrl, type ScaledWorkload } from "../../components/capabilities.ts";
import type { Extra } from "../../components/component.ts";
import { scaledObject } from "../../components/autoscaling/keda/scaled-object.ts";
import { access } from "../../components/autoscaling/prometheus-adapter/values.ts";
import { external } from "../../components/autoscaling/keda/variants.ts";
import { alone, variants } from "../../components/autoscaling/prometheus-adapter/variants.ts";
import type { Manifest } from "../../components/kubernetes/manifest.ts";
import { keda } from "../../contract/crds.ts";
import { at, textAt } from "../../contract/finding.ts";
import { projectRoot, releases, render, type Rendered } from "../../contract/rendered.ts";
import { customResourceSchema, validate } from "../../contract/schemas.ts";
import { moduleDir } from "../../toolchain/obtain.ts";
import { programOrSkip } from "../support/program.ts";
import { environmentOf } from "../support/rendered.ts";
import { judge, misspellings } from "./support/verdict.ts";

const workload: ScaledWorkload = {
  ...{ namespace: "demo", deployment: "podinfo-frontend", counter: "http_requests_total", job: "podinfo-frontend" },
  ...{ perPod: 5, min: 1, max: 5 },
};

const known = { secrets: ["externalMetricsSecret"], ca: "PEM", name: "dev" } as const;
const server = (url: string, more: object) =>
  ({ url, access: { of: "metrics", secret: "externalMetricsSecret", ca: "public", ...more } }) as const;

/** The trigger of what scales a workload with a store, and the parameters that its Secret has. */
function trigger(...[store, who = known]: [Parameters<typeof scaledObject>[1], Parameters<typeof scaledObject>[2]?]) {
  const { secrets, objects } = scaledObject(workload, store, who);
  const made = (kind: string) => objects.find(({ object }: Extra) => object.kind === kind)?.object;
  const first = at(made("ScaledObject"), "spec", "triggers", 0);
  const parameters = at(made("TriggerAuthentication"), "spec", "secretTargetRef") as
    { parameter: string; name: string; key: string }[] | undefined;
  return { metadata: at(first, "metadata") as Record<string, string>, first, parameters, secrets };
}

const frontend = (rendered: Rendered, kind: string): Manifest | undefined =>
  rendered.declared.find((object) => object.kind === kind && object.metadata.name === "podinfo-frontend");

/** Rates of two pods, 2 and 4 requests a second, in series as Prometheus has them of podinfo; another Deployment's beside them. */
const counted = (labels: string, pod: string, perScrape: number) => ({
  series: `http_requests_total{namespace="demo", ${labels}, pod="${pod}", status="200"}`,
  values: `0+${perScrape}x20`,
});
const series = [
  counted('job="podinfo-frontend"', "podinfo-frontend-a", 60),
  counted('job="podinfo-frontend"', "podinfo-frontend-b", 120),
  counted('job="podinfo-backend"', "podinfo-backend-a", 900),
];

/** A unit test for promtool, whose engine is Prometheus's: an expression, and what it has to answer. */
const answering = (expr: string, labels: string, value: number) => ({
  evaluation_interval: "30s",
  tests: [
    {
      interval: "30s",
      input_series: series,
      // A rate of floats is not exact.
      promql_expr_test: [{ expr: `round(${expr}, 0.001)`, eval_time: "8m", exp_samples: [{ labels, value }] }],
    },
  ],
});

describe("Autoscaling", function () {
  describe("by KEDA", () => {
    let scaler: string;
    let authentication: string;

    before(async () => {
      const module = await moduleDir(keda.module, keda.version);
      const source = (file: string) => readFileSync(path.join(module, "pkg/scalers", file), "utf8");
      scaler = source("prometheus_scaler.go");
      authentication = source("authentication/authentication_types.go");
    });

    /** Names of parameters of a kind that a source of KEDA reads (`keda:"name=a;b, order=..."`). */
    const read = (source: string, order: string) =>
      [...source.matchAll(/keda:"name=([\w;]+),\s*order=([\w;]+)/g)].flatMap(([, names = "", orders = ""]) =>
        orders.split(";").includes(order) ? names.split(";") : [],
      );

    const stores = {
      "a Service": { namespace: "monitoring", service: "prometheus", port: 9090, path: "/prometheus" },
      "a server behind a user": server("https://a.example.com/prometheus", { user: "reader", ca: "company" }),
      "a server behind a token, of a tenant": server("https://a.example.com", { tenant: "team-a" }),
      "a server with the company's certificate": server("https://a.example.com", { secret: undefined, ca: "company" }),
    } as const;

    for (const [what, store] of Object.entries(stores)) {
      it(`asks ${what} by parameters that its scaler reads`, () => {
        const { metadata, parameters = [], secrets, first } = trigger(store);
        expect(read(scaler, "triggerMetadata").length).to.be.greaterThan(5);
        expect([...read(scaler, "triggerMetadata"), ...read(authentication, "triggerMetadata")]).to.include.members(
          Object.keys(metadata),
        );
        expect(metadata["serverAddress"]).to.equal(clusterUrl(store));
        const names = parameters.map(({ parameter }) => parameter);
        expect(read(authentication, "authParams")).to.include.members(names);
        // Each is in the Secret that it names, and the modes need what is there (Config.Validate).
        expect(secrets.flatMap(({ data }) => Object.keys(data))).to.have.members(names);
        for (const { name, key } of parameters)
          expect(secrets.find((secret) => secret.name === name)?.data).to.have.property(key);
        const modes: Record<string, string[]> = {
          ...{ basic: ["username", "password"], bearer: ["bearerToken"] },
          custom: ["customAuthHeader", "customAuthValue"],
        };
        const mode = metadata["authModes"];
        expect(mode === undefined ? [] : modes[mode]).to.have.members(names.filter((name) => name !== "ca"));
        expect(at(first, "authenticationRef")).to.deep.equal(mode && { name: "podinfo-frontend" });
      });
    }

    it("sends certificates, tenant and secret only where they are wanted, and the secret over TLS or not at all", () => {
      expect(trigger(stores["a Service"]).secrets).to.deep.equal([]);
      expect(trigger(stores["a server behind a token, of a tenant"]).metadata["customHeaders"]).to.equal(
        "X-Scope-OrgID=team-a",
      );
      const nothing = { ...known, secrets: [] };
      expect(trigger(stores["a server behind a token, of a tenant"], nothing).secrets).to.deep.equal([]);
      const plain = trigger(server("http://a.example.com", { ca: "company" }), nothing);
      expect(plain.secrets).to.deep.equal([]);
    });

    it("asks for one number, of this workload alone, by Prometheus's engine", async function () {
      const promtool = await programOrSkip(this, "promtool");
      const { query = "" } = trigger(stores["a Service"]).metadata;
      const test = (value: number) => judge(promtool, (file) => ["test", "rules", file], answering(query, "{}", value));
      expect(test(6).accepted, test(6).said).to.equal(true);
      expect(test(7).accepted, "the check itself").to.equal(false);
    });

    it("is how the documentation scales an application: by KEDA's definitions, with this environment's store", async () => {
      const text = readFileSync(path.join(projectRoot, "docs/autoscaling.md"), "utf8");
      const [example] = [...text.matchAll(/```yaml\n([^]*?)```/g)].flatMap(([, block = ""]) =>
        parseAllDocuments(block).map((document) => document.toJS() as Manifest),
      );
      expect(example?.kind).to.equal("ScaledObject");
      const schema = customResourceSchema("keda.sh/v1alpha1", "ScaledObject");
      expect(validate(schema ?? { not: {} }, example)).to.deep.equal([]);
      const own = frontend(await environmentOf({ autoscaler: "keda" }), "ScaledObject");
      expect(validate(schema ?? { not: {} }, own)).to.deep.equal([]);
      const address = ["spec", "triggers", 0, "metadata", "serverAddress"] as const;
      expect(textAt(example, ...address)).to.equal(textAt(own, ...address));
      expect(read(scaler, "triggerMetadata")).to.include.members(
        Object.keys(at(example, "spec", "triggers", 0, "metadata") as object),
      );
    });
  });

  describe("by prometheus-adapter", () => {
    let reader: string;
    const all: Rendered[] = [];

    /** Its configuration, as the chart puts it together (5.3.0, templates/configmap.yaml). */
    const config = (rendered: Rendered) => {
      const values = releases(rendered.declared).find(({ name }) => name === "prometheus-adapter")?.values;
      const external = at(values, "rules", "external");
      return {
        rules: at(values, "rules", "custom"),
        ...(external === undefined ? {} : { externalRules: external }),
      };
    };
    const of = (series: string) => (file: string) => [file, series, "demo", "podinfo-frontend-a"];
    const read = (what: unknown, series = "http_requests_total") => judge(reader, of(series), what);

    before(async function () {
      reader = await programOrSkip(this, "adapter_rules");
      for (const settings of [...Object.values(variants), ...Object.values(alone)])
        all.push(await environmentOf(settings));
    });

    it("has rules that its own reader takes, for every variant", () => {
      expect(all.length).to.be.greaterThan(3);
      for (const one of all) expect(read(config(one)).accepted, read(config(one)).said).to.equal(true);
      const external = all.map(config).find((one) => "externalRules" in one);
      expect(read(external, "orders_open").said).to.match(/^open_orders\t/m);
    });

    it("is refused when any one key of a rule is misspelt", () => {
      const [first] = all;
      if (first === undefined) throw new Error("There is no variant.");
      // Labels are names of ours.
      const keys = [...misspellings(config(first))].filter(({ path: where }) => !/overrides\.\w+$/.test(where));
      expect(keys.length).to.be.greaterThan(8);
      const accepted = keys.filter(({ config: wrong }) => read(wrong).accepted && read(wrong).said !== "");
      expect(accepted.map(({ path: where }) => where)).to.deep.equal([]);
    });

    it("serves the metric that the demo's autoscaler asks for, a number of each pod, by Prometheus's engine", async function () {
      const promtool = await programOrSkip(this, "promtool");
      const [first] = all;
      if (first === undefined) throw new Error("There is no variant.");
      const [name = "", query = ""] = read(config(first)).said.trim().split("\t");
      expect(name).to.equal(
        textAt(frontend(first, "HorizontalPodAutoscaler"), "spec", "metrics", 0, "pods", "metric", "name"),
      );
      const test = (value: number) =>
        judge(promtool, (file) => ["test", "rules", file], answering(query, '{pod="podinfo-frontend-a"}', value));
      expect(test(2).accepted, test(2).said).to.equal(true);
      expect(test(3).accepted, "the check itself").to.equal(false);
    });

    it("asks a server as it wants to be asked: password or token, and certificates that are trusted alone", () => {
      const secret = { secret: "externalMetricsSecret" };
      const kubeconfig = (more: object) =>
        at(access(server("https://a.example.com/prometheus", more), known)[0], "data", "kubeconfig", "json");
      const basic = kubeconfig({ user: "reader", ca: "company" });
      expect(at(basic, "users", 0, "user")).to.deep.equal({ username: "reader", password: secret });
      expect(at(basic, "clusters", 0, "cluster")).to.deep.equal({
        server: "https://a.example.com/prometheus",
        "certificate-authority-data": Buffer.from("PEM").toString("base64"),
      });
      expect(at(kubeconfig({}), "users", 0, "user")).to.deep.equal({ token: secret });
      expect(kubeconfig({ secret: undefined })).to.equal(undefined);
      expect(at(kubeconfig({ secret: undefined, ca: "company" }), "users", 0, "user")).to.deep.equal({});
    });
  });

  it("asks the store that was chosen, whichever it is", async () => {
    const stores = {
      ...{ prometheus: {}, vmsingle: { metrics: "victoriaMetrics" } },
      "thanos-query": { thanos: { enabled: true }, objectStorage: "seaweedfs" },
    };
    for (const [store, settings] of Object.entries(stores)) {
      const object = frontend(await environmentOf({ autoscaler: "keda", ...settings }), "ScaledObject");
      const address = textAt(object, "spec", "triggers", 0, "metadata", "serverAddress");
      expect(address).to.include(store);
      const { declared } = await environmentOf({ autoscaler: "prometheusAdapter", ...settings });
      const release = releases(declared).find(({ name }) => name === "prometheus-adapter");
      expect(at(release?.values, "prometheus", "url")).to.equal(address);
    }
  });

  it("leaves the number of replicas to the autoscaler, and says it without one", async () => {
    for (const autoscaler of ["keda", "prometheusAdapter", "none"]) {
      const { declared } = await environmentOf({ autoscaler });
      const release = declared.find(
        ({ kind, metadata }) => kind === "HelmRelease" && metadata.name === "podinfo-frontend",
      );
      const removed = JSON.stringify(at(release, "spec", "postRenderers") ?? []).includes("/spec/replicas");
      expect(removed, autoscaler).to.equal(autoscaler !== "none");
    }
  });

  it("scales no kbot, whose token one replica uses, and nothing whose counter nobody scrapes", async () => {
    const scaled = async (settings: object) =>
      (
        await render({
          settings: { autoscaler: "keda", ...settings },
          secrets: ["telegramToken", "externalMetricsSecret"],
        })
      ).declared
        .map(({ kind }) => kind)
        .includes("ScaledObject");
    const kbot = {
      app: "kbot",
      repository: "https://github.com/acme/kbot",
      image: { repository: "ghcr.io/acme/kbot" },
    };
    expect(await scaled({})).to.equal(true);
    expect(await scaled({ demo: kbot })).to.equal(false);
    const { scraper, ...unscraped } = external;
    expect(scraper).to.equal("prometheusAgent");
    expect(await scaled(unscraped)).to.equal(false);
    expect(await scaled(external)).to.equal(true);
  });
});
