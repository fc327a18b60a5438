/**
 * Whatever settings accept, their readers accept: settings are generated, right ones and near misses; those that are accepted
 * are rendered together, and what comes of them is given to the programs and schemas that read it where it is deployed.
 * Always the same ones, so that a failure is of a change and not of chance; tests/nightly tries others, and more.
 */
import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import * as path from "node:path";
import { expect } from "chai";
import * as fc from "fast-check";
import { scrapeJob } from "../../contract/scrape-job.ts";
import { parse as parseToml } from "smol-toml";
import ssh2 from "ssh2";
import { stringify } from "yaml";
import { z } from "zod";
import { slots } from "../../components/catalogue.ts";
import { hostsToml } from "../../components/cluster/registry-mirrors.ts";
import { type AlertmanagerConfig, alertmanagerTemplates } from "../../components/alerts/alertmanager/config.ts";
import { ruleFile } from "../../components/alerts/log-alerts/rules.ts";
import { lokiAlert } from "../../components/logs/loki/lines.ts";
import { victoriaLogsAlert } from "../../components/logs/victoria-logs/lines.ts";
import { logqlMistake } from "../../settings/logql.ts";
import { parseSettings, SettingsError } from "../../settings/parse.ts";
import type { SchemaNode } from "../../settings/scalars.ts";
import { type Settings, settingsSchema } from "../../settings/schema.ts";
import { secretSettings } from "../../settings/secrets.ts";
import { checkExternalAlertmanager } from "../../contract/checks/alertmanager.ts";
import { checkDataSources } from "../../contract/checks/data-sources.ts";
import { checkFluentBit } from "../../contract/checks/fluent-bit.ts";
import { checkObjects } from "../../contract/checks/objects.ts";
import { checkAllValues } from "../../contract/checks/values.ts";
import { at, describeFinding } from "../../contract/finding.ts";
import { type KubernetesApi, kubernetesApi } from "../../contract/kubernetes-api.ts";
import { lokiConfig } from "../../contract/loki-config.ts";
import { lokiMistakes } from "../../contract/loki-reader.ts";
import { tempoConfig, tempoDistributedConfig } from "../../contract/tempo-config.ts";
import { tempoMistakes } from "../../contract/tempo-reader.ts";
import { operatorConfig, prometheusObject } from "../../contract/operator-config.ts";
import { prometheusStart } from "../../contract/prometheus-config.ts";
import { releases, render, type Rendered } from "../../contract/rendered.ts";
import { masked } from "../../contract/run-program.ts";
import type { Manifest } from "../../components/kubernetes/manifest.ts";
import { makeAuthority } from "../support/authority.ts";
import { programOrSkip } from "../support/program.ts";
import { defaultEnvironment, orSkip } from "../support/rendered.ts";
import { everybody, inDays } from "./support/alertmanager.ts";
import { promtool as promtoolSays } from "./support/promtool.ts";
import { different, judge } from "./support/verdict.ts";

interface Node extends SchemaNode {
  readonly minimum?: number;
  readonly maximum?: number;
  readonly required?: readonly string[];
  readonly default?: unknown;
  readonly properties?: Readonly<Record<string, Node>>;
  readonly items?: Node;
  readonly anyOf?: readonly Node[];
}

const hostKey = `ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAI${"A".repeat(43)}`;
const durations = [
  "30s",
  "1h30m",
  "1d12h",
  "1d",
  "0",
  "0s",
  "90",
  "1w",
  "24h",
  "36h",
  "2.5h",
  "500ms",
  "12h1d",
  "999y",
];
const amounts = [
  "128Mi",
  "20Mi",
  "2M",
  "1.5Gi",
  "50G",
  "512",
  "1073741824",
  "0.5Gi",
  "5GB",
  "1e9",
  "512m",
  "2Ti",
  "200000k",
];
const addresses = [
  ...[
    "https://git.example.com/team/a.git",
    "ssh://git@git.example.com/team/a.git",
    "ssh://git@h:2222/a",
    "http://h:080/a",
  ],
  ...[
    "https://h/%zz",
    "https://harbor.example.com/v2/proxy",
    "http://mirror:5000/",
    "git@github.com:a/b.git",
    "oci://r.io/c",
  ],
  ...[
    "oci://127.0.0.1:5001/charts",
    "https://[::1]:8443/a",
    "s3.example.com:9000",
    "https://s3.example.com",
    "https://h:99999/",
  ],
];
const words = [
  ...[
    "123",
    "1e3",
    "1.0",
    "1.10",
    "0x1F",
    "03000",
    "true",
    "no",
    "null",
    "~",
    "team: eu",
    "prod (eu) #1",
    "o'brien",
    '"',
  ],
  ...[
    "a b",
    "&a",
    "*a",
    "!a",
    "%a",
    "@a",
    "`a`",
    "{a}",
    "[a]",
    "- a",
    "? a",
    "a:",
    "${A}",
    "$(A)",
    "{{ a }}",
    "\\",
    "ü",
    "a\nb",
  ],
];

const ruleQuery = "sum by (<<.GroupBy>>) (rate(<<.Series>>{<<.LabelMatchers>>}[2m]))";

