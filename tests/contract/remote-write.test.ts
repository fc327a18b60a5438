/**
 * The real Prometheus, with the configuration that the Prometheus Operator's own generator makes of the rendered values, sends
 * to a second real Prometheus: behind a certificate of the company's, with a password of awkward characters. Only ports,
 * folders and what is scraped are replaced.
 */
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type Server } from "node:http";
import { createServer as createSecureServer } from "node:https";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect } from "chai";
import { parse, stringify } from "yaml";
import { fetchOutside, trust } from "../../components/company-network.ts";
import type { Manifest } from "../../components/kubernetes/manifest.ts";
import { headersOf } from "../../components/remote.ts";
import { substituteText } from "../../contract/flux-repo.ts";
import { operatorConfig, prometheusObject } from "../../contract/operator-config.ts";
import { masked } from "../../contract/run-program.ts";
import { releases, render } from "../../contract/rendered.ts";
import { freePorts } from "../../rehearsal/control-plane/processes.ts";
import { type Authority, makeAuthority } from "../support/authority.ts";
import { awkward, hashed, token } from "../support/awkward.ts";
import { programOrSkip } from "../support/program.ts";
import { Running } from "../support/running.ts";

/** What a program of somebody's says, as OpenMetrics: a counter with an exemplar, and what filters take out. */
const page = [
  "# TYPE shop_orders counter",
  'shop_orders_total{uid="1",city="kyiv"} 7 # {trace_id="4bf92f3577b34da6a3ce929d0e0e4736"} 1',
  "# TYPE shop_debug gauge",
  "shop_debug 1",
  "# TYPE other gauge",
  "other 1",
  "# EOF",
  "",
].join("\n");

