/**
 * Forms of settings' texts: one for each reader that they reach in the end, as narrow as that reader. The source of each is
 * named beside it; `tests/contract/settings-readers.test.ts` gives what passes here to the readers themselves.
 */
import { isIPv6 } from "node:net";
import { homedir } from "node:os";
import { RE2JS } from "re2js";
import { z } from "zod";
import { remembered } from "../components/remembered.ts";
import { compileRe2, firstOf } from "./re2-program.ts";

const seconds: Readonly<Record<string, number>> = {
  ms: 1 / 1000,
  s: 1,
  m: 60,
  h: 3600,
  d: 86_400,
  w: 604_800,
  y: 31_536_000,
};

/** A duration (`30s`, `1h30m`, `1d12h`) in seconds. */
export function durationSeconds(duration: string): number {
  return [...duration.matchAll(/(\d+(?:\.\d+)?)(ms|[smhdwy])/g)].reduce(
    (sum, [, count, unit]) => sum + Number(count) * (seconds[unit ?? ""] ?? Number.NaN),
    0,
  );
}

/** How long something is kept, in seconds, where zero is for ever. */
export const retentionSeconds = (retention: string): number => durationSeconds(retention) || Infinity;

/** No reader counts further than 292 years (63 bits of nanoseconds). */
const longest = 100 * (seconds["y"] ?? 0);

/** A text of a form; what is said about its content is only asked when the form is right. */
const text = (form: RegExp, error: string) => z.string().regex(form, { error, abort: true });

function duration(form: RegExp, words: string) {
  return text(form, `must be a duration such as ${words}`).refine((value) => durationSeconds(value) <= longest, {
    error: "is longer than 100 years",
  });
}

const notZero = [(value: string) => durationSeconds(value) >= 0.001, { error: "must be more than zero" }] as const;

/**
 * Go's `time.ParseDuration` in the units that Flux takes: `spec.interval` of its kinds (CRDs of Flux 2.9, pattern
 * `^([0-9]+(\.[0-9]+)?(ms|s|m|h))+$`) and the flags of its controllers.
 */
export const goDuration = duration(
  /^(\d{1,9}(\.\d{1,9})?(ms|s|m|h))+$/,
  "30s, 5m or 1h30m; its largest unit is h",
).refine(...notZero);

/**
 * `model.Duration` of Prometheus (github.com/prometheus/common v0.70, `ParseDuration`): units from large to small, each once.
 * Prometheus, Alertmanager and Loki read it. Here zero means at once.
 */
export const prometheusDurationOrZero = duration(
  /^(?=\d)(\d{1,12}y)?(\d{1,12}w)?(\d{1,12}d)?(\d{1,12}h)?(\d{1,12}m)?(\d{1,12}s)?(\d{1,12}ms)?$/,
  "30s, 5m, 24h or 1d12h, units from large to small",
);

/** The same where zero is refused, or means something else. */
export const prometheusDuration = prometheusDurationOrZero.refine(...notZero);

/**
 * CPU as a Kubernetes quantity (`resource.Quantity`), no finer than the thousandth that Kubernetes schedules by.
 */
export const cpu = text(/^(\d{1,6}m|\d{1,3}(\.\d{1,3})?)$/, "must be CPU such as 50m or 0.5");

const byteUnits: Readonly<Record<string, number>> = {
  "": 1,
  k: 1e3,
  M: 1e6,
  G: 1e9,
  T: 1e12,
  Ki: 1024,
  Mi: 1024 ** 2,
  Gi: 1024 ** 3,
  Ti: 1024 ** 4,
};
const amount = /^(\d{1,15}(?:\.\d{1,3})?)(k|M|G|T|Ki|Mi|Gi|Ti)?$/;

/** An amount of memory or disk (`128Mi`, `1.5Gi`, `50G`) in bytes; NaN for what is none. */
export function byteCount(value: string): number {
  const match = amount.exec(value);
  return match === null ? Number.NaN : Number(match[1]) * (byteUnits[match[2] ?? ""] ?? Number.NaN);
}

