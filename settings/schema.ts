/**
 * What a stack may say. One strict schema: a key that is not here is an error. Every setting is described where it
 * is declared; `docs/settings.md` and `schemas/stack.schema.json` are generated from these descriptions
 * (`npm run schema`).
 *
 * This room creates no Pulumi resources and knows no component.
 */
import { homedir } from "node:os";
import { parse } from "yaml";
import { z } from "zod";
import {
  alertingName,
  branchName,
  bucketName,
  bytes,
  cpu,
  dnsLabel,
  fluentBitSize,
  gitAddress,
  githubName,
  goDuration,
  hostPort,
  httpAddress,
  imageRepository,
  imageTag,
  labelName,
  line,
  noProxyEntry,
  ociPrefix,
  pinnedImage,
  prometheusDuration,
  prometheusDurationOrZero,
  prometheusSize,
  proxyAddress,
  registryMirrors,
  repositoryFolder,
  s3Endpoint,
  secretKey,
  secretName,
  sshAddress,
} from "./formats.ts";
import { hostKeys } from "./host-keys.ts";
import { matcher } from "./matchers.ts";
import { timeInterval } from "./time-intervals.ts";
import { collector, flux, kindNode, registry } from "./versions.ts";

const port = z.int().min(1024).max(65535);
/** A path on this machine; the shell's `~` is the home folder here, too. */
const path = line.overwrite((text) => text.replace(/^~(?=$|\/)/, homedir()));

/** Whether a text of the form 2026-12-01 is a day: JavaScript takes the 30th of February for the 2nd of March. */
function isDay(text: string): boolean {
  const date = new Date(`${text}T00:00:00Z`);
  return !Number.isNaN(date.getTime()) && date.toISOString().startsWith(text);
}

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

/** Requests and limits of one container. CPU has no limit by design: throttling hides as slowness. */
const resources = (defaults: { cpu: string; memory: string; memoryLimit: string }) =>
  z
    .strictObject({
      cpu: cpu.default(defaults.cpu).describe("CPU that is requested."),
      memory: bytes.default(defaults.memory).describe("Memory that is requested."),
      memoryLimit: bytes.default(defaults.memoryLimit).describe("Memory at which the container is killed."),
    })
    .prefault({});

const values = z
  .record(z.string(), z.unknown())
  .default({})
  .describe("Helm values merged over ours, last; lists replace. The one escape hatch: nothing checks what is in it.");

