/** Everything is there already, on the real engine: what is made, what the outputs say, and where secrets stand. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect } from "chai";
import { makeAuthority } from "../support/authority.ts";
import { openStack, type TestStack } from "../support/stack.ts";

const secrets = {
  externalMetricsSecret: "planted $METRICS ${x} '\"\\",
  externalLogsSecret: "planted-logs {{ a }} #1",
  externalTracesSecret: "plantedTracesToken",
  externalAlertsSecret: "planted: alerts & | > %20",
};

describe("everything that is there already, on the real engine", function () {
  let folder: string;
  let stack: TestStack;

  before(async () => {
    folder = mkdtempSync(join(tmpdir(), "external-"));
    stack = await openStack({
      ...{ metrics: "external", logs: "external", traces: "external", alerts: "external" },
      network: { ca: makeAuthority(folder).ca },
      external: {
        metrics: {
          queryUrl: "https://m.example.com",
          writeUrl: "https://m.example.com/push",
          user: "m",
          ca: "company",
        },
        logs: { url: "https://l.example.com", user: "l", tenant: "t", ca: "company" },
        traces: { otlpUrl: "https://t.example.com:4317", queryUrl: "https://t.example.com" },
        alerts: { url: "https://a.example.com/alertmanager", user: "a" },
        dashboards: { url: "https://g.example.com" },
      },
      dashboards: "external",
    });
    await stack.environment.configure(
      Object.fromEntries(Object.entries(secrets).map(([name, secret]) => [`observability:${name}`, { secret }])),
    );
  });
  after(async () => {
    await stack.close();
    rmSync(folder, { recursive: true, force: true });
  });

  const creates = () => stack.providers.calls.filter(({ method, preview }) => method === "create" && !preview);
  /** What is in a Secret, as the pods of its reader have it. */
  function secretNamed(name: string): Record<string, string> {
    const made = creates().find(({ inputs }) => (inputs["metadata"] as { name?: string } | undefined)?.name === name);
    const data = (made?.inputs["data"] ?? {}) as Readonly<Record<string, string>>;
    return Object.fromEntries(Object.entries(data).map(([key, text]) => [key, Buffer.from(text, "base64").toString()]));
  }

  it("comes up with what sends, and the second time changes nothing", async () => {
    await stack.environment.up();
    const releases = creates().flatMap(({ inputs }) =>
      inputs["kind"] === "HelmRelease" ? [(inputs["metadata"] as { name: string }).name] : [],
    );
    expect(releases).to.include.members(["fluent-bit", "kube-prometheus-stack"]);
    expect(releases).to.not.include.members(["loki", "jaeger"]);
    const outputs = await stack.environment.outputs();
    expect(outputs["grafanaUrl"]?.value).to.equal("https://g.example.com");
    expect(outputs["grafanaPassword"]?.value).to.equal(null);
    const urls = outputs["serviceUrls"]?.value as Readonly<Record<string, unknown>>;
    expect(urls["metrics"]).to.deep.equal({ host: "https://m.example.com", cluster: "https://m.example.com" });
    expect(Object.keys((await stack.environment.up()).changes)).to.deep.equal(["same"]);
  });

  it("has each secret in its readers' Secrets, and nowhere in clear", async () => {
    const { externalMetricsSecret: metrics, externalLogsSecret: logs, externalTracesSecret: traces } = secrets;
    expect(secretNamed("otel-collector-external")).to.include({ metrics, logs, traces });
    expect(Object.keys(secretNamed("otel-collector-external"))).to.include.members(["metrics.crt", "logs.crt"]);
    expect(secretNamed("fluent-bit-external")).to.include({ logs });
    const state = await stack.environment.stateText();
    for (const text of Object.values(secrets))
      for (const form of [text, JSON.stringify(text).slice(1, -1), Buffer.from(text).toString("base64")]) {
        expect(state).to.not.include(form);
        expect(stack.printed()).to.not.include(form);
      }
  });

  it("is put in order by a person: another choice replaces it by what is made, and takes its Secrets away", async () => {
    await stack.set({ logs: "loki", external: { dashboards: { url: "https://g.example.com" } } });
    await stack.set({ metrics: "prometheus", traces: "jaeger", alerts: "alertmanager" });
    const { changes } = await stack.environment.up();
    expect(changes["create"]).to.be.greaterThan(4);
    expect(changes["delete"]).to.be.greaterThan(1);
  });
});