/** Texts near what a setting takes, by the end of its path; the awkward words are tried everywhere. */
const samples: readonly [RegExp, readonly string[]][] = [
  [
    /(slowerThan|sampling\.wait|nterval|requeueDependency|retention|keep|groupWait|timeout|batchSendDeadline|sampleAgeLimit)$/,
    durations,
  ],
  [
    /(Metrics|Labels|regex)(\.items)?$/,
    [
      ...[
        "node_.*",
        "(?i)kube_.+|up",
        "a{2,3}",
        "[[:alpha:]]+",
        "(?P<n>b)",
        "a$",
        "x{1001}",
        "(?!a)b",
        "[a-\\d]",
        "a**",
      ],
      ...[
        "\\d+",
        "\\pL",
        "**",
        "$(A)",
        "{{a}}",
        "(",
        "job",
        "pod_uid|uid",
        "a b",
        "\\Qa.b\\E",
        "(b)\\1",
        "[]a]",
        "\\z",
      ],
    ],
  ],
  [
    /^jaeger\.storage\.indexPrefix$/,
    ["observability", "a-b_c1", "a1", "logs", "traces-eu", "logs1", "A", "-a", "a*", "a,b"],
  ],
  [
    /^elasticsearch\.logstash\.filters$/,
    [
      "",
      'filter { mutate { add_field => { "a" => "b" } } }',
      "filter {\n  # it's a }\n  if [level] == 'debug' { drop { } }\n}",
      "filter { } output { }",
      "filter {",
      "filter { } }",
      'filter { mutate { add_tag => "a } }',
      "a",
    ],
  ],
  [/^elasticsearch\.version$/, ["9.5.0", "9.10.2", "9.4.9", "8.19.0", "9.5", "9.5.0-SNAPSHOT"]],
  [/^elasticsearch\.zones\.items$/, ["eu-west-1a", "zone.b_2", "-a", "a b", "$(A)", "${A}"]],
  [/^thanos\.retention\./, [...durations, "40h", "10d", "2y"]],
  [/^thanos\.stores.*address$/, ["thanos.example.com:443", "[::1]:10901", "h", "a b:1", "h:0", "h:1$(A)"]],
  [/serviceAccountAnnotations$/, ["eks.amazonaws.com/role-arn", "a/b", "a", "a b/c"]],
  [/sourceLabels\.items$|targetLabel$/, ["namespace", "__name__", "a-b", "1a", "a$1", "${1}"]],
  [/(separator|replacement)$/, [";", "$1", "${1}-$2", "$(A)", "$$", "$", "-"]],
  [
    /^remoteWrite.*headers(\.x)?$/,
    ["X-Team", "X Team", "Authorization", "Host", "X-Token", "X-Scope-OrgID", "X-Prometheus-Remote-Write-Version"],
  ],
  [/\.cpu$/, ["50m", "0.5", "2", "1.25", "0.0005", "1e-1", "-1"]],
  [/(\.requestSize|\.memory|\.memoryLimit|\.size|\.storage)$/, amounts],
  [
    /(retentionSize|bodySizeLimit|memBufLimit|bufferSize)$/,
    ["5GB", "512MiB", "1.5TB", "5MB", "5M", "10k", "500M", "0GB", "5"],
  ],
  [/plugin$/, ["a-b@1.2.3", "a-b@1.2.3@https://h/p.zip", "a-b", "a-b@1.2.3,c-d@1.2.3", "a-b@1.2.3@$A"]],
  [
    /(mage|images|repository)$/,
    ["a/b:1", "kindest/node:v1.36.1", `r.io:5000/a@sha256:${"0".repeat(64)}`, "ghcr.io/acme/kbot", "A/b:1"],
  ],
  [/([uU]rl|[pP]roxy|manifests|endpoint|repository|registryMirrors\.[^.]*)$/, addresses],
  // So many that one is right.
  [/mirror\.url$/, [1, 2, 3, 4, 5, 6, 7, 8].map((n) => `oci://r${n}.io/charts`)],
  [/^scrapeTargets.*static\.items$/, ["10.0.0.5:9100", "[::1]:9100", "host:1", "host", "a b:1", "h:0"]],
  [/dns\.names\.items$/, ["db.example.com", "_metrics._tcp.db.example.com", "a..b", "-a"]],
  [/^scrapeTargets\.labels/, ["site", "__a", "a-b", "a$(B)"]],
  [
    /^remoteWrite.*url$/,
    ["https://mimir.example.com/api/v1/push?a=b&c=%20", "http://a.b.svc:9090/write", "http://h/$(A)"],
  ],
  [/^ebpf\.ignoredPaths\.items$/, ["/healthz", "/internal/*", "healthz", "/a b", "/${A}", "/{{ a }}"]],
  [/^redact\.patterns/, ["hunter[0-9]", "a$", "${b}", "{{ c }}", "(?i)bearer \\S+", "(?=a)", "a*"]],
  [
    /^cluster\.existing\.auditLog$/,
    [
      "/var/log/kubernetes/audit/audit.log",
      "/var/lib/rancher/k3s/server/logs/audit.log",
      "/a/b*.log",
      "audit.log",
      "/a b.log",
      "/a",
    ],
  ],
  [/^redact\.fields/, ["password", "x-api-key", "a.b", "a*", ""]],
  [/^metricFilters.*job$/, ["shop", "shop-(a|b)", ".*", "(", "$(A)", "{{a}}", "a b", "(?P<n>b)"]],
  [/^metricFilters.*dropLabels\.items$/, ["uid", "instance", "pod_.*", "le"]],
  [/^scrapeTargets\.http$/, ["https://h/t?a=b", "http://[::1]:80/", "ftp://h", "https://h/$(A)"]],
  [
    /^slos.*\.(good|bad|total)$/,
    [
      ...[
        "a_total",
        'a:b{c="d", e=~"5.."}',
        'a { b != "c" , }',
        "by",
        "sum",
        "offset",
        "inf",
        "NaN",
        "bool",
        "a{}",
        "",
      ],
      ...[
        `a{b="\\"}", c='d'}`,
        String.raw`a{b="\"}`,
        String.raw`a{b="\."}`,
        String.raw`a{b=~"\\."}`,
        String.raw`a{b="\u00e9"}`,
      ],
      ...[
        'a{b=~"("}',
        'a{b=~"(?=a)"}',
        'a{b=~".*"}',
        "a[5m]",
        "a offset 5m",
        'a{"b"="c"}',
        'a{on="b"}',
        'a{__name__="b"}',
      ],
      ...["a}) or vector(0) #", 'a{b="c"} or d', "start", "end", "atan2", "group_left", "nan{}", "a#b", 'a{b="\n"}'],
    ],
  ],
  [/^slos.*\.window$/, ["7d", "30d", "4w", "90d", "13w", "720h", "1d", "0d"]],
  [/^slos.*\.below$/, ["250ms", "0.25s", "1s", "2.5s", "1m", "10s"]],
  [/^slos.*\.labels/, ["tier", "team", "slo", "__a", "a-b", "{{ $value }}"]],
  [/^logAlerts.*\.name$/, ["OrdersFail", "_a", "1a", "a-b", "LogPanic"]],
  [
    /^logAlerts.*\.(namespace|pod|container|text|fields\.x)$/,
    [
      ...["shop", "a|b", ".*", "(", "a`b", "{{a}}", 'a"b', "%{HOME}", "5..", "(?i)a", "(?=a)", "$(A)", "${A}", "a\nb"],
      ...[String.raw`\d+\s"`, String.raw`a\.b\\`, String.raw`\Qa.b\E`, "it's", "ü", "a**", "x{1001}", "[[:alpha:]]"],
    ],
  ],
  [/^logAlerts.*\.fields$/, ["status", "http.status", "a-b", "@x", "job", "a b", 'a"b']],
  [/^logAlerts.*\.loki$/, ['sum(count_over_time({a="b"} [5m])) > 1', "{", 'count_over_time({a=~".*"} [5m])', "a"]],
  [/^logAlerts.*\.victoriaLogs$/, ["_time:5m a | stats count() n | filter n:>1"]],
  [/^logAlerts.*\.labels$/, ["team", "namespace", "severity", "__a", "a-b"]],
  [/^logAlerts.*\.(window|for)$/, durations],
  [/^logAlerts.*\.(summary|description)$/, ["Orders fail", "{{ $value }}", "100%", "%{HOME}", 'a "b"', "a`b"]],
  [/ules\.items\.series$/, ['queue_length{pod!=""}', '{__name__=~"a_.*"}', "a"]],
  [/ules\.items\.resources/, ["pod", "deployment.apps", "a-b"]],
  [/ules\.items\.matches$/, ["^(.*)_total$", "a", "(?P<n>.+)", "("]],
  [/ules\.items\.as$/, ["$1", "jobs_waiting", "${1}_per_second"]],
  [/ules\.items\.query$/, [ruleQuery, "max(<<.Series>>{<<.LabelMatchers>>}) by (<<.GroupBy>>)", "sum(<<.Series>>)"]],
  [/grpcUrl$/, [1, 2, 3, 4, 5, 6, 7, 8].flatMap((n) => [`https://otlp-${n}.example.com:4317`, `http://[::${n}]:4317`])],
  [/noProxy\.items$/, [".example.com", "10.0.0.0/8", "[::1]", "a,b", "$(A)", "h:8080", "*"]],
  [/registryMirrors$/, ["docker.io", "localhost:5000", "_default", "../x", "[::1]:5000"]],
  [/(branch|path)$/, ["main", "feature/x", "release#1", "a..b", "apps/demo", "../a", "a'b"]],
  [/context$/, ["platform", "arn:aws:eks:eu-west-1:1:cluster/x", "gke_a_b_c"]],
  [
    /knownHosts$/,
    [`git.example.com ${hostKey}`, `* ${hostKey}`, "git.example.com ssh-ed25519 AAAA", `@revoked * ${hostKey}`],
  ],
  [/kubeadmPatches\.items$/, ["kind: KubeletConfiguration\nmaxPods: 50\n", "a: 1", "[", "kind: 1"]],
  [/(start|end)$/, ["22:00", "06:00", "00:00", "24:00", "08:30", "8:30", "25:00"]],
  [/weekdays\.items$/, ["monday", "monday:friday", "friday:monday", "sunday:saturday", "mon", "saturday:saturday"]],
  [
    /daysOfMonth\.items$/,
    ["1", "1:5", "0:5", "32", "10:5", "-1", "-3:-1", "1:-1", "-31:31", "30:-1", "28:-1", "5:-20"],
  ],
  [/months\.items$/, ["1", "july", "july:august", "7:8", "juli", "december:january", "0", "13", "march:12"]],
  [/years\.items$/, ["2026", "2026:2027", "2027:2026", "26", "2026:"]],
  [
    /location$/,
    [
      "Europe/Kyiv",
      "Europe/Kiev",
      "UTC",
      "utc",
      "Local",
      "europe/kyiv",
      "+02:00",
      "US/Eastern",
      "Etc/GMT+5",
      "EST5EDT",
    ],
  ],
  [
    /matchers\.items$/,
    [
      ...[
        'namespace="demo"',
        'pod=~"kbot-.*"',
        'a=~"(?i)kube.*"',
        'a=~"(?!b)"',
        'a=~"(b)\\\\1"',
        'a=~"(?P<n>b)"',
        'a="b',
      ],
      ...[
        'a=~"\\\\d+"',
        'a=~"\\d+"',
        'a!~"[[:alpha:]]"',
        'a=~"\\\\pL"',
        'a="\\"b\\""',
        'a="{b}"',
        'a="b,c"',
        'a=~"x{1001}"',
        "a=b",
      ],
      ...[
        'a=~"(?<n>b)"',
        'a=~"\\\\Qa.b\\\\E"',
        'a=~"[a-\\\\d]"',
        'a=~"\\\\z"',
        'a=~"(?s:.)"',
        'a="\n"',
        'a="}"',
        'a=~"**"',
        'a=~"a**"',
      ],
    ],
  ],
  [/groupBy\.items$/, ["alertname", "...", "pod", "a-b", "1a"]],
  [
    /^tempo\.distributed\.kafka\.topic$/,
    ["tempo-traces", "spans_1.a", "..", "a b", "\u00e4", "a".repeat(249), "a".repeat(250)],
  ],
  [/smarthost$|kafka\.address$/, ["smtp.example.com:587", "[::1]:25", "smtp", "a:b:1", "a:0", "a:070"]],
  [/(to|from)$/, ["a@example.com", "a@example.com, b@example.com", "A <a@example.com>", "nobody"]],
  [/channel$/, ["#ops", "@me", "C0123"]],
  [/until$/, [inDays(5), inDays(89), "2026-02-30", "tomorrow"]],
  [/tag$/, ["1.10", "1234567", "latest", "v1"]],
  [/bucket$/, ["observability-logs", "a..b", "A"]],
  [/region$/, ["eu-central-1", "garage"]],
  [/receiver$/i, ["ops", "mail", "chat", "opps"]],
  [/TimeIntervals\.items$/, ["night", "nights"]],
  [/(namespaces\.items|credentialsSecret)$/, ["demo", "team-a", "a.b", "Demo", "a_b"]],
  [/sha256$/, ["0".repeat(64), "0"]],
  [
    /target$/,
    [
      ...[
        "https://shop.example.com/a?b=c&d=%20",
        "http://[2001:db8::1]:8080/",
        "https://u:p@h/",
        "ftp://h/",
        "https://h/$(A)",
      ],
      ...["db.example.com:5432", "[::1]:22", "db", "h:0", "192.0.2.1", "2001:db8::1", "[::1]", "a..b", "h/x", "::g"],
    ],
  ],
  [/secret$/, ["ops-slack", "my.bot", "..", "a/b"]],
  [/external\..*(user|tenant)$/, ["platform", "a@example.com", "team/a", "team-a", "a:b", "a$b", ".."]],
  [/name$/, ["ops-2", "a.b", "null", "-a", "x".repeat(70)]],
];

