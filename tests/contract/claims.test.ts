import { expect } from "chai";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { claimsPage } from "../bench/telemetry/report.ts";
import { projectRoot } from "../../contract/rendered.ts";

const page = readFileSync(claimsPage, "utf8");

describe("docs/claims.md", () => {
  it("names test files that exist", () => {
    const named = [...new Set([...page.matchAll(/`(tests\/[^`]+)`/g)].map(([, file = ""]) => file))];
    expect(named.length).to.be.greaterThan(30);
    expect(named.filter((file) => !existsSync(join(projectRoot, file)))).to.deep.equal([]);
  });

  it("says of each claim in which tier it is shown, or that it is shown nowhere", () => {
    const table = page.slice(page.indexOf("## The README"), page.indexOf("## Telemetry"));
    const rows = [...table.matchAll(/^\| (.+?) +\| (.+?) +\| (.*?) +\|$/gm)].slice(2);
    expect(rows.length).to.be.greaterThan(30);
    for (const [, claim, tiers = "", shown = ""] of rows) {
      expect(tiers, claim).to.match(/^(nowhere|((tests|rehearsal|Kind|nights|bench)(, )?)+)$/);
      const of = {
        tests: /tests\/(unit|engine|contract)\//,
        rehearsal: /tests\/rehearsal\//,
        Kind: /tests\/kind\//,
        nights: /tests\/nightly\//,
      };
      for (const [tier, files] of Object.entries(of))
        if (tiers.split(", ").includes(tier)) expect(shown, `${claim ?? ""}: ${tier}`).to.match(files);
    }
  });
});
