/**
 * The real Prometheus scrapes two targets of `scrapeTargets` with the configuration that the Prometheus Operator's own generator makes of
 * the rendered values and objects: what a filter drops by job is not there, and what it does not is. Only ports and folders are replaced.
 */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect } from "chai";
import { operatorConfig, prometheusObject } from "../../contract/operator-config.ts";
import { releases, render } from "../../contract/rendered.ts";
import { freePorts } from "../../rehearsal/control-plane/processes.ts";
import type { SettingsInput } from "../../settings/schema.ts";
import { programOrSkip } from "../support/program.ts";
import { Running } from "../support/running.ts";

const page = ["shop_orders", "shop_debug", "go_threads", "other"]
  .map((name) => `${name}{uid="1",city="kyiv"} 1\n`)
  .join("");

describe("Filters of metrics, by the real programs", function () {
  const folder = mkdtempSync(join(tmpdir(), "metric-filters-"));
  let server: Server;
  const running = new Running();
  let url: string;

  before(async function () {
    const [generator, prometheus] = [
      await programOrSkip(this, "operator-config"),
      await programOrSkip(this, "prometheus"),
    ];
    server = createServer((_, response) => response.writeHead(200, { "content-type": "text/plain" }).end(page));
    await new Promise<void>((ready) => server.listen(0, "127.0.0.1", ready));
    const target = `127.0.0.1:${(server.address() as AddressInfo).port}`;
    const settings: SettingsInput = {
      metricFilters: [
        { job: "shop|cart", keepMetrics: ["shop_.*", "go_.*"], dropMetrics: ["shop_debug"], dropLabels: ["uid"] },
        { job: "sho.", dropMetrics: ["go_.*"] },
      ],
      scrapeTargets: [
        { name: "shop", static: [target], interval: "5s" },
        { name: "other", static: [target], interval: "5s" },
      ],
      prometheus: { targetLimit: 5, labelNameLengthLimit: 100, labelValueLengthLimit: 200, bodySizeLimit: "1MB" },
    };
    const { declared } = await render({ settings });
    const release = releases(declared).find(({ chart }) => chart?.name === "kube-prometheus-stack");
    const { config, rejected } = operatorConfig(generator, [
      prometheusObject(release?.values ?? {}),
      ...declared.filter(({ kind, metadata }) => kind === "ScrapeConfig" && metadata.name.startsWith("targets-")),
    ]);
    expect(rejected).to.deep.equal({});
    expect(config["global"]).to.include({ target_limit: 5, keep_dropped_targets: 100, body_size_limit: "1MB" });
    const file = join(folder, "prometheus.yaml");
    writeFileSync(file, JSON.stringify({ ...config, rule_files: [] }));
    const [port = 0] = await freePorts(1);
    url = `http://127.0.0.1:${port}`;
    running.start(
      prometheus,
      [
        `--config.file=${file}`,
        `--storage.tsdb.path=${join(folder, "tsdb")}`,
        `--web.listen-address=127.0.0.1:${port}`,
        "--scrape.discovery-reload-interval=100ms",
      ],
      folder,
    );
  });
  after(() => {
    running.end();
    server.close();
    rmSync(folder, { recursive: true, force: true });
  });

  /** Series of a job, without what Prometheus itself says of the scrape. */
  async function seriesOf(job: string): Promise<string[]> {
    const found = await running.soon(`series of ${job}`, async () => {
      const query = new URLSearchParams({ "match[]": `{job="${job}"}` }).toString();
      const response = await fetch(`${url}/api/v1/series?${query}`).catch(() => undefined);
      const { data = [] } = ((response?.ok === true ? await response.json() : undefined) ?? {}) as {
        data?: Readonly<Record<string, string>>[];
      };
      return data.length > 0 ? data : undefined;
    });
    return found
      .filter(({ __name__: name = "" }) => name !== "up" && !name.startsWith("scrape_"))
      .map(({ __name__: name, uid, city, __tmp_dropped: mark }) => [name, uid, city, mark].filter(Boolean).join(" "))
      .sort();
  }

  it("drops and keeps metrics and labels of the jobs that it names, and leaves the others alone", async () => {
    expect(await seriesOf("shop")).to.deep.equal(["shop_orders kyiv"]);
    expect(await seriesOf("other")).to.deep.equal([
      "go_threads 1 kyiv",
      "other 1 kyiv",
      "shop_debug 1 kyiv",
      "shop_orders 1 kyiv",
    ]);
  });
});
