import { expect } from "chai";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { stringify } from "yaml";
import { collectorConfig } from "../../components/monitoring/opentelemetry-collector.ts";
import { jaegerStore } from "../../components/monitoring/jaeger.ts";
import { lokiStore } from "../../components/monitoring/loki.ts";
import { freePorts } from "../../rehearsal/control-plane/processes.ts";
import { programOrSkip } from "../support/program.ts";
import { until } from "../support/until.ts";

describe("What the collector passes on of the pods that it scrapes, by a real collector", function () {
  this.timeout("2m");

  it("is their metrics, and nothing that Prometheus says of targets of its own: neither of one that is up nor of one that is down", async function () {
    const otelcol = await programOrSkip(this, "otelcol");
    const folder = mkdtempSync(join(tmpdir(), "collector-scrapes-"));
    // "up" is no name for an application's metric: as one of the collector's it would tell TargetDown of the collector.
    const page = createServer((_, answer) => answer.end("# TYPE orders_total counter\norders_total 3\n"));
    page.listen(0, "127.0.0.1");
    await once(page, "listening");
    const [exporter = 0, closed = 0] = await freePorts(2);
    const { processors, exporters, service } = collectorConfig({ logs: lokiStore, traces: jaegerStore }, ["demo"]);
    const targets = [(page.address() as AddressInfo).port, closed].map((port) => `127.0.0.1:${port}`);
    // Pods are played by addresses; who they belong to would be asked of an API server.
    const scrape = { job_name: "pods", scrape_interval: "1s", static_configs: [{ targets }] };
    const file = join(folder, "config.yaml");
    const metrics = service.pipelines.metrics.processors.filter((name) => name !== "k8s_attributes");
    writeFileSync(
      file,
      stringify({
        receivers: { prometheus: { config: { scrape_configs: [scrape] } } },
        processors: Object.fromEntries(Object.entries(processors).filter(([name]) => metrics.includes(name))),
        exporters: { prometheus: { ...exporters.prometheus, endpoint: `127.0.0.1:${exporter}` } },
        service: {
          telemetry: { metrics: { level: "none" } },
          pipelines: { metrics: { receivers: ["prometheus"], processors: metrics, exporters: ["prometheus"] } },
        },
      }),
    );
    let said = "";
    const collector = spawn(otelcol, [`--config=${file}`], { stdio: ["ignore", "ignore", "pipe"] });
    collector.stderr.on("data", (chunk: Buffer) => (said += chunk.toString()));
    try {
      const names = async () => {
        const answer = await fetch(`http://127.0.0.1:${exporter}/metrics`).catch(() => undefined);
        const text = (await answer?.text()) ?? "";
        return [...new Set(text.split("\n").map((line) => /^[a-z_]+/.exec(line)?.[0]))].filter(
          (name) => name !== undefined,
        );
      };
      const seen = await until(
        "the metric of the page, and a scrape that failed",
        async () => {
          const found = await names();
          return found.includes("orders_total") && said.includes("Failed to scrape") && found;
        },
        60,
      );
      expect(seen.filter((name) => name === "up" || name.startsWith("scrape_"))).to.deep.equal([]);
    } finally {
      collector.kill();
      await once(collector, "exit");
      page.close();
      rmSync(folder, { recursive: true, force: true });
    }
  });
});
