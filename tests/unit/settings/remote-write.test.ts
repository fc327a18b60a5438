import { expect } from "chai";
import { parseSettings } from "../../../settings/parse.ts";

const years = { name: "years", url: "https://mimir.example.com/api/v1/push" };

function findings(remoteWrite: readonly object[], others: object = {}): string {
  try {
    parseSettings(
      { remoteWrite, ...others },
      { file: "Pulumi.dev.yaml", secrets: [], members: { remoteWriteSecrets: ["mimir"] } },
    );
    return "";
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

describe("servers that are sent samples", () => {
  it("are taken with a user, a token, a tenant, headers, filters, rules and a queue", () => {
    const cloud = { name: "cloud", url: "https://a.example.com/write?db=a&u=b", secret: "mimir" };
    const inside = { name: "inside", url: "http://prometheus.other.svc:9090/api/v1/write", user: "a", secret: "mimir" };
    const rules = [
      { sourceLabels: ["a", "b"], separator: "-", regex: "(.+)-(.+)", targetLabel: "c", replacement: "$2:${1}" },
      { sourceLabels: ["a"], regex: "x|y", action: "keep" },
      { sourceLabels: ["a"], targetLabel: "shard", modulus: 4, action: "hashmod" },
      { regex: "meta_(.+)", replacement: "$1", action: "labelmap" },
      { sourceLabels: ["a"], targetLabel: "b", action: "dropequal" },
      { sourceLabels: ["a"], targetLabel: "a", action: "lowercase" },
    ];
    const filters = { keepMetrics: ["node_.*", "up"], dropMetrics: ["node_arp_.{2}"], dropLabels: ["(pod_)?uid"] };
    const queue = { maxShards: 1, capacity: 2000, sampleAgeLimit: "30m" };
    const full = { tenant: "platform", headers: { "X-Team": "a b" }, relabelings: rules, queue, ...filters };
    expect(findings([{ ...years, ...full }, cloud, inside])).to.equal("");
  });

  for (const [what, targets, words] of [
    ["one name twice", [years, years], "remoteWrite.1.name: is years, as is remoteWrite.0.name."],
    ["a user without a password", [{ ...years, user: "u" }], "remoteWrite.0.secret: is missing: there is a user"],
    [
      "a secret that is not set",
      [{ ...years, secret: "mimirr" }],
      "config set --secret --path remoteWriteSecrets.mimirr",
    ],
    [
      "a secret in clear",
      [{ name: "a", url: "http://mimir.example.com/push", secret: "mimir" }],
      "remoteWrite.0.url: is http, and there is a secret, which anybody on the way could read",
    ],
    [
      "a password in the address",
      [{ name: "a", url: "https://u:p@h.example.com/" }],
      "remoteWrite.0.url: must be an http://",
    ],
    [
      "a variable of the config reloader",
      [{ name: "a", url: "https://h/$(A)" }],
      "remoteWrite.0.url: must be an http://",
    ],
    [
      "certificates that nothing shows",
      [{ ...years, url: "http://h/", ca: "company" }],
      "remoteWrite.0.ca: is for https",
    ],
    ["certificates of nobody", [{ ...years, ca: "company" }], "network.ca is not set"],
    [
      "a secret in a header",
      [{ ...years, headers: { "X-Api-Key": "a" } }],
      "looks like a secret, and headers are stored in plain text",
    ],
    ["a header of Prometheus itself", [{ ...years, headers: { Authorization: "a" } }], "is set by whoever sends"],
    ["a tenant in a header", [{ ...years, headers: { "x-scope-orgid": "a" } }], "is set by tenant"],
    [
      "an expression that RE2 refuses",
      [{ ...years, dropMetrics: ["(?!a)b"] }],
      "remoteWrite.0.dropMetrics.0: is a regular expression that Prometheus refuses",
    ],
    [
      "a label that tells series apart",
      [{ ...years, dropLabels: ["j.b"] }],
      "remoteWrite.0.dropLabels.0: drops job, by which series are told apart",
    ],
    [
      "a rule without its target",
      [{ ...years, relabelings: [{ regex: "a" }] }],
      "remoteWrite.0.relabelings.0.targetLabel: is missing for replace",
    ],
    [
      "a rule with what it does not read",
      [{ ...years, relabelings: [{ action: "labeldrop", regex: "a", targetLabel: "b" }] }],
      "remoteWrite.0.relabelings.0.targetLabel: has no meaning for labeldrop",
    ],
    [
      "more connections at least than at most",
      [{ ...years, queue: { minShards: 20 } }],
      "remoteWrite.0.queue.minShards: is 20, more than maxShards (10)",
    ],
    [
      "requests that never fill",
      [{ ...years, queue: { capacity: 1000 } }],
      "remoteWrite.0.queue.capacity: is 1000, less than maxSamplesPerSend (2000)",
    ],
    [
      "exemplars by a protocol that loses them",
      [{ ...years, protocol: "2.0", exemplars: true }],
      "remoteWrite.0.exemplars: is true, and Prometheus sends none by 2.0",
    ],
    ["another protocol", [{ ...years, protocol: 2 }], "remoteWrite.0.protocol: must be 1.0 or 2.0"],
  ] as const)
    it(`are refused with ${what}`, () => {
      expect(findings(targets)).to.include(words);
    });

  it("are told all at once, and each fault once", () => {
    const said = findings([
      { ...years, headers: { Cookie: "a" }, dropMetrics: ["("] },
      { name: "b", url: "ftp://h" },
    ]);
    expect(said.match(/^ {2}remoteWrite\.\d+\.\S+:/gm)).to.have.length(3);
  });

  it("are refused what vmagent does not speak, where it scrapes", () => {
    const said = findings([{ ...years, protocol: "2.0", nativeHistograms: true }], { metrics: "victoriaMetrics" });
    expect(said).to.include("remoteWrite.0.protocol: is 2.0, and vmagent, which scrapes, does not do that.");
    expect(said).to.include("remoteWrite.0.nativeHistograms: is true, and vmagent");
    expect(findings([years], { metrics: "victoriaMetrics" })).to.equal("");
  });

  it("need somebody who scrapes", () => {
    expect(findings([years], { metrics: "none" })).to.include("remoteWrite cannot do without it");
  });
});

describe("those who may write samples", () => {
  const said = (users: readonly object[], others: object = {}): string =>
    findings([], { remoteWriteReceiver: { users }, ...others });
  const berlin = { name: "berlin", secret: "mimir" };

  it("are taken with a password or a token", () => {
    expect(said([berlin, { name: "a@example.com", secret: "mimir", kind: "token" }])).to.equal("");
  });

  for (const [what, users, words] of [
    [
      "one name twice",
      [berlin, berlin],
      "remoteWriteReceiver.users.1.name: is berlin, as is remoteWriteReceiver.users.0.name.",
    ],
    ["a secret that is not set", [{ ...berlin, secret: "b" }], "config set --secret --path remoteWriteSecrets.b"],
    [
      "one token for two",
      [
        { ...berlin, kind: "token" },
        { name: "b", secret: "mimir", kind: "token" },
      ],
      "remoteWriteReceiver.users.1.secret: is mimir, as is remoteWriteReceiver.users.0.secret, and both are tokens.",
    ],
    ["a name that no header carries", [{ ...berlin, name: "a:b" }], "remoteWriteReceiver.users.0.name: must be a name"],
  ] as const)
    it(`are refused with ${what}`, () => {
      expect(said(users)).to.include(words);
    });

  it("need a store of the environment", () => {
    const external = { metrics: { queryUrl: "https://a.example.com", writeUrl: "https://a.example.com/push" } };
    expect(said([berlin], { metrics: "external", external })).to.include(
      "who writes there asks that store. Remove them, or set metrics to prometheus.",
    );
    expect(said([berlin], { metrics: "none" })).to.include("remoteWriteReceiver cannot do without it");
  });
});
