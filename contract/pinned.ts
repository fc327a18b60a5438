/**
 * Values that security or data rest on, with the reason: what a reviewer must see change. A row is either a literal, for
 * what no setting decides, or where a setting has to arrive. What follows from another value is a rule and no row
 * (`checks/pins.ts` and the other checks); what no reason could be given for is not here. Those of a component are in
 * its `contract.ts`.
 */
import { createHash } from "node:crypto";
import { fluxHome } from "../components/gitops/names.ts";
import { componentContracts } from "./component-files.ts";
import { of, type Pin, podSecurity, setting, shared, why } from "./pin.ts";

/**
 * SHA-256 of GitHub's host keys as it publishes them (docs.github.com, "GitHub's SSH key fingerprints", read in November 2026).
 * A key that is changed here is a man in the middle.
 */
export const githubFingerprints: Readonly<Record<string, string>> = {
  "ecdsa-sha2-nistp256": "p2QAMXNIC1TJYWeIOttrVc98/R1BUFWu3/LiyKgUfQM",
  "ssh-ed25519": "+DiY3wvvV6TuJJhbpZisF/zLDA0zPMSvHdkr4UvCOqU",
  "ssh-rsa": "uNiVztksCsDhcc0u9e8BujQXVUpKZIDTMczCvj3tD2s",
};

/** SHA-256 of a key of a `known_hosts` line, as OpenSSH shows it. */
export const fingerprint = (key: string): string =>
  createHash("sha256").update(Buffer.from(key, "base64")).digest("base64").replace(/=+$/, "");

const ofComponents = (await componentContracts()).flatMap(({ pins = [] }) => pins);

const account = setting((settings) => fluxHome(settings).serviceAccount);
const actsAs = "somebody else's Flux acts as an account of ours, or of its owners' choice";

export const pins: readonly Pin[] = [
  // Every release.
  ...of("HelmRelease flux-system/*", [
    ["spec/interval", "10m", "how long a change by hand lasts before Flux takes it back"],
    ["spec/timeout", setting(({ charts }) => `${charts.timeoutMinutes}m`), "charts.timeoutMinutes"],
    ["spec/serviceAccountName", account, actsAs],
    ["spec/maxHistory", 3, "Secrets that each release leaves in its namespace, and how far one can roll back"],
    ["spec/*/strategy/retryInterval", "20s", "a first failure (a webhook not yet there) is over within up's time"],
    ["spec/install/crds", setting((s) => (shared(s) ? "Create" : "CreateReplace")), "others' definitions stay theirs"],
    ["spec/upgrade/crds", setting((s) => (shared(s) ? "Create" : "CreateReplace")), "others' definitions stay theirs"],
    ["spec/install/disableTakeOwnership", setting((s) => shared(s) || undefined), "others' objects stay theirs"],
    ["spec/upgrade/disableTakeOwnership", setting((s) => shared(s) || undefined), "others' objects stay theirs"],
  ]),
  ...["OCIRepository", "HelmRepository"].flatMap((kind) =>
    // Their names end in a hash.
    of(`${kind} flux-system/*-*`, [["spec/interval", setting(({ charts }) => charts.interval), "charts.interval"]]),
  ),
  // What is synced from Git, or from the registry beside the cluster.
  ...of("OCIRepository flux-system/environment", [
    ["spec/interval", setting(({ flux }) => flux.interval), "flux.interval"],
    ["spec/timeout", "60s", "it is on this host"],
    ["spec/insecure", true, "that registry has no certificate"],
  ]),
  ...of("GitRepository flux-system/*", [
    ["spec/interval", setting(({ flux }) => flux.interval), "flux.interval"],
    ["spec/timeout", "60s", "a first clone over a slow line"],
  ]),
  ...of("Kustomization flux-system/*", [
    ["spec/serviceAccountName", account, actsAs],
    ["spec/interval", "10m", "how long a change by hand lasts before Flux takes it back"],
    ["spec/retryInterval", "20s", "what waits for a definition is tried again within up's time"],
    ["spec/timeout", "5m", "up waits 8 minutes for it, and has to hear the reason"],
    ["spec/prune", true, "what is removed from Git goes from the cluster"],
    ["spec/wait", true, "Ready means that what it applies is ready"],
    [
      "spec/deletionPolicy",
      "WaitForTermination",
      "destroy deletes its namespaces next: finalizers must be done by then",
    ],
  ]),
  // Who may do what, and get where.
  ...["cert-manager", "demo", "monitoring", "node-agents"].flatMap((namespace) =>
    of(`NetworkPolicy ${namespace}/*`, [
      ["spec/policyTypes", ["Ingress"], "another type would allow nothing of what it says, and deny something else"],
    ]),
  ),
  ...podSecurity("monitoring", "restricted", why.restricted),
  ...of("*", [
    ["**/allowPrivilegeEscalation", false, why.contained],
    ["**/capabilities/drop", ["ALL"], why.contained],
    ["**/readOnlyRootFilesystem", true, why.contained],
    ["**/seccompProfile/type", "RuntimeDefault", why.contained],
    ["**/runAsNonRoot", true, why.contained],
    ["**/automountServiceAccountToken", false, why.contained],
  ]),
  ...of("pulumi:providers:kubernetes cluster", [
    ["strictMode", "true", "an empty kubeconfig must not lead to the ambient cluster"],
    ["enableSecretMutable", "true", "a replaced Secret is gone for a moment: Flux would fail during a rotation"],
    ["upsertExistingObjects", setting((s) => `${!shared(s)}`), "only in a cluster of our own"],
  ]),
  ...of("github:index/repositoryDeployKey:RepositoryDeployKey *", [["readOnly", true, "Flux writes nothing to Git"]]),
  ...of("tls:index/privateKey:PrivateKey deploy-key-*", [
    ["algorithm", "ED25519", "what Flux and GitHub take and nobody breaks"],
  ]),
  ...of("random:index/randomPassword:RandomPassword *", [
    ["length", 24, "142 bits of letters and digits"],
    ["special", false, "people paste it into a shell"],
  ]),
  ...of("command:local:Command cluster-kind", [
    ["environment/KIND_CONFIG/networking/apiServerAddress", "127.0.0.1", "the API server is not for the network"],
    ["environment/KIND_CONFIG/nodes/*/extraPortMappings/*/listenAddress", "127.0.0.1", "nor are Grafana and the rest"],
    [
      "environment/KIND_READY_TIMEOUT",
      setting((s) => s.cluster.type === "kind" && `${s.cluster.kind.readyTimeoutSeconds}`),
      "cluster.kind.readyTimeoutSeconds",
    ],
    ["environment/KIND_CONFIG/kubeadmConfigPatches/*/failCgroupV1", false, "hosts with cgroup v1 get a cluster, too"],
  ]),
  ...of("command:local:Command probe-telemetry", [
    ["environment/PROBE_TIMEOUT", setting(({ probe }) => `${probe.timeoutSeconds}`), "probe.timeoutSeconds"],
  ]),
  ...of("command:local:Command *", [
    ["addPreviousOutputInEnv", false, "the output is the kubeconfig: a secret has no place in an environment"],
  ]),
  // Applications and their monitors.
  ...of("PodMonitor *", [["spec/podMetricsEndpoints/*/interval", "30s", why.sampled]]),
  ...ofComponents,
];
