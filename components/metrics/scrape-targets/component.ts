import { type Finding, namesakes, noCompanyCa } from "../../../settings/finding.ts";
import { secretCommand } from "../../../settings/secrets.ts";
import { defineComponent, type Extra, type SecretObject, type SecretText } from "../../component.ts";
import { namespaces } from "../../kubernetes/namespaces.ts";
import { type ScrapeTarget, scrapeTargets } from "./settings.ts";

const namespace = namespaces.monitoring.name;

/** Passwords and tokens, by their names in `scrapeSecrets`. */
const secretsName = "scrape-targets";

/** Users and the company's certificates: no secrets, but the operator takes both out of Secrets only. */
const knownName = "scrape-targets-known";
const caKey = "company-ca.crt";
const userKey = (target: string) => `${target}.user`;

/** The certificates that an https server shows, where they are the company's. */
const tls = ({ ca }: ScrapeTarget) =>
  ca === "company" ? { tlsConfig: { ca: { secret: { name: knownName, key: caKey } } } } : {};

/** Targets, found in one of three ways. Labels of static ones are theirs; to found ones they are given. */
function discovery(target: ScrapeTarget): object {
  const { static: targets, dns, http, labels } = target;
  const given = Object.keys(labels).length > 0;
  if (targets !== undefined) return { staticConfigs: [{ targets, ...(given ? { labels } : {}) }] };
  const found = dns === undefined ? { httpSDConfigs: [{ url: http, ...tls(target) }] } : { dnsSDConfigs: [dns] };
  const relabelings = Object.entries(labels).map(([targetLabel, replacement]) => ({
    action: "replace",
    targetLabel,
    replacement,
  }));
  return { ...found, ...(given ? { relabelings } : {}) };
}

const scrapeConfig = (target: ScrapeTarget): Extra => {
  const { name, scheme, path, interval, user, secret } = target;
  return {
    name: `targets-${name}`,
    object: {
      apiVersion: "monitoring.coreos.com/v1alpha1",
      kind: "ScrapeConfig",
      metadata: { name: `targets-${name}`, namespace },
      spec: {
        jobName: name,
        ...discovery(target),
        scheme: scheme === "https" ? "HTTPS" : "HTTP",
        metricsPath: path,
        ...(interval === undefined ? {} : { scrapeInterval: interval }),
        ...(secret === undefined
          ? {}
          : user === undefined
            ? { authorization: { type: "Bearer", credentials: { name: secretsName, key: secret } } }
            : {
                basicAuth: {
                  username: { name: knownName, key: userKey(name) },
                  password: { name: secretsName, key: secret },
                },
              }),
        ...tls(target),
      },
    },
  };
};

/** Secrets that are named and not set. */
function missing(all: readonly ScrapeTarget[], known: readonly string[] | undefined): Finding[] {
  return all.flatMap(({ secret }, index) => {
    if (secret === undefined || known === undefined || known.includes(secret)) return [];
    const message = `is ${secret}, which scrapeSecrets lacks. Run \`${secretCommand("scrapeSecrets", secret)}\`.`;
    return [{ path: `scrapeTargets.${index}.secret`, message }];
  });
}

export const scrapeTargetsComponent = defineComponent({
  key: "scrapeTargets",
  title: "Scraping outside of the cluster",
  settings: { scrapeTargets },
  charts: [],
  enabled: (settings) => settings.scrapeTargets.length > 0,
  needs: ["scraping", "monitors"],
  after: ["monitors"],
  namespaces: () => [namespaces.monitoring],
  check: ({ scrapeTargets: all }, { members, companyCa }) => [
    ...namesakes("scrapeTargets", all),
    ...missing(all, members && (members.scrapeSecrets ?? [])),
    ...all.flatMap(({ ca }, index) => (ca === "company" && !companyCa ? noCompanyCa(`scrapeTargets.${index}.ca`) : [])),
  ],
  secrets: ({ settings: { scrapeTargets: all }, environment: { ca } }) => {
    const secrets = all.flatMap(({ secret }) => secret ?? []);
    const known: (readonly [key: string, text: SecretText])[] = all.flatMap(({ name, user }) =>
      user === undefined ? [] : [[userKey(name), user]],
    );
    if (ca !== undefined && all.some((target) => target.ca === "company")) known.push([caKey, ca]);
    const objects: readonly (readonly [name: string, data: SecretObject["data"]])[] = [
      [secretsName, Object.fromEntries(secrets.map((member) => [member, { group: "scrapeSecrets", member }]))],
      [knownName, Object.fromEntries(known)],
    ];
    return objects.flatMap(([name, data]) => (Object.keys(data).length === 0 ? [] : [{ name, namespace, data }]));
  },
  extras: ({ settings }) => settings.scrapeTargets.map(scrapeConfig),
});
