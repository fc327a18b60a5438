/** What the settings of alerting mean together: names that have to fit, secrets that have to be there, silences' ends. */
import type { Finding } from "../../../settings/finding.ts";
import { fitsAnything } from "../../../settings/matchers.ts";
import { advice } from "../../../settings/nearest.ts";
import { secretCommand } from "../../../settings/secrets.ts";
import type { Alerting } from "./settings.ts";

/** Names of receivers that the configuration has by itself. */
export const ownReceivers = { none: "null", deadMansSwitch: "dead-mans-switch" } as const;

const receiverKinds = ["slack", "email", "telegram", "pagerDuty", "msTeams", "webhook"] as const;

/** Furthest end of a silence. What has to be quiet for longer is a matter of the rule or the route. */
const silenceDays = 90;
const dayInMilliseconds = 24 * 3600 * 1000;

/** The moment at which a silence ends: when its last day is over, in UTC. */
export function silenceEnd(silence: Alerting["silences"][number]): Date {
  return new Date(Date.parse(`${silence.until}T00:00:00Z`) + dayInMilliseconds);
}

interface SecretUse {
  /** Path of the setting. */
  readonly path: string;
  readonly secret: string;
}

function secretUses({ receivers, deadMansSwitch }: Alerting): SecretUse[] {
  const uses = receiverKinds.flatMap((kind) =>
    receivers[kind].map(({ secret }, index) => ({ path: `alerting.receivers.${kind}.${index}.secret`, secret })),
  );
  const tokens = receivers.webhook.map(({ tokenSecret }, index) => ({
    path: `alerting.receivers.webhook.${index}.tokenSecret`,
    secret: tokenSecret,
  }));
  return [...uses, ...tokens, { path: "alerting.deadMansSwitch.secret", secret: deadMansSwitch?.secret }].flatMap(
    ({ path, secret }) => (secret === undefined ? [] : [{ path, secret }]),
  );
}

/** Names in `alertingSecrets` that the receivers use, each once, sorted. */
export function usedAlertingSecrets(alerting: Alerting): string[] {
  return [...new Set(secretUses(alerting).map(({ secret }) => secret))].sort();
}

/**
 * Everything that is wrong between the settings of alerting.
 *
 * @param secrets names in `alertingSecrets`; undefined where they are not known, and then not looked at
 */
export function checkAlerting(alerting: Alerting, secrets: readonly string[] | undefined, now: Date): Finding[] {
  const findings: Finding[] = [];
  const add = (path: string, message: string) => findings.push({ path: `alerting.${path}`, message });
  const unique = (what: string, named: readonly { readonly path: string; readonly name: string }[]) => {
    const seen = new Map<string, string>();
    for (const { path, name } of named) {
      const other = seen.get(name);
      if (other !== undefined) add(path, `is ${name}, as is alerting.${other}. Give each ${what} its own name.`);
      seen.set(name, path);
    }
  };

  const { receivers, routes, timeIntervals, silences } = alerting;
  const named = receiverKinds.flatMap((kind) =>
    receivers[kind].map(({ name }, index) => ({ path: `receivers.${kind}.${index}.name`, name })),
  );
  unique("receiver", named);
  for (const { path, name } of named) {
    if (Object.values<string>(ownReceivers).includes(name)) add(path, `is ${name}, which is taken. Choose another.`);
  }
  receivers.email.forEach(({ username, secret }, index) => {
    if ((username === undefined) !== (secret === undefined)) {
      const [there, missing] = username === undefined ? ["secret", "username"] : ["username", "secret"];
      add(`receivers.email.${index}.${missing}`, `is missing: there is a ${there}. Set both, or neither.`);
    }
  });

  const known = named.map(({ name }) => name);
  const receiver = (path: string, name: string) => {
    if (!known.includes(name)) add(path, `is ${name}, which is no receiver. ${advice(name, known, "receiver yet")}`);
  };
  if (alerting.defaultReceiver !== undefined) receiver("defaultReceiver", alerting.defaultReceiver);
  const intervals = timeIntervals.map(({ name }) => name);
  unique(
    "time interval",
    intervals.map((name, index) => ({ path: `timeIntervals.${index}.name`, name })),
  );
  routes.forEach((route, index) => {
    receiver(`routes.${index}.receiver`, route.receiver);
    if (route.severity.length + route.namespaces.length + route.matchers.length === 0) {
      const remedy = "Set severity, namespaces or matchers, or use alerting.defaultReceiver.";
      add(`routes.${index}`, `has no condition, so later routes would get nothing. ${remedy}`);
    }
    for (const key of ["muteTimeIntervals", "activeTimeIntervals"] as const) {
      route[key].forEach((name, at) => {
        if (intervals.includes(name)) return;
        const remedy = advice(name, intervals, "time interval yet: add it to alerting.timeIntervals");
        add(`routes.${index}.${key}.${at}`, `is ${name}, which is no time interval. ${remedy}`);
      });
    }
  });

  unique(
    "silence",
    silences.map(({ name }, index) => ({ path: `silences.${index}.name`, name })),
  );
  silences.forEach((silence, index) => {
    const days = Math.ceil((silenceEnd(silence).getTime() - now.getTime()) / dayInMilliseconds) - 1;
    if (days > silenceDays) {
      const remedy = "Set an earlier day, or change the rule or the route.";
      add(
        `silences.${index}.until`,
        `is ${silence.until}, ${days} days away; a silence lasts ${silenceDays} at most. ${remedy}`,
      );
    }
    if (silence.matchers.every(fitsAnything)) {
      add(`silences.${index}.matchers`, "fit every alert. Name a label's value that the silenced alerts have.");
    }
  });

  for (const { path, secret } of secrets === undefined ? [] : secretUses(alerting)) {
    if (secrets?.includes(secret) === true) continue;
    const near = secrets === undefined || secrets.length === 0 ? "" : ` Set there: ${secrets.join(", ")}.`;
    const command = secretCommand("alertingSecrets", secret);
    findings.push({ path, message: `is ${secret}, which alertingSecrets lacks. Run \`${command}\`.${near}` });
  }
  return findings;
}

/** What a person should hear, though it is not wrong. */
export function alertingWarnings(alerting: Alerting, now: Date): Finding[] {
  return alerting.silences.flatMap((silence, index) =>
    silenceEnd(silence) > now
      ? []
      : [
          {
            path: `alerting.silences.${index}`,
            message: `${silence.name} ended on ${silence.until} and silences nothing any more. Remove it.`,
          },
        ],
  );
}
