/**
 * A real Alertmanager with the rendered configuration, and stand-ins for Slack, a mail server, Telegram, PagerDuty, Microsoft
 * Teams, a webhook and the owner of the dead man's switch on this machine. Only addresses are replaced: the receivers', and the folder of their secrets.
 */
import { expect } from "chai";
import { type ChildProcess, spawn } from "node:child_process";
import { mkdirSync, writeFileSync } from "node:fs";
import { type AddressInfo, createServer, type Server } from "node:net";
import { join } from "node:path";
import { freePorts } from "../../rehearsal/control-plane/processes.ts";
import { type Loopback, readBody, startLoopback } from "../../rehearsal/loopback.ts";
import { obtainAlertmanager } from "../../contract/readers.ts";
import { until } from "../support/until.ts";
import { alertmanagerFiles, everybody, type Files, inDays } from "./support/alertmanager.ts";

interface Delivered {
  readonly path: string;
  readonly authorization: string | undefined;
  readonly body: unknown;
}

/** A stand-in for all that is called over HTTP: keeps what is posted and answers as they do. */
async function startReceivers(got: Delivered[]): Promise<Loopback> {
  return startLoopback("receivers of alerts", async (request, _response, { pathname: path }) => {
    const { authorization } = request.headers;
    got.push({ path, authorization, body: JSON.parse((await readBody(request)).toString("utf8")) as unknown });
    if (path === "/v2/enqueue") return { status: 202, body: { status: "success" } };
    if (!path.startsWith("/bot")) return { status: 200, body: "ok" };
    const result = { message_id: 1, chat: { id: -1_001_234_567_890 } };
    return { status: 200, body: { ok: true, result } };
  });
}

interface Mail {
  readonly to: string;
  readonly user: string;
  readonly password: string;
  /** Headers and body as they were sent. */
  readonly data: string;
}

/** A stand-in for a mail server: it believes every password and keeps every mail. */
async function startMailSink(got: Mail[]): Promise<Server> {
  const server = createServer((socket) => {
    let to = "";
    let login = ["", "", ""];
    let data: string[] | undefined;
    let rest = "";
    const say = (line: string) => socket.write(`${line}\r\n`);
    const line = (text: string) => {
      if (data !== undefined) {
        if (text !== ".") return void data.push(text);
        got.push({ to, user: login[1] ?? "", password: login[2] ?? "", data: data.join("\n") });
        data = undefined;
        return void say("250 kept");
      }
      const [verb = "", argument = "", initial = ""] = text.split(" ");
      switch (verb.toUpperCase()) {
        case "EHLO":
          say("250-stand-in");
          return void say("250 AUTH PLAIN");
        case "AUTH":
          login = Buffer.from(initial, "base64").toString().split("\0");
          return void say("235 believed");
        case "RCPT":
          to = argument;
          return void say("250 ok");
        case "DATA":
          data = [];
          return void say("354 go on");
        case "QUIT":
          say("221 bye");
          return void socket.end();
        default:
          return void say("250 ok");
      }
    };
    socket.on("error", () => undefined);
    socket.on("data", (chunk) => {
      const lines = (rest + chunk.toString("utf8")).split("\r\n");
      rest = lines.pop() ?? "";
      lines.forEach(line);
    });
    say("220 stand-in for a mail server");
  });
  await new Promise<void>((listening) => server.listen(0, "127.0.0.1", listening));
  return server;
}

/** Quoted-printable as it is read. */
const decoded = (mail: string) =>
  Buffer.from(
    mail
      .replaceAll("=\n", "")
      .replaceAll(/=([0-9A-F]{2})/g, (_, hex: string) => String.fromCharCode(parseInt(hex, 16))),
    "latin1",
  ).toString("utf8");

const annotations = {
  summary: 'kbot answers <5% of "/start" & friends',
  description: "Half of the messages failed.",
  dashboard_url: "http://localhost:3000/d/kbot?var-command=start",
  runbook_url: "https://github.com/acme/fleet/blob/main/docs/runbooks/KbotErrorRatioHigh.md",
};

