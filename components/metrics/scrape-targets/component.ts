import { defineComponent, type Extra } from "../../component.ts";
import { guardedServers, operatorLogin, operatorTls } from "../../guarded-servers.ts";
import { namespaces } from "../../kubernetes/namespaces.ts";
import { type ScrapeTarget, scrapeTargets } from "./settings.ts";

const guarded = guardedServers("scrapeTargets", "scrapeSecrets", "scrape-targets");

/** The certificates that an https server shows, where they are the company's. */
const tls = (target: ScrapeTarget) => operatorTls(guarded.ca(target));

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
  const { name, scheme, path, interval } = target;
  return {
    name: `targets-${name}`,
    object: {
      apiVersion: "monitoring.coreos.com/v1alpha1",
      kind: "ScrapeConfig",
      metadata: { name: `targets-${name}`, namespace: namespaces.monitoring.name },
      spec: {
        jobName: name,
        ...discovery(target),
        scheme: scheme === "https" ? "HTTPS" : "HTTP",
        metricsPath: path,
        ...(interval === undefined ? {} : { scrapeInterval: interval }),
        ...operatorLogin(guarded.login(target)),
        ...tls(target),
      },
    },
  };
};

export const scrapeTargetsComponent = defineComponent({
  key: "scrapeTargets",
  title: "Scraping outside of the cluster",
  settings: { scrapeTargets },
  charts: [],
  enabled: (settings) => settings.scrapeTargets.length > 0,
  needs: ["scraping", "monitors"],
  after: ["monitors"],
  namespaces: () => [namespaces.monitoring],
  check: ({ scrapeTargets: all }, known) => guarded.check(all, known),
  secrets: ({ settings: { scrapeTargets: all }, environment: { ca } }) => guarded.secrets(all, ca),
  extras: ({ settings }) => settings.scrapeTargets.map(scrapeConfig),
});
