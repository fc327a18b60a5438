/**
 * A strict reader of Fluent Bit's classic format, with the options of the plug-ins that the environment uses, as the
 * documentation of Fluent Bit 5.1 lists them (pipeline/inputs/tail, pipeline/filters/kubernetes, pipeline/outputs/loki,
 * administration/configuring-fluent-bit, administration/buffering). Fluent Bit itself ignores an unknown option of a
 * section and stops at one of a plug-in; it cannot be had here, so this reads in its place.
 */
import { dirname } from "node:path";
import { nodeSources } from "../../components/agents/node-sources.ts";
import { at, type Finding, textAt } from "../finding.ts";
import { releases, type Rendered } from "../rendered.ts";

export interface Section {
  /** `SERVICE`, `INPUT`, `FILTER` or `OUTPUT`. */
  readonly name: string;
  /** Options in lower case: Fluent Bit does not mind. */
  readonly options: ReadonlyMap<string, string>;
}

/**
 * The sections of a text.
 * @throws for anything that the format has not
 */
export function readClassic(text: string): Section[] {
  const sections: { name: string; options: Map<string, string> }[] = [];
  let indent: string | undefined;
  for (const [index, line] of text.split("\n").entries()) {
    const where = `line ${index + 1} "${line}"`;
    if (line.trim() === "" || line.trimStart().startsWith("#")) continue;
    const heading = /^\[([A-Z_]+)\]$/.exec(line)?.[1];
    if (heading !== undefined) {
      sections.push({ name: heading, options: new Map() });
      indent = undefined;
      continue;
    }
    const entry = /^([ \t]+)(\S+)[ \t]+(\S.*?)[ \t]*$/.exec(line);
    const section = sections.at(-1);
    if (entry === null || section === undefined)
      throw new Error(`${where} is neither a heading nor an indented option.`);
    const [, spaces = "", key = "", value = ""] = entry;
    indent ??= spaces;
    if (spaces !== indent) throw new Error(`${where} is indented unlike the lines above it.`);
    if (section.options.has(key.toLowerCase())) throw new Error(`${where} stands there twice.`);
    section.options.set(key.toLowerCase(), value);
  }
  return sections;
}

const flag = /^(on|off|true|false|yes|no)$/i;
const size = /^\d+([KMG]B?)?$/i;
const number = /^\d+$/;
const word = /^\S+$/;
const anything = /\S/;
const absolute = /^\/\S+$/;

/** Of an output that asks a server. */
const server = {
  tls: flag,
  "tls.verify": flag,
  "tls.verify_hostname": flag,
  "tls.ca_file": absolute,
  http_user: word,
  http_passwd: word,
};

