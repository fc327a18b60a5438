/** Alertmanager's configuration: receivers, times, files and templates that it names are there. */
import { asMap, at, type Finding, textAt } from "../finding.ts";
import { unknownLabels, unknownMetrics } from "../query-labels.ts";
import { releases, type Rendered } from "../rendered.ts";

interface Route {
  readonly receiver?: string;
  readonly mute_time_intervals?: readonly string[];
  readonly active_time_intervals?: readonly string[];
  readonly matchers?: readonly string[];
  readonly group_by?: readonly string[];
  readonly routes?: readonly Route[];
}

/** Labels of alerts that nothing else records: what alerts of kube-prometheus-stack and ours carry. */
const alertLabels = ["alertname", "severity", "silence", "cluster", "job", "exported_namespace", "name"];

/** Every string of a tree. */
function strings(tree: unknown): string[] {
  if (typeof tree === "string") return [tree];
  return typeof tree === "object" && tree !== null ? Object.values(tree).flatMap(strings) : [];
}

/** Prometheus and an Alertmanager that is there already: the address, user and tenant of the settings, and secrets in files alone. */
export function checkExternalAlertmanager({ declared, settings }: Rendered): Finding[] {
  const server = settings.alerts === "external" ? settings.external.alerts : undefined;
  return releases(declared)
    .filter(({ values }) => at(values, "prometheus", "prometheusSpec", "scrapeInterval") !== undefined)
    .flatMap(({ name, values }) => {
      const findings: Finding[] = [];
      const path = "prometheus/prometheusSpec/additionalAlertManagerConfigs";
      const add = (what: string) =>
        findings.push({ check: "alertmanager", object: `HelmRelease ${name}`, path, message: what });
      const configs = (at(values, ...path.split("/")) ?? []) as readonly unknown[];
      if (configs.length !== (server === undefined ? 0 : 1)) add(`has ${configs.length} servers.`);
      if (server === undefined) return findings;
      const [config] = configs;
      const { protocol, hostname, port, pathname } = new URL(server.url);
      const tls = protocol === "https:";
      const is = {
        scheme: `${textAt(config, "scheme") ?? ""}:`,
        path: textAt(config, "path_prefix"),
        target: textAt(config, "static_configs", 0, "targets", 0),
        user: textAt(config, "basic_auth", "username"),
        tenant: textAt(config, "http_headers", "X-Scope-OrgID", "values", 0),
        company: at(config, "tls_config", "ca_file") !== undefined,
      };
      const wanted = {
        scheme: protocol,
        path: pathname,
        target: `${hostname}:${port || (tls ? "443" : "80")}`,
        user: server.user,
        tenant: server.tenant,
        company: tls && server.ca === "company",
      };
      for (const [key, value] of Object.entries(wanted))
        if (is[key as keyof typeof is] !== value)
          add(`${key} is ${String(is[key as keyof typeof is])} and not ${String(value)}.`);
      const secret = textAt(
        config,
        server.user === undefined ? "authorization" : "basic_auth",
        server.user === undefined ? "credentials_file" : "password_file",
      );
      if (tls && secret === undefined) add("no secret is sent.");
      return findings;
    });
}

/** Findings about every Alertmanager's configuration. */
export function checkAlertmanager(rendered: Rendered): Finding[] {
  return [...checkExternalAlertmanager(rendered), ...checkOurs(rendered)];
}

