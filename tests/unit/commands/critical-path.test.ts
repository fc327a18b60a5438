import { readFileSync } from "node:fs";
import { expect } from "chai";
import fc from "fast-check";
import {
  criticalPath,
  pathLines,
  phaseOf,
  phasesOf,
  readEventLog,
  spansOf,
  timesLines,
  timesOf,
  type CriticalPath,
  type Span,
  type StateLike,
  type Timed,
} from "../../../commands/critical-path.ts";

/** Part of the events of a rehearsal's `up` and of the state after it; times count from its begin. */
const recorded = JSON.parse(readFileSync(new URL("critical-path.recorded.json", import.meta.url), "utf8")) as {
  readonly end: number;
  readonly events: readonly Timed[];
  readonly resources: readonly StateLike[];
};

const whole = (path: CriticalPath) =>
  path.links.reduce((sum, { before, seconds }) => sum + before + seconds, 0) + path.after;
const span = (urn: string, start: number, end: number, op = "create"): Span => ({ urn, op, start, end, failed: false });
const namesOf = (path: CriticalPath) => path.links.map(({ name }) => name);

describe("the critical path", () => {
  it("of a recorded up is the chain that its length came from, and its figures add up", () => {
    const { criticalPath: path } = timesOf(recorded.events, recorded.resources, 0, recorded.end);
    expect(namesOf(path)).to.deep.equal([
      "default_1_2_1",
      "cluster-kind",
      "cluster",
      "flux-customresourcedefinition-helmreleases.helm.toolkit.fluxcd.io",
      "flux-deployment-source-controller",
      "chart-prometheus-operator-crds",
      "prometheus-operator-crds-release",
      "cert-manager-release",
      "opentelemetry-operator-release",
      "environment-kustomization-demo",
    ]);
    expect(path.seconds).to.equal(recorded.end / 1000);
    expect(whole(path)).to.be.closeTo(path.seconds, 0.001);
  });

  it("of the CLI's event log, which knows whole seconds only, is the same chain", () => {
    const text = recorded.events.map(({ event }) => JSON.stringify(event)).join("\n");
    // A CLI that was killed leaves half a line.
    const events = readEventLog(`${text}\n{"sequence":256,"timest`);
    expect(events).to.have.length(recorded.events.length);
    const { criticalPath: path } = timesOf(events, recorded.resources, 0, recorded.end);
    expect(namesOf(path).slice(-4)).to.deep.equal([
      "prometheus-operator-crds-release",
      "cert-manager-release",
      "opentelemetry-operator-release",
      "environment-kustomization-demo",
    ]);
  });

  it("leaves out components and what a preview only plans", () => {
    const types = new Set(spansOf(recorded.events).map(({ urn }) => urn.split("::")[2]));
    expect(types).to.not.include("pulumi:pulumi:Stack").and.not.include("observability:index:Environment");
    const planned = recorded.events.map(({ at, event }) => ({
      at,
      event: {
        ...event,
        ...(event.resOutputsEvent && { resOutputsEvent: { ...event.resOutputsEvent, planning: true } }),
      },
    }));
    expect(spansOf(planned)).to.deep.equal([]);
  });

  it("goes through a dependency that had no operation to what that one depends on", () => {
    const spans = [span("a", 0, 50), span("b", 10, 20), span("c", 50, 90)];
    const dependencies = new Map([
      ["c", ["b", "unchanged"]],
      ["unchanged", ["a"]],
    ]);
    expect(criticalPath(spans, dependencies, 0, 100).links.map(({ urn }) => urn)).to.deep.equal(["a", "c"]);
  });

  it("names what failed last, and does not follow what was deleted", () => {
    const failed: Span = { ...span("b", 30, 80), failed: true };
    const spans = [span("a", 0, 30), failed, span("old", 80, 99, "delete-replaced")];
    const path = criticalPath(spans, new Map([["b", ["a"]]]), 0, 100);
    expect(path.links.map(({ urn, failed: is }) => [urn, is])).to.deep.equal([
      ["a", false],
      ["b", true],
    ]);
    expect(pathLines(path).join("\n")).to.include(", failed");
  });

  it("ends, goes forward in time and adds up, whatever the dependencies are", () => {
    const urns = ["a", "b", "c", "d", "e"];
    const spans = fc.tuple(
      ...urns.map((urn) => fc.tuple(fc.nat(500), fc.nat(500)).map(([s, d]) => span(urn, s, s + d))),
    );
    const edges = fc.array(fc.tuple(fc.constantFrom(...urns), fc.constantFrom(...urns)));
    fc.assert(
      fc.property(spans, edges, (all, pairs) => {
        const dependencies = new Map(urns.map((urn) => [urn, pairs.filter(([u]) => u === urn).map(([, d]) => d)]));
        const path = criticalPath(all, dependencies, 0, 1000);
        expect(path.links.every(({ before }) => before >= 0)).to.equal(true);
        expect(whole(path)).to.be.closeTo(1, 1e-9);
      }),
    );
  });
});

describe("the phases of an up", () => {
  it("are told by the components above a resource, and by where in time they were", () => {
    const phases = phasesOf(spansOf(recorded.events), 0);
    expect(phases.map(({ name }) => name)).to.have.members([
      "GitHub",
      "cluster",
      "namespaces and the rest",
      "Flux",
      "chart sources",
      "components",
      "content from Git",
    ]);
    for (const { from, seconds } of phases) expect(from + seconds).to.be.at.most(recorded.end / 1000);
    const of = (name: string) => phases.find((phase) => phase.name === name);
    expect(of("components")?.resources).to.equal(5);
    expect(of("cluster")?.from).to.be.lessThan(of("Flux")?.from ?? 0);
  });

  it("know every component of this program by its place", () => {
    const under = (type: string) => `urn:pulumi:dev::observability::${type}$kubernetes:core/v1:Secret::name`;
    expect(phaseOf(under("observability:gitops:GitSource"))).to.equal("content from Git");
    expect(phaseOf(under("observability:index:Component"))).to.equal("components");
    expect(phaseOf(under("observability:kubernetes:Namespace"))).to.equal("namespaces and the rest");
  });

  it("are drawn on one scale, and what is short is put together", () => {
    const times = timesOf(recorded.events, recorded.resources, 0, recorded.end);
    const lines = timesLines(times);
    const before = 2 + Math.max(...times.phases.map(({ name }) => name.length)) + 2;
    const bars = new Map(times.phases.map(({ name }, index) => [name, lines[index + 1]?.slice(before, before + 30)]));
    for (const bar of bars.values()) expect(bar).to.match(/^ *━+ *$/);
    expect(bars.get("GitHub")).to.match(/^━/);
    expect(bars.get("content from Git")).to.match(/━$/);
    expect(bars.get("components")).to.match(/^ +━+ +$/);
    expect(lines.filter((line) => line.includes("default_1_2_1"))).to.deep.equal([]);
    const figures = lines.slice(lines.findIndex((line) => line.startsWith("Critical path")) + 1);
    const sum = figures.reduce((total, line) => total + Number(/([\d.]+) s/.exec(line)?.[1]), 0);
    expect(sum).to.be.closeTo(recorded.end / 1000, 0.05 * figures.length);
  });
});