/** Options by section and plug-in: those that the environment may need, with the form of their values. */
const known: Readonly<Record<string, Readonly<Record<string, RegExp>>>> = {
  SERVICE: {
    daemon: flag,
    flush: /^\d+(\.\d+)?$/,
    grace: number,
    log_level: /^(off|error|warn|info|debug|trace)$/,
    parsers_file: absolute,
    http_server: flag,
    http_listen: word,
    http_port: number,
    health_check: flag,
    hc_errors_count: number,
    hc_retry_failure_count: number,
    hc_period: number,
    "storage.path": absolute,
    "storage.sync": /^(normal|full)$/,
    "storage.checksum": flag,
    "storage.metrics": flag,
    "storage.max_chunks_up": number,
    "storage.backlog.mem_limit": size,
    "scheduler.base": number,
    "scheduler.cap": number,
  },
  "INPUT tail": {
    tag: word,
    path: absolute,
    exclude_path: anything,
    db: absolute,
    "db.sync": /^(extra|full|normal|off)$/,
    "db.locking": flag,
    skip_long_lines: flag,
    skip_empty_lines: flag,
    inotify_watcher: flag,
    refresh_interval: number,
    rotate_wait: number,
    read_from_head: flag,
    buffer_chunk_size: size,
    buffer_max_size: size,
    "multiline.parser": /^(docker|cri|go|java|python)(, ?(docker|cri|go|java|python))*$/,
    "storage.type": /^(filesystem|memory|memrb)$/,
    "storage.pause_on_chunks_overlimit": flag,
    threaded: flag,
    parser: word,
  },
  // pipeline/inputs/systemd, of which 5.1.1's source has the same (plugins/in_systemd/systemd.c).
  "INPUT systemd": {
    tag: word,
    path: absolute,
    db: absolute,
    "db.sync": /^(extra|full|normal|off)$/,
    read_from_tail: flag,
    lowercase: flag,
    strip_underscores: flag,
    max_fields: number,
    max_entries: number,
    systemd_filter: anything,
    systemd_filter_type: /^(and|or)$/i,
    "storage.type": /^(filesystem|memory|memrb)$/,
  },
  "FILTER kubernetes": {
    match: word,
    merge_log: flag,
    merge_log_key: word,
    merge_log_trim: flag,
    keep_log: flag,
    "k8s-logging.parser": flag,
    "k8s-logging.exclude": flag,
    labels: flag,
    annotations: flag,
    buffer_size: size,
    use_kubelet: flag,
    kubelet_port: number,
    kube_url: word,
    kube_tag_prefix: word,
  },
  "FILTER lua": {
    match: word,
    script: absolute,
    call: word,
    protected_mode: flag,
    time_as_table: flag,
    type_int_key: anything,
    type_array_key: anything,
  },
  // Of pipeline/outputs/elasticsearch.
  "OUTPUT es": {
    match: word,
    host: word,
    port: number,
    path: absolute,
    index: word,
    pipeline: word,
    write_operation: /^(create|index|update|upsert)$/,
    suppress_type_name: flag,
    // Not generate_id: a chunk that is there already would be tried for ever (5.1.1, plugins/out_es/es.c).
    time_key: word,
    time_key_nanos: flag,
    buffer_size: /^(\d+([KMG]B?)?|False)$/i,
    ...server,
    http_api_key: word,
    compress: /^gzip$/,
    retry_limit: /^(\d+|no_limits|no_retries|false)$/,
    "storage.total_limit_size": size,
  },
  // Of pipeline/outputs/http.
  "OUTPUT http": {
    match: word,
    host: word,
    port: number,
    uri: /^\/\S*$/,
    format: /^(json|json_lines|json_stream|msgpack|gelf)$/,
    json_date_key: word,
    json_date_format: /^(double|epoch|epoch_ms|iso8601|java_sql_timestamp)$/,
    log_response_payload: flag,
    ...server,
    retry_limit: /^(\d+|no_limits|no_retries|false)$/,
    "storage.total_limit_size": size,
  },
  "OUTPUT loki": {
    match: word,
    host: word,
    port: number,
    uri: absolute,
    ...server,
    bearer_token: word,
    tenant_id: word,
    labels: anything,
    label_keys: anything,
    structured_metadata: anything,
    structured_metadata_map_keys: anything,
    remove_keys: anything,
    drop_single_key: /^(on|off|true|false|raw)$/i,
    line_format: /^(json|key_value)$/,
    auto_kubernetes_labels: flag,
    compress: /^gzip$/,
    workers: number,
    retry_limit: /^(\d+|no_limits|no_retries|false)$/,
    "storage.total_limit_size": size,
  },
};

