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
} from "../../tools/dashboards/pictures.ts";
import { projectFolder } from "./support/content.ts";

const again = "draw them again: npm run dashboards:pictures";

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
      expect(known[uid]?.data, `${uid}: the data is newer, ${again}`).to.equal(dataDigest(uid));
      expect(known[uid]?.picture, `${uid}: the file is not what was drawn, ${again}`).to.equal(pictureDigest(uid));
    }
  }).timeout("1m");

  it("show data in every panel", () => {
    const empty = Object.entries(known).flatMap(([uid, { empty: panels }]) =>
      Object.keys(panels).map((title) => `${uid}: ${title}`),
    );
    expect(empty).to.deep.equal([]);
  });

  it("are shown in docs/dashboards.md, with what they are", () => {
    const page = readFileSync(join(projectFolder, "docs/dashboards.md"), "utf8");
    for (const uid of files.keys()) expect(page).to.include(`(pictures/${uid}.png)`);
    expect(page)
      .to.match(/drawn by this project's renderer/i)
      .and.include("not Grafana");
  });
});
