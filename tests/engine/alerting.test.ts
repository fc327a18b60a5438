/** The receivers' secrets on the real engine: from the stack's configuration to the Secret, and nowhere else. */
import { expect } from "chai";
import { bare } from "../support/bare.ts";
import { openStack, type TestStack } from "../support/stack.ts";

const key = "observability:alertingSecrets";
const webhook = "https://hooks.slack.com/services/T0/B0/plantedWebhook0123456789";
const renewed = "https://hooks.slack.com/services/T0/B0/renewedWebhook0123456789";
const alerting = {
  receivers: { slack: [{ name: "ops", channel: "#ops", secret: "ops-slack" }] },
  defaultReceiver: "ops",
  silences: [{ name: "over", matchers: ['namespace="demo"'], comment: "it moved", until: "2026-01-31" }],
};

describe("settings on the real engine", function () {
  it("are all told at once: of other namespaces, without --path, nested", async () => {
    const stack = await openStack({});
    try {
      await stack.environment.configure({
        "observabilty:loki": "{}",
        "observability:loki.retention": "48h",
        [key]: { secret: JSON.stringify({ my: { bot: "planted" } }) },
      });
      const said = await stack.environment.preview().then(
        () => "the preview went well",
        (error: unknown) => `${String(error)}\n${stack.printed()}`,
      );
      expect(said).to.include("observabilty:loki: is read by nothing. Did you mean observability:loki?");
      expect(said).to.include("loki.retention: is set without --path.");
      expect(said).to.include(`npm run pulumi -- <stack> config set --secret --path 'alertingSecrets["my.bot"]'`);
      expect(said).to.not.include("planted");
    } finally {
      await stack.close();
    }
  });
});

describe("secrets of the receivers on the real engine", function () {
  let stack: TestStack;

  before(async () => {
    stack = await openStack({ ...bare, alerts: "alertmanager", alerting, loki: { retention: "48h" } });
  });
  after(async () => {
    await stack.close();
  });

  const failure = async (): Promise<string> => {
    try {
      await stack.environment.preview();
    } catch (error) {
      return `${error instanceof Error ? error.message : String(error)}\n${stack.printed()}`;
    }
    throw new Error("the preview went well");
  };

  it("are asked for by the command that sets them", async () => {
    const said = await failure();
    expect(said).to.include("alerting.receivers.slack.0.secret: is ops-slack, which alertingSecrets lacks.");
    expect(said).to.include("npm run pulumi -- <stack> config set --secret --path alertingSecrets.ops-slack");
  });

  it("are refused in clear, without being repeated", async () => {
    const before = stack.printed().length;
    await stack.environment.configure({ [key]: JSON.stringify({ "ops-slack": webhook }) });
    const said = await failure();
    expect(said).to.include("alertingSecrets.ops-slack: is stored in plain text.");
    expect(stack.printed().slice(before)).to.not.include(webhook);
  });

  it("reach one Secret, which Alertmanager mounts; a silence that is over is told", async () => {
    await stack.environment.configure({ [key]: { secret: JSON.stringify({ "ops-slack": webhook, unused: "x" }) } });
    await stack.environment.up();
    const creates = stack.providers.calls.filter(({ method, preview }) => method === "create" && !preview);
    // The provider hands a Secret's texts on as base64.
    const encoded = Buffer.from(webhook).toString("base64");
    const holders = creates.filter(({ inputs }) =>
      [webhook, encoded].some((text) => JSON.stringify(inputs).includes(text)),
    );
    expect(holders.map(({ type }) => type)).to.deep.equal(["kubernetes:core/v1:Secret"]);
    expect(holders[0]?.inputs["data"]).to.deep.equal({ "ops-slack": encoded });
    expect(holders[0]?.inputs["metadata"]).to.deep.include({ name: "alertmanager-receivers", namespace: "monitoring" });
    expect(await stack.environment.stateText()).to.not.include(encoded);
    expect(await stack.environment.stateText()).to.not.include(webhook);
    expect(stack.printed()).to.not.include(webhook);
    expect(stack.printed()).to.include("alerting.silences.0: over ended on 2026-01-31");
    expect(stack.printed()).to.include("loki: has no effect, because logs is none.");
  });

  it("are renewed in place: the release does not change", async () => {
    await stack.environment.configure({ [key]: { secret: JSON.stringify({ "ops-slack": renewed }) } });
    const { changes } = await stack.environment.up();
    expect(changes["update"]).to.equal(1);
    expect(changes).to.not.have.any.keys("create", "delete", "replace");
  });
});
