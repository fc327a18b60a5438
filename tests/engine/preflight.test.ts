/** Preflight on the real engine: preview reports all faults and succeeds, up refuses before its first write. */
import * as net from "node:net";
import { expect } from "chai";
import { answers, failing } from "../../rehearsal/github/answers.ts";
import { failure } from "../support/failure.ts";
import { bare } from "../support/bare.ts";
import { openStack, planted, type TestStack } from "../support/stack.ts";

/** How often a text comes in another. */
const times = (text: string, part: string) => text.split(part).length - 1;

const dockerIsDown = { engine: { says: "Cannot connect to the Docker daemon at unix:///x." } };

describe("preflight on the real engine", function () {
  let stack: TestStack;

  before(async () => {
    stack = await openStack({ ...bare, logs: "loki" });
  });
  after(async () => {
    await stack.close();
  });

  /** What has been changed outside: at GitHub, at Docker, by a provider. */
  const written = () => [
    ...stack.github.requests.filter(({ method }) => method !== "GET").map(({ method, path }) => `${method} ${path}`),
    ...stack.host.world.events().filter((event) => /^(create|delete) /.test(event)),
    ...stack.providers.calls.filter(({ method, preview }) => !preview && method === "create").map(({ name }) => name),
  ];
  const looked = () => stack.github.requests.length + stack.host.world.events().length;

  it("tells all faults at once, each once and with its remedy, and what cannot be known; nothing is written", async () => {
    const busy = net.createServer().listen(0, "127.0.0.1");
    await new Promise((resolve) => busy.once("listening", resolve));
    const { port } = busy.address() as net.AddressInfo;
    const answering = stack.github.fail(failing(/./, answers.serverError(502), 100));
    try {
      const { ports } = stack.settings.cluster.kind;
      await stack.set({ cluster: { kind: { ...stack.settings.cluster.kind, ports: { ...ports, traces: port } } } });
      stack.host.world.plan = { info: { MemTotal: 128 * 1024 ** 2 }, kindVersion: "kind v0.31.0" };
      const expected = [
        `ports: port ${port} is already in use`,
        "memory: the environment requests",
        // A preview goes on without what it cannot know; the first `up` would fail half-way.
        "GitHub: acme/fleet cannot be looked at: GitHub answers 502",
      ];
      const { output } = await stack.environment.preview();
      const diagnostics = output.slice(output.indexOf("Diagnostics:"));
      for (const text of [
        ...expected,
        "2 things to put right, else `up` will refuse",
        "note: GitHub: ",
        "warning: kind: version v0.31.0 works",
      ])
        expect(times(diagnostics, text), text).to.equal(1);

      const refused = await failure(stack.environment.up());
      const reasons = refused.slice(refused.indexOf("Diagnostics:"));
      expect(reasons).to.include("3 things to put right, nothing was changed");
      for (const text of expected) expect(times(reasons, text), text).to.equal(1);
      expect(reasons, "a warning refuses nothing").to.not.include("0.31.0");
      expect(written()).to.deep.equal([]);
      expect(reasons).to.not.include(planted.githubToken);
    } finally {
      busy.close();
      answering();
      stack.host.world.plan = {};
      await stack.set(stack.settings);
    }
  });

  it("previews without Docker and with a wrong token, and says so", async () => {
    stack.host.world.plan = dockerIsDown;
    stack.github.setToken("another");
    try {
      const { output } = await stack.environment.preview();
      const diagnostics = output.slice(output.indexOf("Diagnostics:"));
      for (const text of ["docker: Docker does not run", "GitHub: the token is wrong, revoked or expired"])
        expect(times(diagnostics, text), text).to.equal(1);
      expect(written()).to.deep.equal([]);
    } finally {
      stack.host.world.plan = {};
      stack.github.setToken(planted.githubToken);
    }
  });

  it("does not run when nothing of what it looks at has changed, and again when it has", async () => {
    await stack.set({ loki: { retention: "48h" } });
    await stack.environment.up();
    const before = looked();
    await stack.set({ loki: { retention: "24h" } });
    const { output } = await stack.environment.preview();
    expect(output).to.include("warning: logs: loki.retention goes from 48h to 24h: Loki deletes what is older.");
    expect(looked()).to.equal(before);

    await stack.set({ deployKey: { rotation: 2 } });
    stack.host.world.plan = dockerIsDown;
    expect(await failure(stack.environment.up())).to.include("One thing to put right, nothing was changed");
    stack.host.world.plan = {};
    expect(looked()).to.be.greaterThan(before);
    expect(stack.keys().map(({ title }) => title)).to.deep.equal(["flux observability/dev #1"]);
  });

  it("takes the ports that the cluster itself has for free ones, when it is replaced", async () => {
    const { kind } = stack.settings.cluster;
    const { dashboards, traces } = kind.ports as { readonly dashboards: number; readonly traces: number };
    const busy = [dashboards, traces].map((port) => net.createServer().listen(port, "127.0.0.1"));
    await Promise.all(busy.map((server) => new Promise((resolve) => server.once("listening", resolve))));
    try {
      await stack.set({ cluster: { kind: { ...kind, workers: 1 } } });
      const cluster = stack.host.world.cluster("dev");
      if (cluster === undefined) throw new Error("no cluster");
      stack.host.world.setCluster("dev", { ...cluster, ports: cluster.ports?.filter((port) => port !== traces) });
      expect((await stack.environment.preview()).output)
        .to.include(`ports: port ${traces} is`)
        .and.to.not.include(`ports: port ${dashboards}`);
    } finally {
      for (const server of busy) server.close();
    }
  });
});
