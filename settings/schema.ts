/**
 * What a stack may say. One strict schema: a key that is not here is an error. Every setting is described where it
 * is declared, those of a component in its folder; `docs/settings.md` and `schemas/stack.schema.json` are generated from
 * these descriptions (`npm run schema`).
 *
 * This room creates no Pulumi resources, and of components it knows the catalogue alone.
 */
import { parse } from "yaml";
import { z } from "zod";
import { componentSettings, providedSetting, slotSettings } from "../components/catalogue.ts";
import {
  branchName,
  dnsLabel,
  fieldName,
  githubName,
  goDuration,
  httpAddress,
  line,
  nodeFile,
  noProxyEntry,
  ociPrefix,
  path,
  pinnedImage,
  proxyAddress,
  redactPattern,
  registryMirrors,
  repositoryFolder,
  sshAddress,
} from "./formats.ts";
import { hostKeys } from "./host-keys.ts";
import { kindNode, registry } from "./versions.ts";

const port = z.int().min(1024).max(65535);
function yamlObject(text: string): object | undefined {
  try {
    const content = parse(text, { logLevel: "error" }) as unknown;
    return typeof content === "object" && content !== null ? content : undefined;
  } catch {
    return undefined;
  }
}

/** A kubeadm patch: Kind merges it into the object of its kind. */
const kubeadmPatch = z.string().superRefine((text, context) => {
  const content = yamlObject(text);
  if (content === undefined) context.addIssue("must be one YAML object");
  else if (!("kind" in content) || typeof content.kind !== "string") {
    context.addIssue("must name its kind, such as kind: KubeletConfiguration");
  }
});

const kind = z
  .strictObject({
    nodeImage: pinnedImage
      .default(`kindest/node:${kindNode}`)
      .describe("Image of the nodes, with a tag or a digest; it decides the Kubernetes version."),
    workers: z.int().min(0).max(9).default(0).describe("Nodes beside the control plane."),
    ports: z
      .strictObject({
        dashboards: port.nullable().default(3000).describe("Host port of Grafana; null maps none."),
        metrics: port.nullable().default(9090).describe("Host port of Prometheus; null maps none."),
        alerts: port.nullable().default(9093).describe("Host port of Alertmanager; null maps none."),
        traces: port.nullable().default(16686).describe("Host port of Jaeger's UI; null maps none."),
      })
      .prefault({})
      .describe("Ports on 127.0.0.1 of the host. A change replaces the cluster: Kind maps ports only at creation."),
    registryMirrors: registryMirrors
      .default({})
      .describe(
        "Registry host to mirror address, for containerd on the nodes, e.g. docker.io: http://mirror:5000. A path that starts with /v2/ is taken as it stands (Harbor's proxy cache: https://harbor.example.com/v2/dockerhub); any other is where the mirror's /v2/ is. One that asks for a password has it from registryCredentials, by its own host.",
      ),
    scrapeControlPlane: z
      .boolean()
      .default(true)
      .describe("Lets etcd, scheduler, controller-manager and kube-proxy be scraped (bound to the node's network)."),
    auditLog: z
      .boolean()
      .default(false)
      .describe(
        "Has the API server write an audit log (components/cluster/audit-policy.yaml), which the log agent reads. A change replaces the cluster.",
      ),
    kubeadmPatches: z
      .array(kubeadmPatch)
      .default([])
      .describe("Further kubeadm patches, YAML each, without apiVersion so that Kind fits them to its version."),
    kubeconfigFolder: path
      .default(".kube")
      .describe("Folder for the kubeconfig file, relative to the project; only its owner may read it."),
    readyTimeoutSeconds: z.int().min(30).max(3600).default(300).describe("How long the cluster may take to be ready."),
  })
  .prefault({});

const existing = z.strictObject({
  kubeconfig: path.describe("Path of the kubeconfig file; never the ambient one by default."),
  context: line.describe("Context in that file. It is always named, never the current one."),
  auditLog: nodeFile
    .optional()
    .describe(
      "Path of the API server's audit log on the nodes that have it, such as /var/log/kubernetes/audit/audit.log, which the log agent reads.",
    ),
});

