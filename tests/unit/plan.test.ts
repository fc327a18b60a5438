import { globSync, readFileSync } from "node:fs";
import * as path from "node:path";
import { expect } from "chai";
import fc from "fast-check";
import { alternatives, catalogue, components, providable, slots } from "../../components/catalogue.ts";
import type { Capability } from "../../components/capabilities.ts";
import { needsOf, type Slot } from "../../components/component.ts";
import { contexts } from "../../components/context.ts";
import { conflicts, idle, type Plan, plan, prerequisites, type Remedy } from "../../components/plan.ts";
import { readGroups, settingsSchema } from "../../settings/schema.ts";

type Choice = Readonly<Record<string, unknown>>;

/** The plan of settings that say no more than the choice; what settings refuse beside it does not matter here. */
function planOf(choice: Choice): Plan {
  const { data, error } = readGroups(choice);
  if (error !== undefined) throw error;
  return plan(data);
}

/** A choice with one setting changed, by its dotted path. */
function changed(choice: Choice, { setting, value }: Remedy): Choice {
  const [group = "", key] = setting.split(".");
  if (key === undefined) return { ...choice, [group]: value };
  return { ...choice, [group]: { ...(choice[group] as object | undefined), [key]: value } };
}

const url = "https://a.example.com";

/** Addresses of what is there already. */
const servers: Readonly<Record<string, object>> = {
  ...{ metrics: { queryUrl: url }, logs: { url }, traces: { otlpUrl: url }, alerts: { url }, dashboards: { url } },
  gateway: { httpUrl: url, grpcUrl: `${url}:4317` },
};

/** Every decision and every switch. */
const choices: fc.Arbitrary<Choice> = fc.record(
  {
    ...Object.fromEntries(
      Object.entries(slots).map(([slot, { several }]) => {
        const keys = alternatives(slot as Slot);
        const one = fc.constantFrom(...keys, "none");
        return [slot, several ? fc.oneof(one, fc.shuffledSubarray(keys, { minLength: 1 })) : one];
      }),
    ),
    provided: fc.shuffledSubarray(providable),
    external: fc.record(Object.fromEntries(Object.entries(servers).map(([of, server]) => [of, fc.constant(server)])), {
      requiredKeys: [],
    }),
    ...Object.fromEntries(
      components.flatMap(({ switch: off }) =>
        off === undefined ? [] : [[off.split(".")[0] ?? "", fc.record({ enabled: fc.boolean() })]],
      ),
    ),
  },
  { requiredKeys: [] },
);