/** A text with one character too many, too few or another. */
const nearMiss = (text: string): fc.Arbitrary<string> =>
  fc
    .tuple(fc.nat(text.length), fc.constantFrom(...`0159aAzZ:;,.#'"-_/ \n{}[]$&*!|>%@\\~^(?=`.split("")), fc.nat(2))
    .map(
      ([index, character, how]) =>
        text.slice(0, index) + (how === 0 ? "" : character) + text.slice(how === 1 ? index : index + 1),
    );

function texts(where: string): fc.Arbitrary<unknown> {
  const near = samples.filter(([end]) => end.test(where)).flatMap(([, some]) => some);
  const awkward = fc.constantFrom<unknown>(...words, 1.5, 1_234_567, true, 0, -1, null);
  if (near.length === 0) return awkward;
  const right = fc.constantFrom(...near);
  return fc.oneof(
    { weight: 5, arbitrary: right },
    { weight: 3, arbitrary: right.chain(nearMiss) },
    { weight: 2, arbitrary: awkward },
  );
}

function numbers({ minimum = -5, maximum = 5, default: usual }: Node): fc.Arbitrary<unknown> {
  const most = Math.min(maximum, Number.MAX_SAFE_INTEGER - 1);
  const least = Math.max(minimum, -Number.MAX_SAFE_INTEGER + 1);
  const some = fc.constantFrom<unknown>(
    least,
    least - 1,
    most,
    most + 1,
    least + 0.5,
    (least + Math.min(most, 1000)) / 2,
    usual ?? least,
  );
  return fc.oneof(
    fc.integer({ min: Math.ceil(least), max: Math.floor(Math.max(least, Math.min(most, 1e9))) }),
    some,
    some.map(String),
    fc.constantFrom(...words),
  );
}

