/**
 * A stand-in for Fluent Bit, whose program cannot be had here: it does with a line of a container's log file what the
 * declared configuration says, as the documentation of Fluent Bit 5.1 tells it (inputs/tail, filters/kubernetes,
 * outputs/loki), and pushes it to Loki. What the configuration does not ask for, it does not do.
 */
import { at } from "../../../contract/finding.ts";
import { readClassic } from "../../../contract/checks/fluent-bit.ts";
import { nanoseconds } from "./application.ts";
import type { Pod } from "./cluster.ts";
import { post } from "../../../rehearsal/http-client.ts";

type Options = ReadonlyMap<string, string>;
type FluentRecord = Record<string, unknown>;

const on = (options: Options, key: string) => /^(on|true|yes)$/i.test(options.get(key) ?? "");

/** The only section of one part of the configuration. */
function sectionOf(values: Readonly<Record<string, unknown>>, part: string): Options {
  const [section, another] = readClassic(String(at(values, "config", part)));
  if (section === undefined || another !== undefined) throw new Error(`config.${part} is not one section.`);
  return section.options;
}

/** The parser `cri` of the tail input: time, stream, whether the line is whole, and the line. */
function parseCri(line: string): FluentRecord {
  const [, time, stream, _p, log] = /^(\S+) (stdout|stderr) ([FP]) (.*)$/.exec(line) ?? [];
  if (log === undefined) throw new Error(`${line} is no line of a container runtime.`);
  return { time, stream, _p, log };
}

/** What the kubernetes filter makes of a record: the pod of the file's name, and the fields of a line that is JSON. */
function enrich(record: FluentRecord, pod: Pod, filter: Options): FluentRecord {
  const { log, ...rest } = record;
  const kubernetes = {
    pod_name: pod.name,
    namespace_name: pod.namespace,
    container_name: pod.container,
    pod_id: pod.uid,
  };
  let fields: unknown;
  try {
    fields = on(filter, "merge_log") ? JSON.parse(String(log)) : undefined;
  } catch {
    // A line that is no JSON stays as it is.
  }
  if (typeof fields !== "object" || fields === null) return { ...rest, log, kubernetes };
  return { ...rest, ...(on(filter, "keep_log") ? { log } : {}), ...fields, kubernetes };
}

/** A record accessor: `$kubernetes['pod_name']`. */
function access(record: FluentRecord, accessor: string): string | undefined {
  const keys = [...accessor.matchAll(/^\$(\w+)|\['([^']+)'\]/g)].map(([, first, next]) => first ?? next ?? "");
  const found = at(record, ...keys);
  return typeof found === "string" ? found : undefined;
}

/**
 * Reads one line as the container runtime wrote it, and pushes it.
 *
 * @param values of the release of Fluent Bit
 * @param loki base URL, in place of the configuration's host and port
 * @returns the line as Loki gets it
 */
export async function tail(
  values: Readonly<Record<string, unknown>>,
  loki: string,
  pod: Pod,
  line: string,
): Promise<string> {
  const [input, filter, output] = ["inputs", "filters", "outputs"].map((part) => sectionOf(values, part)) as [
    Options,
    Options,
    Options,
  ];
  if (!(input.get("multiline.parser") ?? "").includes("cri")) throw new Error("Nothing reads containerd's lines.");
  if (output.get("name") !== "loki" || output.get("line_format") !== "json")
    throw new Error("The stand-in knows Loki and JSON alone.");
  const record = enrich(parseCri(line), pod, filter);
  const stream: Record<string, string> = {};
  for (const label of (output.get("labels") ?? "").split(/,\s*/)) {
    const [name = "", value = ""] = label.split(/=(.*)/s);
    const told = value.startsWith("$") ? access(record, value) : value;
    if (told !== undefined) stream[name] = told;
  }
  const removed = (output.get("remove_keys") ?? "").split(/,\s*/);
  const text = JSON.stringify(Object.fromEntries(Object.entries(record).filter(([key]) => !removed.includes(key))));
  await post(`${loki}${output.get("uri") ?? ""}`, { streams: [{ stream, values: [[nanoseconds(), text]] }] });
  return text;
}
