/** Alertmanager's configuration from the settings: who is told what, in which words, and what is kept quiet. */
import { readFileSync } from "node:fs";
import { alertmanagerTimes } from "../../../settings/time-intervals.ts";
import { ownReceivers, silenceEnd } from "./check.ts";
import type { Alerting } from "./settings.ts";

type Silence = Alerting["silences"][number];

/**
 * Secret with what the receivers need, in Alertmanager's namespace: one key for each name in `alertingSecrets` that is
 * used. Its name never changes: Alertmanager reads the file anew for each message, and the kubelet renews the file.
 */
export const receiversSecret = "alertmanager-receivers";

/** Where the operator mounts a Secret of `alertmanagerSpec.secrets`. */
const secretFile = (name: string) => `/etc/alertmanager/secrets/${receiversSecret}/${name}`;

/** Alerts of ours that are only there to inhibit others (`inhibitorRules`). */
const inhibitors = { silence: "DeclaredSilence", podOnNodeDown: "PodOnNodeDown" } as const;

/** Alerts that say that a whole node is lost; shipped by kube-prometheus-stack. */
const nodeDown = 'alertname=~"KubeNodeNotReady|KubeNodeUnreachable"';

/** Labels that say which object an alert is about, in the alerts of kube-prometheus-stack and ours. */
const objectLabels = [
  ...["alertname", "namespace", "node", "instance", "pod", "container", "device", "mountpoint"],
  ...["persistentvolumeclaim", "exported_namespace", "name"],
];

interface Route {
  readonly receiver: string;
  readonly matchers?: readonly string[];
  readonly group_by?: readonly string[];
  readonly group_wait?: string;
  readonly group_interval?: string;
  readonly repeat_interval?: string;
  readonly mute_time_intervals?: readonly string[];
  readonly active_time_intervals?: readonly string[];
  readonly continue?: true;
  readonly routes?: readonly Route[];
}

interface InhibitRule {
  readonly source_matchers: readonly string[];
  readonly target_matchers: readonly string[];
  readonly equal?: readonly string[];
}

/** A receiver; each of these has one integration. */
interface Receiver {
  readonly name: string;
  readonly slack_configs?: readonly {
    readonly send_resolved: true;
    readonly api_url_file: string;
    readonly channel: string;
    readonly title: string;
    readonly title_link: string;
    readonly text: string;
    readonly fallback: string;
    readonly color: string;
  }[];
  readonly email_configs?: readonly {
    readonly send_resolved: true;
    readonly to: string;
    readonly from: string;
    readonly smarthost: string;
    readonly require_tls: boolean;
    readonly auth_username?: string;
    readonly auth_password_file?: string;
    readonly headers: { readonly Subject: string };
    readonly html: string;
    readonly text: string;
  }[];
  readonly telegram_configs?: readonly {
    readonly send_resolved: true;
    readonly bot_token_file: string;
    readonly chat_id: number;
    readonly message_thread_id?: number;
    readonly parse_mode: "HTML";
    readonly message: string;
  }[];
  readonly pagerduty_configs?: readonly {
    readonly send_resolved: true;
    readonly routing_key_file: string;
    readonly url: string;
    readonly description: string;
    readonly severity: string;
    readonly source: string;
    readonly group: string;
    readonly client_url: string;
    readonly links: readonly { readonly href: string; readonly text: string }[];
    readonly details: Readonly<Record<string, string>>;
  }[];
  readonly msteamsv2_configs?: readonly {
    readonly send_resolved: true;
    readonly webhook_url_file: string;
    readonly title: string;
    readonly text: string;
  }[];
  readonly webhook_configs?: readonly {
    readonly send_resolved: boolean;
    readonly url_file: string;
    readonly http_config?: { readonly authorization: { readonly credentials_file: string } };
  }[];
}

interface TimeInterval {
  readonly name: string;
  readonly time_intervals: readonly {
    readonly times?: readonly { readonly start_time: string; readonly end_time: string }[];
    readonly weekdays?: readonly string[];
    readonly days_of_month?: readonly string[];
    readonly months?: readonly string[];
    readonly years?: readonly string[];
    readonly location?: string;
  }[];
}

/** `alertmanager.config` of kube-prometheus-stack: Alertmanager 0.34's file, as far as the environment sets it. */
export interface AlertmanagerConfig {
  readonly route: Route & { readonly routes: readonly Route[] };
  readonly inhibit_rules: readonly InhibitRule[];
  readonly time_intervals: readonly TimeInterval[];
  readonly receivers: readonly Receiver[];
  readonly templates: readonly string[];
}

/** A rule of a PrometheusRule. */
export interface AlertRule {
  readonly alert: string;
  readonly expr: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: { readonly summary: string; readonly description: string };
}

