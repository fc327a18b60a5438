import { expect } from "chai";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { freePorts, guard, launch, reap } from "../../rehearsal/control-plane/processes.ts";
import { call, eventually, post } from "../../rehearsal/http-client.ts";
import { stored, type StoredRow } from "../../contract/logql/entries.ts";
import { programOrSkip } from "../support/program.ts";

describe("VictoriaLogs with Loki's paths, a stand-in for Loki", function () {
  const dir = mkdtempSync(join(tmpdir(), "log-store-"));
  const watcher = guard(dir);
  let url = "";

  before(async function () {
    const command = await programOrSkip(this, "victorialogs");
    const [port = 0] = await freePorts(1);
    url = `http://127.0.0.1:${port}`;
    const flags = ["-loki.disableMessageParsing", "-inmemoryDataFlushInterval=1s"];
    launch(dir, {
      name: "logs",
      command,
      args: [`-storageDataPath=${join(dir, "data")}`, `-httpListenAddr=127.0.0.1:${port}`, ...flags],
    });
    expect(await eventually(180, () => call(`${url}/ready`))).to.equal("ready\n");
    const stream = { job: "containers", namespace: "demo", container: "shop" };
    await post(`${url}/loki/api/v1/push`, {
      streams: [{ stream, values: [[`${Date.now()}000000`, '{"level":"warn","msg":"probe 1f"}']] }],
    });
  });

  after(async () => {
    await reap(dir);
    await watcher.release();
    rmSync(dir, { recursive: true, force: true });
  });

  const query = (logql: string) =>
    call(`${url}/loki/api/v1/query_range?${new URLSearchParams({ query: logql, since: "1h" }).toString()}`);

  it("answers what the probe of `up` asks, in Loki's form", async () => {
    const found = await eventually(180, async () => {
      const { data } = JSON.parse(await query('{namespace="demo"} |= "probe 1f"')) as {
        data: { result: { stream: object; values: [string, string][] }[] };
      };
      return data.result[0];
    });
    expect(found?.stream).to.include({ job: "containers", namespace: "demo" });
    expect(found?.values[0]?.[1]).to.equal('{"level":"warn","msg":"probe 1f"}');
    expect(JSON.parse(await query('{namespace="demo"} |= "probe 2"'))).to.have.nested.property("data.result.length", 0);
  });

  it("refuses LogQL that it does not know, instead of answering by chance", async () => {
    for (const logql of ['{namespace=~"d.*"}', '{namespace="demo"} | json', 'rate({namespace="demo"}[1m])'])
      expect(String(await query(logql).catch((error: unknown) => error)), logql).to.include("400");
  });

  it("takes no more at once than Loki's burst", async () => {
    const body = Buffer.alloc(7 * 1024 * 1024);
    const response = await fetch(`${url}/otlp/v1/logs`, { method: "POST", body });
    expect(response.status).to.equal(429);
  });

  it("keeps what Loki would make labels, metadata and the level of", async () => {
    const rows = await eventually(180, async () => {
      const text = await call(`${url}/select/logsql/query?query=*`);
      return text === "" ? undefined : text.trim().split("\n");
    });
    const [entry] = (rows ?? []).map((row) => stored(JSON.parse(row) as StoredRow));
    expect(entry?.stream).to.deep.equal({
      job: "containers",
      namespace: "demo",
      container: "shop",
      service_name: "shop",
    });
    expect(entry?.metadata).to.deep.equal({ detected_level: "warn" });
  });
});