/**
 * Memory or disk as a Kubernetes quantity. From 1 MiB to 1000 TiB: `512` is 512 bytes, which no container starts with, and
 * `512m` is half a byte.
 */
export const bytes = text(amount, "must be an amount such as 128Mi, 1.5Gi or 50G").refine(
  (value) => byteCount(value) >= 1024 ** 2 && byteCount(value) <= 1000 * 1024 ** 4,
  { error: "must be from 1Mi to 1000Ti; a number without a unit is bytes" },
);

/** Size of Prometheus's store: its operator's CRD (`spec.retentionSize`) and `units.Base2Bytes`. */
export const prometheusSize = text(
  /^(?!0+(\.0*)?[A-Z])\d{1,6}(\.\d{1,3})?[KMGTP]i?B$/,
  "must be a size such as 5GB or 512MiB",
);

/**
 * Retention of VictoriaMetrics 1.151 (`-retentionPeriod`, lib/flagutil/duration.go, lib/storage): a number without a unit is months there, and less
 * than a day is refused.
 */
export const victoriaMetricsRetention = text(
  /^\d{1,4}[hdwy]$/,
  "must be a retention such as 24h, 30d, 8w or 1y",
).refine((value) => durationSeconds(value) >= 86_400 && durationSeconds(value) <= longest, {
  error: "must be from 24h to 100y",
});

/** `min_age` of a phase of Elasticsearch's lifecycle policies (9.5, "Time units"), in the units whose lengths are fixed and that people mean. */
export const elasticsearchRetention = duration(/^\d{1,5}[hd]$/, "24h, 7d or 90d").refine(
  (value) => durationSeconds(value) >= 3600,
  { error: "must be from 1h to 100y" },
);

/** Version of the Elastic Stack, from that on in which Elasticsearch takes logs by OTLP itself and that ECK 3.5 knows. */
export const elasticVersion = text(
  /^9\.([5-9]|[1-9]\d)\.\d{1,2}$/,
  "must be a version of the Elastic Stack from 9.5.0, such as 9.5.1",
);

/** What names of indices may begin with, and not those for which Elasticsearch has templates of data streams itself. */
export const elasticPrefix = z
  .string()
  .max(60)
  .regex(/^[a-z][-a-z0-9_]*[a-z0-9]$/, "must be small letters, digits, - and _, such as observability")
  .refine((value) => !/^(apm|logs|metrics|profiling|synthetics|traces)(-|$)/.test(value), {
    error: "must not begin as data streams do (apm, logs, metrics, profiling, synthetics, traces)",
  });

/** Sizes of VictoriaMetrics (1.151, lib/flagutil/bytes.go). */
export const victoriaMetricsSize = text(
  /^(?!0+(\.0*)?[A-Z])\d{1,6}(\.\d{1,3})?[KMG]i?B$/,
  "must be a size such as 16MiB or 50MB",
);

/** A plugin as Grafana's setting `preinstall` names it (pkg/setting/setting_plugins.go); a comma would begin another. */
export const grafanaPlugin = text(
  /^[a-z0-9]+(-[a-z0-9]+)+@\d+\.\d+\.\d+(@https?:\/\/[^\s,@$]+)?$/,
  "must be a plugin and its version such as victoriametrics-logs-datasource@0.30.1, and may have @ and the address of its zip file after it",
);

/** Fluent Bit's sizes (`flb_utils_size_to_bytes`). */
export const fluentBitSize = text(/^[1-9]\d{0,6}[KMG]B?$/, "must be a size such as 500MB");

export const dnsLabel = text(
  /^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/,
  "must be a DNS label: lower-case letters, digits and dashes",
);

/** Name of a Secret: a DNS subdomain. */
export const secretName = z
  .string()
  .max(253)
  .regex(
    /^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$/,
    "must be a name of a Secret: lower-case letters, digits, dashes and dots",
  );

