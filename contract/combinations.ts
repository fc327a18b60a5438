/** The setting combinations that contracts are checked for: every pair of choices that change what is declared. */
import { merge } from "ts-deepmerge";
import { providable } from "../components/catalogue.ts";
import { allOffers, firstOffer, plan } from "../components/plan.ts";
import { type SettingsInput, settingsSchema } from "../settings/schema.ts";
import { type SecretName, secretSettings } from "../settings/secrets.ts";
import { componentVariants } from "./component-files.ts";
import { pairwise } from "./pairwise.ts";

export interface Combination {
  /** The choices that are not the default, for titles and messages. */
  readonly title: string;
  readonly settings: SettingsInput;
}

/** A day within what a silence may last. */
const soon = () => new Date(Date.now() + 30 * 24 * 3_600_000).toISOString().slice(0, 10);

/** Choices by name; the first of each list is the default. Choices that only fit together are one factor. */
function choices(kubeconfig: string): Readonly<Record<string, Readonly<Record<string, SettingsInput>>>> {
  return {
    cluster: {
      kind: {},
      "kind with workers": { cluster: { kind: { workers: 2 } } },
      existing: { cluster: { type: "existing", existing: { kubeconfig, context: "platform" } } },
    },
    ports: {
      all: {},
      none: { cluster: { kind: { ports: { dashboards: null, metrics: null, alerts: null, traces: null } } } },
      some: { cluster: { kind: { ports: { dashboards: 13000, alerts: null, traces: null } } } },
    },
    "control plane": { scraped: {}, hidden: { cluster: { kind: { scrapeControlPlane: false } } } },
    repository: {
      there: {},
      "made and seeded": { repository: { create: true, seed: true, visibility: "public" } },
      "other server": {
        repository: {
          sshUrl: "ssh://git@git.example.com/team/platform.git",
          knownHosts: `git.example.com ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAI${"A".repeat(43)}`,
          apiUrl: "https://git.example.com/",
          branch: "release",
        },
      },
    },
    charts: {
      published: {},
      mirror: { charts: { mirror: { url: "oci://registry.example.com/charts" } } },
      "plain mirror": { charts: { mirror: { url: "oci://127.0.0.1:5001/charts", insecure: true } } },
    },
    network: {
      open: {},
      company: {
        network: { ca: "company.pem", proxy: { httpsProxy: "http://proxy.example.com:3128", noProxy: ["10.0.0.0/8"] } },
      },
    },
    rotation: { first: {}, later: { deployKey: { rotation: 3 }, grafana: { passwordRotation: 2 } } },
    prometheus: {
      memory: {},
      volume: { prometheus: { storage: "20Gi", retention: "7d", retentionSize: "15GB", scrapeInterval: "1m" } },
      pair: { prometheus: { replicas: 2, storage: "20Gi", sampleLimit: 0, labelLimit: 0 } },
    },
    alertmanager: { one: {}, three: { alertmanager: { replicas: 3 } } },
    alerting: {
      nobody: {},
      everybody: {
        alerting: {
          receivers: {
            slack: [{ name: "ops", channel: "#ops", secret: "ops-slack" }],
            email: [
              {
                ...{ name: "mail", to: "team@example.com", from: "alerts@example.com", requireTls: false },
                ...{ smarthost: "smtp.example.com:587", username: "alerts", secret: "smtp" },
              },
            ],
            telegram: [{ name: "chat", chatId: -1_001_234_567_890, topic: 7, secret: "bot" }],
            pagerDuty: [{ name: "on-call", secret: "pager" }],
            msTeams: [{ name: "teams", secret: "teams" }],
            webhook: [{ name: "tickets", secret: "tickets", tokenSecret: "tickets-token" }],
          },
          defaultReceiver: "mail",
          routes: [
            { receiver: "ops", severity: ["critical"], continue: true, groupWait: "10s" },
            { receiver: "chat", namespaces: ["demo"], muteTimeIntervals: ["night"] },
            ...["on-call", "teams", "tickets"].map((receiver) => ({ receiver, severity: ["warning" as const] })),
          ],
          timeIntervals: [
            { name: "night", when: [{ times: [{ start: "22:00", end: "24:00" }], location: "Europe/Kyiv" }] },
          ],
          deadMansSwitch: { secret: "snitch" },
          silences: [{ name: "move", matchers: ['namespace="demo"'], comment: "moves house", until: soon() }],
        },
      },
      "nobody, without inhibition": { alerting: { inhibition: false } },
    },
    loki: {
      volume: {},
      bucket: { objectStorage: "seaweedfs", loki: { storage: { type: "objectStorage" }, retention: "30d" } },
      "own bucket, three pods": {
        objectStorage: "s3",
        s3: {
          endpoint: "https://storage.example.com:9000",
          ca: "company",
          serviceAccountAnnotations: { "example.com/role": "logs" },
        },
        network: { ca: "company.pem" },
        loki: { replicas: 3, storage: { type: "objectStorage", bucket: "observability-logs" } },
      },
    },
    "fluent bit": { inotify: {}, polling: { fluentBit: { inotify: false, bufferSize: "2GB" } } },
    instrumentation: { go: {}, none: { instrumentation: { go: false, samplingRatio: 0.25 } } },
    "cert-manager": { one: {}, three: { certManager: { replicas: 3 } } },
    demo: {
      podinfo: {},
      kbot: {
        demo: {
          app: "kbot",
          repository: "https://github.com/acme/kbot",
          image: { repository: "ghcr.io/acme/kbot", tag: "1.10" },
        },
      },
      off: { demo: { enabled: false } },
    },
    slots: {
      usual: {},
      "no metrics": { metrics: "none" },
      "no scraper": { scraper: "none" },
      "no ruler": { ruler: "none" },
      "no alerts": { alerts: "none" },
      "no dashboards": { dashboards: "none" },
      "no logs": { logs: "none", logAgent: "none" },
      "no log agent": { logAgent: "none" },
      "no traces": { traces: "none" },
      "no gateway": { gateway: "none", instrumentation: { enabled: false } },
      "no exporters": { exporters: { enabled: false } },
      "no injection": { instrumentation: { enabled: false } },
      "no operators": {
        gateway: "none",
        instrumentation: { enabled: false },
        opentelemetryOperator: { enabled: false },
        certManager: { enabled: false },
      },
    },
    redaction: {
      none: {},
      both: { redact: { patterns: [String.raw`(?i)\bbearer\s+[\w.~+/-]+=*$`], fields: ["password", "x-api-key"] } },
    },
    applications: { none: {}, some: { applications: { namespaces: ["shop", "billing"] } } },
  };
}

