/** Grafana's data sources: UIDs, addresses, and the links between them that lead from one store to the other. */
import { dataSourceUid } from "../../components/capabilities.ts";
import { usualPlugin } from "../../components/logs/victoria-logs/api.ts";
import { asMap, at, type Finding, textAt } from "../finding.ts";
import { releases, type Rendered } from "../rendered.ts";

const traceId = "4bf92f3577b34da6a3ce929d0e0e4736";

/** Lines as programs write them; each has to lead to its trace. */
const lines = [
  `{"level":"info","trace_id":"${traceId}","msg":"x"}`,
  `{"traceId": "${traceId}"}`,
  `{"traceID":"${traceId}"}`,
];

/** Labels of the metrics that the links ask for (cAdvisor's, by kube-prometheus-stack's relabelling). */
const metricLabels = ["namespace", "pod", "container", "node"];

const metrics = ["container_cpu_usage_seconds_total", "container_memory_working_set_bytes"];

/** In provisioning files Grafana reads `$$` as `$`. */
const provisioned = (text: string) => text.replaceAll("$$", "$");

/** Findings about the data sources of every Grafana. */
export function checkDataSources({ declared, settings }: Rendered): Finding[] {
  return releases(declared)
    .filter(({ values }) => asMap(values["grafana"]) !== undefined && at(values, "grafana", "enabled") !== false)
    .flatMap(({ name, values }) => {
      const findings: Finding[] = [];
      const add = (path: string, message: string) =>
        findings.push({ check: "data sources", object: `HelmRelease ${name}`, path, message });
      const sources = (at(values, "grafana", "additionalDataSources") ?? []) as readonly unknown[];
      const uids = sources.map((source) => textAt(source, "uid") ?? "");
      // A store of traces that is there already may only take them.
      const chosen = (Object.keys(dataSourceUid) as Capability[]).filter(
        (capability) =>
          settings[capability] !== "none" &&
          !(
            capability === "traces" &&
            settings.traces === "external" &&
            settings.external.traces?.queryUrl === undefined
          ),
      );
      for (const capability of chosen) {
        if (uids.filter((other) => other === dataSourceUid[capability]).length !== 1)
          add("data sources", `there is not one with the UID ${dataSourceUid[capability]}.`);
      }
      const known = (capability: Capability) => (chosen.includes(capability) ? dataSourceUid[capability] : undefined);
      const lead = (path: string, uid: unknown, to: Capability) => {
        if (uid !== known(to)) add(path, `leads to ${String(uid)} and not to ${known(to) ?? "nothing"}.`);
      };
      if (sources.filter((source) => at(source, "isDefault") === true).length !== (chosen.includes("metrics") ? 1 : 0))
        add("data sources", "not one, that of metrics, is the default.");

      const logs = sources.find((source) => textAt(source, "uid") === dataSourceUid.logs);
      const languageOfLogs = kinds.find(([of]) => of === textAt(logs, "type"))?.[2];
      for (const source of sources) {
        const uid = textAt(source, "uid") ?? "?";
        const path = `additionalDataSources ${uid}`;
        const server = serverOf(source, settings);
        const [, type, usual] = kinds.find(([of]) => of === textAt(source, "type")) ?? [];
        // It keeps no exemplars.
        const victoria = type === "metrics" && settings.metrics === "victoriaMetrics";
        // What speaks Prometheus' API says what it is; the one that everybody asks is Thanos where there is one.
        const itself = textAt(source, "jsonData", "prometheusType") ?? (victoria ? "VictoriaMetrics" : usual);
        const title = server === undefined ? itself : `${usual ?? ""} (external)`;
        if (uid === dataSourceUid.metrics && settings.thanos.enabled !== (itself === "Thanos"))
          add(`${path} prometheusType`, `is ${itself ?? "missing"}.`);
        if (type === undefined || !uid.startsWith(type))
          add(`${path} type`, `is ${textAt(source, "type") ?? "missing"}.`);
        if (textAt(source, "name") !== title) add(`${path} name`, `is ${textAt(source, "name") ?? "missing"}.`);
        const scheme = (textAt(source, "secureJsonData", "httpHeaderValue1") ?? "").split(" ")[0];
        if (scheme === "ApiKey" ? usual !== "Elasticsearch" : scheme === "Bearer" && usual === "Elasticsearch")
          add(`${path} httpHeaderValue1`, `is ${scheme}.`);
        if (server !== undefined) checkServer(source, server, path, values, add);
        else if (itself === "Elasticsearch") checkElasticsearch(source, path, values, add);
        else if (!/^http:\/\/[a-z0-9-]+\.[a-z0-9-]+\.svc:\d+(\/[a-z0-9]+)*$/.test(textAt(source, "url") ?? ""))
          add(`${path} url`, "is no address of a Service.");
        const data = at(source, "jsonData");
        if (victoria && at(data, "exemplarTraceIdDestinations") !== undefined)
          add(`${path} exemplarTraceIdDestinations`, "leads from exemplars that are not kept.");
        if (type === "metrics" && !victoria) checkMetrics(data, path, add, lead);
        // Whoever scrapes knows how often.
        if (type === "metrics" && (textAt(data, "timeInterval") === undefined) !== (server !== undefined))
          add(`${path} timeInterval`, "is missing, or nobody knows it.");
        if (type === "logs" && chosen.includes("traces"))
          (usual === "Elasticsearch" ? checkDataLinks : usual === "VictoriaLogs" ? checkFields : checkLogs)(
            data,
            path,
            add,
            lead,
          );
        const plugin =
          usual !== "VictoriaLogs" ? undefined : server === undefined ? settings.victoriaLogs.plugin : usualPlugin;
        if (plugin !== undefined && textAt(values, "grafana", "grafana.ini", "plugins", "preinstall") !== plugin)
          add("grafana.ini plugins.preinstall", `is not ${plugin}.`);
        if (type === "traces") checkTraces(data, path, chosen, languageOfLogs, add, lead);
        if (itself === "Tempo") lead(`${path} serviceMap`, at(data, "serviceMap", "datasourceUid"), "metrics");
      }
      return findings;
    });
}

