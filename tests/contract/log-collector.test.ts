import { expect } from "chai";
import { join } from "node:path";
import lucene from "lucene";
import { linesOfTrace } from "../../components/logs/elasticsearch/api.ts";
import { requests } from "../../components/logs/elasticsearch/setup.ts";
import { otlpConfig } from "../../components/logs/loki/api.ts";
import { textAt } from "../../contract/finding.ts";
import { releases, render } from "../../contract/rendered.ts";
import { freePorts, launch } from "../../rehearsal/control-plane/processes.ts";
import { call, eventually, post } from "../../rehearsal/http-client.ts";
import { type Pushed, read, readOfNode } from "../bench/telemetry/log-agent.ts";
import { settingsSchema } from "../../settings/schema.ts";
import { agentConfig, type Got, LogNode, StoreStandIn } from "../support/log-node.ts";
import { audited, entries } from "../support/node-records.ts";
import { lines, pod, redact, whole } from "../support/log-samples.ts";
import { painless } from "../support/painless.ts";
import { matches, type Role } from "./support/elasticsearch-stand-in.ts";
import { programOrSkip } from "../support/program.ts";
import { environmentOf } from "../support/rendered.ts";

const collector = { logAgent: "collector" } as const;

const trace = "4bf92f3577b34da6a3ce929d0e0e4736";
/** What Elasticsearch keeps in fields of its own, and what a line might have it do. */
const recorded = [
  ...lines,
  `stdout F {"message":"paid","severity":"WARNING","traceId":"${trace}","spanId":"00f067aa0ba902b7","trace_id":{"of":"a map"}}`,
  `stdout F {"msg":["a list"],"log":"and a text","lvl":"Info","level":{"name":"a map"},"trace_id":"of another form"}`,
  `stderr F level of the first word, a debug line about an error, of ${trace}`,
  'stdout F {"msg":12,"message":"twice","level":30}',
  'stdout F {"no message":true}',
  'stdout F {"msg":"elsewhere","data_stream.dataset":"a","elasticsearch.ingest_pipeline":"b","elasticity":1}',
];

/** Scripts of the pipelines that Elasticsearch is told, by the stand-in for Painless. */
function ingested(pipeline: string, document: object): object {
  type Script = { readonly script: { readonly source: string; readonly params?: object } };
  const asked = requests(settingsSchema.parse({}).elasticsearch);
  const [, , body] = asked.find(([, path]) => path === `/_ingest/pipeline/${pipeline}`) ?? expect.fail(pipeline);
  return (body as { processors: Script[] }).processors.reduce<object>(
    (of, { script: { source, params = {} } }) => painless(source, params, of),
    document,
  );
}

/** By these Elasticsearch would be told where a record goes. */
const isRouting = (field: string) => /^(data_stream|elasticsearch|elastic)\./.test(field);

interface Document {
  readonly index: string;
  readonly source: { readonly trace_id?: string; readonly attributes: Readonly<Record<string, unknown>> };
}

/** What Elasticsearch makes of a record by OTLP (x-pack/plugin/otel-data 9.5, LogDocumentBuilder, TargetIndex), and its stream. */
function ofRecord({ labels, body, severity = "", ids = ["", ""], attributes }: Got): Document {
  expect(Object.keys(attributes).filter(isRouting)).to.deep.equal([]);
  const { "data_stream.dataset": dataset, "data_stream.namespace": space = "default", ...resource } = labels;
  const texts = { severity_text: severity, trace_id: ids[0], span_id: ids[1] };
  return {
    index: `logs-${String(dataset)}.otel-${String(space)}`,
    source: ingested("logs@custom", {
      ...{ body: { text: body }, resource: { attributes: resource }, attributes },
      ...Object.fromEntries(Object.entries(texts).filter(([, text]) => text !== "")),
    }) as Document["source"],
  };
}

/** What it makes of Fluent Bit's, but for what no record can say: an id of another form, and what would have it put elsewhere. */
function ofFluentBit({ text, index }: Pushed): Document {
  const kept = ingested("observability-fluent-bit", { _index: index, ...(JSON.parse(text) as object) });
  const { _index, trace_id, attributes, ...others } = kept as Document["source"] & { readonly _index: string };
  const id = trace_id === undefined ? {} : { trace_id };
  const isOne = /^[0-9a-f]{32}$/.test(trace_id ?? "");
  const fields = Object.entries(attributes).filter(([name]) => !isRouting(name));
  return {
    index: _index,
    source: { ...others, ...(isOne ? id : {}), attributes: { ...Object.fromEntries(fields), ...(isOne ? {} : id) } },
  };
}