function checkOurs({ declared }: Rendered): Finding[] {
  return releases(declared)
    .filter(({ values }) => at(values, "alertmanager", "config") !== undefined)
    .flatMap(({ name, namespace, values }) => {
      const findings: Finding[] = [];
      const add = (path: string, message: string) =>
        findings.push({ check: "alertmanager", object: `HelmRelease ${name}`, path, message });
      const config = at(values, "alertmanager", "config");
      const names = (list: unknown) =>
        (Array.isArray(list) ? (list as unknown[]) : []).map((item) => textAt(item, "name") ?? "");
      const receivers = names(at(config, "receivers"));
      const times = names(at(config, "time_intervals"));

      const used = new Set<string>();
      const walk = (route: Route, path: string): void => {
        used.add(route.receiver ?? "");
        if (!receivers.includes(route.receiver ?? "")) add(path, `${route.receiver ?? "nobody"} is no receiver.`);
        for (const time of [...(route.mute_time_intervals ?? []), ...(route.active_time_intervals ?? [])]) {
          if (!times.includes(time)) add(path, `${time} is no time interval.`);
        }
        for (const [index, child] of (Array.isArray(route.routes)
          ? (route.routes as readonly Route[])
          : []
        ).entries()) {
          walk(child, `${path}.routes.${index}`);
        }
      };
      const root = (at(config, "route") ?? {}) as Route;
      walk(root, "route");
      for (const receiver of receivers) {
        if (receiver !== "null" && !used.has(receiver)) add("receivers", `no route leads to ${receiver}.`);
      }
      // What only inhibits, and the watchdog, must reach nobody.
      const silent = (root.routes ?? []).some(
        ({ receiver, matchers = [] }) => receiver === "null" && matchers.join() === 'severity="none"',
      );
      if (!silent) add("route.routes", 'none keeps severity="none" from people.');
      const kept = new Set([...alertLabels, ...objectLabels]);
      const matched = [
        ...(root.group_by ?? []),
        ...((at(config, "inhibit_rules") ?? []) as readonly unknown[]).flatMap((rule) => [
          ...((at(rule, "equal") ?? []) as readonly string[]),
          ...["source_matchers", "target_matchers"].flatMap((key) =>
            ((at(rule, key) ?? []) as readonly string[]).map((matcher) => /^\w+/.exec(matcher)?.[0] ?? ""),
          ),
        ]),
      ];
      for (const label of matched) if (!kept.has(label)) add("labels", `${label} is no label that alerts have.`);

      const mounted = (at(values, "alertmanager", "alertmanagerSpec", "secrets") ?? []) as readonly string[];
      for (const file of strings(config).filter((text) => text.startsWith("/etc/alertmanager/secrets/"))) {
        const [, secret = "", key = ""] = /secrets\/([^/]+)\/(.+)$/.exec(file) ?? [];
        const object = declared.find(
          ({ kind, metadata }) => kind === "Secret" && metadata.name === secret && metadata.namespace === namespace,
        );
        if (!mounted.includes(secret)) add(file, `${secret} is not mounted (alertmanagerSpec.secrets).`);
        if (!(key in (asMap(object?.["stringData"]) ?? {}))) add(file, `${secret} has no key ${key}.`);
      }
      for (const secret of mounted) {
        const object = declared.find(({ kind, metadata }) => kind === "Secret" && metadata.name === secret);
        if (object === undefined) add("alertmanagerSpec.secrets", `${secret} is a Secret that nobody makes.`);
      }

      const files = Object.values(asMap(at(values, "alertmanager", "templateFiles")) ?? {}).join("\n");
      const defined = [...files.matchAll(/define "([^"]+)"/g)].map(([, template = ""]) => template);
      const asked = [...`${strings(config).join("\n")}\n${files}`.matchAll(/template "([^"]+)"/g)];
      for (const [, template = ""] of asked) {
        if (!defined.includes(template)) add("templates", `"${template}" is defined nowhere.`);
      }
      if (at(values, "alertmanager", "alertmanagerSpec", "additionalArgs", 0, "name") !== "dispatch.start-delay") {
        add(
          "alertmanagerSpec.additionalArgs",
          "lacks dispatch.start-delay: what is silenced would be sent at a start.",
        );
      }

      const rules = Object.values(asMap(values["additionalPrometheusRulesMap"]) ?? {})
        .flatMap((file) => (at(file, "groups") ?? []) as readonly unknown[])
        .flatMap((group) => (at(group, "rules") ?? []) as readonly unknown[]);
      for (const rule of rules) {
        const alert = textAt(rule, "alert") ?? "";
        const expr = textAt(rule, "expr") ?? "";
        for (const label of unknownLabels(expr)) add(alert, `${label} is no label that series have.`);
        for (const metric of unknownMetrics(expr)) add(alert, `${metric} is no metric that anybody measures.`);
        if (at(rule, "labels", "severity") !== "none") add(alert, "would reach people: its severity is not none.");
        // It exists to inhibit: some rule has to start from it.
        if (!strings(at(config, "inhibit_rules")).includes(`alertname="${alert}"`)) add(alert, "inhibits nothing.");
      }
      return findings;
    });
}

/** Labels that say which object an alert is about. */
const objectLabels = [
  ...["namespace", "node", "instance", "pod", "container", "device", "mountpoint", "persistentvolumeclaim"],
];