interface Server {
  readonly url: string;
  readonly user?: string | undefined;
  readonly tenant?: string | undefined;
  readonly ca: "public" | "company";
}

/** The server behind a data source, where that is there already. */
function serverOf(source: unknown, { external }: Rendered["settings"]): Server | undefined {
  const { metrics, logs, traces, alerts } = external;
  const servers = [
    ...(metrics === undefined ? [] : [{ ...metrics, url: metrics.queryUrl }]),
    ...(logs === undefined ? [] : [logs]),
    ...(traces?.queryUrl === undefined ? [] : [{ ...traces, url: traces.queryUrl }]),
    ...(alerts === undefined ? [] : [alerts]),
  ];
  return servers.find(({ url }) => url === textAt(source, "url"));
}

/** How Grafana asks it: as the settings say, and with what is secret out of a variable of its container. */
function checkServer(source: unknown, server: Server, path: string, values: unknown, add: Add): void {
  const secure = asMap(at(source, "secureJsonData")) ?? {};
  const headers = new Map(
    [1, 2, 3].flatMap((index) => {
      const name = textAt(source, "jsonData", `httpHeaderName${index}`);
      return name === undefined ? [] : [[name, textAt(secure, `httpHeaderValue${index}`)] as const];
    }),
  );
  const secret = textAt(secure, "basicAuthPassword") ?? headers.get("Authorization");
  // Braces and files are looked through for variables a second time.
  const variable = /^(?:(?:Bearer|ApiKey) )?\$([A-Z_]+)$/.exec(secret ?? "")?.[1];
  if (
    secret !== undefined &&
    at(values, "grafana", "envValueFrom", variable ?? "", "secretKeyRef", "key") === undefined
  )
    add(path, `${secret} is no variable of Grafana's container.`);
  if (server.url.startsWith("https:") && secret === undefined) add(path, "sends no secret.");
  if ((server.user !== undefined) !== (textAt(secure, "basicAuthPassword") !== undefined))
    add(path, "is not asked as its user.");
  if (at(source, "basicAuth") !== (server.user === undefined ? undefined : true)) add(`${path} basicAuth`, "is wrong.");
  if (textAt(source, "basicAuthUser") !== server.user) add(`${path} basicAuthUser`, "is another's.");
  if (headers.get("X-Scope-OrgID") !== server.tenant) add(path, "is asked for another tenant.");
  if ((server.ca === "company") !== (at(source, "jsonData", "tlsAuthWithCACert") === true && "tlsCACert" in secure))
    add(path, "does not verify with the certificates that it should.");
  for (const key of Object.keys(secure))
    if (!/^(basicAuthPassword|tlsCACert|httpHeaderValue[1-3])$/.test(key)) add(`${path} ${key}`, "is not known.");
}