const cluster = z
  .strictObject({
    type: z.enum(["kind", "existing"]).default("kind").describe("`kind` makes a cluster; `existing` uses one."),
    kind: kind.describe("The Kind cluster, when type is kind."),
    existing: existing.optional().describe("The cluster that is there already, when type is existing."),
  })
  .prefault({});

const repository = z
  .strictObject({
    name: githubName.default("observability-environment").describe("Repository on GitHub that Flux syncs."),
    branch: branchName.default("main").describe("Branch that Flux follows."),
    path: repositoryFolder.optional().describe("Folder of this environment; `flux-repo/clusters/<stack>` when absent."),
    create: z
      .boolean()
      .default(false)
      .describe("Creates the repository where there is none, and seeds it; else it has to exist. `destroy` leaves it."),
    visibility: z.enum(["private", "public"]).default("private").describe("Of a repository that is created."),
    seed: z
      .boolean()
      .optional()
      .describe(
        "Adds the branch, the folder of this environment and the files of `flux-repo/` and `docs/runbooks/` where the " +
          "repository lacks them; changes none. Like `create` when absent.",
      ),
    sshUrl: sshAddress
      .optional()
      .describe("Where Flux fetches; `ssh://git@github.com/<owner>/<name>.git` when absent."),
    apiUrl: httpAddress
      .default("https://api.github.com/")
      .describe("GitHub's API; set it for GitHub Enterprise (`https://<host>/`)."),
    knownHosts: hostKeys.optional().describe("Host keys of sshUrl, one per line; GitHub's published keys when absent."),
  })
  .prefault({});

const source = z
  .strictObject({
    type: z
      .enum(["github", "local-registry"])
      .default("github")
      .describe(
        "Where Flux fetches `flux-repo/`: `github` is `repository`; `local-registry` is a registry in a container beside the Kind cluster, into which `up` and `npm run push` put the files of this clone. It needs no account and no token.",
      ),
    registryImage: pinnedImage
      .default(`registry:${registry}`)
      .describe("Image of that registry, with a tag or a digest; Docker pulls it."),
  })
  .prefault({});

const deployKey = z
  .strictObject({
    rotation: z
      .int()
      .min(1)
      .default(1)
      .describe("Raise it to rotate the deploy key: the new key works before the old one is removed."),
  })
  .prefault({});

const chartSettings = z
  .strictObject({
    mirror: z
      .strictObject({
        url: ociPrefix.describe(
          "Prefix under which every chart is found by its name, e.g. oci://registry.local/charts.",
        ),
        insecure: z.boolean().default(false).describe("Plain HTTP; for a registry on this machine only."),
      })
      .optional()
      .describe("One OCI registry that holds all charts, for air-gapped use."),
    interval: goDuration.default("1h").describe("How often Flux looks whether an artifact changed."),
    timeoutMinutes: z
      .int()
      .min(1)
      .max(60)
      .default(10)
      .describe("How long a release may take to be Ready before that counts as failed and is tried again."),
  })
  .prefault({});

const network = z
  .strictObject({
    ca: path
      .optional()
      .describe(
        "File with the company's CA certificates (PEM). They are trusted beside the public ones: by the program's own requests, by Flux for charts and kbot's repository, and by what pulls images on Kind's nodes.",
      ),
    proxy: z
      .strictObject({
        httpsProxy: proxyAddress.describe(
          "Proxy for https:// addresses as pods reach it, such as http://proxy.example.com:3128.",
        ),
        httpProxy: proxyAddress.optional().describe("Proxy for http:// addresses; that of httpsProxy when absent."),
        noProxy: z
          .array(noProxyEntry)
          .default([])
          .describe(
            "What is reached without it: hosts, domains (.example.com), addresses, networks (10.0.0.0/8). The cluster's own names and its API server need not be named.",
          ),
      })
      .optional()
      .describe(
        "Proxy of the Flux controllers; its password is the secret proxyCredentials. The program itself and Kind's nodes take HTTPS_PROXY of the shell.",
      ),
    imagesByDigest: z
      .boolean()
      .default(true)
      .describe(
        "Whether images are pulled by the digests of settings/digests.json. `false` where they are loaded by hand, which keeps their tags only (docker load, kind load), or where a mirror has packed them anew.",
      ),
  })
  .prefault({});

