import { expect } from "chai";
import { auditTemplate, journalTemplate, lineTemplate } from "../../components/agents/alloy/line.ts";
import { alloyConfig, type AlloyValues } from "../../components/agents/alloy/values.ts";
import { auditJob, journalJob, lineJob, lineLabels } from "../../components/agents/lines.ts";
import type { LogStore } from "../../components/capabilities.ts";
import type { SettingsInput } from "../../settings/schema.ts";
import { type AlloyBlock, alloyMistakes, readAlloy, templated } from "../../contract/alloy-reader.ts";
import { releases, render } from "../../contract/rendered.ts";
import { read, readOfNode } from "../bench/telemetry/log-agent.ts";
import { audited, entries } from "../support/node-records.ts";
import { programOrSkip } from "../support/program.ts";

const lines = [
  '{"level":"warn","msg":"of JSON","n":1234567890123456,"half":0.5,"ok":true,"time":"t","stream":"s","deep":{"list":[1,{"a":"b"}]}}',
  '{"level":"warn","msg":"<of> & \\"JSON\\""}',
  "of text, with a level: error",
  '{"broken": ',
  "[1, 2]",
  '  {"message":"after blanks"} ',
  " \tindented",
];

/** A store that wants everything that one may want. */
const remote = (access: object, url = "https://logs.example.com/loki"): LogStore =>
  ({
    title: "an external Loki",
    endpoint: { url, access },
    push: { as: "loki", place: { url, access }, path: "/loki/api/v1/push" },
  }) as unknown as LogStore;
const known = {
  ...{ name: "test", ca: "PEM", redact: { patterns: [], fields: [] }, nodeSources: {} },
  secrets: ["externalLogsSecret"],
} as unknown as Parameters<typeof alloyConfig>[1];
const own = { namespace: "node-agents", pods: "alloy-" };
const wanting = { of: "logs", secret: "externalLogsSecret", ca: "company", tenant: "t" };
const externals: Readonly<Record<string, object>> = {
  "a user": { ...wanting, user: "u" },
  "a token": wanting,
  "a scheme": { ...wanting, scheme: "Basic" },
};

const ofNodes = { journal: { enabled: true }, cluster: { kind: { auditLog: true } } } as const;

