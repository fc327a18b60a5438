import { readFileSync } from "node:fs";
import { expect } from "chai";
import { parse as parseYaml } from "yaml";
import { alertingWarnings, silenceEnd, usedAlertingSecrets } from "../../../components/alerts/alertmanager/check.ts";
import { parseSettings, SettingsError } from "../../../settings/parse.ts";
import type { SettingsInput } from "../../../settings/schema.ts";
import { alertmanagerTimes } from "../../../settings/time-intervals.ts";

type Alerting = NonNullable<SettingsInput["alerting"]>;
const now = new Date("2026-03-01T12:00:00Z");
const allSecrets = ["ops-slack", "smtp", "bot", "snitch"];
const parse = (alerting: unknown, alertingSecrets: readonly string[] | null = allSecrets) =>
  parseSettings(
    { alerting },
    {
      file: "Pulumi.dev.yaml",
      secrets: ["telegramToken"],
      now,
      ...(alertingSecrets === null ? {} : { members: { alertingSecrets } }),
    },
  ).alerting;

function refusal(alerting: unknown, secrets?: readonly string[]): string {
  try {
    parse(alerting, secrets);
  } catch (error) {
    expect(error).to.be.instanceOf(SettingsError);
    return (error as SettingsError).message;
  }
  throw new Error(`${JSON.stringify(alerting)} was accepted`);
}

const slack = { name: "ops", channel: "#ops", secret: "ops-slack" };
const receivers: Alerting["receivers"] = {
  slack: [slack],
  email: [{ name: "mail", to: "a@example.com", from: "b@example.com", smarthost: "smtp.example.com:587" }],
  telegram: [{ name: "chat", chatId: -1001234567890, secret: "bot" }],
};
const silence = { name: "move", matchers: ['namespace="demo"'], comment: "moves house", until: "2026-03-10" };