/** What the product says of the log agent (`options` of a section must have these values). */
const promised: Readonly<Record<string, Readonly<Record<string, RegExp>>>> = {
  // The chart's probes and its ServiceMonitor ask on 2020; health is what /api/v2/health answers from.
  SERVICE: {
    http_server: /^on$/i,
    http_listen: /^0\.0\.0\.0$/,
    http_port: /^2020$/,
    health_check: /^on$/i,
    // Shipped in the image; it defines the parsers that pods may ask for.
    parsers_file: /^\/fluent-bit\/etc\/parsers\.conf$/,
    // A folder of the host that the chart mounts for writing, so that what is buffered outlives the pod.
    "storage.path": /^\/var\/log\//,
    "storage.metrics": /^on$/i,
    // Times 2 MB (FLB_INPUT_CHUNK_FS_MAX_SIZE): less than half of the least memory that anybody gives it.
    "storage.max_chunks_up": /^32$/,
    // In seconds; the default is half an hour.
    "scheduler.cap": /^\d{2}$/,
    daemon: /^off$/i,
    flush: anything,
    log_level: anything,
  },
  "INPUT tail": {
    path: absolute,
    tag: /^(kube\.\*|audit)$/,
    db: /^\/var\/log\//,
    skip_long_lines: /^on$/i,
    inotify_watcher: anything,
    "storage.type": /^filesystem$/,
  },
  "INPUT systemd": {
    path: /^\/(var|run)\/log\/journal$/,
    tag: /^journal$/,
    db: /^\/var\/log\//,
    // The first start is no reason to send what was there before.
    read_from_tail: /^on$/i,
    "storage.type": /^filesystem$/,
  },
  "FILTER kubernetes": {
    merge_log: /^on$/i,
    "k8s-logging.parser": /^on$/i,
    "k8s-logging.exclude": /^on$/i,
    // Without the text beside the merged fields each line would be kept twice.
    keep_log: /^off$/i,
    labels: /^off$/i,
    annotations: /^off$/i,
    // No limit (src/flb_http_client.c, flb_http_buffer_size): with one, larger objects of pods are cut, which do not parse.
    buffer_size: /^0$/,
  },
  "FILTER lua": {
    match: /^(\*|journal|audit)$/,
    script: /^\/fluent-bit\/scripts\/(redact|records)\.lua$/,
    call: /^(redact|journal|audit)$/,
  },
  "OUTPUT es": {
    // A data stream takes nothing else, and no type.
    write_operation: /^create$/,
    suppress_type_name: /^on$/i,
    // Of an answer that is cut off nobody knows what was kept.
    buffer_size: /^False$/i,
    retry_limit: /^no_limits$/,
    "storage.total_limit_size": anything,
    // Elasticsearch makes of a record what its template keeps.
    index: /^logs-[a-z0-9]+\.otel-[a-z0-9]+$/,
    pipeline: anything,
  },
  // Logstash reads a list of JSON, and the time of each.
  "OUTPUT http": {
    format: /^json$/,
    json_date_key: /^@timestamp$/,
    json_date_format: /^iso8601$/,
    host: /^logstash-ls-agent\.monitoring\.svc$/,
    port: /^8080$/,
    retry_limit: /^no_limits$/,
    "storage.total_limit_size": anything,
  },
  "OUTPUT loki": {
    line_format: /^json$/,
    auto_kubernetes_labels: /^off$/i,
    // An outage loses nothing while there is room on the disk.
    retry_limit: /^no_limits$/,
    "storage.total_limit_size": anything,
    remove_keys: /\bkubernetes\b/,
  },
};

/**
 * Where log stores take what Loki's clients push. VictoriaLogs names the message of a line of JSON by a parameter
 * (app/vlinsert/insertutil/common_params.go 1.52).
 */
const pushPaths: Readonly<Record<string, string>> = {
  loki: "/loki/api/v1/push",
  victoriaLogs: "/insert/loki/api/v1/push?_msg_field=msg,message,log",
};

/** Labels of every log line: what dashboards and the links of data sources select by. */
export const logLabels: Readonly<Record<string, string>> = {
  job: "containers",
  namespace: "$kubernetes['namespace_name']",
  pod: "$kubernetes['pod_name']",
  container: "$kubernetes['container_name']",
};

/** The same of what is read of a node itself. */
const nodeLabels = (job: string): Readonly<Record<string, string>> => ({ job, node: "$kubernetes['host']" });

/** What is read beside containers' lines: tag, and what the input has to have. */
function ofNodes(settings: Rendered["settings"]): Readonly<Record<string, Readonly<Record<string, string>>>> {
  const { journal, auditLog } = nodeSources(settings);
  return {
    ...(journal === undefined ? {} : { journal: { name: "systemd", path: journal } }),
    ...(auditLog === undefined ? {} : { audit: { name: "tail", parser: "json", path: auditLog } }),
  };
}