const applications = z
  .strictObject({
    namespaces: z
      .array(dnsLabel)
      .default([])
      .describe(
        "Namespaces whose pods may send to the collector, and whose annotated pods Prometheus scrapes. They need not exist yet; nothing is made in them. The demo's is among them while it is enabled.",
      ),
  })
  .prefault({});

const journal = z
  .strictObject({
    enabled: z.boolean().default(false).describe("Keeps the nodes' journals in the log stores."),
    folder: z
      .enum(["/var/log/journal", "/run/log/journal"])
      .default("/var/log/journal")
      .describe(
        "Where nodes keep it: on disk, or in memory where journald is told so. Pods of the agent do not start where it is not.",
      ),
  })
  .prefault({});

const redact = z
  .strictObject({
    patterns: z
      .array(redactPattern)
      .max(50)
      .default([])
      .describe(
        "Regular expressions of RE2, looked for anywhere in a record: what they fit becomes `****`. They are stored in plain text.",
      ),
    fields: z
      .array(fieldName)
      .max(200)
      .default([])
      .describe(
        "Names of fields of JSON, and of attributes, whose values become `****`, at whatever depth. Upper and lower case are alike.",
      ),
  })
  .prefault({});

const probe = z
  .strictObject({
    enabled: z
      .boolean()
      .default(true)
      .describe("`up` ends only when a trace, a log record and a metric, sent to the collector, are in their stores."),
    timeoutSeconds: z.int().min(30).max(1800).default(300).describe("How long that may take."),
  })
  .prefault({});

const core = {
  cluster: cluster.describe("Which cluster the environment lives in."),
  provided: providedSetting().describe(
    "What an existing cluster has already, when cluster.type is existing: it is used, none is made beside it, and nothing of it is changed (docs/existing-clusters.md).",
  ),
  source: source.describe("Where Flux gets the content of `flux-repo/`."),
  repository: repository.describe("The Git repository that Flux syncs, when source.type is github."),
  deployKey: deployKey.describe("The read-only key with which Flux fetches, when source.type is github."),
  charts: chartSettings.describe("Where charts come from."),
  network: network.describe("The company's network: its CA and its proxy (docs/company-networks.md)."),
  applications: applications.describe("Applications that send telemetry."),
  journal: journal.describe("The journal of every node (systemd), read by the log agent."),
  redact: redact.describe(
    "Secrets that are taken out of log records, by the log agent and the gateway, and out of spans, by the gateway (docs/redaction.md).",
  ),
  probe: probe.describe("The end of an `up`: whether telemetry arrives."),
};

/** Settings of one environment, as they stand in `Pulumi.<stack>.yaml` under `config:`. */
export const settingsSchema = z.strictObject({ ...core, ...slotSettings(), ...componentSettings() });

/** Validated settings, defaults filled in. */
export type Settings = z.output<typeof settingsSchema>;

/** What a person may write: every key optional. */
export type SettingsInput = z.input<typeof settingsSchema>;

/** The settings of a stack that says nothing. */
export const usual: Settings = settingsSchema.parse({});

/** The groups without what each is when nothing is said of it: to make all of that anew takes most of the time. */
const said = z.strictObject(
  Object.fromEntries(
    Object.entries(settingsSchema.shape).map(([group, schema]) => [group, schema.unwrap().optional()]),
  ),
);

/** The same as `settingsSchema.safeParse`, several times as fast. */
export function readGroups(
  groups: Readonly<Record<string, unknown>>,
  params?: z.core.ParseContext<z.core.$ZodIssue>,
): z.ZodSafeParseResult<Settings> {
  const given = Object.entries(groups).filter(([, value]) => value !== undefined);
  const result = said.safeParse(Object.fromEntries(given), params);
  return result.success ? { ...result, data: { ...usual, ...result.data } } : (result as z.ZodSafeParseError<Settings>);
}
