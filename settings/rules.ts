/** Rules that span settings. Each finding names the setting and ends with what to do. */
import type { Known } from "../components/component.ts";
import { fluxHome } from "../components/gitops/names.ts";
import { namespaces } from "../components/kubernetes/namespaces.ts";
import { allOffers, firstOffer, plan, providers, requests } from "../components/plan.ts";
import type { Finding } from "./finding.ts";
import { byteCount } from "./formats.ts";
import { githubAddresses } from "./github.ts";
import { hasKeyFor, namedServers, sshServer } from "./host-keys.ts";
import { type Settings, usual } from "./schema.ts";

/** GitHub's SSH servers, whose keys are known (components/gitops/known-hosts.ts). */
const githubServers: readonly string[] = ["github.com", "[ssh.github.com]:443"];

/** The collector's own image, of whatever version. */
const collectorImage = usual.logCollector.image.replace(/:[^:]*$/, "");

/** Namespaces that the environment fills itself, and whose pods it watches by monitors. */
const platformNamespaces = (settings: Settings): string[] => [
  ...Object.values(namespaces).map(({ name }) => name),
  fluxHome(settings).namespace,
];

/** A registry beside the cluster needs one of this host; what is said of GitHub would have no effect. */
function checkSource(
  { source, cluster, repository, deployKey }: Settings,
  add: (path: string, message: string) => void,
) {
  if (source.type !== "local-registry") return;
  if (cluster.type !== "kind") {
    add("source.type", `is local-registry, which stands beside a Kind cluster, and cluster.type is ${cluster.type}.`);
  }
  const given = (group: string, settings: object, defaults: object) => {
    for (const [key, value] of Object.entries(settings)) {
      // The folder of this environment is the same in a repository and in an artifact.
      if (key === "path" || value === (defaults as Readonly<Record<string, unknown>>)[key]) continue;
      add(
        `${group}.${key}`,
        "is for source.type github, and that is local-registry. Remove it, or set that to github.",
      );
    }
  };
  given("repository", repository, usual.repository);
  given("deployKey", deployKey, usual.deployKey);
}

