/**
 * A strict reader of Fluentd's configuration, with the parameters of the plug-ins that the environment uses, as the sources of Fluentd 1.19.3 and of
 * the plug-ins of its image have them (lib/fluent/plugin/*, fluent-plugin-elasticsearch 6.0.0, fluent-plugin-prometheus 2.2.2,
 * fluent-plugin-systemd 1.1.1). Fluentd itself cannot be had here; it would only warn of a parameter that it does not know.
 */
import { nodeSources } from "../../components/agents/node-sources.ts";
import { at, type Finding, textAt } from "../finding.ts";
import { releases, type Rendered } from "../rendered.ts";

export interface FluentdSection {
  readonly name: string;
  /** What stands behind the name: a pattern of tags, a label, keys of chunks. */
  readonly of: string;
  readonly params: ReadonlyMap<string, string>;
  readonly sections: readonly FluentdSection[];
}

/**
 * The sections of a text.
 * @throws for anything that the format has not
 */
export function readFluentd(text: string): readonly FluentdSection[] {
  const top = { name: "", of: "", params: new Map<string, string>(), sections: [] as FluentdSection[] };
  const open = [top];
  for (const [index, line] of text.split("\n").entries()) {
    const where = `line ${index + 1} "${line}"`;
    const here = open.at(-1) ?? top;
    if (line.trim() === "" || line.trimStart().startsWith("#")) continue;
    const begin = /^\s*<(\w+)(?: ([^>]+))?>$/.exec(line);
    const end = /^\s*<\/(\w+)>$/.exec(line);
    const param = /^\s*(@?\w+) (\S.*)$/.exec(line);
    if (begin !== null) {
      const section = { name: begin[1] ?? "", of: begin[2] ?? "", params: new Map<string, string>(), sections: [] };
      here.sections.push(section);
      open.push(section);
    } else if (end !== null) {
      if (open.length === 1 || here.name !== end[1]) throw new Error(`${where} ends what is not open.`);
      open.pop();
    } else {
      const [, key = "", value = ""] = param ?? [];
      if (param === null || here === top) throw new Error(`${where} is neither a section nor a parameter in one.`);
      if (here.params.has(key)) throw new Error(`${where} stands there twice.`);
      here.params.set(key, value);
    }
  }
  if (open.length > 1) throw new Error(`<${open.at(-1)?.name ?? ""}> has no end.`);
  return top.sections;
}