/** Whether a document fits a query of fields with texts, each with words of its own, joined by OR. */
function fits(node: object, source: object): boolean {
  const { left, right, operator } = node as Readonly<Record<string, object>>;
  const { field, term } = node as Readonly<Record<string, string>>;
  if (left !== undefined && operator === undefined) return fits(left, source);
  if (left !== undefined && right !== undefined && textAt(node, "operator") === "OR")
    return fits(left, source) || fits(right, source);
  if (field === undefined || term === undefined) throw new Error(`The stand-in does not know ${JSON.stringify(node)}.`);
  const is = textAt(source, ...field.split(".")) ?? "";
  return is.split(/\W+/).includes(term);
}

describe("The collector as the log agent, a real one", function () {
  let otelcol: string;
  before(async function () {
    otelcol = await programOrSkip(this, "otelcol");
  });

  it("gives lines the labels and the fields that Fluent Bit does, in Loki's form", async () => {
    const store = await StoreStandIn.start();
    const node = await LogNode.make(otelcol, agentConfig(await environmentOf({ ...collector, redact })), store.url, {
      encoding: "json",
    });
    try {
      await node.start();
      // A file that comes after the start is read from its beginning.
      node.write("cart-0", lines);
      await eventually(300, () => Promise.resolve(store.got.length >= whole(lines).length || undefined));
      const { declared } = await environmentOf({ redact });
      const values = releases(declared).find(({ chart }) => chart?.name === "fluent-bit")?.values ?? {};
      const pushed = [];
      for (const line of whole(lines))
        pushed.push(await read(values, { ...pod, name: "cart-0" }, `2026-01-01T00:00:00Z ${line}`));
      // Loki makes labels of the attributes that its configuration names, and a line of JSON of a map.
      const [{ attributes }] = otlpConfig.resource_attributes.attributes_config;
      expect(store.got.map(({ labels }) => labels)).to.deep.equal(pushed.map(({ stream }) => stream));
      expect(attributes).to.include.members(Object.keys(store.got[0]?.labels ?? {}));
      expect(store.got.map(({ body }) => body)).to.deep.equal(pushed.map(({ text }) => JSON.parse(text) as unknown));
      expect(JSON.stringify(store.got)).not.to.include("s3cr3t");
    } finally {
      await node.close();
      store.close();
    }
  });

  it("gives Elasticsearch the documents that Fluent Bit does, in its streams, by a stand-in for the pipelines' language", async () => {
    const settings = { logs: "elasticsearch", cluster: { kind: { auditLog: true } }, redact } as const;
    const store = await StoreStandIn.start();
    const rendered = await render({ settings: { ...settings, ...collector } });
    const config = agentConfig(rendered);
    const node = await LogNode.make(otelcol, config, store.url, { encoding: "json" });
    try {
      node.audit([{ verb: "before the start" }]);
      await node.start();
      node.write("cart-0", recorded);
      node.audit(audited);
      const { declared } = await environmentOf(settings);
      const values = releases(declared).find(({ chart }) => chart?.name === "fluent-bit")?.values ?? {};
      const of = { ...pod, name: "cart-0", uid: LogNode.podUid, node: LogNode.nodeName };
      const pushed: Document[] = [];
      for (const line of whole(recorded))
        pushed.push(ofFluentBit(await read(values, of, `2026-01-01T00:00:00Z ${line}`)));
      for (const event of audited)
        pushed.push(ofFluentBit(await readOfNode(values, "audit", structuredClone(event), LogNode.nodeName)));
      await eventually(300, () => Promise.resolve(store.got.length >= pushed.length || undefined));
      const documents = store.got.map(ofRecord);
      for (const source of ["containers", "audit"]) {
        const inStream = ({ index }: Document) => index === `logs-${source}.otel-default`;
        expect(documents.filter(inStream), source).to.deep.equal(pushed.filter(inStream));
        expect(pushed.filter(inStream), source).to.have.length.greaterThan(2);
      }
      // Its user may add to these streams, and make them.
      const user = textAt(config, "extensions", "basicauth/elasticsearch", "client_auth", "username") ?? "";
      const secret = rendered.declared.find(({ metadata: { name } }) => name === "elasticsearch-roles");
      const roles = JSON.parse(textAt(secret, "stringData", "roles.yml") ?? "{}") as Record<string, Role>;
      for (const stream of new Set(documents.map(({ index }) => index))) {
        const entries = roles[`observability_${user}`]?.indices ?? [];
        const may = entries.filter(({ names }) => names.some((pattern) => matches(pattern, stream)));
        expect(may.flatMap(({ privileges }) => privileges)).to.include.members(["auto_configure", "create_doc"]);
      }
      // What dashboards and links ask for.
      const levels = documents.map(({ source }) => textAt(source, "severity_text"));
      expect(levels).to.include.members(["warn", "info", "error", "debug", "unknown"]);
      const query = lucene.parse(linesOfTrace.replaceAll("$${__trace.traceId}", trace));
      const found = documents.filter(({ source }) => fits(query, source));
      expect(found.map(({ source }) => textAt(source, "body", "text"))).to.deep.equal([
        "paid",
        `level of the first word, a debug line about an error, of ${trace}`,
      ]);
      expect(JSON.stringify(documents)).not.to.include("s3cr3t");
    } finally {
      await node.close();
      store.close();
    }
  });

  it("gives what it reads of a node itself the labels and fields that Fluent Bit does, by a stand-in for journalctl", async () => {
    const sources = { journal: { enabled: true }, cluster: { kind: { auditLog: true } }, redact } as const;
    const own = { logCollector: { image: "registry.example.com/collector-with-journalctl:1" } };
    const store = await StoreStandIn.start();
    const config = agentConfig(await render({ settings: { ...sources, ...collector, ...own } }));
    const node = await LogNode.make(otelcol, config, store.url, { encoding: "json" });
    try {
      node.journal(
        entries.map((entry, index) => ({ ...entry, __CURSOR: `c${index}`, __REALTIME_TIMESTAMP: "1767225600000000" })),
      );
      node.audit([{ verb: "before the start" }]);
      await node.start();
      node.audit(audited);
      const of = (job: string) => store.got.filter(({ labels }) => labels["job"] === job);
      await eventually(120, () =>
        Promise.resolve((of("journal").length >= entries.length && of("audit").length >= audited.length) || undefined),
      );
      const { declared } = await environmentOf({ ...sources });
      const values = releases(declared).find(({ chart }) => chart?.name === "fluent-bit")?.values ?? {};
      for (const [tag, records] of [["journal", entries] as const, ["audit", audited] as const]) {
        const pushed = [];
        for (const record of records)
          pushed.push(await readOfNode(values, tag, structuredClone(record), LogNode.nodeName));
        expect(of(tag).map(({ body }) => body)).to.deep.equal(pushed.map(({ text }) => JSON.parse(text) as unknown));
        expect(of(tag).map(({ labels }) => labels)).to.deep.equal(pushed.map(({ stream }) => stream));
        const [{ attributes }] = otlpConfig.resource_attributes.attributes_config;
        expect(attributes).to.include.members(Object.keys(of(tag)[0]?.labels ?? {}));
        if (tag === "audit")
          expect(of(tag).map(({ time }) => Math.round(Number(time) / 1e3) / 1e6)).to.deep.equal(
            pushed.map(({ time }) => time),
          );
      }
      expect(of("journal").map(({ body }) => body)).to.deep.include({
        ...{
          level: "error",
          message: "starting failed, ****",
          unit: "kubelet.service",
          identifier: "kubelet",
          pid: "812",
        },
      });
      expect(of("audit").map(({ body }) => body)).to.deep.include({
        ...{ level: "warn", message: "get /api/v1/namespaces/shop/secrets/db", verb: "get", user: "jane", code: 403 },
        ...{ uri: "/api/v1/namespaces/shop/secrets/db", namespace: "shop", resource: "secrets", name: "db" },
        ...{ decision: "forbid", address: "10.0.0.7", agent: "kubectl/v1.36", id: "a-2" },
      });
      expect(JSON.stringify(store.got)).not.to.match(/s3cr3t|requestObject/);
    } finally {
      await node.close();
      store.close();
    }
  });

  it("gives VictoriaLogs the same rows as Fluent Bit does, by its own ways", async function () {
    const victoriaLogs = await programOrSkip(this, "victorialogs");
    const settings = { logs: "victoriaLogs", redact } as const;
    const config = agentConfig(await render({ settings: { ...settings, ...collector } }));
    const [port = 0] = await freePorts(1);
    const url = `http://127.0.0.1:${port}`;
    const node = await LogNode.make(otelcol, config, `${url}/insert/opentelemetry`);
    try {
      const args = [
        `-storageDataPath=${join(node.dir, "data")}`,
        `-httpListenAddr=127.0.0.1:${port}`,
        "-inmemoryDataFlushInterval=1s",
      ];
      launch(node.dir, { name: "logs", command: victoriaLogs, args });
      await eventually(180, () => call(`${url}/ready`));
      await node.start();
      node.write("by-collector", lines);
      const values =
        releases((await environmentOf(settings)).declared).find(({ chart }) => chart?.name === "fluent-bit")?.values ??
        {};
      const uri = /Uri (\S+)/.exec(JSON.stringify(values))?.[1]?.replace(/\\n.*/, "") ?? "";
      for (const [index, line] of whole(lines).entries()) {
        const { stream, text } = await read(values, { ...pod, name: "by-fluent-bit" }, `2026-01-01T00:00:00Z ${line}`);
        await post(`${url}${uri}`, { streams: [{ stream, values: [[`${Date.now() + index}000000`, text]] }] });
      }
      const rowsOf = async (name: string) => {
        const query = new URLSearchParams({ query: `pod:="${name}" | sort by (_time)` }).toString();
        const rows = (await call(`${url}/select/logsql/query?${query}`)).trim().split("\n");
        if (rows.length < whole(lines).length) return undefined;
        return rows
          .map((row) => JSON.parse(row.replaceAll(name, "POD")) as Record<string, string>)
          .map((row) => ({ ...row, _time: "", _stream_id: "" }))
          .sort((a, b) => JSON.stringify(a).localeCompare(JSON.stringify(b)));
      };
      const [byFluentBit, byCollector] = [
        await eventually(300, () => rowsOf("by-fluent-bit")),
        await eventually(300, () => rowsOf("by-collector")),
      ];
      expect(byFluentBit).to.have.length(whole(lines).length);
      expect(byCollector).to.deep.equal(byFluentBit);
    } finally {
      await node.close();
    }
  });

  it("loses nothing and keeps the order, through rotation, a kill and an outage of the store", async () => {
    const store = await StoreStandIn.start();
    const node = await LogNode.make(otelcol, agentConfig(await environmentOf(collector)), store.url, {
      encoding: "json",
    });
    const texts = Array.from({ length: 3000 }, (_, index) => `line ${String(index).padStart(4, "0")}`);
    const write = (from: number, to: number) => {
      node.write(
        "cart-0",
        texts.slice(from, to).map((text) => `stdout F ${text}`),
      );
    };
    try {
      await node.start();
      store.down = true;
      write(0, 1000);
      expect(
        await eventually(300, async () =>
          (await node.metric("otelcol_receiver_accepted_log_records")) >= 1000 ? true : undefined,
        ),
      ).to.equal(true);
      node.rotate("cart-0", "20260101-000000");
      write(1000, 2000);
      await node.kill();
      // While nobody reads.
      node.rotate("cart-0", "20260101-000001");
      write(2000, 3000);
      await node.start();
      store.down = false;
      const logs = () =>
        store.got.map(({ body }) => (body as { log: string }).log).filter((log) => log.startsWith("line"));
      const seen = () => new Set(logs());
      await eventually(120, () => Promise.resolve(seen().size >= texts.length || undefined));
      const arrived = logs();
      console.log(`      ${arrived.length} records for ${texts.length} lines`);
      expect([...seen()].sort()).to.deep.equal(texts);
      // Of one file in order, but for one batch: what was under way when it was killed goes to the end of the queue.
      const first = arrived.filter((text, index) => arrived.indexOf(text) === index);
      const file = (from: number) =>
        first.filter((text) => texts.indexOf(text) >= from && texts.indexOf(text) < from + 1000);
      for (const from of [0, 1000, 2000]) {
        const jumps = file(from).filter((text, index, all) => index > 0 && text < (all[index - 1] ?? ""));
        expect(jumps.length, `of ${from}`).to.be.at.most(1);
      }
    } finally {
      await node.close();
      store.close();
    }
  });

  it("counts every line that a full queue has no room for", async () => {
    const store = await StoreStandIn.start();
    const small = { encoding: "json", queue_size: 20_000 } as const;
    const node = await LogNode.make(otelcol, agentConfig(await environmentOf(collector)), store.url, small);
    try {
      await node.start();
      store.down = true;
      const count = 2000;
      for (let index = 0; index < count; index += 100)
        node.write(
          "cart-0",
          Array.from({ length: 100 }, (_, one) => `stdout F ${index + one}`),
        );
      const records = (what: string) => node.metric(`otelcol_receiver_${what}_log_records`);
      const done = async () => ((await records("accepted")) + (await records("refused")) >= count ? true : undefined);
      expect(await eventually(300, done)).to.equal(true);
      const dropped = await node.metric("otelcol_exporter_enqueue_failed_log_records");
      store.down = false;
      await eventually(300, () => Promise.resolve(store.got.length + dropped >= count || undefined));
      console.log(`      ${dropped} of ${count} dropped and counted`);
      expect(dropped).to.be.greaterThan(0);
      expect(store.got.length + dropped).to.equal(count);
      const order = store.got.map(({ body }) => Number((body as { log: string }).log));
      expect(order).to.deep.equal([...order].sort((a, b) => a - b));
    } finally {
      await node.close();
      store.close();
    }
  });
});
