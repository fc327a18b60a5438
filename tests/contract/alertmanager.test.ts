import { expect } from "chai";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { parse, stringify } from "yaml";
import { alertmanagerValues } from "../../components/alerts/alertmanager/component.ts";
import { alertmanagerConfig, inhibitorRules } from "../../components/alerts/alertmanager/config.ts";
import { silenceEnd } from "../../components/alerts/alertmanager/check.ts";
import { parseSettings } from "../../settings/parse.ts";
import { prometheusOperator } from "../../contract/crds.ts";
import { programSaid } from "../../contract/said.ts";
import { moduleDir } from "../../toolchain/obtain.ts";
import { programOrSkip } from "../support/program.ts";
import { type AlertingInput, alertingOf, alertmanagerTexts, everybody, inDays } from "./support/alertmanager.ts";
import { readRuleFiles, rulesOf, shipped } from "./support/content.ts";
import { promtool } from "./support/promtool.ts";

/** One alert as the templates see it. */
function alert(name: string, more: { readonly severity?: string; readonly status?: string } = {}) {
  return {
    status: more.status ?? "firing",
    labels: { alertname: name, namespace: "demo", severity: more.severity ?? "critical", pod: "kbot-7d+1" },
    annotations: {
      summary: 'kbot answers <5% of "/start" & friends',
      description: "Half of the messages failed in the last 5 minutes.",
      dashboard_url: "http://localhost:3000/d/kbot?var-command=a b&x=1",
      runbook_url: "https://github.com/acme/fleet/blob/main/docs/runbooks/KbotErrorRatioHigh.md",
    },
    startsAt: "2026-01-02T03:04:05+02:00",
    endsAt: "0001-01-01T00:00:00Z",
    generatorURL: "http://prometheus/graph",
    fingerprint: name,
  };
}

/** The data of a message. */
function message(alerts: readonly ReturnType<typeof alert>[], commonLabels: Readonly<Record<string, string>>) {
  const [first] = alerts;
  return {
    receiver: "ops",
    status: alerts.some(({ status }) => status === "firing") ? "firing" : "resolved",
    alerts,
    groupLabels: {},
    commonLabels,
    commonAnnotations: first?.annotations ?? {},
    externalURL: "http://localhost:9093/alertmanager",
  };
}

