import { expect } from "chai";
import { globSync, readFileSync } from "node:fs";
import { basename, join } from "node:path";
import {
  dashboardDigest,
  dashboardFiles,
  dataDigest,
  knownPictures,
  pictureDigest,
  picturesFolder,
  renderer,
} from "../../commands/pictures.ts";
import { formatTicks, formatValue } from "../../commands/pictures/format.ts";
import { projectFolder } from "./support/content.ts";

const again = "draw them again: npm run dashboards:pictures";

describe("numbers in the pictures", () => {
  it("are written as Grafana writes them", () => {
    const written: readonly (readonly [value: number, unit: string, decimals: number | undefined, text: string])[] = [
      [0, "short", undefined, "0"],
      [12.345, "short", undefined, "12.3"],
      [0.012345, "short", undefined, "0.0123"],
      [1_234_567, "short", undefined, "1.23 Mil"],
      [0.1234, "percentunit", 0, "12%"],
      [1536 * 2 ** 20, "bytes", undefined, "1.50 GiB"],
      [274_000, "Bps", undefined, "274 kB/s"],
      [0.00345, "s", undefined, "3.45 ms"],
      [260, "s", undefined, "4.33 min"],
      [11.5 * 86_400, "dtdurations", 1, "1 week, 4 days"],
      [12.345, "suffix: lines/s", undefined, "12.3 lines/s"],
    ];
    for (const [value, unit, decimals, text] of written) expect(formatValue(value, unit, decimals)).to.equal(text);
    expect(() => formatValue(1, "furlongs")).to.throw("furlongs");
  });

  it("have on an axis as many digits as tell marks apart, and no more", () => {
    expect(formatTicks([0, 500, 1000, 1500], "short")).to.deep.equal(["0", "500", "1.0 K", "1.5 K"]);
    expect(formatTicks([0, 0.25, 0.5], "percentunit")).to.deep.equal(["0%", "25%", "50%"]);
  });
});

describe("pictures of the dashboards", () => {
  const files = dashboardFiles();
  const known = knownPictures();

  it("are there for each dashboard, and for nothing else", () => {
    const pictures = globSync("*.png", { cwd: picturesFolder }).map((file) => basename(file, ".png"));
    expect(pictures.sort()).to.deep.equal([...files.keys()].sort());
    expect(Object.keys(known).sort()).to.deep.equal([...files.keys()].sort());
  });

  it("are of the dashboards and the made-up data as they are now", () => {
    for (const [uid, text] of files) {
      expect(known[uid]?.dashboard, `${uid}: the dashboard is newer, ${again}`).to.equal(dashboardDigest(text));
      expect(known[uid]?.data, `${uid}: the data is newer, ${again}`).to.equal(dataDigest(uid, text));
      expect(known[uid]?.picture, `${uid}: the file is not what was drawn, ${again}`).to.equal(pictureDigest(uid));
    }
  });

  it("show data in every panel", () => {
    const empty = Object.entries(known).flatMap(([uid, { empty: panels }]) =>
      Object.keys(panels).map((title) => `${uid}: ${title}`),
    );
    expect(empty).to.deep.equal([]);
  });

  it("are shown in docs/dashboards.md, with what they are", () => {
    const page = readFileSync(join(projectFolder, "docs/dashboards.md"), "utf8");
    for (const uid of files.keys()) expect(page).to.include(`(pictures/${uid}.png)`);
    if (Object.values(known).some(({ by }) => by === renderer))
      expect(page)
        .to.match(/drawn by this project's renderer/i)
        .and.include("not Grafana");
  });
});
