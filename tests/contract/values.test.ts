import { expect } from "chai";
import { type Chart, factsOfValue, loadChart } from "../../contract/charts.ts";
import { checkAllValues, checkValues } from "../../contract/checks/values.ts";
import { freeForm } from "../../contract/checks/free-form.ts";
import { chartNamed, charts } from "../../components/catalogue.ts";
import { releases } from "../../contract/rendered.ts";
import { allEnvironments, expectNone } from "../support/rendered.ts";

describe("Values against charts", function () {
  it("has a release for every pinned chart, at the pinned version", async () => {
    const deployed = (await allEnvironments()).flatMap(({ rendered }) =>
      releases(rendered.declared).map(({ chart }) => `${chart?.name ?? ""} ${chart?.version ?? ""}`),
    );
    expect([...new Set(deployed)]).to.have.members(
      Object.values(charts).map(({ name, version }) => `${name} ${version}`),
    );
  });

  it("sets only keys that the charts have, with their kinds of value, for every pair of choices", async () => {
    const environments = await allEnvironments();
    console.log(
      `      ${environments.length} environments, charts ${Object.values(charts)
        .map(({ name, version }) => `${name} ${version}`)
        .join(", ")}`,
    );
    expectNone(environments.flatMap(({ rendered }) => checkAllValues(rendered)));
  });

  it("lists no free-form place twice", () => {
    const places = freeForm.map(({ chart, path }) => `${chart} ${path}`);
    expect(places.filter((place, index) => places.indexOf(place) !== index)).to.deep.equal([]);
  });

  it("lists no free-form place that no environment uses", async () => {
    const values = (await allEnvironments()).flatMap(({ rendered }) => releases(rendered.declared));
    const places = new Set(
      values.flatMap(({ chart, values: tree }) => paths(tree).map((path) => `${chart?.name ?? ""}:${path}`)),
    );
    const idle = freeForm.filter(({ chart, path }) => {
      const tail = path.replace(/^\*\*\//, "");
      return ![...places].some(
        (place) =>
          place === `${chart}:${tail}` ||
          (path !== tail && place.startsWith(`${chart}:`) && place.endsWith(`/${tail}`)),
      );
    });
    expect(idle.map(({ chart, path }) => `${chart} ${path}`)).to.deep.equal([]);
  });

  describe("fails for", () => {
    const chart: Chart = {
      name: "sample",
      version: "1.0.0",
      values: factsOfValue({ enabled: false, service: { port: 80, labels: {} }, list: [], nothing: null }),
    };
    const found = (values: Record<string, unknown>) =>
      checkValues({ name: "sample", values }, chart).map(({ path, message }) => `${path}: ${message}`);

    it("a key that the chart has not, at the top and below", () => {
      expect(found({ enable: true })).to.deep.equal(["enable: is no key of sample 1.0.0."]);
      expect(found({ service: { prt: 80 } })).to.deep.equal(["service/prt: is no key of sample 1.0.0."]);
    });
    it("another kind of value", () => {
      expect(found({ enabled: "true" })).to.deep.equal(["enabled: is a string, but sample 1.0.0 has a boolean there."]);
      expect(found({ service: [] })).to.have.length(1);
    });
    it("anything below an empty map or in an empty list that is not listed as free-form", () => {
      expect(found({ service: { labels: { a: "b" } } })).to.have.length(1);
      expect(found({ list: ["a"] })).to.have.length(1);
      expect(found({ nothing: { a: 1 } })).to.have.length(1);
    });
    it("nothing that is right", () => {
      expect(found({ enabled: true, service: { port: 8080 }, nothing: "now", list: [] })).to.deep.equal([]);
    });
    it("a key that stands in a chart's values.yaml as a comment only", () => {
      // kube-prometheus-stack 88.5.3 has `# adminPassword:` there, and Grafana's own chart too.
      const values = { grafana: { adminPassword: "x" } };
      expect(checkValues({ name: "x", values }, loadChart(chartNamed("kube-prometheus-stack")))).to.have.length(1);
    });
    it("a key in other letters than the chart's", () => {
      const certManager = loadChart(chartNamed("cert-manager"));
      const messages = (values: Record<string, unknown>) =>
        checkValues({ name: "x", values }, certManager).map(({ message }) => message);
      expect(messages({ prometheus: { serviceMonitor: { enabled: true } } })).to.have.length(1);
    });
  });
});

/** Every path of a tree, keys joined by `/`. */
function paths(tree: unknown, prefix = ""): string[] {
  if (typeof tree !== "object" || tree === null || Array.isArray(tree)) return [];
  return Object.entries(tree).flatMap(([key, child]) => [`${prefix}${key}`, ...paths(child, `${prefix}${key}/`)]);
}
