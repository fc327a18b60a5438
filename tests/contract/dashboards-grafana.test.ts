import { expect } from "chai";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { chromium, grafanaVersion, pageOf, photograph, provisioning } from "../../commands/pictures/grafana.ts";
import { dashboardFiles } from "../../commands/pictures.ts";
import type { Dashboard } from "../../commands/pictures/model.ts";

const text = dashboardFiles().get("workload") ?? expect.fail("there is no dashboard workload");
const workload = JSON.parse(text) as Dashboard;

describe("pictures by the real Grafana", () => {
  it("are of the version that is deployed, with the data sources that are", () => {
    expect(grafanaVersion()).to.match(/^13\.\d+\.\d+$/);
    const files = provisioning({ prometheus: "http://p", jaeger: "http://j", loki: "http://l" });
    for (const uid of ["metrics", "logs", "traces"]) expect(files["datasources/ours.yaml"]).to.include(`uid: ${uid}\n`);
  });

  it("need a Chromium, and say so", () => {
    expect(() => chromium({ PATH: "" })).to.throw("No Chromium");
  });

  describe("by a Chromium, of a stand-in for Grafana", function () {
    let browser: string;
    let folder: string;
    before(function () {
      folder = mkdtempSync(join(tmpdir(), "dashboards-test-"));
      try {
        browser = chromium();
      } catch (error) {
        console.warn(`Skipped: ${error instanceof Error ? error.message : String(error)}`);
        this.skip();
      }
    });
    after(() => {
      rmSync(folder, { recursive: true, force: true });
    });

    /** The picture of a page that is painted when its data has come, after a while. */
    async function taken(color: string): Promise<{ png: Buffer; asked: string[] }> {
      const asked: string[] = [];
      const server = createServer((request, response) => {
        const url = request.url ?? "";
        asked.push(url);
        if (url === "/color") {
          void sleep(1500).then(() => response.end(color));
          return;
        }
        response.setHeader("content-type", "text/html");
        response.end(`<p>A stand-in for Grafana, not Grafana</p><script>
          setTimeout(async () => (document.body.style.background = await (await fetch("/color")).text()), 500)</script>`);
      }).listen(0, "127.0.0.1");
      await once(server, "listening");
      try {
        const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
        const file = join(folder, `${color}.png`);
        await photograph(browser, url, workload, { namespace: "demo" }, file);
        expect(asked).to.include(pageOf("", workload, { namespace: "demo" }));
        return { png: readFileSync(file), asked };
      } finally {
        server.closeAllConnections();
        server.close();
      }
    }

    it("are as high as the dashboard, and taken when its data has come", async () => {
      const { png, asked } = await taken("green");
      expect(asked).to.include("/color");
      const bottom = Math.max(...workload.panels.map(({ gridPos: { y, h } }) => y + h));
      // The header of a PNG: width and height.
      expect([png.readUInt32BE(16), png.readUInt32BE(20)]).to.deep.equal([1440, bottom * 38 + 120]);
      expect((await taken("green")).png.equals(png)).to.equal(true);
      expect((await taken("red")).png.equals(png)).to.equal(false);
    });
  });
});