/** Values of a setting, right and wrong; `where` is its path, with `items` for the elements of a list. */
function generated(node: Node, where: string): fc.Arbitrary<unknown> {
  if (node.properties !== undefined) {
    const { properties, required = [] } = node;
    // Few at once: with all of them wrong somewhere, nothing would be accepted.
    const others = Object.keys(properties).filter((key) => !required.includes(key));
    const optional = fc.subarray(others, { maxLength: Math.min(2, others.length) });
    return optional.chain((some) =>
      fc.record(
        Object.fromEntries(
          [...required, ...some].map((key) => [key, generated(properties[key] ?? {}, `${where}.${key}`)]),
        ),
      ),
    );
  }
  if (node.items !== undefined) return fc.array(generated(node.items, `${where}.items`), { maxLength: 3 });
  const ways = (node.anyOf ?? []).filter((one) => one.enum !== undefined || one.items !== undefined);
  if (ways.length > 0) return fc.oneof(...ways.map((one) => generated(one, where)));
  if (node.enum !== undefined) return fc.constantFrom<unknown>(...node.enum, "other", 1);
  const types = (node.anyOf ?? [node]).map(({ type }) => type);
  if (types.includes("boolean")) return fc.constantFrom<unknown>(true, false, "yes", "off", "true", "maybe", 1);
  if (types.includes("integer") || types.includes("number")) {
    const own = node.anyOf?.find(({ type }) => type !== "null") ?? node;
    return types.includes("null") ? fc.oneof(numbers(own), fc.constantFrom<unknown>(null, "null")) : numbers(own);
  }
  if (node.type === "object") {
    // Helm values are nobody's to check.
    if (/alues$/.test(where)) return fc.constant({});
    return fc
      .array(fc.tuple(texts(where), texts(`${where}.x`)), { maxLength: 2 })
      .map((pairs) => Object.fromEntries(pairs) as unknown);
  }
  return texts(where);
}

/** Values that differ from a right one in one place, at whatever depth. */
function changed(node: Node, right: unknown, where: string): fc.Arbitrary<unknown> {
  if (node.properties !== undefined) {
    return fc.constantFrom(...Object.entries(node.properties)).chain(([key, child]) =>
      changed(child, at(right, key), `${where}.${key}`).map((field) => ({
        ...(right as Tree | undefined),
        [key]: field,
      })),
    );
  }
  const [first] = asList(right);
  if (node.items?.properties === undefined || first === undefined) return generated(node, where);
  return changed(node.items, first, `${where}.items`).map((one) => [one]);
}

/** Whether elements of a list are told apart by a name. */
const isNamed = (element: Node): boolean => element.properties?.["name"] !== undefined;

/** Further elements of lists that are right. */
function more(where: string): readonly unknown[] {
  if (where === "checks") {
    return [
      { name: "a", target: "https://shop.example.com/", interval: "1m", expectStatus: 204 },
      { name: "b", type: "tcp", target: "db.example.com:5432" },
      { name: "c", type: "icmp", target: "192.0.2.1" },
    ];
  }
  if (where === "scrapeTargets") {
    return [
      { name: "a", static: ["10.0.0.5:9100"], path: "/probe", interval: "30s", labels: { site: "a" } },
      { name: "b", dns: { names: ["_metrics._tcp.db.example.com"] }, scheme: "https", secret: "db" },
      { name: "c", dns: { names: ["db.example.com"], type: "A", port: 9100 }, labels: { site: "b 1" } },
      { name: "d", http: "https://netbox.example.com/t?a=1", scheme: "https", user: "prometheus", secret: "db" },
    ];
  }
  if (where === "remoteWrite") {
    const relabelings = [
      { sourceLabels: ["a"], separator: "-", regex: "(.*)-(.*)", targetLabel: "b", replacement: "$1" },
    ];
    const more = {
      dropMetrics: ["a.*"],
      keepMetrics: ["b|c"],
      dropLabels: ["uid"],
      relabelings,
      headers: { "X-Team": "a" },
    };
    return [
      { name: "a", url: "https://mimir.example.com/push", user: "writer", secret: "mimir", tenant: "a", ...more },
      { name: "b", url: "https://a.example.com/write?db=a", protocol: "2.0", nativeHistograms: true, timeout: "1m" },
      { name: "c", url: "http://h:9090/write", exemplars: true, queue: { maxShards: 3, sampleAgeLimit: "1h" } },
    ];
  }
  if (where === "slos") {
    return [
      {
        name: "a",
        ratio: { bad: 'a_total{b=~"5.."}', total: "a_total" },
        target: 99.9,
        owner: "a",
        labels: { tier: "1" },
      },
      { name: "b", ratio: { good: "a_total", bad: "b_total" }, target: 99, namespace: "shop", description: "b" },
      { name: "c", ratio: { good: "a_total", total: "b_total" }, target: 99, window: "7d", quiet: true },
      { name: "d", errors: { service: "front", namespace: "shop" }, target: 99 },
      { name: "e", latency: { service: "front", below: "250ms" }, target: 99 },
    ];
  }
  if (where === "logAlerts.rules") {
    const fields = { "http.status": "5..", "a-b": String.raw`\d+"` };
    return [
      {
        name: "a",
        where: { namespace: "a|b", level: ["error"], text: String.raw`"a\\ {{ b }}`, fields },
        summary: "a",
      },
      { name: "b", where: { text: "%{HOME}" }, by: [], above: 3, for: "5m", summary: "{{ $value }} %{HOME}" },
      { name: "c", below: 1, window: "1d", labels: { team: "a {{ b }}" }, severity: "critical", summary: "c" },
    ];
  }
  if (where === "thanos.stores")
    return [
      { address: "thanos.example.com:443", ca: "company" },
      { address: "h:10901", tls: false },
    ];
  if (where === "metricFilters") {
    return [
      { job: "shop-.*", keepMetrics: ["shop_.*"], dropLabels: ["uid"] },
      { job: "a|b", dropMetrics: ["go_.*"] },
    ];
  }
  if (where === "remoteWriteReceiver.users") {
    return [
      { name: "a", secret: "berlin" },
      { name: "b@example.com", secret: "shop", kind: "token" },
    ];
  }
  if (/^prometheusAdapter\..*ules$/.test(where)) {
    return [
      { series: 'queue_length{pod!=""}', query: ruleQuery },
      {
        series: 'jobs_total{service!=""}',
        resources: { namespace: "namespace", service: "service" },
        matches: "^(.*)_total$",
        as: "$1",
        query: ruleQuery,
      },
    ];
  }
  if (where !== "alerting.timeIntervals") return [];
  return [
    { name: "a", when: [{ times: [{ start: "22:00", end: "06:00" }], weekdays: ["friday"] }] },
    { name: "b", when: [{ years: ["2026"], location: "UTC" }] },
    { name: "c", when: [{ months: ["may"], daysOfMonth: ["1:5"] }] },
  ];
}

