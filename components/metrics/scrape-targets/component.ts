import { defineComponent, type Extra } from "../../component.ts";
import { guardedServers, operatorLogin, operatorTls } from "../../guarded-servers.ts";
import { namespaces } from "../../kubernetes/namespaces.ts";
import { type ScrapeTarget, scrapeTargets } from "./settings.ts";

const guarded = guardedServers("scrapeTargets", "scrapeSecrets", "scrape-targets");

/** The certificates that an https server shows, where they are the company's. */
const tls = (target: ScrapeTarget) => operatorTls(guarded.ca(target));

/**
 * Targets, found in one of three ways. Labels of static ones are theirs; to found ones they are given, as is the job to all: the
 * VictoriaMetrics operator leaves jobName out of its copy.
 */
function discovery(target: ScrapeTarget): object {
  const { name, static: targets, dns, http, labels } = target;
  const given = (all: Readonly<Record<string, string>>) =>
    Object.entries({ job: name, ...all }).map(([targetLabel, replacement]) => ({
      action: "replace",
      targetLabel,
      replacement,
    }));
  if (targets !== undefined) {
    const own = Object.keys(labels).length > 0 ? { labels } : {};
    return { staticConfigs: [{ targets, ...own }], relabelings: given({}) };
  }
  const found = dns === undefined ? { httpSDConfigs: [{ url: http, ...tls(target) }] } : { dnsSDConfigs: [dns] };
  return { ...found, relabelings: given(labels) };
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