describe("The plan of components", function () {
  /** Most of those are refused for something. */
  const few = choices.chain((choice) =>
    fc.subarray(Object.entries(choice), { maxLength: 3 }).map((some): Choice => Object.fromEntries(some)),
  );
  /** Half of them with the addresses of just what is chosen. */
  const addressed = fc.tuple(fc.oneof(choices, few), fc.boolean()).map(([choice, whole]) => {
    const chosen = Object.entries(servers).filter(([of]) => [choice[of]].flat().includes("external"));
    return whole ? { ...choice, external: Object.fromEntries(chosen) } : choice;
  });

  it("of any choice either has findings that each name a remedy, or an order in which everything needed comes first", () => {
    let [sound, refused] = [0, 0];
    fc.assert(
      fc.property(addressed, (choice) => {
        const { chosen, findings } = planOf(choice);
        for (const [index, one] of chosen.entries()) {
          const late = prerequisites(chosen, one).filter((needed) => chosen.indexOf(needed) >= index);
          expect(late, one.component.key).to.deep.equal([]);
        }
        for (const { component, provided } of chosen) {
          if (!provided) continue;
          const makes = ["releases", "flows", "requests", "images", "secrets", "extras", "part", "folder", "partOf"];
          expect(Object.keys(component).filter((one) => makes.includes(one))).to.deep.equal([]);
          expect(component.charts).to.deep.equal([]);
        }
        if (findings.length === 0) {
          sound++;
          const needed = new Set(chosen.flatMap(({ component, settings }) => needsOf(component, settings)));
          const lacking = [...needed].filter((one) => chosen.every(({ offers }) => offers[one] === undefined));
          expect(lacking).to.deep.equal([]);
          return;
        }
        refused++;
        for (const { path, message, remedies } of findings) {
          expect(remedies, message).to.have.lengthOf.greaterThan(0);
          expect(message).to.match(/ Set .*\.$/);
          expect(remedies.filter(({ setting }) => !message.includes(setting))).to.deep.equal([]);
          const useless = remedies.filter((remedy) =>
            planOf(changed(choice, remedy)).findings.some((left) => left.path === path && left.message === message),
          );
          expect(useless, `${path} ${message}`).to.deep.equal([]);
        }
      }),
      { numRuns: 1_200 },
    );
    console.log(`      1200 choices: ${sound} with an order, ${refused} refused`);
    expect(Math.min(sound, refused)).to.be.greaterThan(50);
  });

  it("says in one sentence what is missing, for whom, and what to set", () => {
    const said = (choice: Choice) => planOf(choice).findings.map(({ path, message }) => `${path} ${message}`);
    expect(said({ logs: "none" })).to.deep.equal([
      "logs is none, but fluentBit cannot do without it. Set logs to loki, victoriaLogs or elasticsearch, or logAgent to none.",
    ]);
    expect(said({ certManager: { enabled: false } })).to.deep.equal([
      "certManager.enabled is false, but opentelemetryOperator cannot do without it. Set certManager.enabled to true, or opentelemetryOperator.enabled to false.",
    ]);
    expect(said({ certManager: { enabled: false }, provided: ["prometheusOperator", "certManager"] })).to.include(
      "provided[1] is certManager, but certManager.enabled is false. Set provided to [prometheusOperator], or certManager.enabled to true.",
    );
    expect(said({ provided: ["keda"] })).to.deep.equal([
      "provided[0] is keda, but autoscaler is none. Set provided to [], or autoscaler to keda.",
    ]);
    expect(said({ autoscaler: "prometheusAdapter", metrics: "none", alerts: "none" }).join()).to.match(
      /^metrics is none, but prometheusAdapter cannot do without it\. Set metrics to prometheus\b.*, or autoscaler to none\.$/,
    );
    expect(said({ gateway: "none", instrumentation: { enabled: false }, traces: "none" })).to.deep.equal([]);
    const checks = [{ name: "page", type: "http", target: "https://example.com" }];
    expect(said({ metrics: "external", external: { metrics: servers["metrics"] }, checks })).to.deep.equal([
      "metrics is external, which has no scraping, and blackboxExporter cannot do without it. Set external.metrics.scrapedFrom to the namespace of a Prometheus of this cluster that scrapes our monitors or metrics to prometheus or victoriaMetrics or scraper to prometheusAgent.",
    ]);
  });

  it("says of an agent and a ruler what they need, and what they cannot stand beside", () => {
    const said = (choice: Choice) => planOf(choice).findings.map(({ path, message }) => `${path} ${message}`);
    const to = (metrics: object) => ({ metrics: "external", external: { metrics: { queryUrl: url, ...metrics } } });
    const agent = { scraper: "prometheusAgent" };
    expect(said(agent)).to.deep.equal([
      "scraper Prometheus scrapes by itself, and an agent beside it would do the same again. Set scraper to store, or metrics to none.",
    ]);
    const [writes, evaluates] = [to({ writeUrl: url }), to({ writeUrl: url, evaluatesRules: true })];
    expect(said({ ...to({ evaluatesRules: true }), ...agent }).join()).to.match(
      /^metrics is external, which has no metricsReceiver, and prometheusAgent cannot do without it\. Set external\.metrics\.writeUrl or .*scraper to store\.$/,
    );
    expect(said({ ...writes, ...agent }).join()).to.match(
      /^metrics is external, which has no rules, and prometheusAgent cannot do without it\. Set external\.metrics\.evaluatesRules to true .* or ruler to thanosRuler, or scraper to store\.$/,
    );
    expect(said({ ...writes, ...agent, ruler: "none" }).join()).to.include("ruler is none, but prometheusAgent cannot");
    for (const sound of [
      { ...evaluates, ...agent },
      { ...writes, ...agent, ruler: "thanosRuler" },
      { ruler: "thanosRuler" },
    ])
      expect(said(sound)).to.deep.equal([]);
  });

  it("says of what is there already where its address is missing, or what it is for, and nothing of it twice", () => {
    const said = (choice: Choice) => planOf(choice).findings.map(({ path, message }) => `${path} ${message}`);
    const defaults = settingsSchema.parse({});
    for (const [slot, server] of Object.entries(servers)) {
      const usual = String(defaults[slot as Slot]);
      const [first = ""] = Object.keys(server);
      expect(said({ [slot]: "external" })).to.deep.equal([
        `external.${slot}.${first} is missing, and ${slot} is external. Set external.${slot}.${first}, or set ${slot} to ${usual}.`,
      ]);
      expect(said({ external: { [slot]: server } })).to.deep.equal([
        `external.${slot} is set, and ${slot} is ${usual}: nothing uses it. Set ${slot} to external, or remove external.${slot}.`,
      ]);
      expect(said({ [slot]: "external", external: { [slot]: server } })).to.deep.equal([]);
    }
  });

  it("says of two that cannot stand beside each other why, and what to set", () => {
    const settings = settingsSchema.parse({});
    const { chosen } = plan(settings);
    const because = "Jaeger and Loki quarrel here.";
    const quarrel = chosen.map((one) =>
      one.component.key === "jaeger"
        ? { ...one, component: { ...one.component, conflicts: [{ with: "loki", because }] } }
        : one,
    );
    expect(conflicts(quarrel, settings)).to.deep.equal([
      {
        path: "traces",
        message: `${because} Set traces to none, or logs to none.`,
        remedies: [
          { setting: "traces", value: "none" },
          { setting: "logs", value: "none" },
        ],
      },
    ]);
  });

  it("says of two that would make the same APIService which, and what to set", () => {
    const said = (choice: Choice) => planOf(choice).findings.map(({ path, message }) => `${path} ${message}`);
    const metricsServer = { enabled: true };
    const resource = { values: { rules: { resource: { cpu: {} } } } };
    const both = { autoscaler: "prometheusAdapter", metricsServer };
    expect(said({ ...both, prometheusAdapter: resource })).to.deep.equal([
      "metricsServer.enabled metricsServer and prometheusAdapter would each make the APIService v1beta1.metrics.k8s.io, and a cluster has one of that name. " +
        "Set metricsServer.enabled to false, or autoscaler to none.",
    ]);
    expect(said(both)).to.deep.equal([]);
    expect(said({ autoscaler: "prometheusAdapter", prometheusAdapter: resource })).to.deep.equal([]);
    expect(said({ autoscaler: "keda", metricsServer })).to.deep.equal([]);
  });

  it("asks, for what a component is made of, for no capability that the component does not name", () => {
    const everything = settingsSchema.parse({
      traces: ["jaeger", "tempo"],
      autoscaler: "keda",
      metricsServer: { enabled: true },
      checks: [{ name: "page", type: "http", target: "https://example.com" }],
    });
    const { chosen } = plan(everything);
    const facts = {
      name: "dev",
      clusterName: "dev",
      kind: true,
      scrapeControlPlane: true,
      redact: everything.redact,
      nodeSources: {},
      credentials: true,
      secrets: [],
    };
    const context = contexts(chosen, { ...facts, image: (name) => name }, ["shop"], {});
    const unnamed: string[] = [];
    for (const one of chosen) {
      const { key, needs = [], uses = [] } = one.component;
      const asked = new Set<Capability>();
      const given = context(one);
      const watched: typeof given = {
        ...given,
        offered: (capability) => (asked.add(capability), given.offered(capability)),
        all: (capability) => (asked.add(capability), given.all(capability)),
      };
      const { component } = one;
      component.namespaces(watched);
      for (const part of ["flows", "secrets", "releases", "part", "extras", "folder", "variables"] as const)
        component[part]?.(watched);
      for (const capability of asked)
        if (![...needs, ...uses].includes(capability)) unnamed.push(`${key} asks for ${capability}`);
    }
    expect(unnamed).to.deep.equal([]);
  });

  it("has for each component a page that says what it is for and when not to take it", () => {
    const root = path.resolve(import.meta.dirname, "../../components");
    for (const file of globSync("**/component.ts", { cwd: root }).filter((one) => one.includes("/"))) {
      const page = readFileSync(path.join(root, path.dirname(file), "README.md"), "utf8");
      expect(page, file).to.match(/^# \S/);
      expect(page.length, file).to.be.greaterThan(150);
    }
  });

  it("makes nothing of what the cluster provides, and takes it for there", () => {
    const made = (choice: Choice) =>
      planOf(choice).chosen.flatMap(({ component: { key }, provided }) => (provided ? [] : [key]));
    const provided = ["certManager", "prometheusOperator"];
    const gone = ["certManager", "prometheusOperator", "prometheusOperatorCrds"];
    expect(made({ provided })).to.have.members(made({}).filter((key) => !gone.includes(key)));
    expect(planOf({ provided }).findings).to.deep.equal([]);
    const nothing = { metrics: "none", alerts: "none", dashboards: "none", exporters: { enabled: false } };
    // The operator alone is why its suite was there.
    expect(made(nothing)).to.include("kubePrometheusStack");
    expect(made({ ...nothing, provided })).to.not.include("kubePrometheusStack");
  });

  it("tells of settings that nobody reads, of alternatives that are not chosen; not of one that is, or is only switched off", () => {
    const told = (said: Choice) =>
      idle(settingsSchema.parse(said), said).map(({ path: group, message }) => `${group}: ${message}`);
    const { alerts } = servers;
    expect(told({ alerts: "external", external: { alerts }, alerting: { inhibition: false }, loki: {} })).to.deep.equal(
      ["alerting: has no effect, because alerts is external. Remove it, or set alerts to alertmanager."],
    );
    expect(told({ traces: ["tempo"], jaeger: { maxTraces: 500 }, tempo: { retention: "7d" } })).to.deep.equal([
      "jaeger: has no effect, because traces is [tempo]. Remove it, or set traces to jaeger.",
    ]);
    expect(told({ loki: { retention: "48h" }, demo: { enabled: false, app: "podinfo" } })).to.deep.equal([]);
  });

  it("has what is there only when needed with whoever needs it, made or provided", () => {
    const keys = (choice: Choice) => planOf(choice).chosen.map(({ component: { key } }) => key);
    const operator = "victoriaMetricsOperator";
    expect(keys({})).to.not.include(operator);
    const order = keys({ metrics: "victoriaMetrics" });
    expect(order.indexOf("victoriaMetrics")).to.be.greaterThan(order.indexOf(operator)).and.greaterThan(0);
    const given = planOf({ metrics: "victoriaMetrics", provided: [operator] });
    expect(given.chosen.filter(({ provided }) => provided).map(({ component: { key } }) => key)).to.deep.equal([
      operator,
    ]);
    expect(planOf({ provided: [operator] }).findings.map(({ path, message }) => `${path} ${message}`)).to.deep.equal([
      "provided[0] is victoriaMetricsOperator, and nothing here needs it. Set provided to [].",
    ]);
  });

  it("knows each component by one key, with settings under names that no other has", () => {
    const keys = catalogue.map(({ key }) => key);
    expect(new Set(keys).size).to.equal(keys.length);
    const groups = components.flatMap(({ settings }) => Object.entries(settings));
    // One group may have the addresses of several.
    expect(new Set(groups.map(([name]) => name)).size).to.equal(new Set(groups.map(([, schema]) => schema)).size);
    for (const slot of Object.keys(slots)) {
      const { default: usual } = slots[slot as Slot];
      expect(["none", ...alternatives(slot as Slot)], slot).to.include(usual);
    }
    for (const { key, switch: off, partOf, endOfLife } of components) {
      if (off !== undefined) expect(off, key).to.equal(`${key}.enabled`);
      if (partOf !== undefined) expect(keys, key).to.include(partOf);
      if (endOfLife !== undefined)
        expect(new Date().toISOString() < endOfLife.day, `${key}: take ${endOfLife.successor}`).to.equal(true);
    }
  });
});