type Capability = keyof typeof dataSourceUid;
type Add = (path: string, message: string) => void;
type Lead = (path: string, uid: unknown, to: Capability) => void;

/** Grafana's types of data sources, the capability of each, and what people call it. */
const kinds: readonly (readonly [type: string, capability: Capability, title: string])[] = [
  ["prometheus", "metrics", "Prometheus"],
  ["alertmanager", "alerts", "Alertmanager"],
  ["loki", "logs", "Loki"],
  ["victoriametrics-logs-datasource", "logs", "VictoriaLogs"],
  ["elasticsearch", "logs", "Elasticsearch"],
  ["jaeger", "traces", "Jaeger"],
  ["tempo", "traces", "Tempo"],
];

function checkMetrics(data: unknown, path: string, add: Add, lead: Lead): void {
  const exemplars = at(data, "exemplarTraceIdDestinations", 0);
  lead(`${path} exemplarTraceIdDestinations`, at(exemplars, "datasourceUid"), "traces");
  // Instrumentation names it so in exemplars (OpenMetrics, and the collector's Prometheus exporter).
  if (exemplars !== undefined && at(exemplars, "name") !== "trace_id")
    add(`${path} exemplarTraceIdDestinations`, "does not read the label trace_id.");
}

function checkLogs(data: unknown, path: string, add: Add, lead: Lead): void {
  const fields = (at(data, "derivedFields") ?? []) as readonly unknown[];
  const kinds = fields.map((field) => textAt(field, "matcherType"));
  for (const kind of ["regex", "label"])
    if (!kinds.includes(kind)) add(`${path} derivedFields`, `none matches by ${kind}.`);
  for (const [index, field] of fields.entries()) {
    const where = `${path} derivedFields.${index}`;
    lead(where, at(field, "datasourceUid"), "traces");
    if (provisioned(textAt(field, "url") ?? "") !== "${__value.raw}")
      add(where, "does not ask for the value that was found.");
    const matcher = textAt(field, "matcherRegex") ?? "";
    if (textAt(field, "matcherType") === "label") {
      // Loki keeps OTLP's trace id under this name.
      if (matcher !== "trace_id") add(where, `reads ${matcher} and not trace_id.`);
      continue;
    }
    try {
      const regex = new RegExp(matcher);
      for (const line of lines) if (regex.exec(line)?.[1] !== traceId) add(where, `does not find the id in ${line}.`);
    } catch (error) {
      add(where, String(error));
    }
  }
}

/** VictoriaLogs keeps a line's fields: each name of a trace's id in `lines` is one. */
function checkFields(data: unknown, path: string, add: Add, lead: Lead): void {
  const fields = (at(data, "derivedFields") ?? []) as readonly unknown[];
  const read = fields
    .filter((field) => textAt(field, "matcherType") === "label")
    .map((field) => textAt(field, "matcherRegex"));
  for (const name of ["trace_id", "traceId", "traceID"])
    if (!read.includes(name)) add(`${path} derivedFields`, `none reads ${name}.`);
  for (const [index, field] of fields.entries()) {
    lead(`${path} derivedFields.${index}`, at(field, "datasourceUid"), "traces");
    if (provisioned(textAt(field, "url") ?? "") !== "${__value.raw}")
      add(`${path} derivedFields.${index}`, "does not ask for the value that was found.");
  }
}

/** Elasticsearch keeps the id of every line's trace under one name. */
function checkDataLinks(data: unknown, path: string, add: Add, lead: Lead): void {
  const links = (at(data, "dataLinks") ?? []) as readonly unknown[];
  if (links.length !== 1 || textAt(links[0], "field") !== "^trace_id$")
    add(`${path} dataLinks`, "do not read trace_id.");
  lead(`${path} dataLinks`, at(links[0], "datasourceUid"), "traces");
  if (provisioned(textAt(links[0], "url") ?? "") !== "${__value.raw}")
    add(`${path} dataLinks`, "do not ask for the value that was found.");
}