/** An object without the keys that have no value. */
function given<T extends object>(object: T): { [K in keyof T]?: Exclude<T[K], undefined> } {
  return Object.fromEntries(Object.entries(object).filter(([, value]) => value !== undefined)) as {
    [K in keyof T]?: Exclude<T[K], undefined>;
  };
}

function receivers(
  { receivers: { slack, email, telegram, pagerDuty, msTeams, webhook }, deadMansSwitch }: Alerting,
  environment: string,
): Receiver[] {
  // Somebody with several environments has to see at once which one it is.
  const title = `[${environment}] {{ template "observability.title" . }}`;
  return [
    { name: ownReceivers.none },
    ...slack.map(({ name, channel, secret }) => ({
      name,
      slack_configs: [
        {
          send_resolved: true as const,
          api_url_file: secretFile(secret),
          channel,
          title,
          title_link: '{{ template "observability.alertsUrl" . }}',
          text: '{{ template "observability.slack.text" . }}',
          fallback: title,
          color: '{{ template "observability.slack.color" . }}',
        },
      ],
    })),
    ...email.map(({ name, to, from, smarthost, username, secret, requireTls }) => ({
      name,
      email_configs: [
        {
          send_resolved: true as const,
          to,
          from,
          smarthost,
          require_tls: requireTls,
          ...(username === undefined || secret === undefined
            ? {}
            : { auth_username: username, auth_password_file: secretFile(secret) }),
          headers: { Subject: title },
          html: '{{ template "observability.email.html" . }}',
          text: '{{ template "observability.email.text" . }}',
        },
      ],
    })),
    ...telegram.map(({ name, chatId, topic, secret }) => ({
      name,
      telegram_configs: [
        {
          send_resolved: true as const,
          bot_token_file: secretFile(secret),
          chat_id: chatId,
          ...(topic === undefined ? {} : { message_thread_id: topic }),
          parse_mode: "HTML" as const,
          message: `[${environment}] {{ template "observability.telegram" . }}`,
        },
      ],
    })),
    ...pagerDuty.map(({ name, url, secret }) => ({
      name,
      pagerduty_configs: [
        {
          send_resolved: true as const,
          routing_key_file: secretFile(secret),
          url,
          description: title,
          severity: '{{ template "observability.pagerduty.severity" . }}',
          source: environment,
          group: "{{ .CommonLabels.namespace }}",
          client_url: '{{ template "observability.alertsUrl" . }}',
          links: [
            { href: '{{ template "observability.pagerduty.dashboard" . }}', text: "Dashboard" },
            { href: '{{ template "observability.pagerduty.runbook" . }}', text: "Runbook" },
          ],
          details: { alerts: '{{ template "observability.email.text" . }}' },
        },
      ],
    })),
    ...msTeams.map(({ name, secret }) => ({
      name,
      msteamsv2_configs: [
        {
          send_resolved: true as const,
          webhook_url_file: secretFile(secret),
          title,
          text: '{{ template "observability.msteams.text" . }}',
        },
      ],
    })),
    ...webhook.map(({ name, secret, tokenSecret }) => ({
      name,
      webhook_configs: [
        {
          send_resolved: true,
          url_file: secretFile(secret),
          ...(tokenSecret === undefined
            ? {}
            : { http_config: { authorization: { credentials_file: secretFile(tokenSecret) } } }),
        },
      ],
    })),
    ...(deadMansSwitch === undefined
      ? []
      : [
          {
            name: ownReceivers.deadMansSwitch,
            webhook_configs: [{ send_resolved: false as const, url_file: secretFile(deadMansSwitch.secret) }],
          },
        ]),
  ];
}

function routes({ routes: own, deadMansSwitch }: Alerting): Route[] {
  return [
    ...(deadMansSwitch === undefined
      ? []
      : [
          {
            receiver: ownReceivers.deadMansSwitch,
            matchers: ['alertname="Watchdog"'],
            group_by: ["alertname"],
            group_wait: "0s",
            group_interval: deadMansSwitch.interval,
            // It is looked at once in a group interval: anything shorter means every time.
            repeat_interval: "1s",
          },
        ]),
    // Watchdog, InfoInhibitor and the inhibitors here are for machines.
    { receiver: ownReceivers.none, matchers: ['severity="none"'] },
    ...own.map((route) => ({
      receiver: route.receiver,
      matchers: [
        ...(route.severity.length === 0 ? [] : [`severity=~"${route.severity.join("|")}"`]),
        ...(route.namespaces.length === 0 ? [] : [`namespace=~"${route.namespaces.join("|")}"`]),
        ...route.matchers,
      ],
      ...given({
        group_by: route.groupBy,
        group_wait: route.groupWait,
        group_interval: route.groupInterval,
        repeat_interval: route.repeatInterval,
        mute_time_intervals: route.muteTimeIntervals.length === 0 ? undefined : route.muteTimeIntervals,
        active_time_intervals: route.activeTimeIntervals.length === 0 ? undefined : route.activeTimeIntervals,
        continue: route.continue ? (true as const) : undefined,
      }),
    })),
  ];
}