/** Everything that is wrong with settings that are each right on their own. */
export function checkRules(settings: Settings, known: Omit<Known, "companyCa" | "offered" | "all">): Finding[] {
  const findings: Finding[] = [];
  const add = (path: string, message: string) => findings.push({ path, message });

  const { applications, cluster, repository } = settings;
  if (cluster.type === "existing" && cluster.existing === undefined) {
    add("cluster.existing", "is missing. Set cluster.existing.kubeconfig and cluster.existing.context.");
  }
  if (cluster.type === "kind" && cluster.existing !== undefined) {
    add("cluster.existing", "has no meaning with cluster.type kind. Remove it, or set cluster.type to existing.");
  }
  if (cluster.type === "kind" && settings.provided.length > 0) {
    add("provided", "has no meaning with cluster.type kind. Remove it, or set cluster.type to existing.");
  }
  if (settings.provided.includes("flux") && settings.network.proxy !== undefined) {
    add(
      "network.proxy",
      "is for the environment's own Flux, and provided has flux: those who run that one set its proxy. Remove it, or take flux out of provided.",
    );
  }
  const taken = new Map<number, string>();
  for (const [name, port] of Object.entries(cluster.kind.ports)) {
    if (port === null) continue;
    const other = taken.get(port);
    if (other !== undefined) {
      add(`cluster.kind.ports.${name}`, `is ${port}, as is ${other}. Give each its own port.`);
    }
    taken.set(port, `cluster.kind.ports.${name}`);
  }
  for (const [index, namespace] of applications.namespaces.entries()) {
    if (platformNamespaces(settings).includes(namespace))
      add(`applications.namespaces[${index}]`, `is ${namespace}, the platform's own. Name namespaces of applications.`);
  }
  const applied = [settings.logAgent === "none", ["none", "external"].includes(String(settings.gateway))];
  if (settings.redact.patterns.length + settings.redact.fields.length > 0 && !applied.includes(false))
    add("redact", "has no effect: nothing here reads or takes logs. Remove it, or set logAgent or gateway.");
  if (settings.logAgent === "none")
    for (const [path, on] of [
      ["journal.enabled", settings.journal.enabled],
      ["cluster.existing.auditLog", cluster.type === "existing" && cluster.existing?.auditLog !== undefined],
    ] as const)
      if (on) add(path, "has no effect: logAgent is none, and nothing reads nodes. Remove it, or set logAgent.");
  const { image } = settings.logCollector;
  // Its image has one program and nothing else; the receiver runs journalctl.
  if (settings.journal.enabled && settings.logAgent === "collector" && image.startsWith(collectorImage))
    add(
      "journal.enabled",
      "is true, logAgent is collector, and the image of that has no journalctl, by which it reads journals. Set logAgent to fluentBit, or logCollector.image to one of yours that has it.",
    );
  checkSource(settings, add);
  const ssh = repository.sshUrl ?? githubAddresses(repository.apiUrl).ssh;
  if (ssh === undefined) {
    add(
      "repository.sshUrl",
      "is missing. Copy it from the repository's page (Code, SSH) and write it as ssh://user@host/owner/name.git.",
    );
  } else {
    const server = sshServer(`${ssh}/`);
    const keys = repository.knownHosts;
    if (keys === undefined && !githubServers.includes(server)) {
      add("repository.knownHosts", `is missing: Flux fetches from ${server}. Set the host keys of that server.`);
    }
    if (keys !== undefined && !hasKeyFor(keys, server)) {
      const there = namedServers(keys).join(", ");
      add(
        "repository.knownHosts",
        `has keys for ${there}, but none for ${server}, where Flux fetches. Add its host key.`,
      );
    }
  }
  if (repository.create && repository.seed === false) {
    add(
      "repository.seed",
      "is false, but a repository that repository.create makes is empty. Leave repository.seed out.",
    );
  }
  const { chosen, findings: choice } = plan(settings);
  if (providers(chosen, "scraping").some(({ component }) => component.key === "victoriaMetrics")) {
    for (const [index, target] of settings.remoteWrite.entries()) {
      const can = "and vmagent, which scrapes, does not do that. Remove it, or set scraper to prometheusAgent.";
      if (target.protocol === "2.0") add(`remoteWrite.${index}.protocol`, `is 2.0, ${can}`);
      for (const what of ["exemplars", "nativeHistograms"] as const)
        if (target[what]) add(`remoteWrite.${index}.${what}`, `is true, ${can}`);
    }
  }
  if (settings.external.metrics?.scrapedFrom !== undefined) {
    const own = providers(chosen, "scraping").some(({ component }) => component.key !== "externalMetrics");
    const asked = [
      ["remoteWrite", settings.remoteWrite.length > 0],
      ["metricFilters", settings.metricFilters.length > 0],
      ["metricbeat.enabled", settings.metricbeat.enabled],
    ] as const;
    for (const [setting, is] of asked) {
      if (own || !is) continue;
      add(
        setting,
        "is for who scrapes, and that is somebody else's Prometheus (external.metrics.scrapedFrom). Remove it, or set scraper to prometheusAgent.",
      );
    }
  }
  const all = {
    ...known,
    companyCa: settings.network.ca !== undefined,
    offered: firstOffer(chosen),
    all: allOffers(chosen),
  };
  for (const { component, settings: own } of chosen) findings.push(...(component.check?.(own, all) ?? []));
  for (const { setting, memory, memoryLimit } of requests(settings, { chosen })) {
    if (setting !== undefined && byteCount(memory) > byteCount(memoryLimit)) {
      add(`${setting}.memory`, `is ${memory}, more than memoryLimit (${memoryLimit}). Lower it, or raise the limit.`);
    }
  }
  return [...findings, ...choice.map(({ path, message }) => ({ path, message }))];
}