const flag = /^(true|false)$/;
const number = /^\d+$/;
const size = /^\d+[kmg]?$/;
const time = /^\d+[smhd]?$/;
const word = /^[\w.@/:*-]+$/;
/** Between quotes `#` begins an expression of Ruby, unless it is escaped. */
const text = /^(?:[\w.@/:*-]+|"(?:[^"\\#]|\\.|#(?!\{))*")$/;
const path = /^(?:\/[\w.@/*%+-]+|"\/[\w.@/*%+,-]+")$/;
const list = /^\[.*\]$/;
const map = /^\{.*\}$/;

type Params = Readonly<Record<string, RegExp>>;
interface Known {
  readonly params: Params;
  /** Those that may be left out. @default none but `@id` */
  readonly optional?: readonly string[];
  readonly sections?: Readonly<Record<string, Known>>;
}

const plugin: Params = { "@type": word, "@id": word };
const buffer: Known = {
  params: {
    "@type": /^file$/,
    path,
    total_limit_size: number,
    chunk_limit_size: size,
    overflow_action: /^block$/,
    flush_mode: /^interval$/,
    flush_interval: time,
    // In their order.
    flush_thread_count: /^1$/,
    flush_at_shutdown: flag,
    retry_forever: /^true$/,
    retry_max_interval: time,
    disable_chunk_backup: flag,
  },
};

/** By section and plug-in. What the product says of the log agent is in the forms of the values. */
const known: Readonly<Record<string, Known>> = {
  // Without the last its log has the configuration, secrets and all.
  system: { params: { log_level: /^(error|warn|info|debug|trace)$/, root_dir: path, suppress_config_dump: /^true$/ } },
  // The chart's probes and its ServiceMonitor ask there.
  "source prometheus": { params: { ...plugin, bind: /^0\.0\.0\.0$/, port: /^24231$/ } },
  "source prometheus_output_monitor": { params: plugin },
  "source tail": {
    params: {
      ...{ ...plugin, "@label": word, tag: word, path, exclude_path: list, pos_file: path, read_from_head: flag },
      // What is moved aside comes once, and whole.
      ...{
        follow_inodes: /^true$/,
        rotate_wait: /^0$/,
        refresh_interval: time,
        skip_refresh_on_startup: /^true$/,
        path_key: /^path$/,
        max_line_size: size,
      },
    },
    optional: ["exclude_path", "max_line_size"],
    // The script reads what the runtime wrote.
    sections: { parse: { params: { "@type": /^none$/ } } },
  },
  "source systemd": {
    // The first start is no reason to send what was there before.
    params: { ...plugin, "@label": word, tag: word, path, read_from_head: /^false$/ },
    sections: { storage: { params: { "@type": /^local$/, persistent: /^true$/, path } } },
  },
  label: { params: {} },
  "filter observability": { params: plugin },
  // Of its own log: what says that something is thrown away.
  "filter grep": { params: plugin, sections: { regexp: { params: { key: /^message$/, pattern: /^\/.+\/$/ } } } },
  "match null": { params: plugin },
  "filter observability_labels": { params: { ...plugin, cluster: text }, optional: ["cluster"] },
  "match copy": {
    // Each store's record is its own.
    params: { ...plugin, copy_mode: /^(shallow|deep)$/ },
    sections: { store: { params: { ...plugin, "@type": /^relabel$/, "@label": word } } },
  },
  "match prometheus": {
    params: plugin,
    sections: { metric: { params: { name: word, type: /^counter$/, desc: text } } },
  },
  "match http": {
    params: {
      ...{ ...plugin, endpoint: text, content_type: /^application\/x-ndjson$/, json_array: flag, headers: map },
      ...{ tls_ca_cert_path: path, open_timeout: number, read_timeout: number, retryable_response_codes: list },
    },
    optional: ["content_type", "json_array", "headers", "tls_ca_cert_path"],
    sections: { format: { params: { "@type": /^json$/ } }, buffer },
  },
  "match elasticsearch": {
    params: {
      ...{ ...plugin, hosts: text, custom_headers: map, ca_file: path },
      // One for each tag, of which a chunk has one.
      ...{ index_name: /^"logs-\$\{tag\}\.otel-[a-z0-9-]+"$/, pipeline: word },
      // Without an id the plug-in sends nothing with this operation.
      ...{ write_operation: /^create$/, id_key: /^kubernetes\.id$/ },
      // By default it asks what its user may not, and other nodes; and throws away what there is no room for.
      ...{ verify_es_version_at_startup: /^false$/, default_elasticsearch_version: /^9$/ },
      ...{ reload_connections: /^false$/, reload_on_failure: /^false$/, reconnect_on_error: /^true$/ },
      ...{ request_timeout: time, unrecoverable_error_types: /^\[\]$/, log_es_400_reason: flag },
    },
    optional: ["custom_headers", "ca_file"],
    sections: { buffer },
  },
};

/** A secret as a header has it: a variable of the container, with its signs made those of JSON or of base64. */
const variable =
  /#\{(?:ENV\['(\w+)'\]\.to_json\[1\.\.-2\]|\['[\w+/=]+'\.unpack1\('m'\)\.concat\(ENV\['(\w+)'\]\.b\)\]\.pack\('m0'\))\}/g;

const all = (sections: readonly FluentdSection[]): readonly FluentdSection[] =>
  sections.flatMap((one) => [one, ...all(one.sections)]);

/** Findings about the configuration of Fluentd. */
export function checkFluentd({ declared, settings }: Rendered): Finding[] {
  return releases(declared)
    .filter(({ chart }) => chart?.name === "fluentd")
    .flatMap(({ name, values }) => {
      const findings: Finding[] = [];
      const add = (place: string, message: string) =>
        findings.push({ check: "fluentd", object: `HelmRelease ${name}`, path: `fileConfigs.${place}`, message });
      const files = Object.entries((at(values, "fileConfigs") ?? {}) as Readonly<Record<string, string>>);
      const read: FluentdSection[] = [];
      for (const [file, content] of files.filter(([called]) => called.endsWith(".conf"))) {
        try {
          read.push(...readFluentd(content));
        } catch (error) {
          add(file, error instanceof Error ? error.message : String(error));
        }
      }

      const judge = (section: FluentdSection, facts: Known | undefined, where: string): void => {
        if (facts === undefined) {
          add(where, "is nothing that is known here.");
          return;
        }
        for (const [key, value] of section.params) {
          const form = facts.params[key];
          if (form === undefined) add(where, `has no parameter ${key}.`);
          else if (!form.test(value.replaceAll(variable, "")))
            add(where, `${key} is ${value}, and not like ${String(form)}.`);
        }
        for (const key of Object.keys(facts.params))
          if (key !== "@id" && facts.optional?.includes(key) !== true && !section.params.has(key))
            add(where, `${key} is missing.`);
        for (const inner of section.sections)
          judge(
            inner,
            section.name === "label"
              ? known[`${inner.name} ${inner.params.get("@type") ?? ""}`]
              : facts.sections?.[inner.name],
            `${where} > ${inner.name}`,
          );
        for (const inner of Object.keys(facts.sections ?? {}))
          if (!section.sections.some((one) => one.name === inner)) add(where, `has no <${inner}>.`);
      };
      for (const section of read) {
        const type = section.params.get("@type");
        judge(
          section,
          known[type === undefined ? section.name : `${section.name} ${type}`],
          `${section.name} ${type ?? section.of}`,
        );
      }

      const sections = all(read);
      const params = (key: string) => sections.flatMap((one) => one.params.get(key) ?? []);
      const labels = read.filter((one) => one.name === "label").map(({ of }) => of);
      for (const label of params("@label"))
        if (!labels.includes(label)) add("labels", `${label} is the label of no section.`);
      for (const label of labels)
        if (label !== "@FLUENT_LOG" && !params("@label").includes(label)) add("labels", `nothing goes to ${label}.`);
      if (labels.includes("@ERROR"))
        add("labels", "have @ERROR, which takes what a full buffer does not when Fluentd stops.");
      if (!labels.includes("@FLUENT_LOG")) add("labels", "have no @FLUENT_LOG, where what is thrown away is counted.");
      const stores = Array.isArray(settings.logs) ? settings.logs.length : 1;
      if (sections.filter((one) => one.name === "store").length !== stores) add("stores", `are not ${stores}.`);
      // Each its own folder: of two in one the second would not start.
      for (const key of ["@id", "pos_file", "path"]) {
        const twice = params(key).filter((value, index, every) => every.indexOf(value) !== index);
        if (twice.length > 0) add(key, `${twice.join(", ")} stands there twice.`);
      }

      const env = (at(values, "env") ?? []) as readonly unknown[];
      const secrets = env
        .filter((one) => at(one, "valueFrom", "secretKeyRef") !== undefined)
        .map((one) => textAt(one, "name"));
      const asked = [...JSON.stringify(files).matchAll(/ENV\['(\w+)'\]/g)].map(([, called]) => called);
      for (const called of asked)
        if (!secrets.includes(called)) add("ENV", `${called ?? ""} is no variable of a Secret.`);
      const scripts = env.some(
        (one) =>
          textAt(one, "name") === "FLUENTD_OPT" &&
          textAt(one, "value") === "-p /etc/fluent/config.d -c /etc/fluent/config.d/main",
      );
      if (!scripts || !files.some(([file]) => file === "filter_observability.rb"))
        add("scripts", "are not where it looks for them.");

      const mounts = (at(values, "volumeMounts") ?? []) as readonly unknown[];
      const under = (file: string, writing: boolean) =>
        mounts.some(
          (one) =>
            file.replaceAll("%%", "%").startsWith(`${textAt(one, "mountPath") ?? "?"}/`) &&
            (!writing || at(one, "readOnly") !== true),
        );
      const host = ((at(values, "volumes") ?? []) as readonly unknown[]).map((one) => textAt(one, "hostPath", "path"));
      for (const section of sections) {
        const writes = ["storage", "buffer"].includes(section.name);
        const kept = [...(writes ? [section.params.get("path")] : []), section.params.get("pos_file")];
        for (const file of kept)
          if (file !== undefined && !(under(file, true) && host.some((folder) => file.startsWith(`${folder ?? "?"}/`))))
            add(section.name, `${file} is in no folder of the node that it may write to.`);
        const reads =
          section.name === "source" ? section.params.get("path")?.replaceAll('"', "").split(",") : undefined;
        const asks = [section.params.get("ca_file"), section.params.get("tls_ca_cert_path")];
        for (const file of [...(reads ?? []), ...asks])
          if (file !== undefined && !under(`${file}/`, false)) add(section.name, `${file} is mounted nowhere.`);
      }
      const tails = sections.filter((one) => one.params.get("@type") === "tail");
      if (!tails.some((one) => one.params.get("exclude_path")?.includes("/node-agents_fluentd-*/") === true))
        add("exclude_path", "leaves its own lines in, in which each that a store refuses would be another.");
      const { journal, auditLog } = nodeSources(settings);
      const wanted = [
        "containers",
        ...(journal === undefined ? [] : ["journal"]),
        ...(auditLog === undefined ? [] : ["audit"]),
      ];
      const tags = sections.filter(({ name: kind }) => kind === "source").flatMap((one) => one.params.get("tag") ?? []);
      if (tags.join() !== wanted.join()) add("sources", `are ${tags.join(", ")} and not ${wanted.join(", ")}.`);
      return findings;
    });
}