/** Those of components that say their own (`variants.ts`). */
const ofComponents = await componentVariants();

/** It fits no choice about GitHub, and no existing cluster. */
const local: Combination = { title: "local registry", settings: { source: { type: "local-registry" } } };

/** It fits no choice that switches off what is provided, nor one that does not need it. */
const provided = (kubeconfig: string, metrics: "prometheus" | "victoriaMetrics"): Combination => ({
  title: `all that an existing cluster may provide, ${metrics}`,
  settings: {
    cluster: { type: "existing", existing: { kubeconfig, context: "platform" } },
    metrics,
    // Operators that are there when something needs them go with one of the two.
    logs: metrics === "victoriaMetrics" ? "elasticsearch" : "loki",
    provided: providable.filter(
      (by) => metrics === "victoriaMetrics" || !["victoriaMetricsOperator", "eckOperator"].includes(by),
    ),
    autoscaler: "keda",
    network: { ca: "company.pem" },
    demo: { app: "kbot", repository: "https://github.com/acme/kbot", image: { repository: "ghcr.io/acme/kbot" } },
  },
});

/**
 * The defaults, each choice alone over them, and combinations in which every pair of choices occurs: pairs alone would never
 * show what a choice does to the environment that most people have.
 *
 * @param kubeconfig file of an existing cluster with a context `platform`
 */
export function combinations(kubeconfig: string): Combination[] {
  const own = ofComponents.map(({ component, variants }) => [component, { usual: {}, ...variants }] as const);
  const all: ReturnType<typeof choices> = { ...choices(kubeconfig), ...Object.fromEntries(own) };
  const rows = pairwise(
    Object.fromEntries(Object.entries(all).map(([factor, levels]) => [factor, Object.keys(levels)])),
  );
  const settingsOf = (row: Readonly<Record<string, unknown>>) =>
    merge.withOptions(
      { mergeArrays: false },
      ...Object.entries(row).map(([factor, level]) => all[factor]?.[String(level)] ?? {}),
    ) as SettingsInput;
  const refused = (row: Readonly<Record<string, unknown>>) => {
    const { chosen, findings } = plan(settingsSchema.parse(settingsOf(row)));
    // Beside the settings nothing is missing.
    const given = { secrets: Object.keys(secretSettings) as SecretName[], members: undefined, companyCa: true };
    const known = { ...given, now: new Date(), offered: firstOffer(chosen), all: allOffers(chosen) };
    return findings.length > 0 || chosen.some(({ component, settings }) => component.check?.(settings, known).length);
  };
  // A component's own choice may not go with a decision, or with another's: such a row is tried without each of the two.
  const without = (row: (typeof rows)[number], names: readonly string[]) => ({
    ...row,
    ...Object.fromEntries(names.map((name) => [name, "usual"])),
  });
  const possible = rows.flatMap((row) => {
    if (!refused(row)) return [row];
    const named = ["slots", ...own.map(([name]) => name)].filter((name) => row[name] !== "usual");
    const fewer = named.map((name) => without(row, [name])).filter((one) => !refused(one));
    return fewer.length > 0 ? fewer : [without(row, named)];
  });
  const made = possible.map((row) => {
    const chosen = Object.entries(row) as [string, string][];
    const told = chosen.filter(([factor, level]) => level !== Object.keys(all[factor] ?? {})[0]);
    return {
      title: told.map(([factor, level]) => `${factor}: ${level}`).join(" + "),
      settings: settingsOf(row),
    };
  });
  const alone = Object.entries(all).flatMap(([factor, levels]) =>
    Object.entries(levels)
      .slice(1)
      .map(([level, settings]) => ({ title: `${factor}: ${level}`, settings })),
  );
  return [
    { title: "defaults", settings: {} },
    local,
    provided(kubeconfig, "prometheus"),
    provided(kubeconfig, "victoriaMetrics"),
    ...alone,
    ...ofComponents.flatMap(({ component, alone: more = {} }) =>
      Object.entries(more).map(([level, settings]) => ({ title: `${component}: ${level}`, settings })),
    ),
    ...made,
  ];
}

/** A kubeconfig for the choice of an existing cluster; nothing listens there. */
export const kubeconfigText = `apiVersion: v1
kind: Config
clusters:
  - name: platform
    cluster:
      server: https://127.0.0.1:1
contexts:
  - name: platform
    context:
      cluster: platform
      user: platform
users:
  - name: platform
    user: {}
`;