describe("Remote write, by the real programs", function () {
  const folder = mkdtempSync(join(tmpdir(), "remote-write-"));
  const running = new Running();
  const servers: Server[] = [];
  const pushed: {
    readonly authorization?: string;
    readonly tenant?: string;
    readonly type?: string;
    readonly team?: string;
  }[] = [];
  let authority: Authority;
  let sender: string;
  let receiver: string;
  let neighbour: string;

  const listening = async (server: Server) => {
    servers.push(server);
    await new Promise<void>((ready) => server.listen(0, "127.0.0.1", ready));
    return (server.address() as AddressInfo).port;
  };

  interface Found {
    readonly metric: Readonly<Record<string, string>>;
    readonly histogram?: unknown;
  }

  /** The series that a query finds in a Prometheus; undefined for none. */
  async function found(server: string, query: string): Promise<Found[] | undefined> {
    const headers = headersOf({ of: "metrics", ca: "company", user: "writer" }, awkward);
    const address = `${server}/api/v1/query?${new URLSearchParams({ query }).toString()}`;
    const response = await fetchOutside(address, { headers }).catch(() => undefined);
    const { data } = ((response?.ok === true ? await response.json() : undefined) ?? {}) as {
      readonly data?: { readonly result: Found[] };
    };
    return data === undefined || data.result.length === 0 ? undefined : data.result;
  }

  before(async function () {
    const [generator, prometheus] = [
      await programOrSkip(this, "operator-config"),
      await programOrSkip(this, "prometheus"),
    ];
    authority = makeAuthority(folder);
    trust(authority.ca);
    const [at = 0, ...others] = await freePorts(3);
    sender = `http://127.0.0.1:${at}/prometheus`;
    [receiver = "", neighbour = ""] = others.map((port) => `https://127.0.0.1:${port}`);
    const web = join(folder, "web.yaml");
    const tls_server_config = { cert_file: join(folder, "server.crt"), key_file: join(folder, "server.key") };
    writeFileSync(web, stringify({ tls_server_config, basic_auth_users: { writer: hashed } }));
    writeFileSync(join(folder, "empty.yaml"), "{}");
    // The first takes nothing but 2.0, the second nothing but 1.0.
    for (const [index, messages] of ["io.prometheus.write.v2.Request", "prometheus.WriteRequest"].entries())
      running.start(
        prometheus,
        [
          ...[
            `--config.file=${join(folder, "empty.yaml")}`,
            `--storage.tsdb.path=${join(folder, `received-${index}`)}`,
          ],
          ...[`--web.listen-address=127.0.0.1:${others[index]}`, `--web.config.file=${web}`],
          ...["--web.enable-remote-write-receiver", "--enable-feature=exemplar-storage"],
          `--web.remote-write-receiver.accepted-protobuf-messages=${messages}`,
        ],
        folder,
      );

    // Keeps what it is asked.
    const cloud = await listening(
      createSecureServer({ key: authority.key, cert: authority.cert }, (request, response) => {
        const { authorization, "x-scope-orgid": tenant, "content-type": type, "x-team": team } = request.headers;
        pushed.push({
          ...(authorization === undefined ? {} : { authorization }),
          tenant: String(tenant),
          type: type ?? "",
          team: String(team),
        });
        request.resume().on("end", () => response.writeHead(204).end());
      }),
    );
    const shop = await listening(
      createServer((_, response) => {
        response
          .writeHead(200, { "content-type": "application/openmetrics-text; version=1.0.0; charset=utf-8" })
          .end(page);
      }),
    );

    const write = { url: `${receiver}/api/v1/write`, user: "writer", ca: "company" } as const;
    const queue = { batchSendDeadline: "1s" };
    const rendered = await render({
      settings: {
        network: { ca: "company.pem" },
        prometheus: { nativeHistograms: true },
        remoteWrite: [
          {
            ...{ ...write, name: "years", secret: "right", protocol: "2.0", nativeHistograms: true },
            ...{ keepMetrics: ["shop_.*", "prometheus_http_request_duration_seconds.*"], dropMetrics: ["shop_debug"] },
            dropLabels: ["uid"],
            relabelings: [{ sourceLabels: ["city"], regex: "(k)(.*)", targetLabel: "city", replacement: "$1-$2" }],
            queue,
          },
          { ...write, url: `${neighbour}/api/v1/write`, name: "neighbour", secret: "right", exemplars: true, queue },
          {
            ...{ name: "cloud", url: `https://127.0.0.1:${cloud}/push?db=a`, secret: "token", ca: "company" },
            ...{ tenant: "team-a", headers: { "X-Team": 'a "b" {{ c }}' }, queue },
          },
          { ...write, name: "refused", secret: "wrong", queue },
        ],
      },
    });
    const texts = { right: awkward, token, wrong: "wrong", "company.pem": readFileSync(authority.ca, "utf8") };
    const real = (object: Manifest): Manifest => ({
      ...object,
      stringData: Object.fromEntries(
        Object.entries((object["stringData"] ?? {}) as Readonly<Record<string, string>>).map(([key, text]) => [
          key,
          Object.entries(texts).find(([secret]) => text === masked(secret))?.[1] ?? text,
        ]),
      ),
    });
    const release = releases(rendered.declared).find(({ chart }) => chart?.name === "kube-prometheus-stack");
    const { config, certificates, flags } = operatorConfig(generator, [
      prometheusObject(release?.values ?? {}),
      ...rendered.declared
        .filter(({ kind, metadata }) => kind === "Secret" && metadata.namespace === "monitoring")
        .map(real),
    ]);
    mkdirSync(join(folder, "certs"));
    for (const [name, text] of Object.entries(certificates)) writeFileSync(join(folder, "certs", name), text);
    const scrape = { scrape_interval: "1s" };
    const own = { ...scrape, job_name: "kube-prometheus-stack-prometheus", metrics_path: "/prometheus/metrics" };
    const text = JSON.stringify({
      ...config,
      rule_files: [],
      scrape_configs: [
        {
          ...own,
          static_configs: [{ targets: [`127.0.0.1:${at}`], labels: { namespace: "monitoring", pod: "prometheus-0" } }],
        },
        { ...scrape, job_name: "shop", static_configs: [{ targets: [`127.0.0.1:${shop}`] }] },
      ],
    }).replaceAll("/etc/prometheus/certs", join(folder, "certs"));
    writeFileSync(join(folder, "sender.yaml"), text);
    expect(flags.join(" ")).to.include("exemplar-storage");
    running.start(
      prometheus,
      [
        ...[`--config.file=${join(folder, "sender.yaml")}`, `--storage.tsdb.path=${join(folder, "sent")}`],
        ...[
          `--web.listen-address=127.0.0.1:${at}`,
          "--scrape.discovery-reload-interval=100ms",
          "--web.route-prefix=/prometheus",
          "--enable-feature=exemplar-storage",
        ],
      ],
      folder,
    );
  });
  after(() => {
    running.end();
    for (const server of servers) server.close();
    rmSync(folder, { recursive: true, force: true });
  });

  it("brings what is kept, with the label of the cluster, and neither metrics nor labels that are dropped", async () => {
    const [series] = await running.soon("shop_orders_total", () => found(receiver, "shop_orders_total"));
    expect(series?.metric).to.include({ cluster: "dev", city: "k-yiv", job: "shop" });
    expect(series?.metric).to.include.keys("prometheus", "prometheus_replica");
    expect(series?.metric).not.to.have.any.keys("uid");
    // They are there where they were scraped.
    for (const gone of ["shop_debug", "other"]) {
      await running.soon(gone, () => found(sender, gone));
      expect(await found(receiver, gone), gone).to.equal(undefined);
    }
  });

  it("brings native histograms by version 2.0, and exemplars by 1.0", async () => {
    const headers = headersOf({ of: "metrics", ca: "company", user: "writer" }, awkward);
    const exemplars = await running.soon("an exemplar", async () => {
      const query = new URLSearchParams({ query: "shop_orders_total", start: "0", end: String(Date.now() / 1000) });
      const response = await fetchOutside(`${neighbour}/api/v1/query_exemplars?${query.toString()}`, { headers });
      const text = await response.text();
      return text.includes("trace_id") ? text : undefined;
    });
    expect(exemplars).to.include("4bf92f3577b34da6a3ce929d0e0e4736");
    const [histogram] = await running.soon("a native histogram", () =>
      found(receiver, "prometheus_http_request_duration_seconds"),
    );
    expect(histogram).to.have.property("histogram");
    // Classic buckets stay, for rules and dashboards.
    await running.soon("classic buckets", () => found(receiver, "prometheus_http_request_duration_seconds_bucket"));
  });

  it("sends a token, a tenant and headers by version 1.0", async () => {
    const [one] = await running.soon("a request", () => (pushed.length > 0 ? pushed : undefined));
    expect(one).to.deep.equal({
      ...{ authorization: `Bearer ${token}`, tenant: "team-a", team: 'a "b" {{ c }}' },
      type: "application/x-protobuf",
    });
  });

  it("is told where it fails: the rule finds the server that refuses, and no other", async () => {
    const file = "flux-repo/content/remote-write/rules+scraping.prometheus/remote-write.yaml";
    const { spec } = parse(substituteText(readFileSync(file, "utf8"), {}, file)) as {
      readonly spec: {
        readonly groups: readonly { readonly rules: readonly { readonly alert: string; readonly expr: string }[] }[];
      };
    };
    const expr = (name: string) =>
      spec.groups.flatMap(({ rules }) => rules).find(({ alert }) => alert === name)?.expr ?? "";
    const failing = await running.soon("RemoteWriteFails", () => found(sender, expr("RemoteWriteFails")));
    expect(failing.map(({ metric }) => metric["remote_name"])).to.deep.equal(["refused"]);
    // Who has sent nothing yet is behind by all of time.
    const behind = expr("RemoteWriteBehind").replace("> 120", "> 30");
    await running.soon("nobody behind", async () => (await found(sender, behind)) === undefined || undefined);
    expect(await found(sender, expr("RemoteWriteDropsSamples"))).to.equal(undefined);
  });
});