/** Every setting that takes a value: a list of objects, as of alerting, is one for each of them. */
function leaves(node: Node, where: string): [where: string, node: Node][] {
  if (node.properties === undefined) return [[where, node]];
  return Object.entries(node.properties).flatMap(([key, child]) =>
    leaves(child, where === "" ? key : `${where}.${key}`),
  );
}

type Tree = Readonly<Record<string, unknown>>;

function withLeaf(tree: Tree, where: string, value: unknown): Tree {
  const [key = "", ...rest] = where.split(".");
  const below = (tree[key] ?? {}) as Tree;
  return { ...tree, [key]: rest.length === 0 ? value : withLeaf(below, rest.join("."), value) };
}

const inBuckets = {
  ...{ objectStorage: "seaweedfs", traces: ["jaeger", "tempo"] },
  ...{ loki: { storage: { type: "objectStorage" } }, tempo: { storage: { type: "objectStorage" } } },
};
const distributed = { ...inBuckets, loki: { mode: "distributed", storage: { type: "objectStorage" } } };
const kafka = { address: "kafka.example.com:9092" };
const ofParts = { ...inBuckets, tempo: { ...inBuckets.tempo, mode: "distributed", distributed: { kafka } } };
const kbot = {
  demo: { app: "kbot", repository: "https://git.example.com/acme/kbot", image: { repository: "a/kbot" } },
};
const stored = { thanos: { enabled: true }, objectStorage: "seaweedfs", prometheus: { replicas: 2 } };
const elsewhere = {
  repository: { sshUrl: "ssh://git@git.example.com/team/a.git", knownHosts: `git.example.com,h,[h]:2222 ${hostKey}` },
};
const url = "https://h.example.com";
const servers = {
  ...{
    metrics: "external",
    logs: "external",
    traces: ["jaeger", "external"],
    alerts: "external",
    dashboards: "external",
  },
  network: { ca: "company.pem" },
  external: {
    ...{
      metrics: { queryUrl: url, writeUrl: url },
      logs: { url },
      traces: { otlpUrl: url, protocol: "http", queryUrl: url },
    },
    ...{ alerts: { url }, dashboards: { url } },
  },
};
/** With them: the Alertmanager that is there needs a Prometheus that sends to it. */
const scraping = { ...servers, metrics: "prometheus", external: { ...servers.external, metrics: undefined } };
const beside = { gateway: "external", external: { gateway: { httpUrl: url, grpcUrl: `${url}:4317` } } };
const existing = (kubeconfig: string) => ({
  cluster: { type: "existing", existing: { kubeconfig, context: "platform" } },
});

/** What has to be said, too, for a setting to have a meaning. */
function surroundings(where: string, kubeconfig: string): Tree {
  if (where.startsWith("cluster.existing")) return existing(kubeconfig);
  if (/^loki\.(mode|distributed)/.test(where)) return distributed;
  if (/^tempo\.(mode|distributed)/.test(where)) return ofParts;
  if (/^(loki|tempo)\.(storage\.bucket|replicas)/.test(where)) return inBuckets;
  if (/^repository\.(sshUrl|knownHosts|apiUrl)/.test(where)) return elsewhere;
  if (where.startsWith("tempo.")) return { traces: "tempo" };
  if (where.startsWith("collector.autoscaling.")) return { collector: { autoscaling: { maxReplicas: 5 } } };
  if (where.startsWith("charts.mirror")) return { charts: { mirror: { url: "oci://r.io/charts" } } };
  if (where.startsWith("network.proxy")) return { network: { proxy: { httpsProxy: "http://proxy:3128" } } };
  if (/^demo\.(?!app$|enabled$|path$)/.test(where)) return kbot;
  if (where.startsWith("external.gateway")) return beside;
  if (where.startsWith("collector.autoscaling")) return { collector: { autoscaling: { maxReplicas: 50 } } };
  if (where.startsWith("external.")) return servers;
  if (where.startsWith("alerting")) return { alerting: everybody };
  return {};
}

const source = { file: "Pulumi.dev.yaml", secrets: Object.keys(secretSettings) as (keyof typeof secretSettings)[] };

const externalSecrets = Object.keys(secretSettings).filter((name) => name.startsWith("external"));

/** The settings, or why they are refused; anything else that happens is a crash. */
function read(raw: Tree): Settings | SettingsError {
  try {
    return parseSettings(raw, source);
  } catch (error) {
    if (error instanceof SettingsError) return error;
    throw new Error(`${JSON.stringify(raw)} crashed the program: ${String(error)}`, { cause: error });
  }
}

/** The settings, or undefined when they are refused. */
function accepted(raw: Tree): Settings | undefined {
  const settings = read(raw);
  return settings instanceof SettingsError ? undefined : settings;
}

interface Change {
  readonly where: string;
  readonly made: (tree: Tree) => Tree;
}

/**
 * With those of some changes that go together: all at once; else without those that are complained of, or without their group, and
 * then with such of them as are right by themselves; else of each half.
 */
function withAccepted(raw: Tree, changes: readonly Change[], base = raw): Tree {
  const next = changes.reduce((tree, { made }) => made(tree), raw);
  const settings = read(next);
  if (!(settings instanceof SettingsError)) return next;
  if (changes.length < 2) return raw;
  const of = (same: (path: string, where: string) => boolean) =>
    changes.filter(({ where }) => settings.findings.some(({ path }) => same(path, where)));
  const exactly = of((path, where) => `${path}.`.startsWith(`${where}.`) || `${where}.`.startsWith(`${path}.`));
  // What is missing is complained of, and it is another of its group that wants it.
  const complained = exactly.length > 0 ? exactly : of((path, where) => path.split(".")[0] === where.split(".")[0]);
  if (complained.length > 0 && complained.length < changes.length) {
    const others = changes.filter((change) => !complained.includes(change));
    const right = complained.filter(({ made }) => accepted(made(base)) !== undefined);
    return withAccepted(withAccepted(raw, others, base), right, base);
  }
  const half = Math.ceil(changes.length / 2);
  return withAccepted(withAccepted(raw, changes.slice(0, half), base), changes.slice(half), base);
}

