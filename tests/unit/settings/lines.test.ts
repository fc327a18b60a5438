import { expect } from "chai";
import { withLines } from "../../../settings/lines.ts";
import { SettingsError } from "../../../settings/parse.ts";

describe("lines of settings in the stack file", () => {
  const text = [
    "# a comment", // 1
    "config:",
    "  github:owner: acme",
    "  observability:loki:",
    "    retention: 4",
    "  observability:alerting:",
    "    receivers:",
    "      slack:",
    "        - name: ops", // 9
    "          secret: s",
    '  observability:alertingSecrets: { "my.bot": x }',
  ].join("\n");

  it("are those of the key, or of a list's item; none for what the file does not say", () => {
    const line = (path: string) => withLines([{ path, message: "m" }], text, "observability")[0]?.line;
    expect(line("github:owner")).to.equal(3);
    expect(line("loki.retention")).to.equal(5);
    expect(line("alerting.receivers.slack.0")).to.equal(9);
    expect(line("alerting.receivers.slack.0.secret")).to.equal(10);
    expect(line("alertingSecrets.my.bot"), "a name with a dot").to.equal(11);
    for (const path of ["loki.size", "grafana.adminUser", "alerting.receivers.slack.1", "telegramToken"])
      expect(line(path), path).to.equal(undefined);
    expect(withLines([{ path: "loki", message: "m" }], "config: [", "observability")[0]?.line).to.equal(undefined);
  });

  it("stand in the message", () => {
    const findings = [{ path: "loki.retention", message: "is wrong.", line: 5 }];
    expect(new SettingsError("Pulumi.dev.yaml", findings).message).to.equal(
      "Pulumi.dev.yaml: one setting is wrong\n  loki.retention (line 5): is wrong.",
    );
  });
});
