/**
 * Two real collectors with the rendered configuration of two replicas, and a stand-in for a store of traces that keeps what it is sent.
 * Only ports, folders, the encoding of what the store gets and intervals are others, replicas are named where DNS would name them, and
 * what asks a cluster is left out.
 */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect } from "chai";
import { stringify } from "yaml";
import { at } from "../../contract/finding.ts";
import { render } from "../../contract/rendered.ts";
import { freePorts } from "../../rehearsal/control-plane/processes.ts";
import { call, post } from "../../rehearsal/http-client.ts";
import type { SettingsInput } from "../../settings/schema.ts";
import { work } from "../bench/telemetry/application.ts";
import { programOrSkip } from "../support/program.ts";
import { Running } from "../support/running.ts";

interface Span {
  readonly traceId: string;
  readonly spanId: string;
}
interface Exported {
  readonly resourceSpans: readonly { readonly scopeSpans: readonly { readonly spans: readonly Span[] }[] }[];
}

const ratio = 0.1;
const count = { errors: 20, slow: 30, all: 1000 };

describe("Two replicas of the gateway, with real collectors", function () {
  this.timeout("2m");
  let folder: string;
  let store: Server;
  let running: Running;
  const kept = new Map<string, Set<string>>();

  before(async () => {
    folder = mkdtempSync(join(tmpdir(), "gateway-"));
    running = new Running();
    store = createServer((request, response) => {
      const chunks: Buffer[] = [];
      request.on("data", (chunk: Buffer) => chunks.push(chunk));
      request.on("end", () => {
        const { resourceSpans } = JSON.parse(Buffer.concat(chunks).toString()) as Exported;
        for (const { traceId, spanId } of resourceSpans.flatMap(({ scopeSpans }) => scopeSpans.flatMap((s) => s.spans)))
          kept.set(traceId, (kept.get(traceId) ?? new Set()).add(spanId));
        response.setHeader("content-type", "application/json").end("{}");
      });
    });
    await new Promise<void>((listening) => store.listen(0, "127.0.0.1", listening));
  });
  after(() => {
    running.end();
    store.close();
    rmSync(folder, { recursive: true, force: true });
  });

  /** Starts both. @returns where each takes OTLP over HTTP, and where its metrics are */
  async function start(otelcol: string, settings: SettingsInput): Promise<{ http: string; metrics: string }[]> {
    const { declared } = await render({ settings });
    const object = declared.find(({ kind }) => kind === "OpenTelemetryCollector");
    const balanced = await freePorts(2);
    const replicas = await Promise.all(balanced.map(() => freePorts(4)));
    return replicas.map(([grpc = 0, http = 0, metrics = 0, health = 0], index) => {
      const text = JSON.stringify(at(object, "spec", "config"))
        .replaceAll("/var/lib/otelcol/queue", join(folder, `queue-${index}`))
        .replaceAll("0.0.0.0:4317", `127.0.0.1:${grpc}`)
        .replaceAll("0.0.0.0:4318", `127.0.0.1:${http}`)
        .replaceAll("0.0.0.0:4319", `127.0.0.1:${balanced[index] ?? 0}`)
        .replaceAll("0.0.0.0:8889", `127.0.0.1:${metrics}`)
        .replaceAll("0.0.0.0:13133", `127.0.0.1:${health}`)
        .replaceAll('"metrics_flush_interval":"30s"', '"metrics_flush_interval":"1s"')
        .replaceAll(/"k8s_attributes":\{.*?\}\]\}\]\},|"k8s_attributes",/g, "");
      const config = JSON.parse(text) as {
        readonly exporters: { load_balancing: object; "otlp_http/traces": object };
        readonly service: object;
      };
      const hostnames = balanced.map((port) => `127.0.0.1:${port}`);
      Object.assign(config.exporters.load_balancing, { resolver: { static: { hostnames } } });
      Object.assign(config.exporters["otlp_http/traces"], { encoding: "json", compression: "none" });
      Object.assign(config.service, { telemetry: { metrics: { level: "none" } } });
      const file = join(folder, `collector-${index}.yaml`);
      writeFileSync(file, stringify(config));
      running.start(otelcol, [`--config=${file}`], folder);
      return { http: `http://127.0.0.1:${http}/v1/traces`, metrics: `http://127.0.0.1:${metrics}/metrics` };
    });
  }

  it(`keeps every trace with an error and every slow one whole, of ${count.all} some of the rest, and counts all`, async function () {
    const otelcol = await programOrSkip(this, "otelcol");
    this.timeout("3m");
    const otlpUrl = `http://127.0.0.1:${(store.address() as AddressInfo).port}`;
    const replicas = await start(otelcol, {
      ...{ traces: "external", logs: "none", logAgent: "none" },
      external: { traces: { otlpUrl, protocol: "http" } },
      collector: { replicas: 2, sampling: { ratio, slowerThan: "400ms", wait: "3s" } },
    });

    // A call of one service by another; each tells another replica.
    const [errors, slow, rest] = [new Set<string>(), new Set<string>(), new Set<string>()];
    const end = Date.now();
    const spans = Array.from({ length: count.all }, (_, index) => {
      const { traceId, spanId } = work();
      const failed = index < count.errors;
      const long = !failed && index < count.errors + count.slow;
      (failed ? errors : long ? slow : rest).add(traceId);
      const span = {
        ...{ traceId, name: "call" },
        startTimeUnixNano: `${end - (long ? 500 : 100)}000000`,
        endTimeUnixNano: `${end}000000`,
      };
      return [
        { ...span, spanId, kind: 3 },
        { ...span, spanId: work().spanId, parentSpanId: spanId, kind: 2, ...(failed ? { status: { code: 2 } } : {}) },
      ] as const;
    });
    await Promise.all(
      replicas.map(async ({ http }, index) => {
        const of = { attributes: [{ key: "service.name", value: { stringValue: ["front", "back"][index] } }] };
        const mine = spans.map((pair) => pair[index as 0 | 1]);
        const body = { resourceSpans: [{ resource: of, scopeSpans: [{ spans: mine }] }] };
        await running.soon("the collector takes spans", () => post(http, body).catch(() => undefined));
      }),
    );

    /** The sum of a metric over both. */
    const sum = async (metric: string, labels = ""): Promise<number> => {
      const pages = await Promise.all(replicas.map(async ({ metrics }) => call(metrics)));
      const series = new RegExp(`^${metric}\\{([^}]*)\\} ([0-9.e+]+)`, "gm");
      return [...pages.join("\n").matchAll(series)].reduce(
        (total, [, own = "", value]) => total + (own.includes(labels) ? Number(value) : 0),
        0,
      );
    };
    await running.soon("every span is counted", async () =>
      (await sum("traces_span_metrics_calls_total")) === 2 * count.all ? true : undefined,
    );
    await running.soon("every call is on the service graph, once", async () =>
      (await sum("traces_service_graph_request_total", 'client="front"')) === count.all ? true : undefined,
    );
    expect(await sum("traces_service_graph_request_failed_total")).to.equal(count.errors);
    expect(await sum("traces_service_graph_request_server_seconds_count", 'server="back"')).to.equal(count.all);
    expect(await sum("traces_span_metrics_calls_total", "STATUS_CODE_ERROR")).to.equal(count.errors);

    // The last decision is made when what has come does not become more.
    const wanted = [...errors, ...slow];
    await running.soon("traces with errors and slow ones are kept", () =>
      wanted.every((traceId) => kept.get(traceId)?.size === 2) ? true : undefined,
    );
    let before = -1;
    await running.soon("no more come", async () => {
      const more = kept.size > before;
      before = kept.size;
      await new Promise((resolve) => setTimeout(resolve, more ? 1500 : 0));
      return more ? undefined : true;
    });
    const sampled = [...kept.keys()].filter((traceId) => rest.has(traceId)).length;
    console.log(`      ${errors.size} with errors, ${slow.size} slow, and ${sampled} of ${rest.size} others kept`);
    // Within six standard deviations: one run in 500 million is outside.
    const most = 6 * Math.sqrt(rest.size * ratio * (1 - ratio));
    expect(sampled).to.be.closeTo(rest.size * ratio, most);
    expect(
      [...kept.values()].filter((ids) => ids.size !== 2),
      "parts of traces",
    ).to.deep.equal([]);
    expect(kept.size).to.equal(errors.size + slow.size + sampled);
  });
});
