/** Rules that span settings. Each finding names the setting and ends with what to do. */
import { checkAlerting } from "./alerting.ts";
import { byteCount, durationSeconds } from "./formats.ts";
import { githubAddresses } from "./github.ts";
import { hasKeyFor, namedServers, sshServer } from "./host-keys.ts";
import { containers } from "./resources.ts";
import { type SecretName, type Settings, settingsSchema } from "./schema.ts";

/** One thing that is wrong: where (dotted path of the setting) and a sentence that says what to do. */
export interface Finding {
  readonly path: string;
  readonly message: string;
  /** Of the stack file, from 1.
   * @default not known */
  readonly line?: number;
}

/** What the rules look at beside the settings. */
export interface RuleContext {
  /** Secrets that are set. */
  readonly secrets: readonly SecretName[];
  /** Names in `alertingSecrets`; undefined where they are not known, and then not looked at. */
  readonly alertingSecrets: readonly string[] | undefined;
  readonly now: Date;
}

/** GitHub's SSH servers, whose keys are known (components/gitops/known-hosts.ts). */
const githubServers: readonly string[] = ["github.com", "[ssh.github.com]:443"];

/** Namespaces that the environment fills itself, and whose pods it watches by monitors. */
const platformNamespaces = ["monitoring", "node-agents", "cert-manager", "flux-system"];

/** kbot has to be given what it needs; podinfo needs nothing, and what is said of kbot would have no effect on it. */
function checkDemo({ demo }: Settings, { secrets }: RuleContext, add: (path: string, message: string) => void): void {
  const ofKbot = {
    "demo.repository": demo.repository,
    "demo.branch": demo.branch,
    "demo.image.repository": demo.image.repository,
    "demo.image.tag": demo.image.tag,
  };
  if (demo.app !== "kbot") {
    for (const [path, value] of Object.entries(ofKbot)) {
      if (value !== undefined) add(path, `is kbot's, and demo.app is ${demo.app}. Remove it, or set demo.app to kbot.`);
    }
    return;
  }
  const missing = (path: string, remedy: string) => {
    add(path, `is missing and demo.app is kbot. ${remedy}, or set demo.app to podinfo.`);
  };
  if (!secrets.includes("telegramToken"))
    missing("telegramToken", "Run `npm run pulumi -- <stack> config set --secret telegramToken`");
  if (demo.repository === undefined)
    missing("demo.repository", "Set the Git repository that has kbot's chart in helm/");
  if (demo.image.repository === undefined) {
    missing("demo.image.repository", "Set an image of kbot that runs without the GPIO of a Raspberry Pi");
  }
}

/** A registry beside the cluster needs one of this host; what is said of GitHub would have no effect. */
function checkSource(
  { source, cluster, repository, deployKey }: Settings,
  add: (path: string, message: string) => void,
) {
  if (source.type !== "local-registry") return;
  if (cluster.type !== "kind") {
    add("source.type", `is local-registry, which stands beside a Kind cluster, and cluster.type is ${cluster.type}.`);
  }
  const without = settingsSchema.parse({});
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
  given("repository", repository, without.repository);
  given("deployKey", deployKey, without.deployKey);
}

/** Everything that is wrong with settings that are each right on their own. */
export function checkRules(settings: Settings, context: RuleContext): Finding[] {
  const findings: Finding[] = [];
  const add = (path: string, message: string) => findings.push({ path, message });

  const { applications, cluster, loki, demo, repository } = settings;
  if (cluster.type === "existing" && cluster.existing === undefined) {
    add("cluster.existing", "is missing. Set cluster.existing.kubeconfig and cluster.existing.context.");
  }
  if (cluster.type === "kind" && cluster.existing !== undefined) {
    add("cluster.existing", "has no meaning with cluster.type kind. Remove it, or set cluster.type to existing.");
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
    if (platformNamespaces.includes(namespace))
      add(`applications.namespaces[${index}]`, `is ${namespace}, the platform's own. Name namespaces of applications.`);
  }
  if (loki.storage.type === "s3" && loki.storage.s3 === undefined) {
    add("loki.storage.s3", "is missing. Set bucket and credentialsSecret, or set loki.storage.type to filesystem.");
  }
  if (loki.storage.type === "filesystem" && loki.replicas > 1) {
    add("loki.replicas", `is ${loki.replicas}, but pods cannot share a filesystem. Set loki.storage.type to s3, or 1.`);
  }
  if (loki.replicas === 2) {
    add(
      "loki.replicas",
      "is 2: both would have to work for a line to be written, which is worse than one. Set 1 or 3.",
    );
  }
  if (durationSeconds(loki.retention) < 24 * 3600) {
    add("loki.retention", `is ${loki.retention}; Loki's compactor keeps at least 24h. Set 24h or more.`);
  }
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
  for (const [path, { memory, memoryLimit }] of containers(settings)) {
    if (byteCount(memory) > byteCount(memoryLimit)) {
      add(`${path}.memory`, `is ${memory}, more than memoryLimit (${memoryLimit}). Lower it, or raise the limit.`);
    }
  }
  if (demo.enabled) checkDemo(settings, context, add);
  return [...findings, ...checkAlerting(settings.alerting, context.alertingSecrets, context.now)];
}
