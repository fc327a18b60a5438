/**
 * The real vmauth, with the rendered arguments and configuration, between two real Prometheus: one sends with a password and with a
 * token, over TLS, the other one takes what is let through. Only ports and folders are replaced.
 */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect } from "chai";
import { stringify } from "yaml";
import { fetchOutside, trust } from "../../components/company-network.ts";
import { secretJson } from "../../components/deploy.ts";
import { at } from "../../contract/finding.ts";
import { masked } from "../../contract/run-program.ts";
import { render } from "../../contract/rendered.ts";
import { freePorts } from "../../rehearsal/control-plane/processes.ts";
import { makeAuthority } from "../support/authority.ts";
import { awkward, token } from "../support/awkward.ts";
import { programOrSkip } from "../support/program.ts";
import { Running } from "../support/running.ts";

/** vmauth fills in variables, too. */
const texts = { "a-password": `${awkward} %{HOME}`, "a-token": `${token}%{HOME}` };

describe("The receiver of remote write, by the real programs", function () {
  const folder = mkdtempSync(join(tmpdir(), "remote-write-receiver-"));
  const running = new Running();
  let page: Server;
  let proxy: string;
  let inside: string;
  let store: string;

  /** The text of a Prometheus' answer to a query; undefined while it finds nothing. */
  async function found(query: string): Promise<string | undefined> {
    const address = `${store}/api/v1/query?${new URLSearchParams({ query }).toString()}`;
    const text = await fetch(address).then(
      (response) => response.text(),
      () => "",
    );
    return text.includes('"metric":{') ? text : undefined;
  }

  const basic = (user: string, password: string) => `Basic ${Buffer.from(`${user}:${password}`).toString("base64")}`;

  async function status(path: string, authorization?: string, base = proxy): Promise<number> {
    const headers = authorization === undefined ? {} : { authorization };
    return (await fetchOutside(`${base}${path}`, { method: "POST", headers })).status;
  }

  before(async function () {
    const [vmauth, prometheus] = [await programOrSkip(this, "vmauth"), await programOrSkip(this, "prometheus")];
    const authority = makeAuthority(folder);
    trust(authority.ca);
    const [write = 0, internal = 0, receiver = 0, sender = 0] = await freePorts(4);
    proxy = `https://127.0.0.1:${write}`;
    inside = `https://127.0.0.1:${internal}`;
    store = `http://127.0.0.1:${receiver}/prometheus`;

    const { declared } = await render({
      settings: {
        remoteWriteReceiver: {
          users: [
            { name: "berlin", secret: "a-password" },
            { name: "shop", secret: "a-token", kind: "token" },
          ],
          tlsSecret: "tls",
        },
      },
    });
    const named = (kind: string) =>
      declared.find((object) => object.kind === kind && object.metadata.name === "remote-write-receiver");
    const config = JSON.parse(String(at(named("Secret"), "stringData", "auth.json")), (_, value: unknown) => {
      const secret = Object.entries(texts).find(([name]) => value === masked(name));
      return secret?.[1] ?? value;
    }) as unknown;
    const [cluster] = /http:\/\/[^"]+:9090/.exec(JSON.stringify(config)) ?? [""];
    const auth = join(folder, "auth.json");
    writeFileSync(auth, secretJson(config).replaceAll(cluster, `http://127.0.0.1:${receiver}`));
    const args = (
      at(named("Deployment"), "spec", "template", "spec", "containers", 0, "args") as readonly string[]
    ).map((arg) =>
      arg
        .replace("/etc/vmauth/auth.json", auth)
        .replace(":8427", `127.0.0.1:${write}`)
        .replace(":8426", `127.0.0.1:${internal}`)
        .replace(/\/etc\/vmauth-tls\/tls\.(crt|key)/, join(folder, "server.$1")),
    );
    running.start(vmauth, args, folder);

    writeFileSync(join(folder, "empty.yaml"), "{}");
    running.start(
      prometheus,
      [
        ...[`--config.file=${join(folder, "empty.yaml")}`, `--storage.tsdb.path=${join(folder, "received")}`],
        ...[
          `--web.listen-address=127.0.0.1:${receiver}`,
          "--web.route-prefix=/prometheus",
          "--web.enable-remote-write-receiver",
        ],
      ],
      folder,
    );
    page = createServer((_, response) =>
      response.writeHead(200, { "content-type": "text/plain" }).end("shop_orders 7\n"),
    );
    await new Promise<void>((ready) => page.listen(0, "127.0.0.1", ready));
    const to = (name: string, login: object) => ({
      ...{ name, url: `${proxy}/api/v1/write`, tls_config: { ca_file: authority.ca }, ...login },
      queue_config: { batch_send_deadline: "1s" },
      write_relabel_configs: [{ target_label: "by", replacement: name }],
    });
    mkdirSync(join(folder, "sent"));
    writeFileSync(
      join(folder, "sender.yaml"),
      stringify({
        scrape_configs: [
          {
            ...{ job_name: "shop", scrape_interval: "1s", metrics_path: "/" },
            static_configs: [{ targets: [`127.0.0.1:${(page.address() as AddressInfo).port}`] }],
          },
        ],
        remote_write: [
          to("password", { basic_auth: { username: "berlin", password: texts["a-password"] } }),
          to("token", { authorization: { credentials: texts["a-token"] } }),
          to("wrong", { basic_auth: { username: "berlin", password: "wrong" } }),
        ],
      }),
    );
    running.start(
      prometheus,
      [
        ...[`--config.file=${join(folder, "sender.yaml")}`, `--storage.tsdb.path=${join(folder, "sent")}`],
        ...[`--web.listen-address=127.0.0.1:${sender}`, "--scrape.discovery-reload-interval=100ms"],
      ],
      folder,
    );
    await running.soon("vmauth", async () => ((await status("/").catch(() => 0)) > 0 ? true : undefined));
  });
  after(() => {
    running.end();
    page.close();
    rmSync(folder, { recursive: true, force: true });
  });

  it("lets in who has the password or the token, and nobody else", async () => {
    for (const by of ["password", "token"])
      await running.soon(`samples by ${by}`, () => found(`shop_orders{by="${by}"}`));
    await running.soon("the wrong password's answer", () =>
      /remote_name=wrong.*401/.test(running.said) ? true : undefined,
    );
    expect(await found('shop_orders{by="wrong"}')).to.equal(undefined);
    const right = basic("berlin", texts["a-password"]);
    // 400: Prometheus itself was asked, and there is nothing in the request. At once, because vmauth takes its time to refuse.
    const expected = [
      [right, 400],
      [`Bearer ${texts["a-token"]}`, 400],
      [basic("berlin", texts["a-token"]), 401],
      [basic("shop", texts["a-password"]), 401],
      [`Bearer ${awkward.replaceAll(" ", "")}`, 401],
      [basic("berlin", ""), 401],
      [undefined, 401],
    ] as const;
    const answers = expected.map(async ([login]) => [login, await status("/api/v1/write", login)]);
    expect(await Promise.all(answers)).to.deep.equal(expected);
  });

  it("leads to the write path alone, and keeps its own pages inside", async () => {
    const right = basic("berlin", texts["a-password"]);
    const others = [
      "/",
      "/api/v1/query?query=up",
      "/api/v1/write/",
      "/api/v1/write/../query?query=up",
      "/prometheus/api/v1/query",
    ];
    const own = ["/metrics", "/flags", "/health", "/-/reload", "/debug/pprof/"];
    for (const path of [...others, ...own]) {
      expect(await status(path, right), path).to.equal(400);
      expect(running.said, path).not.to.include("panic");
    }
    const metrics = await (await fetchOutside(`${inside}/metrics`)).text();
    // What rules and the dashboard ask for.
    expect(metrics).to.match(/vmauth_user_requests_total\{username="berlin"\} [1-9]/);
    expect(metrics).to.match(/vmauth_user_requests_total\{username="shop"\} [1-9]/);
    expect(metrics).to.match(/vmauth_http_request_errors_total\{reason="invalid_auth_token"\} [1-9]/);
    for (const name of ["request_errors_total", "request_backend_errors_total", "request_duration_seconds_count"])
      expect(metrics).to.include(`vmauth_user_${name}{username="berlin"}`);
    expect(metrics).not.to.include(texts["a-password"]);
  });
});