describe("Delivery of alerts, by Alertmanager", function () {
  const got: Delivered[] = [];
  const mails: Mail[] = [];
  let receivers: Loopback | undefined;
  let smtp: Server | undefined;
  let files: Files | undefined;
  let server: ChildProcess | undefined;
  let said = "";
  let url = "";
  let address = "";

  before(async function () {
    this.timeout(30 * 60_000);
    let program: string;
    try {
      program = await obtainAlertmanager();
    } catch (error) {
      console.warn(`Skipped, Alertmanager cannot be had: ${error instanceof Error ? error.message : String(error)}`);
      return this.skip();
    }
    receivers = await startReceivers(got);
    smtp = await startMailSink(mails);
    address = `http://127.0.0.1:${receivers.port}`;
    const [email] = everybody.receivers?.email ?? [];
    if (email === undefined) throw new Error("there is no e-mail receiver");
    const alerting = {
      ...everybody,
      receivers: {
        ...everybody.receivers,
        pagerDuty: [{ name: "on-call", url: `${address}/v2/enqueue`, secret: "pager" }],
        email: [{ ...email, smarthost: `127.0.0.1:${(smtp.address() as AddressInfo).port}`, requireTls: false }],
      },
      routes: [
        { receiver: "ops", severity: ["critical" as const], continue: true },
        { receiver: "chat", namespaces: ["demo"], continue: true },
        ...["on-call", "teams"].map((receiver) => ({ receiver, namespaces: ["demo"], continue: true })),
        { receiver: "tickets", namespaces: ["demo"] },
      ],
      groupWait: "200ms",
      groupInterval: "200ms",
      deadMansSwitch: { secret: "snitch", interval: "1s" },
      silences: [{ name: "move", matchers: ['team="web"'], comment: "it moves", until: inDays(5) }],
    };
    files = alertmanagerFiles(alerting, (config, folder) => {
      const mounted = "/etc/alertmanager/secrets/alertmanager-receivers/";
      const local = JSON.stringify(config).replaceAll(mounted, `${folder}/secrets/`);
      return { ...(JSON.parse(local) as object), global: { telegram_api_url: address } };
    });
    await start(program, files);
  });

  /** Writes the secrets' files and starts the server, as the operator does. */
  async function start(program: string, { folder, config }: Files): Promise<void> {
    const secrets = {
      ...{ "ops-slack": `${address}/slack`, smtp: "pa55", bot: "4242:token", snitch: `${address}/snitch` },
      ...{ pager: "R0UT1NG", teams: `${address}/teams`, tickets: `${address}/tickets`, "tickets-token": "t0ken" },
    };
    mkdirSync(join(folder, "secrets"));
    for (const [name, value] of Object.entries(secrets)) writeFileSync(join(folder, "secrets", name), value);
    const [port] = await freePorts(1);
    url = `http://127.0.0.1:${port}/alertmanager`;
    const child = spawn(
      program,
      [
        `--config.file=${config}`,
        `--storage.path=${join(folder, "data")}`,
        `--web.listen-address=127.0.0.1:${port}`,
        "--web.external-url=http://localhost:9093/alertmanager",
        "--web.route-prefix=/alertmanager",
        "--cluster.listen-address=",
      ],
      { stdio: ["ignore", "pipe", "pipe"] },
    );
    server = child;
    for (const stream of [child.stdout, child.stderr]) stream.on("data", (chunk: Buffer) => (said += chunk.toString()));
    await until("Alertmanager is ready", async () => {
      if (child.exitCode !== null) throw new Error(`Alertmanager ended:\n${said}`);
      return (await fetch(`${url}/-/ready`).catch(() => undefined))?.ok;
    });
  }

  after(async () => {
    if (server?.exitCode === null) {
      server.kill();
      await new Promise((ended) => server?.once("exit", ended));
    }
    await receivers?.close();
    smtp?.close();
    files?.remove();
  });

  const fire = async (labels: Readonly<Record<string, string>>, more: object = {}) => {
    const answer = await fetch(`${url}/api/v2/alerts`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify([{ labels, annotations, ...more }]),
    });
    expect(answer.status, await answer.text()).to.equal(200);
  };
  const posted = (path: string, words: string) =>
    until(`${words} at ${path}`, () =>
      Promise.resolve(
        got.find((delivered) => delivered.path.startsWith(path) && JSON.stringify(delivered.body).includes(words)),
      ),
    ).catch((error: unknown) => {
      throw new Error(`${error instanceof Error ? error.message : ""}\n${said.split("\n").slice(-8).join("\n")}`);
    });
  const mailed = (words: string) =>
    until(`a mail with ${words}`, () => Promise.resolve(mails.find(({ data }) => decoded(data).includes(words)))).catch(
      (error: unknown) => {
        throw new Error(`${error instanceof Error ? error.message : ""}\n${said.split("\n").slice(-8).join("\n")}`);
      },
    );
  const stateOf = async (alertname: string) => {
    const answer = await fetch(`${url}/api/v2/alerts?filter=${encodeURIComponent(`alertname="${alertname}"`)}`);
    const alerts = (await answer.json()) as readonly { readonly status: { readonly state: string } }[];
    return alerts.map(({ status }) => status.state);
  };

  it("brings a critical alert of the demo to Slack and to Telegram", async () => {
    await fire({ alertname: "KbotErrorRatioHigh", namespace: "demo", severity: "critical", pod: "kbot-1" });
    const { body: slack } = await posted("/slack", "KbotErrorRatioHigh");
    expect(slack).to.include({ channel: "#ops" });
    const [attachment] = (slack as { attachments: readonly Record<string, string>[] }).attachments;
    expect(attachment).to.include({ title: "[dev] CRITICAL: KbotErrorRatioHigh in demo", color: "danger" });
    expect(attachment?.["text"]).to.include('*kbot answers &lt;5% of "/start" &amp; friends*');
    expect(attachment?.["text"]).to.include("|Dashboard>").and.include("|Runbook>").and.include("|Silence>");
    expect(attachment?.["title_link"]).to.equal("http://localhost:9093/alertmanager/#/alerts?receiver=ops");

    const { path, body: telegram } = await posted("/bot", "KbotErrorRatioHigh");
    expect(path).to.equal("/bot4242:token/sendMessage");
    expect(telegram).to.include({ chat_id: "-1001234567890", message_thread_id: "7", parse_mode: "HTML" });
    const { text } = telegram as { text: string };
    expect(text).to.match(/^\[dev\] <b>CRITICAL: KbotErrorRatioHigh in demo<\/b>\n/);
    expect(text).to.include(
      "<b>kbot answers &lt;5% of &#34;/start&#34; &amp; friends</b>\nHalf of the messages failed.",
    );
  });

  it("brings it to PagerDuty, Teams and a webhook too", async () => {
    await fire({ alertname: "KbotErrorRatioHigh", namespace: "demo", severity: "critical", pod: "kbot-1" });
    const { body: page } = await posted("/v2/enqueue", "KbotErrorRatioHigh");
    expect(page).to.deep.include({ routing_key: "R0UT1NG", event_action: "trigger" });
    expect(page).to.have.nested.include({
      "payload.summary": "[dev] CRITICAL: KbotErrorRatioHigh in demo",
      "payload.severity": "critical",
      "payload.source": "dev",
      "payload.group": "demo",
      "links[0].href": annotations.dashboard_url,
      "links[1].href": annotations.runbook_url,
    });
    const { body: card } = await posted("/teams", "KbotErrorRatioHigh");
    const [title, text] = (card as { attachments: [{ content: { body: { text: string }[] } }] }).attachments[0].content
      .body;
    expect(title?.text).to.equal("[dev] CRITICAL: KbotErrorRatioHigh in demo");
    expect(text?.text).to.match(
      /^\*\*kbot answers <5% of "\/start" & friends\*\*\n\nHalf of the messages failed\.\n\nsince /,
    );
    expect(text?.text).to.include(`[Dashboard](${annotations.dashboard_url})`).and.include("[Silence](http");
    const { body: ticket, authorization } = await posted("/tickets", "KbotErrorRatioHigh");
    expect(authorization).to.equal("Bearer t0ken");
    expect(ticket).to.include({ version: "4", status: "firing", receiver: "tickets" });
  });

  it("brings other alerts to the mailbox, as the user that the settings name", async () => {
    await fire({ alertname: "NodeMemoryNearEviction", node: "dev-worker", severity: "warning" });
    const { to, user, password, data } = await mailed("NodeMemoryNearEviction");
    expect({ to, user, password }).to.deep.equal({ to: "TO:<team@example.com>", user: "alerts", password: "pa55" });
    const mail = decoded(data);
    expect(mail).to.match(/^Subject: \[dev\] WARNING: NodeMemoryNearEviction$/m);
    expect(mail).to.include("kbot answers &lt;5%").and.include('kbot answers <5% of "/start" & friends');
    expect(mail).to.include("Dashboard: http://localhost:3000/d/kbot?var-command=start");
  });

  it("tells when it is over", async () => {
    const labels = { alertname: "FluxControllerStalled", namespace: "flux-system", severity: "critical" };
    await fire(labels);
    await posted("/slack", "CRITICAL: FluxControllerStalled");
    await fire(labels, { endsAt: new Date().toISOString() });
    const { body } = await posted("/slack", "RESOLVED: FluxControllerStalled");
    expect(JSON.stringify(body)).to.include('"color":"good"').and.include("Over:");
  });

  it("reads a secret anew for each message", async () => {
    writeFileSync(join(files?.folder ?? "", "secrets", "ops-slack"), `${address}/slack-renewed`);
    await fire({ alertname: "LokiReceivesNothing", namespace: "monitoring", severity: "critical" });
    expect((await posted("/slack", "LokiReceivesNothing")).path).to.equal("/slack-renewed");
  });

  it("calls the dead man's switch again and again", async () => {
    await fire({ alertname: "Watchdog", severity: "none" });
    await until("two calls", () => Promise.resolve(got.filter(({ path }) => path === "/snitch").length >= 2));
  });

  describe("and what must be quiet", () => {
    let quietTests = 0;
    /** An alert that comes after the quiet ones to the same people: when it is there, they would be too. */
    const quiet = async (names: readonly string[]) => {
      quietTests += 1;
      const last = `Last${quietTests}`;
      for (const name of names) {
        await until(`${name} is suppressed`, async () => (await stateOf(name)).join() === "suppressed");
      }
      await fire({ alertname: last, severity: "warning" });
      await mailed(last);
      const everything = JSON.stringify([got, mails.map(({ data }) => decoded(data))]);
      for (const name of names) expect(everything).to.not.include(name);
    };

    it("is what a declared silence names, and not the rest", async () => {
      await fire({ alertname: "DeclaredSilence", severity: "none", silence: "move" });
      await fire({ alertname: "WebIsSlow", severity: "warning", team: "web" });
      await fire({ alertname: "ShopIsSlow", severity: "warning", team: "shop" });
      await quiet(["WebIsSlow"]);
      await mailed("ShopIsSlow");
      expect(JSON.stringify(got)).to.not.include("DeclaredSilence");
    });

    it("is the milder alert of the same object", async () => {
      const disk = { alertname: "KubePersistentVolumeFillingUp", namespace: "monitoring" };
      await fire({ ...disk, persistentvolumeclaim: "loki", severity: "critical" });
      await posted("/slack", "KubePersistentVolumeFillingUp");
      await fire({ ...disk, persistentvolumeclaim: "loki", severity: "warning" });
      await fire({ ...disk, persistentvolumeclaim: "grafana", severity: "warning" });
      // The same name on another object comes; grouped by name and namespace, it would bring the inhibited one along.
      const mail = decoded((await mailed("KubePersistentVolumeFillingUp")).data);
      expect(mail).to.include("persistentvolumeclaim=grafana").and.not.include("persistentvolumeclaim=loki");
      expect((await stateOf(disk.alertname)).sort()).to.deep.equal(["active", "active", "suppressed"]);
    });

    it("is what happens on a node that is down, with the node in a label or not", async () => {
      await fire({ alertname: "KubeNodeNotReady", node: "dev-worker2", severity: "warning" });
      await mailed("KubeNodeNotReady");
      const pod = { namespace: "shop", pod: "cart-1" };
      await fire({ alertname: "PodOnNodeDown", severity: "none", node: "dev-worker2", ...pod });
      await fire({ alertname: "NodeDiskIOSaturation", node: "dev-worker2", severity: "warning" });
      await fire({ alertname: "KubePodNotReady", severity: "warning", ...pod });
      await quiet(["NodeDiskIOSaturation", "KubePodNotReady"]);
    });
  });
});