/** Whether a tag that is read can fit a pattern that routes it; both may end in `*`. */
function routes(pattern: string, tag: string): boolean {
  const start = (text: string) => text.replace(/\*.*$/, "");
  return start(tag).startsWith(start(pattern)) && (pattern.endsWith("*") || pattern === tag);
}

/** A log store that is there already: the address that the settings name, and nothing secret in the configuration. */
function checkServer(
  output: Section | undefined,
  values: unknown,
  { external }: Rendered["settings"],
  add: (path: string, message: string) => void,
): void {
  const { url = "", user, tenant, ca, type = "loki" } = external.logs ?? {};
  const elastic = type === "elasticsearch";
  const { protocol, hostname, port, pathname } = new URL(url);
  const tls = protocol === "https:";
  const [variable] = (at(values, "env") ?? []) as readonly unknown[];
  const reference =
    at(variable, "valueFrom", "secretKeyRef") === undefined ? undefined : `\${${textAt(variable, "name") ?? ""}}`;
  const mount = at(values, "extraVolumeMounts", 0);
  const item = textAt(values, "extraVolumes", 0, "secret", "items", 0, "path");
  const wanted: Readonly<Record<string, string | undefined>> = {
    host: hostname.replace(/^\[(.*)\]$/, "$1"),
    port: port || (tls ? "443" : "80"),
    name: elastic ? "es" : "loki",
    uri: elastic ? undefined : `${pathname.replace(/\/$/, "")}${pushPaths[type] ?? ""}`,
    path: elastic && pathname !== "/" ? pathname.replace(/\/$/, "") : undefined,
    tls: tls ? "On" : undefined,
    "tls.verify": tls ? "On" : undefined,
    "tls.verify_hostname": tls ? "On" : undefined,
    "tls.ca_file": tls && ca === "company" ? `${textAt(mount, "mountPath") ?? "?"}/${item ?? "?"}` : undefined,
    tenant_id: tenant,
    http_user: reference === undefined ? undefined : user,
    http_passwd: user === undefined ? undefined : reference,
    [elastic ? "http_api_key" : "bearer_token"]: user === undefined ? reference : undefined,
  };
  for (const [option, value] of Object.entries(wanted)) {
    const is = output?.options.get(option);
    if (is !== value) add(`OUTPUT ${option}`, `is ${is ?? "missing"} and not ${value ?? "missing"}.`);
  }
  if (at(values, "extraVolumes", 0, "name") !== at(mount, "name")) add("extraVolumeMounts", "are of another volume.");
}

/** Elasticsearch of ours: by TLS with its certificate verified by the authority of its Secret, as a user whose password stands nowhere. */
function checkElasticsearch(
  output: Section | undefined,
  values: unknown,
  add: (path: string, message: string) => void,
): void {
  const mounted = ((at(values, "extraVolumes", 0, "secret", "items") ?? []) as readonly unknown[]).map(
    (item) => `${textAt(values, "extraVolumeMounts", 0, "mountPath") ?? "?"}/${textAt(item, "path") ?? "?"}`,
  );
  const variables = ((at(values, "env") ?? []) as readonly unknown[]).map((one) => `\${${textAt(one, "name") ?? ""}}`);
  const wanted: Readonly<Record<string, (value: string) => boolean>> = {
    name: (value) => value === "es",
    host: (value) => value === "elasticsearch-es-http.monitoring.svc",
    port: (value) => value === "9200",
    tls: (value) => value === "On",
    "tls.verify": (value) => value === "On",
    "tls.verify_hostname": (value) => value === "On",
    "tls.ca_file": (value) => mounted.includes(value),
    http_user: (value) => value === "agent",
    http_passwd: (value) => variables.includes(value),
  };
  for (const [option, right] of Object.entries(wanted)) {
    const is = output?.options.get(option) ?? "missing";
    if (!right(is)) add(`OUTPUT ${option}`, `is ${is}.`);
  }
}