describe("settings of alerting", () => {
  it("tell nobody and group by name and namespace without a word in the stack file", () => {
    const alerting = parse({});
    expect(alerting.defaultReceiver).to.equal(undefined);
    expect(alerting.groupBy).to.deep.equal(["alertname", "namespace"]);
    expect(alerting.inhibition).to.equal(true);
    expect(usedAlertingSecrets(alerting)).to.deep.equal([]);
  });

  it("take receivers, routes, times, a dead man's switch and silences", () => {
    const alerting = parse({
      receivers,
      defaultReceiver: "mail",
      routes: [{ receiver: "ops", severity: ["critical"], muteTimeIntervals: ["night"] }],
      timeIntervals: [
        { name: "night", when: [{ times: [{ start: "00:00", end: "07:00" }], location: "Europe/Kyiv" }] },
      ],
      deadMansSwitch: { secret: "snitch" },
      silences: [silence],
    });
    expect(usedAlertingSecrets(alerting)).to.deep.equal(["bot", "ops-slack", "snitch"]);
  });

  for (const [what, alerting, words] of [
    [
      "a route to an unknown receiver",
      { receivers, routes: [{ receiver: "opps", severity: ["critical"] }] },
      ["alerting.routes.0.receiver", "Did you mean ops?"],
    ],
    ["a default receiver that is not there", { defaultReceiver: "ops" }, ["There is no receiver yet"]],
    [
      "two receivers of one name",
      { receivers: { slack: [slack], telegram: [{ name: "ops", chatId: 1, secret: "bot" }] } },
      ["alerting.receivers.telegram.0.name", "alerting.receivers.slack.0.name"],
    ],
    ["a name that is taken", { receivers: { slack: [{ ...slack, name: "null" }] } }, ["is null, which is taken"]],
    [
      "a receiver whose secret is not set",
      { receivers: { slack: [{ ...slack, secret: "other" }] } },
      [
        "alerting.receivers.slack.0.secret",
        "npm run pulumi -- <stack> config set --secret --path alertingSecrets.other",
      ],
    ],
    [
      "a user without a password",
      { receivers: { email: [{ ...receivers.email?.[0], username: "u" }] } },
      ["alerting.receivers.email.0.secret", "Set both, or neither"],
    ],
    [
      "a password without a user",
      { receivers: { email: [{ ...receivers.email?.[0], secret: "smtp" }] } },
      ["alerting.receivers.email.0.username"],
    ],
    ["a mail server without a port", { receivers: { email: [{ smarthost: "smtp" }] } }, ["must be host:port"]],
    ["a route that takes everything", { receivers, routes: [{ receiver: "ops" }] }, ["has no condition"]],
    [
      "an unknown time interval",
      { receivers, routes: [{ receiver: "ops", severity: ["info"], muteTimeIntervals: ["nights"] }] },
      ["alerting.routes.0.muteTimeIntervals.0", "There is no time interval yet"],
    ],
    [
      "a matcher without quotes",
      { silences: [{ ...silence, matchers: ["namespace=demo"] }] },
      ["alerting.silences.0.matchers.0", 'namespace="demo"'],
    ],
    [
      "a matcher with a broken expression",
      { silences: [{ ...silence, matchers: ['pod=~"(a"'] }] },
      ["regular expression"],
    ],
    ["a silence of everything", { silences: [{ ...silence, matchers: ['pod=~".*"', 'a!="b"'] }] }, ["fit every alert"]],
    ["a silence without an end", { silences: [{ ...silence, until: undefined }] }, ["alerting.silences.0.until"]],
    ["a silence that ends on no day", { silences: [{ ...silence, until: "2026-02-30" }] }, ["no calendar"]],
    [
      "a silence longer than 90 days",
      { silences: [{ ...silence, until: "2026-05-31" }] },
      ["91 days away", "90 at most"],
    ],
    ["two silences of one name", { silences: [silence, silence] }, ["alerting.silences.1.name"]],
    [
      "a day that is none",
      { timeIntervals: [{ name: "a", when: [{ weekdays: ["mon:fri"] }] }] },
      ["must be a day of the week or a range such as monday:friday"],
    ],
    ["a place that is none", { timeIntervals: [{ name: "a", when: [{ location: "Mars/Base" }] }] }, ["time zone"]],
    [
      "a misspelt key in a list",
      { receivers: { slack: [{ ...slack, chanel: "#x" }] } },
      ["Did you mean alerting.receivers.slack.0.channel?"],
    ],
  ] as const) {
    it(`refuse ${what}, and say what to do`, () => {
      const message = refusal(alerting);
      for (const word of words) expect(message).to.include(word);
    });
  }

  for (const [what, when] of [
    ["no time at all", {}],
    ["only a place", { location: "UTC" }],
    [
      "a whole day, every day",
      {
        times: [
          { start: "00:00", end: "12:00" },
          { start: "12:00", end: "24:00" },
        ],
      },
    ],
    [
      "a day and its night",
      {
        times: [
          { start: "08:00", end: "07:00" },
          { start: "06:00", end: "09:00" },
        ],
      },
    ],
    ["every day of the week", { weekdays: ["sunday:saturday"] }],
    ["every day of the month", { daysOfMonth: ["1:-1"] }],
    ["equal times", { times: [{ start: "08:00", end: "08:00" }] }],
    ["a night with days of the month", { times: [{ start: "22:00", end: "06:00" }], daysOfMonth: ["1"] }],
    ["an empty list", { times: [] }],
    ["a day that is none", { weekdays: ["mon:fri"] }],
    ["days that go backwards", { weekdays: ["friday:monday"] }],
    ["day 0", { daysOfMonth: ["0:5"] }],
    ["day 32", { daysOfMonth: ["32"] }],
    ["days of the month that go backwards", { daysOfMonth: ["10:5"] }],
    ["days from the end to the start", { daysOfMonth: ["-3:5"] }],
    ["days that a short month has not", { daysOfMonth: ["30:-1"] }],
    ["a month of another language", { months: ["juli"] }],
    ["month 13", { months: ["13"] }],
    ["months that go backwards", { months: ["december:january"] }],
    ["years that go backwards", { years: ["2027:2026"] }],
    ["a place in small letters", { weekdays: ["monday"], location: "europe/kyiv" }],
    ["UTC in small letters", { weekdays: ["monday"], location: "utc" }],
    ["an offset as a place", { weekdays: ["monday"], location: "+02:00" }],
  ] as const) {
    it(`refuse ${what} in a time interval`, () => {
      expect(refusal({ timeIntervals: [{ name: "a", when: [when] }] })).to.include("alerting.timeIntervals.0.when.0");
    });
  }

  it("suggest the time zone that is meant", () => {
    const said = (location: string) =>
      refusal({ timeIntervals: [{ name: "a", when: [{ location, years: ["2026"] }] }] });
    expect(said("europe/kyiv")).to.include("Did you mean Europe/Kyiv?");
    expect(said("Europe/Berln")).to.include("Did you mean Europe/Berlin?");
  });

  it("write a night as an evening and a morning, which is on the next day of the week", () => {
    const night = { times: [{ start: "22:00", end: "06:00" }] };
    const written = (when: object) =>
      parse({ timeIntervals: [{ name: "a", when: [when] }] }).timeIntervals.flatMap((one) =>
        one.when.flatMap(alertmanagerTimes),
      );
    const evening = { start: "22:00", end: "24:00" };
    const morning = { start: "00:00", end: "06:00" };
    expect(written(night)).to.deep.equal([{ times: [evening, morning] }]);
    expect(written({ ...night, weekdays: ["friday:saturday"], location: "Europe/Kyiv" })).to.deep.equal([
      { times: [evening], weekdays: ["friday:saturday"], location: "Europe/Kyiv" },
      { times: [morning], weekdays: ["sunday", "saturday"], location: "Europe/Kyiv" },
    ]);
    const untilMidnight = { times: [{ start: "22:00", end: "00:00" }], weekdays: ["monday"] };
    expect(written(untilMidnight)).to.deep.equal([{ times: [evening], weekdays: ["monday"] }]);
  });

  it("read expressions as RE2 does", () => {
    const silenced = (matcher: string) => ({ silences: [{ ...silence, matchers: ['a="b"', matcher] }] });
    for (const good of [
      'alertname=~"(?i)kube.*"',
      'pod=~"(?P<n>a)b"',
      'pod=~"a\\\\.b"',
      'pod=~"a\\.b"',
      'pod!~"\\\\pL+"',
    ]) {
      expect(parse(silenced(good)).silences, good).to.have.length(1);
    }
    for (const bad of ['pod=~"(?!a)b"', 'pod=~"(a)\\\\1"', 'pod=~"(?<=a)b"', 'pod=~"a{2000}"', 'pod=~"["']) {
      expect(refusal(silenced(bad)), bad).to.include("regular expression");
    }
    expect(refusal({ silences: [{ ...silence, matchers: ['alertname=~"(?i).*"'] }] })).to.include("fit every alert");
  });

  it("refuse labels to group by that are named twice, or beside all", () => {
    expect(refusal({ groupBy: ["pod", "pod"] })).to.include("names a label twice");
    expect(refusal({ groupBy: ["...", "pod"] })).to.include("beside other labels");
  });

  it("take a silence of exactly 90 days", () => {
    expect(parse({ silences: [{ ...silence, until: "2026-05-30" }] }).silences).to.have.length(1);
  });

  it("do not look for secrets where they are not known", () => {
    expect(parse({ receivers }, null).receivers.slack).to.have.length(1);
    expect(refusal({ receivers }, [])).to.include("alertingSecrets lacks");
  });

  it("read a date as Pulumi's CLI rewrites it", () => {
    const [read] = parse({ silences: [{ ...silence, until: "2026-03-10 00:00:00 +0000 UTC" }] }).silences;
    expect(read?.until).to.equal("2026-03-10");
  });

  it("end a silence when its last day is over, and say so afterwards", () => {
    const alerting = parse({ silences: [silence] });
    const [only] = alerting.silences;
    if (only === undefined) throw new Error("the silence is gone");
    expect(silenceEnd(only).toISOString()).to.equal("2026-03-11T00:00:00.000Z");
    expect(alertingWarnings(alerting, new Date("2026-03-10T23:59:59Z"))).to.deep.equal([]);
    const [warning] = alertingWarnings(alerting, new Date("2026-03-11T00:00:00Z"));
    expect(warning?.path).to.equal("alerting.silences.0");
    expect(warning?.message).to.include("ended on 2026-03-10");
  });

  it("accept the example of docs/alerts.md", () => {
    const page = readFileSync(new URL("../../../docs/alerts.md", import.meta.url), "utf8");
    const example = /```yaml\n(config:\n  observability:alerting:.*?)```/s.exec(page)?.[1] ?? "";
    const { config } = parseYaml(example) as { config: Record<string, Alerting> };
    const [group] = Object.values(config);
    const [until = ""] = (group?.silences ?? []).map((one) => one.until);
    const source = { file: "docs/alerts.md", secrets: ["telegramToken"] as const, now: new Date(until) };
    const { alerting } = parseSettings({ alerting: group }, source);
    const used = usedAlertingSecrets(alerting);
    expect(used).to.have.lengthOf(8);
    expect(page).to.include(`alertingSecrets.${alerting.receivers.slack[0]?.secret ?? ""}`);
  });

  it("refuse secrets in clear, with the command to run", () => {
    const inClear = (value: unknown) => {
      try {
        parseSettings({ alertingSecrets: value }, { file: "Pulumi.dev.yaml", secrets: ["telegramToken"] });
      } catch (error) {
        return (error as SettingsError).message;
      }
      throw new Error("it was accepted");
    };
    expect(inClear({ smtp: "pa55" })).to.include(
      "npm run pulumi -- <stack> config set --secret --path alertingSecrets.smtp",
    );
    expect(inClear({ smtp: "pa55" })).to.not.include("pa55");
    expect(inClear("pa55")).to.include("alertingSecrets.<name>");
  });
});
