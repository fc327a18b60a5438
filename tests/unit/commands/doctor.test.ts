/** `npm run doctor` asks the state, too: by a stand-in for the CLI, whose whole state is the environment's own resource. */
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect } from "chai";
import { stringify } from "yaml";
import { doctor } from "../../../commands/doctor.ts";
import { keptBy } from "../../../components/keeping.ts";
import { plan } from "../../../components/plan.ts";
import { type SettingsInput, settingsSchema } from "../../../settings/schema.ts";

describe("doctor", () => {
  const folder = mkdtempSync(join(tmpdir(), "doctor-"));
  after(() => {
    rmSync(folder, { recursive: true });
  });

  /** What it prints for settings over a state. @param before settings of the last `up`; undefined for none */
  async function said(settings: SettingsInput, before: SettingsInput | undefined): Promise<string> {
    const config = Object.entries({ ...settings, source: { type: "local-registry" } }).map(
      ([key, value]) => [`observability:${key}`, value] as const,
    );
    writeFileSync(join(folder, "Pulumi.local.yaml"), stringify({ config: Object.fromEntries(config) }));
    const keeps = before && keptBy(plan(settingsSchema.parse(before)).chosen);
    const resources = keeps && [{ type: "observability:index:Environment", inputs: { preflight: "a", keeps } }];
    const pulumi = join(folder, "pulumi");
    writeFileSync(pulumi, `#!/bin/sh\ncat <<'END'\n${JSON.stringify({ deployment: { resources } })}\nEND\n`);
    chmodSync(pulumi, 0o755);
    let text = "";
    const { log } = console;
    console.log = (line: string) => (text += `${line}\n`);
    try {
      const args = { stack: "local", projectFolder: folder, project: "observability", pulumi };
      await doctor({ ...args, env: { PATH: process.env["PATH"] ?? "" } });
    } finally {
      console.log = log;
    }
    return text;
  }

  it("tells what an up would leave behind, and nothing of it before the first one", async () => {
    const line = "  warning: metrics: Prometheus goes. What it has is in its pods";
    expect(await said({ metrics: "victoriaMetrics" }, {})).to.include(line);
    expect(await said({}, {})).to.not.include("metrics:");
    expect(await said({ metrics: "victoriaMetrics" }, undefined)).to.not.include("metrics:");
  }).timeout("4m");
});
