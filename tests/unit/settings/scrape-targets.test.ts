import { expect } from "chai";
import { parseSettings } from "../../../settings/parse.ts";

const hosts = { name: "hosts", static: ["10.0.0.5:9100"] };

function findings(...scrapeTargets: readonly object[]): string {
  try {
    parseSettings({ scrapeTargets }, { file: "Pulumi.dev.yaml", secrets: [], members: { scrapeSecrets: ["db"] } });
    return "";
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

describe("targets outside of the cluster", () => {
  it("are taken from a list, DNS and HTTP service discovery", () => {
    const dns = { names: ["_metrics._tcp.db.example.com"] };
    const http = { http: "https://netbox.example.com/t?a=1", scheme: "https", user: "prometheus", secret: "db" };
    expect(findings(hosts, { name: "db", dns }, { name: "fleet", ...http })).to.equal("");
  });

  for (const [what, targets, words] of [
    ["no way to find them", [{ name: "hosts" }], "scrapeTargets.0: has none of static, dns and http."],
    [
      "two ways",
      [{ ...hosts, http: "https://h.example.com/" }],
      "scrapeTargets.0: has several of static, dns and http.",
    ],
    ["one name twice", [hosts, hosts], "scrapeTargets.1.name: is hosts, as is scrapeTargets.0.name."],
    ["addresses without a port", [{ name: "a", dns: { names: ["a"], type: "A" } }], "dns.port: is missing for A"],
    ["SRV records and a port", [{ name: "a", dns: { names: ["a"], port: 1 } }], "SRV records have the port"],
    ["a user without a password", [{ ...hosts, scheme: "https", user: "u" }], "scrapeTargets.0.secret: is missing"],
    ["a secret in clear", [{ ...hosts, secret: "db" }], "scrapeTargets.0.scheme: is http, and there is a secret"],
    [
      "a secret that is not set",
      [{ ...hosts, scheme: "https", secret: "dbb" }],
      "config set --secret --path scrapeSecrets.dbb",
    ],
    ["certificates that nothing shows", [{ ...hosts, ca: "company" }], "scrapeTargets.0.ca: is for https"],
    ["certificates of nobody", [{ ...hosts, scheme: "https", ca: "company" }], "network.ca is not set"],
    ["a variable of the config reloader", [{ ...hosts, labels: { site: "$(HOME)" } }], "without $"],
    ["a label of Prometheus itself", [{ ...hosts, labels: { __address__: "a" } }], "must be a label's name"],
  ] as const)
    it(`are refused with ${what}`, () => {
      expect(findings(...targets)).to.include(words);
    });
});