const kind = z
  .strictObject({
    nodeImage: pinnedImage
      .default(`kindest/node:${kindNode}`)
      .describe("Image of the nodes, with a tag or a digest; it decides the Kubernetes version."),
    workers: z.int().min(0).max(9).default(0).describe("Nodes beside the control plane."),
    ports: z
      .strictObject({
        grafana: port.nullable().default(3000).describe("Host port of Grafana; null maps none."),
        prometheus: port.nullable().default(9090).describe("Host port of Prometheus; null maps none."),
        alertmanager: port.nullable().default(9093).describe("Host port of Alertmanager; null maps none."),
        jaeger: port.nullable().default(16686).describe("Host port of Jaeger's UI; null maps none."),
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

const fluxSettings = z
  .strictObject({
    manifests: path
      .default(`https://github.com/fluxcd/flux2/releases/download/${flux}/install.yaml`)
      .describe("The release's install.yaml: an address, or a path on this machine."),
    sha256: z
      .string()
      .regex(/^[0-9a-f]{64}$/, "must be a SHA-256 in hexadecimal")
      .optional()
      .describe("Checksum that the manifests must have."),
    interval: goDuration.default("1m").describe("How often Git is looked at."),
    concurrent: z.int().min(1).max(50).default(10).describe("Releases and kustomizations worked on at once."),
    requeueDependency: goDuration.default("5s").describe("How often a waiting object looks at its dependency."),
    logLevel: z.enum(["debug", "info", "error"]).default("info").describe("Log level of the controllers."),
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

const certManager = z
  .strictObject({
    replicas: z.int().min(1).max(5).default(1).describe("Replicas of the controller and of the webhook."),
    controller: resources({ cpu: "10m", memory: "64Mi", memoryLimit: "192Mi" }),
    webhook: resources({ cpu: "10m", memory: "32Mi", memoryLimit: "96Mi" }),
    cainjector: resources({ cpu: "10m", memory: "64Mi", memoryLimit: "256Mi" }),
    values,
  })
  .prefault({});

const prometheus = z
  .strictObject({
    replicas: z.int().min(1).max(4).default(1).describe("Prometheus servers, each with all series."),
    retention: prometheusDuration.default("24h").describe("How long samples are kept."),
    retentionSize: prometheusSize.optional().describe("Size at which the oldest samples go, whatever their age."),
    storage: bytes
      .optional()
      .describe(
        "Size of a volume per server; without it samples live as long as the pod. Another size reaches new volumes only, and a first one begins without the samples so far.",
      ),
    scrapeInterval: prometheusDuration.default("30s").describe("How often targets are scraped."),
    sampleLimit: z
      .int()
      .min(0)
      .default(100_000)
      .describe(
        "Samples that one scrape may have, of monitors that name no limit; more refuse it whole. 0: any number.",
      ),
    labelLimit: z
      .int()
      .min(0)
      .default(64)
      .describe(
        "Labels that a sample may have, of monitors that name no limit; more refuse the scrape. 0: any number.",
      ),
    resources: resources({ cpu: "100m", memory: "512Mi", memoryLimit: "1536Mi" }),
    operator: resources({ cpu: "25m", memory: "64Mi", memoryLimit: "256Mi" }),
    kubeStateMetrics: resources({ cpu: "10m", memory: "48Mi", memoryLimit: "192Mi" }),
    nodeExporter: resources({ cpu: "10m", memory: "24Mi", memoryLimit: "96Mi" }),
    values: values.describe(
      "Values of kube-prometheus-stack merged over ours, last; lists replace. Nothing checks it.",
    ),
  })
  .prefault({});

const alertmanager = z
  .strictObject({
    replicas: z.int().min(1).max(5).default(1).describe("Alertmanagers that gossip."),
    resources: resources({ cpu: "10m", memory: "32Mi", memoryLimit: "128Mi" }),
  })
  .prefault({});

const severity = z.enum(["critical", "warning", "info"]);
const alertingSecret = secretKey.describe("Name of the secret in `alertingSecrets`.");
const matchers = z.array(matcher);

const grouping = {
  groupBy: z
    .array(z.string().regex(new RegExp(`^(\\.\\.\\.|${labelName})$`), "must be a label's name, or ... for all"))
    .refine((labels) => new Set(labels).size === labels.length, { error: "names a label twice" })
    .refine((labels) => labels.length < 2 || !labels.includes("..."), {
      error: "has ... beside other labels; it stands for all of them",
    }),
  groupWait: prometheusDurationOrZero,
  groupInterval: prometheusDuration,
  repeatInterval: prometheusDuration,
} as const;

/**
 * A day. Pulumi's CLI rewrites a date without quotes to `2026-12-01 00:00:00 +0000 UTC` (3.246.0), so that is read too.
 */
const day = z
  .string()
  .regex(/^\d{4}-\d{2}-\d{2}( 00:00:00 \+0000 UTC)?$/, "must be a date such as 2026-12-01")
  .refine((text) => isDay(text.slice(0, 10)), { error: "is a day that no calendar has" })
  .transform((text) => text.slice(0, 10));

const alerting = z
  .strictObject({
    receivers: z
      .strictObject({
        slack: z
          .array(
            z.strictObject({
              name: alertingName.describe("Name of the receiver; routes use it."),
              channel: line.describe("Channel, such as #alerts."),
              secret: alertingSecret.describe(
                "Name of the secret in `alertingSecrets`: the URL of the incoming webhook.",
              ),
            }),
          )
          .default([])
          .describe("Slack channels."),
        email: z
          .array(
            z.strictObject({
              name: alertingName.describe("Name of the receiver; routes use it."),
              to: line.regex(/.@./, "must be an address, or several with commas").describe("Who gets it."),
              from: line.regex(/.@./, "must be an address").describe("Who sends it."),
              smarthost: hostPort.describe("Mail server with its port; 465 is TLS from the first byte."),
              username: line.optional().describe("User at the mail server; it needs secret too."),
              secret: alertingSecret
                .optional()
                .describe("Name of the secret in `alertingSecrets`: the password of that user."),
              requireTls: z
                .boolean()
                .default(true)
                .describe("Refuses to send without TLS (STARTTLS); false is for a server on this machine."),
            }),
          )
          .default([])
          .describe("E-mail addresses."),
        telegram: z
          .array(
            z.strictObject({
              name: alertingName.describe("Name of the receiver; routes use it."),
              chatId: z
                .int()
                .refine((id) => id !== 0, { error: "must be the number of a chat" })
                .describe("Number of the chat; a group's is negative."),
              secret: alertingSecret.describe("Name of the secret in `alertingSecrets`: the bot's token."),
            }),
          )
          .default([])
          .describe("Telegram chats."),
      })
      .prefault({}),
    defaultReceiver: alertingName
      .optional()
      .describe("Receiver of what no route takes; when absent, such alerts are only seen in Alertmanager and Grafana."),
    routes: z
      .array(
        z.strictObject({
          receiver: alertingName.describe("Who gets the alerts."),
          severity: z.array(severity).default([]).describe("Severities that fit; any when empty."),
          namespaces: z.array(dnsLabel).default([]).describe("Namespaces that fit; any when empty."),
          matchers: matchers.default([]).describe('Further conditions, such as `team="web"`; all have to fit.'),
          groupBy: grouping.groupBy.optional().describe("As alerting.groupBy, for this route."),
          groupWait: grouping.groupWait.optional().describe("As alerting.groupWait, for this route."),
          groupInterval: grouping.groupInterval.optional().describe("As alerting.groupInterval, for this route."),
          repeatInterval: grouping.repeatInterval.optional().describe("As alerting.repeatInterval, for this route."),
          muteTimeIntervals: z.array(alertingName).default([]).describe("Times at which nothing is sent."),
          activeTimeIntervals: z.array(alertingName).default([]).describe("Only at these times something is sent."),
          continue: z.boolean().default(false).describe("Lets later routes have the alert too."),
        }),
      )
      .default([])
      .describe("Who gets which alerts; the first route that fits takes an alert."),
    groupBy: grouping.groupBy
      .default(["alertname", "namespace"])
      .describe("Labels: alerts that agree in all of them come as one message."),
    groupWait: grouping.groupWait.default("30s").describe("How long a new group waits for more alerts."),
    groupInterval: grouping.groupInterval.default("5m").describe("How often a group tells what changed."),
    repeatInterval: grouping.repeatInterval
      .default("4h")
      .describe("How often a group that did not change is told again."),
    timeIntervals: z.array(timeInterval).default([]).describe("Times that routes name."),
    inhibition: z
      .boolean()
      .default(true)
      .describe(
        "A critical alert silences the milder ones of its name for the same object; a node that is down silences what happens on it.",
      ),
    deadMansSwitch: z
      .strictObject({
        secret: alertingSecret.describe(
          "Name of the secret in `alertingSecrets`: the URL that has to be called, or its owner raises the alarm.",
        ),
        interval: prometheusDuration.default("5m").describe("How often it is called while alerting works."),
      })
      .optional()
      .describe("Calls a URL for as long as Prometheus and Alertmanager work."),
    silences: z
      .array(
        z.strictObject({
          name: alertingName.describe("Name of the silence."),
          matchers: matchers.min(1).describe("Alerts that are silenced: all have to fit."),
          comment: z.string().min(1).describe("Why; people see it in Alertmanager."),
          until: day.describe("Last day, in UTC; at most 90 days away."),
        }),
      )
      .prefault([])
      .describe("Alerts about which nobody is told for a time."),
  })
  .prefault({});

const grafana = z
  .strictObject({
    adminUser: line
      .default("admin")
      .describe(
        "Name of Grafana's administrator; Grafana restarts with another one, unless it has a volume of its own, where the first one stays.",
      ),
    passwordRotation: z
      .int()
      .min(1)
      .default(1)
      .describe("Raise it for a new password; Grafana restarts with it (as with adminUser)."),
    resources: resources({ cpu: "50m", memory: "192Mi", memoryLimit: "512Mi" }),
  })
  .prefault({});

const loki = z
  .strictObject({
    retention: prometheusDuration.default("24h").describe("How long log lines are kept; at least 24h."),
    storage: z
      .strictObject({
        type: z.enum(["filesystem", "s3"]).default("filesystem").describe("Where chunks and index are kept."),
        size: bytes
          .default("5Gi")
          .describe("Volume of each Loki pod; later it can only be changed by hand, and `up` says how."),
        s3: z
          .strictObject({
            endpoint: s3Endpoint.optional().describe("S3 endpoint when it is not AWS's own."),
            region: z
              .string()
              .regex(/^[A-Za-z0-9-]{1,63}$/, "must be the name of a region, such as eu-central-1")
              .default("us-east-1")
              .describe("Region of the bucket."),
            bucket: bucketName.describe("Bucket for chunks and ruler; it has to exist."),
            credentialsSecret: secretName.describe(
              "Secret in namespace monitoring with AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY; it has to exist.",
            ),
          })
          .optional()
          .describe("The bucket, when type is s3."),
      })
      .prefault({}),
    replicas: z.int().min(1).max(5).default(1).describe("Loki pods; more than one needs s3."),
    resources: resources({ cpu: "50m", memory: "256Mi", memoryLimit: "1Gi" }),
    values,
  })
  .prefault({});

const fluentBit = z
  .strictObject({
    bufferSize: fluentBitSize
      .default("500MB")
      .describe("Disk of each node for lines that Loki has not taken yet; when it is full, the oldest are dropped."),
    inotify: z.boolean().default(true).describe("Watches files by inotify; false polls, for hosts short of watches."),
    resources: resources({ cpu: "20m", memory: "64Mi", memoryLimit: "192Mi" }),
    values,
  })
  .prefault({});

const opentelemetry = z
  .strictObject({
    operator: resources({ cpu: "20m", memory: "64Mi", memoryLimit: "256Mi" }),
    operatorValues: values,
    collector: z
      .strictObject({
        image: pinnedImage
          .default(
            `ghcr.io/open-telemetry/opentelemetry-collector-releases/opentelemetry-collector-contrib:${collector}`,
          )
          .describe("Collector distribution; it needs the components that the pipelines name."),
        replicas: z.int().min(1).max(10).default(1).describe("Collector pods behind one Service."),
        resources: resources({ cpu: "50m", memory: "128Mi", memoryLimit: "512Mi" }),
      })
      .prefault({}),
    samplingRatio: z.number().min(0).max(1).default(1).describe("Share of new traces that instrumented pods keep."),
    goInstrumentation: z
      .boolean()
      .default(true)
      .describe("Go auto-instrumentation: a privileged sidecar, so the namespace of the demo kbot is privileged too."),
  })
  .prefault({});

const jaeger = z
  .strictObject({
    maxTraces: z.int().min(100).max(1_000_000).default(20_000).describe("Traces kept in memory; the oldest go."),
    resources: resources({ cpu: "20m", memory: "128Mi", memoryLimit: "768Mi" }),
    values,
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

const probe = z
  .strictObject({
    enabled: z
      .boolean()
      .default(true)
      .describe("`up` ends only when a trace, a log record and a metric, sent to the collector, are in their stores."),
    timeoutSeconds: z.int().min(30).max(1800).default(300).describe("How long that may take."),
  })
  .prefault({});

const demo = z
  .strictObject({
    enabled: z.boolean().default(true).describe("Deploys a demo application that sends metrics, logs and traces."),
    app: z
      .enum(["podinfo", "kbot"])
      .default("podinfo")
      .describe(
        "`podinfo` runs anywhere and needs no secret; `kbot`, a Telegram bot, needs `telegramToken`, `demo.repository` and `demo.image.repository`.",
      ),
    path: repositoryFolder
      .optional()
      .describe("Folder of the demo in the repository that Flux syncs; `flux-repo/demo/<app>` when absent."),
    repository: gitAddress
      .optional()
      .describe("kbot only: Git repository with its chart in `helm/`, which reads `secret.name`, `.key` and `.env`."),
    branch: branchName.optional().describe("kbot only: branch of that repository; `main` when absent."),
    image: z
      .strictObject({
        repository: imageRepository
          .optional()
          .describe(
            "kbot only: its image; it has to run without the GPIO of a Raspberry Pi (docs/instrumentation.md).",
          ),
        tag: imageTag.optional().describe("kbot only: tag of the image; `v1.0.0` when absent."),
      })
      .prefault({}),
  })
  .prefault({});

/** Settings of one environment, as they stand in `Pulumi.<stack>.yaml` under `config:`. */
export const settingsSchema = z.strictObject({
  cluster: cluster.describe("Which cluster the environment lives in."),
  source: source.describe("Where Flux gets the content of `flux-repo/`."),
  repository: repository.describe("The Git repository that Flux syncs, when source.type is github."),
  deployKey: deployKey.describe("The read-only key with which Flux fetches, when source.type is github."),
  flux: fluxSettings.describe("The Flux controllers."),
  charts: chartSettings.describe("Where charts come from."),
  network: network.describe("The company's network: its CA and its proxy (docs/company-networks.md)."),
  certManager: certManager.describe("cert-manager."),
  prometheus: prometheus.describe("Prometheus, its operator and exporters (kube-prometheus-stack)."),
  alertmanager: alertmanager.describe("Alertmanager."),
  alerting: alerting.describe("Who is told about alerts: receivers, routes, inhibition, silences."),
  grafana: grafana.describe("Grafana."),
  loki: loki.describe("Loki, the log store."),
  fluentBit: fluentBit.describe("Fluent Bit, the log agent."),
  opentelemetry: opentelemetry.describe("OpenTelemetry operator, collector and instrumentation."),
  jaeger: jaeger.describe("Jaeger, the trace store."),
  applications: applications.describe("Applications that send telemetry."),
  probe: probe.describe("The end of an `up`: whether telemetry arrives."),
  demo: demo.describe("The demo application."),
});

/** Secret settings: set with `npm run pulumi -- <stack> config set --secret <key>`; they never stand in a stack file in clear. */
export const secretSettings = {
  demoRepositoryToken:
    "Password or token with which Flux reads demo.repository over https:// (kbot only). Its user is the one in the address, `git` when there is none.",
  proxyCredentials:
    "User and password of network.proxy, as `user:password`. Set with `npm run pulumi -- <stack> config set --secret proxyCredentials`, which asks for it.",
  registryCredentials:
    "Credentials of private registries and of mirrors in cluster.kind.registryMirrors, for charts and images: a Docker config.json with `auths`. Set with `npm run pulumi -- <stack> config set --secret registryCredentials < config.json`.",
  telegramToken: "Token of kbot's Telegram bot (the old set-up's TELE_TOKEN). Needed while demo.app is kbot.",
} as const;

/** Secret settings that hold several secrets by name. */
export const secretGroups = {
  alertingSecrets:
    "Secrets of the receivers by name: Slack's webhook URL, the mail password, the Telegram bot's token. Set with `npm run pulumi -- <stack> config set --secret --path alertingSecrets.<name>`; a name with a dot in quotes, `alertingSecrets[\"my.bot\"]`.",
} as const;

/** Name of a secret setting. */
export type SecretName = keyof typeof secretSettings;

/** Validated settings, defaults filled in. */
export type Settings = z.output<typeof settingsSchema>;

/** What a person may write: every key optional. */
export type SettingsInput = z.input<typeof settingsSchema>;
