import { expect } from "chai";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { stringify } from "yaml";
import type { collectorConfig } from "../../components/agents/collector/values.ts";
import { freePorts, guard, lastLines, launch, reap } from "../../rehearsal/control-plane/processes.ts";
import { call, eventually, post } from "../../rehearsal/http-client.ts";
import { releases } from "../../contract/rendered.ts";
import { programOrSkip } from "../support/program.ts";
import { defaultEnvironment } from "../support/rendered.ts";
import { logStoreStandIn } from "./support/log-store-stand-in.ts";

const records = 60;

/** What became of records that were sent while the log store was down. */
interface Outcome {
  readonly kept: number;
  readonly refused: number;
}

/**
 * An outage with the collector's own configuration of logs: a real collector, a stand-in for Loki. Of the configuration only
 * addresses, folders and the encoding are others, it waits less, and attributes of Kubernetes are left out.
 *
 * @param hours between the first record and the last, by their timestamps
 * @param consumers of the queue instead of the declared ones
 * @param killed whether the collector is killed in the middle and started again
 */
async function outage(
  otelcol: string,
  { hours, consumers, killed = false }: { hours: number; consumers?: number; killed?: boolean },
): Promise<Outcome> {
  const { declared } = await defaultEnvironment();
  const object = declared.find(({ kind }) => kind === "OpenTelemetryCollector");
  const { config } = object?.["spec"] as { config: ReturnType<typeof collectorConfig> };
  const loki = releases(declared).find(({ chart }) => chart?.name === "loki")?.values["loki"] as {
    ingester: { max_chunk_age: string };
  };
  const store = await logStoreStandIn(Number.parseInt(loki.ingester.max_chunk_age, 10) / 2);
  const dir = mkdtempSync(join(tmpdir(), "log-order-"));
  const watcher = guard(dir);
  try {
    const [http = 0, health = 0] = await freePorts(2);
    const queue = join(dir, "queue");
    const exporter = (
      config.exporters as unknown as Readonly<Record<string, Record<"sending_queue" | "retry_on_failure", object>>>
    )["otlp_http/logs"];
    const file = join(dir, "collector.yaml");
    writeFileSync(
      file,
      stringify({
        receivers: { otlp: { protocols: { http: { endpoint: `127.0.0.1:${http}` } } } },
        processors: { memory_limiter: config.processors.memory_limiter, batch: { timeout: "10ms" } },
        exporters: {
          "otlp_http/logs": {
            ...exporter,
            ...{ endpoint: store.url, encoding: "json" },
            retry_on_failure: { ...exporter?.retry_on_failure, initial_interval: "200ms", max_interval: "500ms" },
            sending_queue: {
              ...exporter?.sending_queue,
              ...(consumers === undefined ? {} : { num_consumers: consumers }),
            },
          },
        },
        extensions: {
          health_check: { endpoint: `127.0.0.1:${health}` },
          file_storage: {
            ...config.extensions.file_storage,
            ...{ directory: queue, compaction: { ...config.extensions.file_storage.compaction, directory: queue } },
          },
        },
        service: {
          extensions: config.service.extensions,
          pipelines: {
            logs: {
              ...config.service.pipelines.logs,
              processors: config.service.pipelines.logs?.processors.filter((name) => name !== "k8s_attributes"),
            },
          },
          telemetry: { metrics: { level: "none" } },
        },
      }),
    );
    const start = async () => {
      launch(dir, { name: "collector", command: otelcol, args: [`--config=${file}`] });
      const ready = await eventually(180, () => call(`http://127.0.0.1:${health}/`));
      if (ready === undefined) throw new Error(`the collector is not ready:\n${lastLines(dir, "collector")}`);
    };
    await start();
    const first = Date.now() - hours * 3_600_000;
    for (let index = 0; index < records; index++) {
      if (killed && index === records / 2) {
        await reap(dir, { only: ["collector"] });
        await start();
      }
      const time = `${Math.round(first + (index * hours * 3_600_000) / (records - 1))}000000`;
      const record = { timeUnixNano: time, body: { stringValue: `line ${index}` } };
      await post(`http://127.0.0.1:${http}/v1/logs`, {
        resourceLogs: [
          {
            resource: { attributes: [{ key: "service.name", value: { stringValue: "shop" } }] },
            scopeLogs: [{ logRecords: [record] }],
          },
        ],
      });
      // Longer than the batch processor waits: each record is a request of its own, as in a real outage.
      await sleep(40);
    }
    store.down = false;
    await eventually(180, () => Promise.resolve(store.kept.length + store.refused.length >= records || undefined));
    return { kept: new Set(store.kept).size, refused: store.refused.length };
  } finally {
    await reap(dir);
    await watcher.release();
    store.close();
    rmSync(dir, { recursive: true, force: true });
  }
}

describe("Log records that wait out an outage of Loki, in a real collector before a stand-in for Loki", function () {
  let declared: Outcome, parallel: Outcome, killed: Outcome;
  before(async function () {
    const otelcol = await programOrSkip(this, "otelcol");
    // Side by side, because most of an outage is waiting.
    [declared, parallel, killed] = await Promise.all([
      outage(otelcol, { hours: 30 }),
      outage(otelcol, { hours: 30, consumers: 10 }),
      outage(otelcol, { hours: 11, killed: true }),
    ]);
  });

  it("arrive in their order, however long it was", () => {
    expect(declared).to.deep.equal({ kept: records, refused: 0 });
  });

  it("would be refused in part if several were sent at a time", () => {
    console.log(`      ${parallel.refused} of ${records} refused`);
    expect(parallel.refused).to.be.greaterThan(0);
    expect(parallel.kept + parallel.refused).to.equal(records);
  });

  it("arrive out of order within Loki's window: the collector was killed meanwhile", () => {
    expect(killed).to.deep.equal({ kept: records, refused: 0 });
  });
});