/** Asked as a user whose password and whose authority stand in variables of Grafana's container, out of a Secret. */
function checkElasticsearch(source: unknown, path: string, values: unknown, add: Add): void {
  if (textAt(source, "url") !== "https://elasticsearch-es-http.monitoring.svc:9200")
    add(`${path} url`, `is ${textAt(source, "url") ?? "missing"}.`);
  if (at(source, "basicAuth") !== true || textAt(source, "basicAuthUser") !== "grafana")
    add(path, "is not asked as its user.");
  if (at(source, "jsonData", "tlsAuthWithCACert") !== true) add(path, "does not verify with the authority.");
  for (const key of ["basicAuthPassword", "tlsCACert"]) {
    const variable = /^\$([A-Z_]+)$/.exec(textAt(source, "secureJsonData", key) ?? "")?.[1] ?? "";
    if (at(values, "grafana", "envValueFrom", variable, "secretKeyRef", "key") === undefined)
      add(`${path} ${key}`, `${variable || "nothing"} is no variable of Grafana's container.`);
  }
  for (const key of ["index", "timeField", "logMessageField", "logLevelField"])
    if (textAt(source, "jsonData", key) === undefined) add(`${path} ${key}`, "is missing.");
}

function checkTraces(
  data: unknown,
  path: string,
  chosen: readonly Capability[],
  language: string | undefined,
  add: Add,
  lead: Lead,
): void {
  if (chosen.includes("logs")) checkLinesOfTrace(data, path, language, add, lead);
  if (chosen.includes("metrics")) checkMetricsOfTrace(data, path, add, lead);
}

function checkMetricsOfTrace(data: unknown, path: string, add: Add, lead: Lead): void {
  const tags = (of: string, labels: readonly string[]) => {
    const list = (at(data, of, "tags") ?? []) as readonly unknown[];
    const told = new Map(list.map((tag) => [textAt(tag, "key") ?? "", textAt(tag, "value") ?? ""] as const));
    // Attributes that the collector gives every span, and what the other store calls them.
    for (const [attribute, label] of [
      ["k8s.namespace.name", "namespace"],
      ["k8s.pod.name", "pod"],
    ] as const) {
      if (told.get(attribute) !== label)
        add(`${path} ${of}.tags`, `${attribute} is ${told.get(attribute) ?? "missing"}.`);
    }
    for (const label of told.values())
      if (!labels.includes(label)) add(`${path} ${of}.tags`, `${label} is no label there.`);
    for (const shift of ["spanStartTimeShift", "spanEndTimeShift"]) {
      if (textAt(data, of, shift) === undefined)
        add(`${path} ${of}.${shift}`, "is missing: the other store's clock is another.");
    }
  };
  tags("tracesToMetrics", metricLabels);
  lead(`${path} tracesToMetrics`, at(data, "tracesToMetrics", "datasourceUid"), "metrics");
  const queries = (at(data, "tracesToMetrics", "queries") ?? []) as readonly unknown[];
  for (const metric of metrics) {
    const asked = queries.filter((entry) => textAt(entry, "query")?.includes(metric) === true);
    if (asked.length !== 1) add(`${path} tracesToMetrics.queries`, `not one asks for ${metric}.`);
  }
  for (const entry of queries) {
    const text = provisioned(textAt(entry, "query") ?? "");
    // cAdvisor's series of the pod as a whole has no container, that of its sandbox is POD's.
    if (!/^sum\((rate\()?[a-z_]+\{container!="", container!="POD", \$\{__tags\}\}(\[\d+m\]\))?\)$/.test(text)) {
      add(`${path} tracesToMetrics.queries`, `${text} is no sum over the containers of the span's pod.`);
    }
  }
}

function checkLinesOfTrace(data: unknown, path: string, language: string | undefined, add: Add, lead: Lead): void {
  for (const shift of ["spanStartTimeShift", "spanEndTimeShift"]) {
    if (textAt(data, "tracesToLogsV2", shift) === undefined)
      add(`${path} tracesToLogsV2.${shift}`, "is missing: the other store's clock is another.");
  }
  lead(`${path} tracesToLogsV2`, at(data, "tracesToLogsV2", "datasourceUid"), "logs");
  const query = provisioned(textAt(data, "tracesToLogsV2", "query") ?? "");
  // By the trace's id alone: streams of log agents and of OTLP have no labels in common but the service's name.
  const id = "${__trace.traceId}";
  const wanted =
    language === "Elasticsearch"
      ? `trace_id:"${id}" OR body.text:"${id}"`
      : language === "VictoriaLogs"
        ? `trace_id:="${id}" or traceId:="${id}" or traceID:="${id}" or "${id}"`
        : `{service_name=~".+"} | regexp "(?P<id_in_line>${id})" | id_in_line="${id}" or trace_id="${id}"`;
  if (at(data, "tracesToLogsV2", "customQuery") !== true || query !== wanted) {
    add(`${path} tracesToLogsV2.query`, `${query} is not every line of the trace (${wanted}).`);
  }
}
