import { createServer, type IncomingMessage, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { expect } from "chai";
import { clusterUrl } from "../../../components/capabilities.ts";
import { plan } from "../../../components/plan.ts";
import { probedStores } from "../../../components/probe/telemetry-probe.ts";
import { NotFound, probe, type Sought } from "../../../components/probe/telemetry.ts";
import { parseSettings } from "../../../settings/parse.ts";

/** The stores of an environment, each at its own path of a server. */
function stores(root: string, settings: Readonly<Record<string, unknown>> = {}): Sought[] {
  const { chosen } = plan(parseSettings(settings, { file: "test", secrets: [] }));
  return probedStores(chosen).map(({ endpoint, ...store }) => ({
    ...store,
    url: `${root}${new URL(clusterUrl(endpoint)).pathname.replace(/\/$/, "")}`,
  }));
}

/** What a stand-in for the collector and the three stores does, by what it forgets. */
interface Behaviour {
  /** Requests that are answered with this status. */
  readonly refuse?: { readonly path: RegExp; readonly status: number };
  /** Kinds of OTLP that are taken and lost. */
  readonly lose?: readonly string[];
}

describe("The probe of telemetry", function () {
  let server: Server;
  let received: Map<string, string>;
  let behaviour: Behaviour;
  let queries: string[];

  async function body(request: IncomingMessage): Promise<string> {
    let text = "";
    for await (const chunk of request) text += String(chunk);
    return text;
  }

  beforeEach(async () => {
    received = new Map();
    behaviour = {};
    queries = [];
    server = createServer((request, response) => {
      void (async () => {
        const url = new URL(request.url ?? "", "http://stand-in");
        const { refuse, lose = [] } = behaviour;
        if (refuse?.path.test(url.pathname) === true) {
          response.writeHead(refuse.status).end("no");
          return;
        }
        if (request.method === "POST") {
          const kind = url.pathname.split("/").at(-1) ?? "";
          const text = await body(request);
          if (!lose.includes(kind)) received.set(kind, text);
          response.end("{}");
          return;
        }
        queries.push(decodeURIComponent(url.search.replaceAll("+", " ")));
        const trace = /traces\/([0-9a-f]{32})$/.exec(url.pathname)?.[1];
        const hit = url.pathname.startsWith("/api/traces/")
          ? received.get("traces")?.includes(trace ?? "-") === true
          : received.has(url.pathname.includes("loki") ? "logs" : "metrics");
        const list = hit ? [{}] : [];
        response.end(
          JSON.stringify(url.pathname.startsWith("/api/traces/") ? { data: list } : { data: { result: list } }),
        );
      })();
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  });
  afterEach(() => {
    server.close();
  });

  function run(seconds: number, settings = {}) {
    const root = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    const told: string[] = [];
    return { told, verdict: probe(root, stores(root, settings), seconds, (line) => told.push(line)) };
  }

  async function refusal(promise: Promise<unknown>): Promise<string> {
    try {
      await promise;
    } catch (error) {
      expect(error).to.be.instanceOf(NotFound);
      return (error as Error).message;
    }
    throw new Error("it found everything, although it should not");
  }

  it("finds what it sent, by the same trace id in trace and log record, and by a metric that is not older", async () => {
    const { told, verdict } = run(10);
    expect(Object.keys(await verdict)).to.have.members(["Jaeger", "Loki", "Prometheus"]);
    expect(told).to.have.lengthOf(3);
    const sent = received.get("traces") ?? "";
    const id = /"traceId":"([0-9a-f]{32})"/.exec(sent)?.[1] ?? "";
    expect(received.get("logs")).to.include(id);
    expect(queries.join("\n")).to.include(`{service_name="telemetry-probe"} |= "${id}"`);
    expect(queries.join("\n")).to.match(/max\(telemetry_probe_timestamp_seconds\) >= \d{10}/);
  });

  for (const [kind, what] of [
    ["traces", "the trace in Jaeger"],
    ["logs", "the log record in Loki"],
    ["metrics", "the metric in Prometheus"],
  ] as const) {
    it(`says what is missing: ${what}`, async () => {
      behaviour = { lose: [kind] };
      const message = await refusal(run(0.2).verdict);
      expect(message).to.include("telemetry does not arrive").and.to.include(`${what} (it is not there)`);
      expect(message.match(/ in (Jaeger|Loki|Prometheus) /g)).to.have.lengthOf(1);
    });
  }

  it("asks a Loki of others that makes labels of attributes by one, and says where it is told to", async () => {
    const settings = { logs: "external", external: { logs: { url: "https://loki.example.com", makesLabels: true } } };
    await run(10, settings).verdict;
    const { resourceLogs } = JSON.parse(received.get("logs") ?? "") as { resourceLogs: { resource: object }[] };
    expect(JSON.stringify(resourceLogs[0]?.resource)).to.include(
      '{"key":"job","value":{"stringValue":"telemetry-probe"}}',
    );
    expect(queries.join("\n")).to.include('{job="telemetry-probe"} |= "');
    received.clear();
    behaviour = { lose: ["logs"] };
    expect(await refusal(run(0.2, settings).verdict)).to.include("docs/external-loki.md");
  });

  it("says why a store gave no answer", async () => {
    behaviour = { refuse: { path: /loki/, status: 503 } };
    expect(await refusal(run(0.2).verdict)).to.include("the log record in Loki (HTTP 503)");
  });

  it("says that the collector takes nothing", async () => {
    behaviour = { refuse: { path: /v1\/traces/, status: 429 } };
    expect(await refusal(run(0.2).verdict)).to.include("The collector takes no telemetry: HTTP 429 no");
  });
});