describe("Alloy's configuration, by its own parser and a stand-in for its readers", function () {
  let program: string;
  before(async function () {
    program = await programOrSkip(this, "alloy-check");
  });

  async function rendered(settings: SettingsInput = {}): Promise<string> {
    const { declared } = await render({ settings: { logAgent: "alloy", ...settings } });
    const values = releases(declared).find(({ chart }) => chart?.name === "alloy")?.values as unknown as AlloyValues;
    return values.alloy.configMap.content.replaceAll('{{ "{{" }}', "{{");
  }

  it("is read, whatever the store wants", async () => {
    for (const settings of [{}, ofNodes])
      expect(alloyMistakes(readAlloy(program, await rendered(settings)))).to.deep.equal([]);
    for (const [what, access] of Object.entries(externals)) {
      const text = alloyConfig([{ key: "externalLogs", offer: remote(access) }], known, own);
      expect(alloyMistakes(readAlloy(program, text)), what).to.deep.equal([]);
      expect(text)
        .to.include('tenant_id = "t"')
        .and.include('"cluster" = "test"')
        .and.include("ca_file")
        .and.match(/_file = "[^"]*\/logs"/);
    }
  });

  it("is not read with any argument, block or component misspelt", async () => {
    const text = [
      await rendered(ofNodes),
      ...Object.values(externals).map((access, index) => {
        const [, writer = ""] =
          /^(loki\.write "[^]*)/m.exec(alloyConfig([{ key: `external${index}`, offer: remote(access) }], known, own)) ??
          [];
        return writer;
      }),
    ].join("\n");
    const names = [...text.matchAll(/^\t*([a-z][a-z_.]*)(?= = | "| \{)/gm)];
    expect(names).to.have.length.greaterThan(30);
    const accepted = [...new Map(names.map((found) => [found[0], found])).values()].flatMap(({ index, 0: match }) => {
      const end = index + match.length;
      try {
        return alloyMistakes(readAlloy(program, `${text.slice(0, end)}z${text.slice(end)}`)).length > 0 ? [] : [match];
      } catch {
        return [match];
      }
    });
    expect(accepted).to.deep.equal([]);
    expect(() => readAlloy(program, `${text}\n}`)).to.throw(/config\.alloy/);
  });

  it("gives lines the labels and the fields that Fluent Bit does", async () => {
    const { declared } = await render({});
    const values = releases(declared).find(({ chart }) => chart?.name === "fluent-bit")?.values ?? {};
    const pod = { namespace: "shop", name: "cart-0", uid: "u", container: "app", deployment: "d", node: "n" };
    const pushed = [];
    for (const line of lines) pushed.push(await read(values, pod, `2026-01-01T00:00:00Z stdout F ${line}`));
    const made = templated(program, lineTemplate({ patterns: [], fields: [] }), lines);
    expect(made.map((text) => JSON.parse(text) as unknown)).to.deep.equal(
      pushed.map(({ text }) => JSON.parse(text) as unknown),
    );
    const config = readAlloy(program, await rendered());
    const of = (name: string) => config.blocks.find((block) => block.name === name) as AlloyBlock;
    const [target] = of("local.file_match").args["path_targets"] as Readonly<Record<string, string>>[];
    expect(target?.["job"]).to.equal(lineJob);
    const path = "/var/log/pods/shop_cart-0_0d3c/app/0.log";
    const labels = of("discovery.relabel").blocks.map(({ args }) => [
      args["target_label"],
      path.replace(new RegExp(`^(?:${args["regex"] as string})$`), args["replacement"] as string),
    ]);
    expect({ job: target?.["job"], ...Object.fromEntries(labels) }).to.deep.equal(pushed[0]?.stream);
    expect(labels.map(([label]) => label)).to.deep.equal(lineLabels);
  });

  it("gives what it reads of a node itself the labels, the fields and the time that Fluent Bit does", async () => {
    const redact = {
      patterns: ["bearer [a-z0-9]+", "503"],
      // A name of a text, of a map, and of a list.
      fields: ["useragent", "impersonatedUser", "syslog_identifier"],
    };
    const config = readAlloy(program, await rendered({ ...ofNodes, redact }));
    const process = (job: string) =>
      config.blocks.find(({ name, label }) => name === "loki.process" && label === job)?.blocks ?? [];
    const templates = { [journalJob]: journalTemplate(redact), [auditJob]: auditTemplate(redact) };
    const { declared } = await render({ settings: { ...ofNodes, redact } });
    const values = releases(declared).find(({ chart }) => chart?.name === "fluent-bit")?.values ?? {};
    for (const [job, records] of [[journalJob, entries] as const, [auditJob, audited] as const]) {
      const pushed = [];
      for (const record of records) pushed.push(await readOfNode(values, job, structuredClone(record), "node-1"));
      const template = templates[job];
      const made = templated(
        program,
        template,
        records.map((record) => JSON.stringify(record)),
      );
      expect(made.map((text) => JSON.parse(text) as unknown)).to.deep.equal(
        pushed.map(({ text }) => JSON.parse(text) as unknown),
      );
      const stages = process(job);
      const args = (name: string) => stages.filter((stage) => stage.name === name).map(({ args: of }) => of);
      expect(args("stage.template").map(({ template: is }) => is)).to.deep.equal(['{"log":"****"}', template]);
      const [labels] = args("stage.static_labels");
      const labelled = JSON.stringify(labels?.["values"]).replace(
        /{"of":"sys.env\(\\"K8S_NODE_NAME\\"\)"}/,
        '"node-1"',
      );
      expect(JSON.parse(labelled)).to.deep.equal(pushed[0]?.stream);
      if (job === auditJob) {
        expect(args("stage.json")).to.deep.equal([{ expressions: { time: "stageTimestamp" } }]);
        expect(args("stage.timestamp")[0]).to.include({ source: "time", format: "RFC3339Nano" });
        expect(
          records.map((record) => Date.parse((record as { stageTimestamp: string }).stageTimestamp) / 1e3),
        ).to.deep.equal(pushed.map(({ time }) => time));
      }
    }
  });
});