describe("Alertmanager's files, by amtool", () => {
  let amtool: string;
  before(async function () {
    amtool = await programOrSkip(this, "amtool");
  });

  type Texts = ReturnType<typeof alertmanagerTexts>;
  const run = (files: Texts, ...args: readonly string[]) => {
    const { status, stdout, stderr } = programSaid(amtool, { files, args });
    return { status, said: stdout + stderr };
  };
  const check = (files: Texts) => run(files, "check-config", "alertmanager.yaml");

  for (const [what, alerting] of [
    ["nobody to tell", {}],
    ["a receiver of each kind", everybody],
    ["several of each kind", { ...everybody, receivers: several() }],
    ["no inhibition, a silence of one alert", { inhibition: false, silences: everybody.silences ?? [] }],
    ["a route with all that it can say", { ...everybody, routes: [wholeRoute()] }],
  ] satisfies [string, AlertingInput][]) {
    it(`are right with ${what}`, () => {
      const { status, said } = check(alertmanagerTexts(alerting));
      expect(status, said).to.equal(0);
      expect(said).to.include("SUCCESS").and.include("1 templates");
    });
  }

  it("are refused when a receiver is missing: the check can fail", () => {
    const files = alertmanagerTexts(everybody, (config) => ({ ...config, receivers: config.receivers.slice(0, 1) }));
    expect(check(files)).to.have.property("status").that.is.not.equal(0);
  });

  describe("routes", () => {
    const files = alertmanagerTexts(everybody);
    const route = JSON.stringify((parse(files["alertmanager.yaml"] ?? "") as { route: unknown }).route);
    const asked = new Map<string, string>();
    const ask = (of: Texts, labels: Readonly<Record<string, string>>): string => {
      const words = Object.entries(labels).map(([name, value]) => `${name}=${value}`);
      const { status, said } = run(of, "config", "routes", "test", "--config.file=alertmanager.yaml", ...words);
      expect(status, said).to.equal(0);
      return said.trim();
    };
    /** Where an alert goes. Of those that the routes cannot tell apart, because they have the name of none, amtool is asked of one. */
    const routed = (labels: Readonly<Record<string, string>>): string => {
      expect(route, "alerts are named whole").not.to.match(/alertname *(=~|!=|!~)/);
      const { alertname = "", ...others } = labels;
      const key = JSON.stringify([others, route.includes(alertname) ? alertname : ""]);
      const answer = asked.get(key) ?? ask(files, labels);
      asked.set(key, answer);
      return answer;
    };
    /** What the settings say in words: critical to Slack, else the demo to Telegram, else e-mail. */
    const receiver = (severity: string, namespace: string) =>
      severity === "critical" ? "ops" : namespace === "demo" ? "chat" : "mail";

    it("take each alert of ours to the receiver that the settings say", () => {
      const rules = readRuleFiles().flatMap(rulesOf);
      const alerts = rules.flatMap(({ alert: name, labels }) => (name === undefined ? [] : [{ name, labels }]));
      expect(alerts.length).to.be.greaterThan(30);
      for (const { name, labels = {} } of alerts) {
        const { namespace: own = "{{" } = labels;
        // One that is filled in can be any.
        for (const namespace of own.includes("{{") ? ["demo", "monitoring"] : [own]) {
          const severity = labels["severity"] ?? "";
          const got = routed({ ...labels, alertname: name, namespace });
          expect(got, `${name}, ${severity}, in ${namespace}`).to.equal(receiver(severity, namespace));
        }
      }
    });

    it("take each alert of kube-prometheus-stack there, and those for machines to nobody", () => {
      const forMachines = ["Watchdog", "InfoInhibitor"];
      const severities = ["critical", "warning", "info"] as const;
      expect(shipped.alerts).to.include.members(forMachines);
      for (const [index, name] of shipped.alerts.filter((one) => !forMachines.includes(one)).entries()) {
        const severity = severities[index % 3] ?? "info";
        const got = routed({ alertname: name, severity, namespace: "kube-system" });
        expect(got, `${name}, ${severity}`).to.equal(receiver(severity, "kube-system"));
      }
      expect(routed({ alertname: "Watchdog", severity: "none" })).to.equal("dead-mans-switch");
      for (const name of ["InfoInhibitor", ...inhibitorRules(alertingOf(everybody)).map((rule) => rule.alert)]) {
        expect(routed({ alertname: name, severity: "none", namespace: "demo" }), name).to.equal("null");
      }
    });

    it("tell nobody when the settings name nobody", () => {
      expect(ask(alertmanagerTexts({}), { alertname: "KubeNodeNotReady", severity: "critical" })).to.equal("null");
    });
  });

  describe("messages", () => {
    const files = alertmanagerTexts(everybody);
    const common = { alertname: "KbotErrorRatioHigh", namespace: "demo", severity: "critical", pod: "kbot-7d+1" };
    const silence = `http://localhost:9093/alertmanager/#/silences/new?filter=%7Balertname%3D%22KbotErrorRatioHigh%22%2Cnamespace%3D%22demo%22%2Cpod%3D%22kbot-7d%2B1%22%2Cseverity%3D%22critical%22%7D`;

    // html/template writes the same escape in small letters.
    const silenceInHtml = `<a href="${silence.replace("%2B", "%2b")}">Silence</a>`;

    const render = (template: string, type: "text" | "html", data: object): string => {
      const text = `{{ template "observability.${template}" . }}`;
      const options = ["--template.glob=*.tmpl", `--template.type=${type}`, `--template.text=${text}`];
      const given = { ...files, "data.json": JSON.stringify(data) };
      const { status, said } = run(given, "template", "render", ...options, "--template.data=data.json");
      expect(status, said).to.equal(0);
      return said;
    };

    it("have a title that says how bad, what and where", () => {
      const one = message([alert("KbotErrorRatioHigh")], common);
      expect(render("title", "text", one).trim()).to.equal("CRITICAL: KbotErrorRatioHigh in demo");
      const mixed = [alert("A", { severity: "info" }), alert("B"), alert("C", { status: "resolved" })];
      expect(render("title", "text", message(mixed, {})).trim()).to.equal(
        "CRITICAL: several alerts (2 firing, 1 resolved)",
      );
      const over = [alert("A", { status: "resolved" }), alert("A", { status: "resolved" })];
      expect(render("title", "text", message(over, common)).trim()).to.equal(
        "RESOLVED: KbotErrorRatioHigh in demo (2 resolved)",
      );
    });

    it("say in Slack what happened, since when, and where to look, with Slack's characters escaped", () => {
      const said = render("slack.text", "text", message([alert("KbotErrorRatioHigh")], common));
      expect(said).to.include('*kbot answers &lt;5% of "/start" &amp; friends*');
      expect(said).to.include("Half of the messages failed").and.include("since 2026-01-02 01:04 UTC");
      expect(said).to.include("<http://localhost:3000/d/kbot?var-command=a%20b&amp;x=1|Dashboard>");
      expect(said).to.include("KbotErrorRatioHigh.md|Runbook>");
      expect(said).to.include(`<${silence}|Silence>`).and.include("#/alerts?receiver=ops|Alertmanager>");
    });

    it("escape HTML in Telegram, links included", () => {
      const said = render("telegram", "html", message([alert("KbotErrorRatioHigh")], common));
      expect(said).to.include("<b>CRITICAL: KbotErrorRatioHigh in demo</b>");
      expect(said).to.include("<b>kbot answers &lt;5% of &#34;/start&#34; &amp; friends</b>");
      expect(said).to.include('<a href="http://localhost:3000/d/kbot?var-command=a%20b&amp;x=1">Dashboard</a>');
      expect(said).to.include('KbotErrorRatioHigh.md">Runbook</a>').and.include(silenceInHtml);
      // What Telegram's parser knows (core.telegram.org/bots/api#html-style); anything else is refused as a whole.
      const tags = [...said.matchAll(/<\/?([a-z0-9]+)/g)].map(([, tag]) => tag);
      expect([...new Set(tags)].sort()).to.deep.equal(["a", "b"]);
    });

    it("stay below Telegram's 4096 characters with many long alerts", () => {
      const long = { ...alert("KbotErrorRatioHigh") };
      const annotations = { ...long.annotations, summary: "s".repeat(900), description: "d".repeat(3000) };
      const alerts = Array.from({ length: 40 }, (_, index) => ({
        ...long,
        annotations,
        status: index < 20 ? "firing" : "resolved",
      }));
      const said = render("telegram", "html", message(alerts, common));
      expect(said.length).to.be.within(1000, 4096);
      expect(said).to.include("the first 3 of 20");
      expect(render("slack.text", "text", message(alerts, common))).to.include("the first 8 of 20");
    });

    it("are whole in an e-mail, as HTML and as text", () => {
      const data = message([alert("KbotErrorRatioHigh"), alert("KbotErrorRatioHigh", { status: "resolved" })], common);
      const html = render("email.html", "html", data);
      expect(html).to.include("<h1").and.include("CRITICAL: KbotErrorRatioHigh in demo (1 firing, 1 resolved)");
      expect(html).to.include("kbot answers &lt;5%").and.include(silenceInHtml);
      expect(html).to.include('<a href="http://localhost:3000/d/kbot?var-command=a%20b&amp;x=1">Dashboard</a>');
      const text = render("email.text", "text", data);
      expect(text).to.include('kbot answers <5% of "/start" & friends').and.include(`Silence: ${silence}`);
      expect(text).to.include("Labels: alertname=KbotErrorRatioHigh").and.include("Over:");
    });

    it("show a path in Grafana as a path: a link to it would lead nowhere", () => {
      const path = alert("KbotErrorRatioHigh");
      const annotations = { ...path.annotations, dashboard_url: "/d/kbot", runbook_url: "docs/runbooks/A.md" };
      const data = message([{ ...path, annotations }], common);
      for (const [template, type] of [
        ["slack.text", "text"],
        ["telegram", "html"],
        ["email.html", "html"],
        ["msteams.text", "text"],
      ] as const) {
        const said = render(template, type, data);
        expect(said, template).to.include("Dashboard in Grafana: /d/kbot").and.include("Runbook: docs/runbooks/A.md");
        expect(said, template).to.not.match(/href="(\/d|docs)|<(\/d|docs)|\]\((\/d|docs)/);
      }
    });

    it("give no link to silence what is over", () => {
      const data = message([alert("KbotErrorRatioHigh", { status: "resolved" })], common);
      for (const template of ["slack.text", "email.text", "msteams.text"]) {
        const said = render(template, "text", data);
        expect(said, template).to.not.include("silences/new");
        expect(said, template).to.include("Over:");
      }
    });
  });
});

describe("Alertmanager's file, by the operator that reads it first", () => {
  let source: string;
  before(async function () {
    try {
      source = readFileSync(
        join(await moduleDir(prometheusOperator.module, prometheusOperator.version), "pkg/alertmanager/types.go"),
        "utf8",
      );
    } catch (error) {
      console.warn(`Skipped, the operator's source cannot be had: ${error instanceof Error ? error.message : ""}`);
      this.skip();
    }
  });

  /** YAML keys of one of its types: it knows fewer than Alertmanager, and refuses the whole file for one that is not there. */
  const keysOf = (type: string): string[] => {
    const body = new RegExp(`^type ${type} struct \\{(.*?)^\\}`, "ms").exec(source)?.[1];
    if (body === undefined) throw new Error(`types.go has no ${type}`);
    return [...body.matchAll(/yaml:"(\w+)/g)].map(([, key]) => key ?? "");
  };
  const check = (type: string, objects: readonly object[] | undefined) => {
    expect(objects, type).to.have.length.greaterThan(0);
    for (const object of objects ?? []) expect(keysOf(type), type).to.include.members(Object.keys(object));
  };

  it("has only keys that the operator knows", () => {
    const config = alertmanagerConfig(alertingOf({ ...everybody, routes: [wholeRoute()] }), "dev");
    check("alertmanagerConfig", [config]);
    check("route", [config.route, ...config.route.routes]);
    check("inhibitRule", config.inhibit_rules);
    check("receiver", config.receivers);
    check(
      "slackConfig",
      config.receivers.flatMap((one) => one.slack_configs ?? []),
    );
    check(
      "emailConfig",
      config.receivers.flatMap((one) => one.email_configs ?? []),
    );
    check(
      "telegramConfig",
      config.receivers.flatMap((one) => one.telegram_configs ?? []),
    );
    check(
      "webhookConfig",
      config.receivers.flatMap((one) => one.webhook_configs ?? []),
    );
    const pages = config.receivers.flatMap((one) => one.pagerduty_configs ?? []);
    check("pagerdutyConfig", pages);
    check(
      "pagerdutyLink",
      pages.flatMap(({ links }) => links),
    );
    check(
      "msTeamsV2Config",
      config.receivers.flatMap((one) => one.msteamsv2_configs ?? []),
    );
  });
});

describe("Secrets of the receivers", () => {
  const valuesOf = (input: AlertingInput) => {
    const { alertmanager } = parseSettings({}, { file: "test", secrets: [] });
    return alertmanagerValues({ alertmanager, alerting: alertingOf(input) }, "dev", "http://localhost", ["demo"])
      .alertmanager;
  };

  it("are only named by their files, which are mounted where one is used", () => {
    const { config, alertmanagerSpec } = valuesOf(everybody);
    const text = stringify(config);
    for (const [key, secret] of [
      ["api_url_file", "ops-slack"],
      ["auth_password_file", "smtp"],
      ["bot_token_file", "bot"],
      ["url_file", "snitch"],
      ["routing_key_file", "pager"],
      ["webhook_url_file", "teams"],
      ["url_file", "tickets"],
      ["credentials_file", "tickets-token"],
    ]) {
      expect(text).to.include(`${key}: /etc/alertmanager/secrets/alertmanager-receivers/${secret}\n`);
    }
    expect(alertmanagerSpec.secrets).to.deep.equal(["alertmanager-receivers"]);
    expect(valuesOf({}).alertmanagerSpec).to.not.have.property("secrets");
  });
});

describe("Rules that inhibit, by promtool", () => {
  let program: string;
  before(async function () {
    program = await programOrSkip(this, "promtool");
  });

  const test = (rules: readonly object[], tests: readonly object[], interval: string) => {
    const files = {
      "rules.yaml": { groups: [{ name: "inhibitors", rules }] },
      "test.yaml": { rule_files: ["rules.yaml"], evaluation_interval: interval, tests },
    };
    return promtool(program, files, ["test", "rules", "test.yaml"]);
  };

  it("let a silence fire until its last day is over, and then no more", () => {
    const silence = { name: "s", matchers: ['a="{{ b }}"'], comment: "50 % {{ off }}", until: inDays(3) };
    const alerting = alertingOf({ inhibition: false, silences: [silence] });
    const [only] = alerting.silences;
    if (only === undefined) throw new Error("the silence is gone");
    const end = silenceEnd(only).getTime() / 86_400_000;
    const fires = {
      exp_labels: { severity: "none", silence: "s" },
      exp_annotations: {
        summary: "Alerts are silenced",
        description: `Until ${silence.until}: 50 % {{ off }}. Declared in the settings (alerting.silences) for a="{{ b }}".`,
      },
    };
    // One evaluation on the way: promtool starts in 1970.
    for (const [day, expected] of [
      [end - 1, [fires]],
      [end, []],
    ] as const) {
      const asked = { eval_time: `${day}d`, alertname: "DeclaredSilence", exp_alerts: expected };
      const { status, said } = test(inhibitorRules(alerting), [{ alert_rule_test: [asked] }], `${day}d`);
      expect(status, said).to.equal(0);
    }
  });

  it("tell the pods of a node only when somebody is told about the node", () => {
    const series = (name: string, values: string) => ({ series: name, values });
    const pod = (name: string, node: string) =>
      series(`kube_pod_info{job="kube-state-metrics", namespace="demo", pod="${name}", node="${node}"}`, "1x20");
    const firing = 'ALERTS{alertname="KubeNodeNotReady", alertstate="firing", node="a", severity="warning"}';
    const pending = 'ALERTS{alertname="KubeNodeNotReady", alertstate="pending", node="b", severity="warning"}';
    const { status, said } = test(
      inhibitorRules(alertingOf({})),
      [
        {
          interval: "1m",
          input_series: [pod("p", "a"), pod("q", "b"), series(firing, "_x9 1x10"), series(pending, "1x20")],
          alert_rule_test: [
            { eval_time: "5m", alertname: "PodOnNodeDown", exp_alerts: [] },
            {
              eval_time: "15m",
              alertname: "PodOnNodeDown",
              exp_alerts: [
                {
                  exp_labels: { severity: "none", namespace: "demo", pod: "p", node: "a" },
                  exp_annotations: {
                    summary: "Pod is on a node that is down",
                    description: "p is on a. Alerts about this pod are inhibited: the one about its node says it all.",
                  },
                },
              ],
            },
          ],
        },
      ],
      "1m",
    );
    expect(status, said).to.equal(0);
  });
});

function several() {
  const { slack = [], email = [], telegram = [] } = everybody.receivers ?? {};
  return {
    slack: [...slack, { name: "ops2", channel: "@me", secret: "ops-slack" }],
    email: [
      ...email,
      { name: "mail2", to: "a@b.c, d@e.f", from: "g@h.i", smarthost: "127.0.0.1:25", requireTls: false },
    ],
    telegram: [...telegram, { name: "chat2", chatId: 42, secret: "bot2" }],
  };
}

function wholeRoute() {
  return {
    receiver: "ops",
    severity: ["critical" as const, "warning" as const],
    namespaces: ["demo", "monitoring"],
    matchers: ['team=~"web|(?:a\\\\.b)"', 'x!=""'],
    groupBy: ["..."],
    groupWait: "10s",
    groupInterval: "1m",
    repeatInterval: "12h",
    muteTimeIntervals: ["night"],
    activeTimeIntervals: ["night"],
    continue: true,
  };
}