/** Findings about the configuration of the log agent. */
export function checkFluentBit({ declared, settings }: Rendered): Finding[] {
  return releases(declared)
    .filter(({ chart }) => chart?.name === "fluent-bit")
    .flatMap(({ name, values }) => {
      const findings: Finding[] = [];
      const add = (path: string, message: string) =>
        findings.push({ check: "fluent-bit", object: `HelmRelease ${name}`, path, message });
      const wanted = { service: "SERVICE", inputs: "INPUT", filters: "FILTER", outputs: "OUTPUT" } as const;
      const read: Section[] = [];
      const redacted = settings.redact.patterns.length + settings.redact.fields.length > 0;
      const others = ofNodes(settings);
      const script = textAt(values, "luaScripts", "redact.lua") ?? "";
      if (JSON.stringify(at(values, "luaScripts") ?? "").includes("{{"))
        add("luaScripts", "have braces, which Helm would replace.");
      for (const [key, kind] of Object.entries(wanted)) {
        const text = textAt(values, "config", key) ?? "";
        // The chart passes each section through Helm's template engine.
        if (text.includes("{{")) add(`config/${key}`, "has braces, which Helm would replace.");
        try {
          const sections = readClassic(text);
          // One output for each log store and source, and a filter for what is taken out and for each source that is not containers' lines.
          const more = Object.keys(others).length;
          const count =
            kind === "OUTPUT"
              ? sections.length
              : 1 + (kind === "SERVICE" ? 0 : more) + (kind === "FILTER" && redacted ? 1 : 0);
          if (sections.length !== count || !sections.every((section) => section.name === kind))
            add(`config/${key}`, `is not of ${count} [${kind}].`);
          read.push(...sections);
        } catch (error) {
          add(`config/${key}`, error instanceof Error ? error.message : String(error));
        }
      }
      for (const { name: kind, options } of read) {
        const plugin = options.get("name");
        const id = plugin === undefined ? kind : `${kind} ${plugin}`;
        const forms = known[id];
        if (forms === undefined) {
          add(id, "is no section that the environment knows the options of.");
          continue;
        }
        for (const [option, value] of options) {
          if (option === "name") continue;
          const form = forms[option];
          if (form === undefined) add(`${id} ${option}`, "is no option of it.");
          else if (!form.test(value)) add(`${id} ${option}`, `cannot be ${value}.`);
        }
        for (const [option, form] of Object.entries(promised[id] ?? {})) {
          const value = options.get(option);
          if (value === undefined) add(`${id} ${option}`, "is missing.");
          else if (!form.test(value)) add(`${id} ${option}`, `is ${value}, and has to be like ${String(form)}.`);
        }
      }
      // Before the first there are no fields; secrets go first, and records are made of what is left.
      const filters = read
        .filter((section) => section.name === "FILTER")
        .map(({ options }) => `${options.get("call") ?? options.get("name") ?? ""} of ${options.get("match") ?? ""}`);
      const right = [
        "kubernetes of kube.*",
        ...(redacted ? ["redact of *"] : []),
        ...Object.keys(others).map((tag) => `${tag} of ${tag}`),
      ];
      if (filters.join() !== right.join()) add("config/filters", `are ${filters.join()} and not ${right.join()}.`);
      const inputs = read.filter((section) => section.name === "INPUT").map(({ options }) => options);
      const containers = { name: "tail", path: "/var/log/containers/*.log", "multiline.parser": "docker, cri" };
      for (const [tag, wants] of Object.entries({ "kube.*": containers, ...others })) {
        const input = inputs.find((one) => one.get("tag") === tag);
        for (const [option, value] of Object.entries(wants))
          if (input?.get(option) !== value)
            add(`INPUT ${tag} ${option}`, `is ${input?.get(option) ?? "missing"} and not ${value}.`);
      }
      const mounts = (at(values, "extraVolumeMounts") ?? []) as readonly unknown[];
      const { journal, auditLog } = nodeSources(settings);
      for (const folder of [journal, auditLog && dirname(auditLog)])
        if (
          folder !== undefined &&
          !mounts.some((one) => textAt(one, "mountPath") === folder && at(one, "readOnly") === true)
        )
          add("extraVolumeMounts", `lack ${folder}, or may write there.`);
      if (redacted) {
        for (const field of settings.redact.fields)
          if (!script.includes(`["${field.toLowerCase()}"] = true`)) add("luaScripts", `let ${field} go.`);
      } else if (script !== "") add("luaScripts", "take out what nobody named.");
      const tags = read.filter((section) => section.name === "INPUT").map(({ options }) => options.get("tag") ?? "");
      for (const { name: kind, options } of read) {
        const match = options.get("match");
        if ((kind === "FILTER" || kind === "OUTPUT") && !tags.some((tag) => routes(match ?? "", tag))) {
          add(`${kind} match`, `${match ?? "nothing"} fits no tag that is read (${tags.join(", ")}).`);
        }
      }
      const outputs = read.filter((section) => section.name === "OUTPUT");
      const stores = [settings.logs].flat();
      const wantedOutputs = stores.flatMap((store) =>
        ["kube.*", ...Object.keys(others)].map((tag) => ({ store, tag })),
      );
      if (outputs.length !== wantedOutputs.length)
        add("config/outputs", `are ${outputs.length}, for ${wantedOutputs.length} of log stores and what is read.`);
      for (const [index, { store, tag }] of wantedOutputs.entries()) {
        const output = outputs[index];
        if (output?.options.get("match") !== tag)
          add("OUTPUT match", `is ${output?.options.get("match") ?? "missing"} and not ${tag}.`);
        const labelsOf = tag === "kube.*" ? logLabels : nodeLabels(tag);
        if (store === "elasticsearch" && tag === "kube.*" && settings.elasticsearch.logstash.replicas > 0) {
          if (output?.options.get("name") !== "http") add("OUTPUT name", "goes past Logstash.");
          continue;
        }
        const stream = `logs-${tag === "kube.*" ? "containers" : tag}.otel-`;
        const dataStream = output?.options.get("index");
        if (dataStream?.startsWith(stream) === false) add("OUTPUT index", `is ${dataStream}, for ${tag}.`);
        if (store === "elasticsearch") {
          checkElasticsearch(output, values, add);
          continue;
        }
        if (store === "external" && settings.external.logs?.type === "elasticsearch") {
          checkServer(output, values, settings, add);
          continue;
        }
        for (const option of ["host", "port", "uri"])
          if (output?.options.has(option) !== true) add("OUTPUT " + option, "is missing.");
        if (store === "external") checkServer(output, values, settings, add);
        else {
          if (output?.options.get("uri") !== pushPaths[store]) add("OUTPUT uri", `is not the push path of ${store}.`);
          if (!/\.svc(\.cluster\.local)?$/.test(output?.options.get("host") ?? ""))
            add("OUTPUT host", "is no Service's name.");
        }
        const labels = new Map(
          (output?.options.get("labels") ?? "").split(/,\s*/).map((label) => {
            const [key = "", ...value] = label.split("=");
            return [key, value.join("=")] as const;
          }),
        );
        for (const [label, value] of Object.entries(labelsOf)) {
          if (labels.get(label) !== value)
            add("OUTPUT labels", `${label} is ${labels.get(label) ?? "missing"} and not ${value}.`);
        }
        if (labels.has("cluster") !== (store === "external"))
          add("OUTPUT labels", "a store of several clusters has the label cluster, and one of this cluster has not.");
        for (const label of labels.keys())
          if (!(label in labelsOf) && label !== "cluster") add("OUTPUT labels", `${label} is no label that is known.`);
      }
      if (at(values, "serviceMonitor", "enabled") !== true)
        add("serviceMonitor/enabled", "is not true: nobody would see it drop lines.");
      return findings;
    });
}