function inhibitRules({ inhibition, silences }: Alerting): InhibitRule[] {
  const podOnNodeDown = `alertname="${inhibitors.podOnNodeDown}"`;
  return [
    ...(inhibition
      ? [
          {
            source_matchers: ['severity="critical"'],
            target_matchers: ['severity=~"warning|info"'],
            equal: objectLabels,
          },
          { source_matchers: ['severity="warning"'], target_matchers: ['severity="info"'], equal: objectLabels },
          // As the chart has it: information is worth a message only beside something that is wrong.
          {
            source_matchers: ['alertname="InfoInhibitor"'],
            target_matchers: ['severity="info"'],
            equal: ["namespace"],
          },
          {
            source_matchers: [nodeDown],
            target_matchers: ['node!=""', nodeDown.replace("=~", "!~"), 'severity!="none"'],
            equal: ["node"],
          },
          // Most alerts about pods have no label with the node.
          {
            source_matchers: [podOnNodeDown],
            target_matchers: ['pod!=""', nodeDown.replace("=~", "!~"), 'severity!="none"'],
            equal: ["namespace", "pod"],
          },
        ]
      : []),
    ...silences.map(({ name, matchers }) => ({
      source_matchers: [`alertname="${inhibitors.silence}"`, `silence="${name}"`],
      // Nobody may silence the dead man's switch by accident, nor a silence itself.
      target_matchers: [...matchers, 'severity!="none"'],
    })),
  ];
}

/**
 * Alertmanager's configuration.
 *
 * @param environment name of the stack; every title starts with it
 */
export function alertmanagerConfig(alerting: Alerting, environment: string): AlertmanagerConfig {
  return {
    route: {
      receiver: alerting.defaultReceiver ?? ownReceivers.none,
      group_by: alerting.groupBy,
      group_wait: alerting.groupWait,
      group_interval: alerting.groupInterval,
      repeat_interval: alerting.repeatInterval,
      routes: routes(alerting),
    },
    inhibit_rules: inhibitRules(alerting),
    time_intervals: alerting.timeIntervals.map(({ name, when }) => ({
      name,
      time_intervals: when.flatMap(alertmanagerTimes).map((entry) =>
        given({
          times: entry.times?.map(({ start, end }) => ({ start_time: start, end_time: end })),
          weekdays: entry.weekdays,
          days_of_month: entry.daysOfMonth,
          months: entry.months,
          years: entry.years,
          location: entry.location,
        }),
      ),
    })),
    receivers: receivers(alerting, environment),
    templates: ["/etc/alertmanager/config/*.tmpl"],
  };
}

/** Files with the messages' templates, by name. The chart hands them on as they are (no `tpl`). */
export function alertmanagerTemplates(): Readonly<Record<string, string>> {
  return { "observability.tmpl": readFileSync(new URL("alertmanager.tmpl", import.meta.url), "utf8") };
}

/** A text in which Prometheus finds no template. */
const literal = (text: string) => text.replaceAll("{{", '{{ "{{" }}');

function silenceRule(silence: Silence): AlertRule {
  return {
    alert: inhibitors.silence,
    expr: `vector(time()) < ${silenceEnd(silence).getTime() / 1000}`,
    labels: { severity: "none", silence: silence.name },
    annotations: {
      summary: "Alerts are silenced",
      description: `Until ${silence.until}: ${literal(silence.comment)}. Declared in the settings (alerting.silences) for ${literal(silence.matchers.join(", "))}.`,
    },
  };
}

/**
 * Alerts that inhibit others: a silence for as long as it lasts (Alertmanager's file knows no silences, and an alert needs
 * nobody to end it), and each pod of a node that is down.
 */
export function inhibitorRules({ inhibition, silences }: Alerting): AlertRule[] {
  return [
    ...(inhibition
      ? [
          {
            alert: inhibitors.podOnNodeDown,
            // Only when somebody is told about the node.
            expr: `max by (namespace, pod, node) (kube_pod_info{job="kube-state-metrics", node!=""}) * on (node) group_left () max by (node) (ALERTS{${nodeDown}, alertstate="firing"})`,
            labels: { severity: "none" },
            annotations: {
              summary: "Pod is on a node that is down",
              description:
                "{{ $labels.pod }} is on {{ $labels.node }}. Alerts about this pod are inhibited: the one about its node says it all.",
            },
          },
        ]
      : []),
    ...silences.map(silenceRule),
  ];
}
