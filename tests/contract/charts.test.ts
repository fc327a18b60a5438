import { expect } from "chai";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { renderedFacts } from "../../commands/charts-refresh.ts";
import { charts } from "../../components/catalogue.ts";
import { chartFacts } from "../../contract/chart-facts.ts";
import { chartFolder, loadChart, readChart } from "../../contract/charts.ts";
import { allReleases } from "../../contract/rendered.ts";
import { programOrSkip } from "../support/program.ts";

// Alone in its file: `.ci/run` runs it once more, with charts.
describe("What is known of charts", () => {
  it("says of the charts what they say, where they are at hand", async function () {
    const found = Object.values(charts).flatMap((pin) => {
      const folder = chartFolder(pin.name, pin.version);
      return folder === undefined ? [] : [{ pin, folder }];
    });
    // Where there are none the facts are all that there is.
    console.log(`      ${found.length} of ${Object.keys(charts).length} charts are at hand`);
    for (const { pin, folder } of found) {
      const { taken, ...known } = loadChart(pin);
      expect(taken).to.match(/^20\d\d-\d\d-\d\d$/);
      expect(known, `${pin.name}: npm run charts:refresh`).to.deep.equal(readChart(folder));
    }
    const withTemplates = found.filter(({ folder }) => existsSync(join(folder, "templates")));
    if (withTemplates.length === 0) return;
    const helm = await programOrSkip(this, "helm");
    for (const release of await allReleases()) {
      const folder = withTemplates.find(({ pin }) => pin.name === release.chart?.name)?.folder;
      if (folder === undefined) continue;
      const made = renderedFacts(helm, release, folder);
      expect(chartFacts()[release.name], `${release.name}: npm run charts:refresh`).to.deep.equal(made);
    }
  });
});