const host = /(?:[a-z0-9](?:[-a-z0-9]*[a-z0-9])?(?:\.[a-z0-9](?:[-a-z0-9]*[a-z0-9])?)*|\[[0-9a-f:.]+\])/.source;
const repositoryPath = /[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*(?:\/[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*)*/.source;
const image = `(?:${host}(?::\\d{1,5})?/)?${repositoryPath}`;
const tag = /[A-Za-z0-9_][A-Za-z0-9._-]{0,127}/.source;

/** An image without tag and digest (github.com/distribution/reference). */
export const imageRepository = z
  .string()
  .max(255)
  .regex(new RegExp(`^${image}$`), "must be an image without a tag, such as ghcr.io/acme/kbot");

export const imageTag = text(new RegExp(`^(?!latest$)${tag}$`), "must be an image tag, and not latest");

/** An image that says which: a tag with a digit in it, or a digest. */
export const pinnedImage = text(
  new RegExp(`^${image}(?::(?=\\D*\\d)${tag}(?:@sha256:[0-9a-f]{64})?|@sha256:[0-9a-f]{64})$`),
  "must be an image that carries a version tag or a digest, such as kindest/node:v1.36.1",
);

/** Host of an image registry, as image references and containerd's folders name it. */
export const registryHost = text(
  new RegExp(`^(${host}(:\\d{1,5})?|_default)$`),
  "must be the host of a registry, with its port if it has one, such as docker.io",
);

/** A URL as readers other than Node's take it: a plain host, a decimal port, whole escapes, and nothing after the path. */
const urlForm =
  /^([a-z]+):\/\/(?:[\w.~+-]+@)?(\[[0-9a-fA-F:.]+\]|[A-Za-z0-9][A-Za-z0-9._-]*)(?::[1-9]\d*)?(?:\/(?:[\w.~!$&()*+,;=:@/-]|%[0-9A-Fa-f]{2})*)?$/;

/** An address that a reader can take, and that ends no word of the file that it is written into. */
function address(schemes: readonly string[], words: string, more: (parts: URL) => boolean = () => true) {
  const error = `must be ${words}`;
  return z
    .string()
    .refine(
      (value) => schemes.includes(urlForm.exec(value)?.[1] ?? "") && URL.canParse(value) && more(new URL(value)),
      { error },
    );
}

const ofRepository = ({ pathname }: URL) => pathname.length > 1;

/** Where Flux fetches Git by SSH; `git@host:path` is another form, which no reader of a URL takes. */
export const sshAddress = address(
  ["ssh"],
  "an ssh:// address such as ssh://git@git.example.com/team/platform.git",
  ofRepository,
);

/** Where Flux fetches Git without our key. */
export const gitAddress = address(
  ["https", "http", "ssh"],
  "an https:// or ssh:// address of a repository",
  ofRepository,
);

/** Name of a user of basic authentication, as the configurations of all that send it hold it without an escape. */
export const userName = text(
  /^[A-Za-z0-9][A-Za-z0-9._@+/-]{0,127}$/,
  "must be a name: letters, digits, '.', '_', '@', '+', '/', '-'",
);

/** A tenant of Loki, Mimir or Tempo (dskit's `tenant.ValidTenantID`: also `!`, `*`, `'`, `(`, `)`, which nobody uses). */
export const tenantName = text(
  /^(?!\.{1,2}$)[A-Za-z0-9._-]{1,150}$/,
  "must be the name of a tenant: letters, digits, '.', '_', '-'",
);

/** A server's HTTP address. */
export const httpAddress = address(
  ["https", "http"],
  "an http:// or https:// address",
  ({ username }) => username === "",
);

/** A proxy's address. What reads the settings prints them: a password stands in the secret. */
export const proxyAddress = z
  .string()
  .refine((value) => !/^\w+:\/\/[^/]*@/.test(value), {
    error: "holds a user. Set the secret proxyCredentials (user:password) instead",
    abort: true,
  })
  .pipe(httpAddress);

/** What a proxy is not asked for (golang.org/x/net/http/httpproxy): a host, a domain, an address or a network. */
export const noProxyEntry = text(
  /^[A-Za-z0-9.*:[\]_-]+(\/\d{1,3})?$/,
  "must be a host, a domain such as .example.com, an address, or a network such as 10.0.0.0/8",
);

/** Registry host to mirror address, for containerd. */
export const registryMirrors = z.record(registryHost, httpAddress);

/** Prefix of an OCI registry: what follows it is a chart's name. */
export const ociPrefix = text(
  new RegExp(`^oci://${host}(:[1-9]\\d*)?(/${repositoryPath})?$`),
  "must be an oci:// address without a slash at its end, such as oci://registry.example.com/charts",
).refine((value) => URL.canParse(value.replace(/^oci/, "http")), { error: "must be an oci:// address of a host" });

/** S3 endpoint: Loki takes a host or an address. */
export const s3Endpoint = text(
  new RegExp(`^(https?://)?${host}(:[1-9]\\d*)?/?$`),
  "must be an address such as https://storage.example.com:9000",
).refine((value) => URL.canParse(value.includes("://") ? value : `http://${value}`), {
  error: "must be an address of a host",
});

/** Names of buckets that S3 and its kin take. */
export const bucketName = text(
  /^(?!.*\.\.)[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$/,
  "must be the name of a bucket: 3 to 63 small letters, digits, '-', '.'",
);

/** A branch as `git check-ref-format` takes it; quotes and blanks, which Git takes too, would have to survive YAML and URLs. */
export const branchName = z
  .string()
  .max(200)
  .regex(
    /^(?![/.-])(?!.*(\/\/|\/\.|\.\.|@\{|\.lock(\/|$)))[A-Za-z0-9._/@+=#%-]+(?<![/.])$/,
    "must be the name of a branch",
  )
  .refine((value) => value !== "@", { error: "must be the name of a branch" });

/** A folder inside a repository. */
export const repositoryFolder = text(
  /^(?!\/)(?!(.*\/)?\.\.(\/|$))[A-Za-z0-9._/@+ -]+$/,
  "must be a folder relative to the repository's root, without ..",
);

export const githubName = text(
  /^(?!\.{1,2}$)[A-Za-z0-9._-]{1,100}$/,
  "must be a GitHub name: letters, digits, '.', '_', '-'",
);

/** `host:port` of a mail server (Go's `net.SplitHostPort`). */
export const hostPort = text(
  /^(\[[0-9a-fA-F:.]+\]|[A-Za-z0-9._-]+):\d{1,5}$/,
  "must be host:port, such as smtp.example.com:587",
).refine((value) => /:[1-9]\d*$/.test(value) && Number(value.slice(value.lastIndexOf(":") + 1)) <= 65_535, {
  error: "must have a port from 1 to 65535",
});

/** Name of a topic (Kafka's `Topic.validate`). */
export const kafkaTopic = text(
  /^(?!\.{1,2}$)[A-Za-z0-9._-]{1,249}$/,
  "must be a topic's name: up to 249 letters, digits, dots, hyphens and underscores",
);

/** Name of a label of Prometheus. */
export const labelName = /[a-zA-Z_][a-zA-Z0-9_]*/.source;

/** What RE2, in which Go's programs write expressions, has against one; undefined when nothing. It is anchored at both ends. */
export const re2Fault = remembered((expression: string): string | undefined => {
  try {
    RE2JS.compile(`^(?:${expression})$`);
    return undefined;
  } catch (error) {
    return error instanceof Error ? error.message.replace(/^error parsing regexp: /, "") : String(error);
  }
});

/** Whether the whole of a text fits an expression of RE2, as a relabelling or a matcher asks. */
export const fitsWhole = (expression: string): ((text: string) => boolean) => {
  const compiled = RE2JS.compile(`^(?:${expression})$`);
  return (text) => compiled.matches(text);
};

/**
 * An expression of a relabelling (`relabel.Regexp`, RE2, anchored). No `$(`, which the config reloader of Prometheus fills in,
 * and no `{{`, which Helm does where a chart gives values to `tpl` (kube-prometheus-stack 88.5.3, `scrapeClasses`).
 */
export const relabelRegex = z
  .string()
  .min(1)
  .max(2000)
  .regex(/^(?!.*(?:\$\(|\{\{))[^\p{Cc}\p{Z}]+$/u, {
    error: "must be a regular expression without blanks, $( and {{",
    abort: true,
  })
  .superRefine((text, context) => {
    const fault = re2Fault(text);
    if (fault !== undefined) context.addIssue(`is a regular expression that Prometheus refuses (${fault})`);
  });

/** What is wrong with an expression that is looked for anywhere; undefined when nothing. */
function patternFault(text: string): string | undefined {
  const fault = re2Fault(text);
  if (fault !== undefined) return `is a regular expression that RE2 refuses (${fault})`;
  const program = compileRe2(text);
  if (firstOf(program).some(({ op }) => op === "match")) return "fits an empty text, so any place";
  // Each character of each line may have to be held against every instruction.
  return program.instructions.length > 1000 ? "is too large: its repetitions are written out" : undefined;
}

/** An expression of RE2 that is looked for anywhere in a text (`redact.patterns`). */
export const redactPattern = z
  .string()
  .min(1)
  .max(500)
  .regex(/^[^\u0000-\u001f\u007f-\u009f\u2028\u2029]*$/, { error: "must be one line", abort: true })
  .superRefine((text, context) => {
    const fault = patternFault(text);
    if (fault !== undefined) context.addIssue(fault);
  });

/** A name of a field of JSON, as it stands in an expression. */
export const fieldName = text(
  /^[A-Za-z0-9_@.-]{1,100}$/,
  "must be the name of a field: letters, digits, '_', '-', '.', '@'",
);

/** A file on nodes: no blanks, wildcards or braces, which a log agent's configuration would take for more. */
export const nodeFile = text(
  /^(\/[\w@%+-][\w.@%+-]*)+\.\w+$/,
  "must be the absolute path of a file, such as /var/log/kubernetes/audit/audit.log",
);

/** A text on one line, without what no reader prints. */
export const line = z
  .string()
  .min(1)
  .regex(/^[^\u0000-\u001f\u007f-\u009f\u2028\u2029]*$/, "must be one line");

/** A path on this machine; the shell's `~` is the home folder here, too. */
export const path = line.overwrite((value) => value.replace(/^~(?=$|\/)/, homedir()));

/** Name of a receiver, a time interval or a silence. */
export const alertingName = text(/^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$/, "must be a name: letters, digits, '.', '_', '-'");

/** Key of a Secret (`IsConfigMapKey` of Kubernetes). */
export const secretKey = text(
  /^(?!\.\.?$|\.\.)[A-Za-z0-9._-]{1,253}$/,
  "must be the name of a secret: letters, digits, '.', '_', '-'",
);

/** How often something is scraped. */
export const scrapeInterval = prometheusDuration.refine(
  (value) => durationSeconds(value) >= 5 && durationSeconds(value) <= 120,
  { error: "must be from 5s to 2m: Prometheus takes a value that is 5 minutes old for gone" },
);

/** How a check looks at its target. */
/** A path of an address as it is sent; no `$`, which the config reloader of Prometheus fills in. */
export const urlPath = text(/^\/([\w.~!*+,;=:/@-]|%[0-9A-Fa-f]{2})*$/, "must be a path that begins with a slash");

export const checkTypes = ["http", "tcp", "icmp"] as const;

/**
 * What each kind of check takes (blackbox_exporter 0.28: `ProbeHTTP` and Go's `url.Parse`, `net.SplitHostPort`,
 * `LookupIPAddr`). No `$`, which the config reloader of Prometheus fills in. No user: it would stand in a label.
 */
export const checkTarget = {
  http: z
    .string()
    .refine((value) => /^[^$?#]*(\?([\w.~!*+,;=:/?&@-]|%[0-9A-Fa-f]{2})*)?$/.test(value), {
      error: "must be an http:// or https:// address",
      abort: true,
    })
    .refine((value) => httpAddress.safeParse(value.replace(/\?.*$/, "")).success, {
      error: "must be an http:// or https:// address",
    }),
  tcp: hostPort,
  icmp: z.string().refine((value) => /^[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?\.?$/.test(value) || isIPv6(value), {
    error: "must be a host's name or address, without a port",
  }),
} as const satisfies Record<(typeof checkTypes)[number], z.ZodType<string>>;