/** Kubeconfig with every context that settings may name. */
function kubeconfigWith(contexts: readonly string[]): string {
  return JSON.stringify({
    apiVersion: "v1",
    kind: "Config",
    clusters: [{ name: "a", cluster: { server: "https://127.0.0.1:1" } }],
    users: [{ name: "a", user: {} }],
    contexts: contexts.map((name) => ({ name, context: { cluster: "a", user: "a" } })),
  });
}

const seed = Number(process.env["SETTINGS_SEED"] ?? 1);
const perLeaf = Number(process.env["SETTINGS_PER_LEAF"] ?? 20);
/** For one element of a list of objects. */
const perElement = Number(process.env["SETTINGS_PER_ELEMENT"] ?? 90);
const environments = 16;

describe("What settings accept, by its readers", function () {
  let folder: string;
  let kubeconfig: string;
  let amtool: string;
  let promtool: string;
  let exporter: string;
  let otelcol: string;
  let generator: string;
  let vmauth: string;
  let vmalert: string;
  let api: KubernetesApi;
  const rendered: Rendered[] = [];
  const all: Settings[] = [];
  let tried = 0;
  let taken = 0;
  let refused = 0;

  before(async function () {
    amtool = await programOrSkip(this, "amtool");
    promtool = await programOrSkip(this, "promtool");
    exporter = await programOrSkip(this, "blackbox_exporter");
    otelcol = await programOrSkip(this, "otelcol");
    generator = await programOrSkip(this, "operator-config");
    vmauth = await programOrSkip(this, "vmauth");
    vmalert = await programOrSkip(this, "vmalert");
    api = await orSkip(this, "Kubernetes' OpenAPI", kubernetesApi);
    folder = mkdtempSync(path.join(tmpdir(), "settings-readers-"));
    kubeconfig = path.join(folder, "kubeconfig.yaml");
  });
  after(() => {
    rmSync(folder, { recursive: true, force: true });
    console.log(`      seed ${seed}: ${tried} settings tried, ${taken} accepted, ${refused} refused by a reader`);
  });

  /** Fails with what readers said, and counts it. */
  const expectNone = (complaints: readonly string[]) => {
    refused += complaints.length;
    const lines = [...new Set(complaints)].slice(0, 20);
    if (lines.length > 0) throw new Error(`seed ${seed}: refused ${complaints.length} times:\n${lines.join("\n")}`);
  };

  it("is generated: each setting alone, then what was accepted together", async () => {
    const root = z.toJSONSchema(settingsSchema, { io: "input", reused: "inline" }) as Node;
    const good = new Map<string, unknown[]>();
    const named = new Set<string>();
    for (const [where, node] of leaves(root, "")) {
      // Lists of objects: one element at a time, so that one wrong element does not hide the others.
      const elements = node.items?.properties === undefined ? undefined : node.items;
      if (elements !== undefined && isNamed(elements)) named.add(where);
      const base = surroundings(where, kubeconfig);
      const there = asList(valueAt(base, where));
      const arbitrary =
        elements === undefined
          ? generated(node, where)
          : fc.oneof(
              {
                weight: 3,
                arbitrary: fc.constantFrom(...there, ...more(where)).chain((one) => changed(elements, one, where)),
              },
              { weight: 1, arbitrary: generated(elements, where) },
            );
      const numRuns = elements === undefined ? perLeaf : perElement;
      // Of some few are right: once more, should there be none.
      for (let again = 0; again < 15 && !good.has(where); again++) {
        const sample = fc.sample(arbitrary, { seed: seed + again, numRuns });
        // Of a switch there are two.
        for (const value of new Map(sample.map((one) => [fc.stringify(one), one])).values()) {
          tried++;
          const list =
            elements === undefined
              ? value
              : [...there, { ...(value as object), ...(isNamed(elements) ? { name: "generated" } : {}) }];
          if (accepted(withLeaf(base, where, list)) === undefined) continue;
          taken++;
          good.set(where, [...(good.get(where) ?? []), value]);
        }
      }
      expect(good.get(where) ?? [], `no value of ${where} was accepted`).to.have.length.greaterThan(0);
    }
    writeFileSync(
      kubeconfig,
      kubeconfigWith(["platform", ...(good.get("cluster.existing.context") ?? []).map(String)]),
    );
    const random = fc.sample(fc.nat(1_000_000), { seed, numRuns: 20_000 });
    let turn = 0;
    for (let index = 0; index < environments; index++) {
      const bases = [
        {},
        existing(kubeconfig),
        inBuckets,
        { ...ofParts, ...distributed, tempo: ofParts.tempo },
        elsewhere,
        kbot,
        servers,
        scraping,
        beside,
        stored,
      ];
      const base = bases[index % bases.length] ?? {};
      const further: Change[] = [];
      for (const [where, values] of good) {
        // Who is not there reads nothing.
        if (where in slots) continue;
        // Files: the program writes a kubeconfig, and reads the demo.
        if (/^(cluster\.type|cluster\.existing\.kubeconfig|cluster\.kind\.kubeconfigFolder|demo\.path)$/.test(where))
          continue;
        // So that there is kbot's source to look at.
        if (base === kbot && /^demo\.(app|enabled)$/.test(where)) continue;
        const isList =
          /^(checks|scrapeTargets|metricFilters|thanos\.stores|remoteWrite|remoteWriteReceiver\.users|slos|logAlerts\.rules|alerting\.(receivers\..*|routes|timeIntervals|silences)|prometheusAdapter\..*ules)$/.test(
            where,
          );
        const some = isList
          ? values.filter((_, at) => at % environments === index)
          : [values[(random[turn++] ?? 0) % values.length]];
        for (const value of some) {
          const element = isList && named.has(where) ? { ...(value as Tree), name: `n${further.length}` } : value;
          const made = (tree: Tree) =>
            withLeaf(tree, where, isList ? [...asList(valueAt(tree, where)), element] : value);
          further.push({ where, made });
        }
      }
      const raw = withAccepted({ alerting: everybody, ...base }, further);
      const stack = ["dev", "123", "1e3", "no"][index % 4] ?? "dev";
      rendered.push(await render({ settings: raw, stack, secrets: ["telegramToken", ...externalSecrets] }));
      const settings = accepted(raw);
      if (settings !== undefined) all.push(settings);
    }
    expect(all).to.have.length(environments);
  });

  it("is what the API server's schemas, the CRDs and the charts take, and what Flux makes of it", async () => {
    const said = (one: Rendered) => [...checkObjects(one, api), ...checkAllValues(one)].map(describeFinding);
    // What is said of the defaults, too, is not about a setting; other tests tell it.
    const usual = said(await defaultEnvironment());
    expectNone(rendered.flatMap(said).filter((finding) => !usual.includes(finding)));
    const sources = rendered.flatMap(({ content, settings }) =>
      content
        .filter(({ kind }) => kind === "GitRepository")
        .map((object) => ({ branch: at(object, "spec", "ref", "branch"), wanted: settings.demo.branch ?? "main" })),
    );
    expect(sources).to.have.length.greaterThan(0);
    for (const { branch, wanted } of sources) expect(branch).to.equal(wanted);
  });

  it("is what amtool takes", () => {
    for (const [name, text] of Object.entries(alertmanagerTemplates())) writeFileSync(path.join(folder, name), text);
    const told = rendered.filter(({ settings }) => settings.alerts === "alertmanager");
    const files = told.map((one, index) => {
      const release = releases(one.declared).find(({ chart }) => chart?.name === "kube-prometheus-stack");
      const config = at(release?.values, "alertmanager", "config") as AlertmanagerConfig;
      const file = path.join(folder, `alertmanager-${index}.yaml`);
      writeFileSync(file, stringify({ ...config, templates: [path.join(folder, "*.tmpl")] }));
      return file;
    });
    const { status, stdout, stderr } = spawnSync(amtool, ["check-config", ...files], { encoding: "utf8" });
    expectNone(status === 0 ? [] : (stdout + stderr).split("\n").filter((line) => /FAILED|err/i.test(line)));
    const intervals = all.flatMap(({ alerting }) => alerting.timeIntervals);
    const silences = all.flatMap(({ alerting }) => alerting.silences);
    // Otherwise this shows nothing.
    expect(intervals).to.have.length.greaterThan(perElement / 15);
    expect(silences).to.have.length.greaterThan(perElement / 15);
  });

  /** What promtool has against files; it starts once for all of them. */
  const faults = (what: "config" | "rules", contents: readonly unknown[]): string[] => {
    const files = Object.fromEntries(contents.map((content, index) => [`${what}-${index}.yaml`, content]));
    const { status, said: text } = promtoolSays(promtool, files, ["check", what, ...Object.keys(files)]);
    return status === 0 ? [] : [text];
  };

  it("is what promtool takes: the configuration, and the rules of silences and objectives", () => {
    const measured = rendered.filter(({ settings }) => settings.metrics === "prometheus");
    const releasesOf = measured.flatMap(({ declared }) =>
      releases(declared).filter(({ chart }) => chart?.name === "kube-prometheus-stack"),
    );
    const objectives = measured.flatMap(({ declared }) =>
      declared.flatMap(({ kind, spec }) => (kind === "PrometheusRule" ? [spec] : [])),
    );
    // Otherwise this shows nothing.
    expect(objectives).to.have.length.greaterThan(perElement / 15);
    expectNone([
      ...faults(
        "config",
        releasesOf.map(({ values }) => prometheusStart(values).config),
      ),
      ...faults(
        "rules",
        releasesOf.flatMap(({ values }) => at(values, "additionalPrometheusRulesMap", "inhibitors") ?? []),
      ),
      ...faults("rules", objectives),
    ]);
  });

  it("is what the blackbox exporter and Prometheus take of checks and targets", () => {
    const complaints: string[] = [];
    let probes = 0;
    const configs: unknown[] = [];
    let targets = 0;
    for (const { declared } of rendered) {
      const values = releases(declared).find(({ name }) => name === "prometheus-blackbox-exporter")?.values;
      if (values === undefined) continue;
      const jobs = declared
        .filter(({ kind }) => kind === "Probe")
        .map(({ metadata, spec }) => ({
          job_name: metadata.name,
          params: { module: [at(spec, "module")] },
          static_configs: [
            { targets: at(spec, "targets", "staticConfig", "static"), labels: { check: metadata.name } },
          ],
          // As the operator writes them (pkg/prometheus/promcfg.go, generateProbeConfig).
          relabel_configs: [
            { source_labels: ["__address__"], target_label: "__param_target" },
            { source_labels: ["__param_target"], target_label: "instance" },
            { target_label: "__address__", replacement: at(spec, "prober", "url") },
          ],
          ...(at(spec, "interval") === undefined ? {} : { scrape_interval: at(spec, "interval") }),
        }));
      probes += jobs.length;
      const modules = at(values, "config");
      const { accepted, said } = judge(exporter, (file) => ["--config.check", `--config.file=${file}`], modules);
      if (!accepted) complaints.push(said);
      configs.push({ scrape_configs: jobs });
      // The config reloader of Prometheus fills in what looks like a variable (reloader.go, expandEnv).
      if (JSON.stringify(jobs).includes("$(")) complaints.push(JSON.stringify(jobs));
    }
    for (const { declared } of rendered) {
      const scrape_configs = declared.filter(({ kind }) => kind === "ScrapeConfig").map(scrapeJob);
      targets += scrape_configs.filter(({ job_name: name }) => name.includes("targets-")).length;
      configs.push({ scrape_configs });
      if (JSON.stringify(scrape_configs).includes("$(")) complaints.push(JSON.stringify(scrape_configs));
    }
    // Otherwise this shows nothing.
    expect(probes).to.be.greaterThan(perElement / 15);
    expect(targets).to.be.greaterThan(perElement / 15);
    expectNone([...complaints, ...faults("config", configs)]);
  });

  it("is what the Prometheus Operator, and then Prometheus, takes of remote write and filters", () => {
    const complaints: string[] = [];
    const configs: unknown[] = [];
    let servers = 0;
    let filters = 0;
    const pem = readFileSync(makeAuthority(mkdtempSync(path.join(folder, "authority-"))).ca, "utf8");
    for (const { declared, settings } of rendered) {
      const { remoteWrite, metricFilters, metrics, scraper } = settings;
      if (metrics !== "prometheus" || scraper !== "store") continue;
      servers += remoteWrite.length;
      filters += metricFilters.length;
      const release = releases(declared).find(({ chart }) => chart?.name === "kube-prometheus-stack");
      const secrets = declared.filter(
        ({ kind, metadata }) => kind === "Secret" && metadata.name.startsWith("remote-write"),
      );
      const targets = declared.filter(
        ({ kind, metadata }) => kind === "ScrapeConfig" && metadata.name === "application-pods",
      );
      const objects = JSON.stringify([prometheusObject(release?.values ?? {}), ...secrets, ...targets]);
      try {
        const certs = mkdtempSync(path.join(folder, "certs-"));
        // The program has a placeholder for the certificates of the company.
        const known = JSON.parse(
          objects.replaceAll(JSON.stringify(masked(settings.network.ca ?? "")), JSON.stringify(pem)),
        ) as Manifest[];
        const { config, certificates } = operatorConfig(generator, known);
        for (const [name, text] of Object.entries(certificates)) writeFileSync(path.join(certs, name), text);
        const text = JSON.stringify({ ...config, rule_files: [] }).replaceAll("/etc/prometheus/certs", certs);
        configs.push(JSON.parse(text));
        // The config reloader of Prometheus fills in what looks like a variable; the operator's own is the replica's name.
        if (text.replace("$(POD_NAME)", "").includes("$(")) complaints.push(text);
      } catch (error) {
        complaints.push(String(error));
      }
    }
    // Otherwise this shows nothing.
    expect(servers).to.be.greaterThan(perElement / 15);
    expect(filters).to.be.greaterThan(perElement / 15);
    expectNone([...complaints, ...faults("config", configs)]);
  });

  it("is what vmauth takes of those who may write", () => {
    const complaints: string[] = [];
    let users = 0;
    for (const { declared, settings } of rendered) {
      const secret = declared.find(
        ({ kind, metadata }) => kind === "Secret" && metadata.name === "remote-write-receiver",
      );
      if (secret === undefined) continue;
      users += settings.remoteWriteReceiver.users.length;
      const config = JSON.parse(String(at(secret, "stringData", "auth.json"))) as unknown;
      const { accepted: fine, said } = judge(vmauth, (file) => ["-dryRun", `-auth.config=${file}`], config);
      if (!fine) complaints.push(said);
    }
    // Otherwise this shows nothing.
    expect(users).to.be.greaterThan(perElement / 15);
    expectNone(complaints);
  });

  it("is what vmalert and the grammar of LogQL take of alerts on log lines", () => {
    const alerts = all.map(({ logAlerts }) => ({
      ...logAlerts,
      // LogsQL of a user's own is vmalert's to refuse.
      rules: logAlerts.rules.filter(({ query }) => query === undefined),
    }));
    // Otherwise this shows nothing.
    expect(alerts.flatMap(({ rules }) => rules)).to.have.length.greaterThan(perElement / 15);
    const given = { browserUrl: () => "", offered: () => undefined, environment: {} as never };
    const files = alerts.map((one, index) => {
      const file = path.join(folder, `log-alerts-${index}.json`);
      writeFileSync(file, ruleFile(one, "victoriaLogs", victoriaLogsAlert, given));
      return `-rule=${file}`;
    });
    const flags = ["-dryRun", "-rule.defaultRuleType=vlogs", "-rule.validateTemplates=true", ...files];
    const { status, stdout, stderr } = spawnSync(vmalert, flags, { encoding: "utf8" });
    const asked = all.flatMap(({ logAlerts }) => {
      const { groups } = JSON.parse(ruleFile(logAlerts, "loki", lokiAlert, given)) as {
        groups: { rules: { expr: string }[] }[];
      };
      return groups.flatMap(({ rules }) => rules.map(({ expr }) => expr));
    });
    expectNone([...(status === 0 ? [] : [stdout + stderr]), ...asked.flatMap((expr) => logqlMistake(expr) ?? [])]);
  });

  it("is what Loki's, Tempo's and Fluent Bit's options take", () => {
    expectNone(
      rendered.flatMap((one) => [
        ...checkFluentBit(one).map(describeFinding),
        ...releases(one.declared)
          .filter(({ chart }) => chart?.name === "loki")
          .flatMap(({ values }) => lokiMistakes(lokiConfig(values))),
        ...releases(one.declared)
          .filter(({ chart }) => chart?.name === "tempo")
          .flatMap(({ values }) => tempoMistakes(tempoConfig(values))),
        ...releases(one.declared)
          .filter(({ chart }) => chart?.name === "tempo-distributed")
          .flatMap(({ values }) => tempoMistakes(tempoDistributedConfig(values), "3")),
      ]),
    );
  });

  it("is what a collector takes", () => {
    const configs = rendered.flatMap(({ declared }) =>
      declared.filter(({ kind }) => kind === "OpenTelemetryCollector").map((object) => at(object, "spec", "config")),
    );
    // Otherwise this shows nothing.
    expect(configs.filter((config) => JSON.stringify(config).includes("password_file"))).not.to.deep.equal([]);
    expectNone(
      different(configs).flatMap((config) => {
        const { accepted: fine, said } = judge(otelcol, (file) => ["validate", `--config=${file}`], config);
        return fine ? [] : [said];
      }),
    );
  });

  it("is what Grafana and Prometheus are told of servers that are there already", () => {
    expectNone(
      rendered.flatMap((one) => [...checkDataSources(one), ...checkExternalAlertmanager(one)]).map(describeFinding),
    );
  });

  it("is what containerd, Git and SSH take", () => {
    const complaints: string[] = [];
    for (const branch of new Set(all.flatMap(({ repository, demo }) => [repository.branch, demo.branch ?? "main"]))) {
      const { status } = spawnSync("git", ["check-ref-format", "--branch", branch]);
      if (status !== 0) complaints.push(`git refuses the branch ${branch}`);
    }
    for (const { cluster, repository } of all) {
      for (const [host, address] of Object.entries(cluster.kind.registryMirrors)) {
        const { host: hosts = {} } = parseToml(hostsToml(address)) as {
          host?: Record<string, { override_path?: boolean }>;
        };
        for (const [url, { override_path: whole = false }] of Object.entries(hosts)) {
          const { protocol, pathname } = new URL(url);
          // As containerd's parseHostConfig puts it together.
          const asked = whole || pathname.endsWith("/v2") ? pathname : `${pathname === "/" ? "" : pathname}/v2`;
          if (!/^https?:$/.test(protocol) || asked.includes("//") || host.includes("/"))
            complaints.push(`${host}: ${url}`);
        }
      }
      for (const line of (repository.knownHosts ?? "").split("\n").filter((text) => /^[^#\s]/.test(text))) {
        const key = line
          .trim()
          .split(/\s+/)
          .filter((word) => !word.startsWith("@"))
          .slice(1)
          .join(" ");
        if (ssh2.utils.parseKey(key) instanceof Error) complaints.push(`no key: ${line}`);
      }
    }
    expectNone(complaints);
  });
});

function valueAt(tree: Tree, where: string): unknown {
  return where.split(".").reduce<unknown>((node, key) => at(node, key), tree);
}

function asList(value: unknown): unknown[] {
  return Array.isArray(value) ? (value as unknown[]) : [];
}
