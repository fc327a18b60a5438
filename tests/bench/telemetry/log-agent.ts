/**
 * A stand-in for Fluent Bit, whose program cannot be had here: it does with a line of a container's log file, of an audit log, and with an
 * entry of a journal what the declared configuration says, as the documentation of Fluent Bit 5.1 tells it (inputs/tail, inputs/systemd,
 * filters/kubernetes, filters/lua, outputs/loki, outputs/elasticsearch), and pushes it to Loki. What the configuration does not ask for, it does not do. Scripts run in Lua itself (5.4, and
 * LuaJIT in Fluent Bit).
 */
import { LuaFactory } from "wasmoon";
import { at } from "../../../contract/finding.ts";
import { readClassic } from "../../../contract/checks/fluent-bit.ts";
import { nanoseconds } from "./application.ts";
import type { Pod } from "./cluster.ts";
import { post } from "../../../rehearsal/http-client.ts";

type Options = ReadonlyMap<string, string>;
type FluentRecord = Record<string, unknown>;
type Values = Readonly<Record<string, unknown>>;

const on = (options: Options, key: string) => /^(on|true|yes)$/i.test(options.get(key) ?? "");

/** The sections of one part of the configuration. */
function sectionsOf(values: Values, part: string): readonly Options[] {
  return readClassic(String(at(values, "config", part))).map(({ options }) => options);
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
    host: pod.node,
  };
  let fields: unknown;
  try {
    fields = on(filter, "merge_log") ? JSON.parse(String(log)) : undefined;
  } catch {
    // A line that is no JSON stays as it is.
  }
  // An object of JSON, and nothing else (plugins/filter_kubernetes/kubernetes.c, `merge_log_handler`).
  if (typeof fields !== "object" || fields === null || Array.isArray(fields)) return { ...rest, log, kubernetes };
  return { ...rest, ...(on(filter, "keep_log") ? { log } : {}), ...fields, kubernetes };
}

/** Scripts that were read, by their text: what they call, given a record, gives back what becomes of it. */
const scripts = new Map<string, Promise<(record: FluentRecord) => Changed>>();

interface Changed {
  readonly record: FluentRecord;
  /** Seconds since 1970, where the script says another time. */
  readonly time?: number;
}

/** The lua filter: what its script gives back, by the code that comes with it (plugins/filter_lua/lua.c). @param node as NODE_NAME says it */
function scripted(values: Values, filter: Options, node: string): Promise<(record: FluentRecord) => Changed> {
  const name = (filter.get("script") ?? "").replace("/fluent-bit/scripts/", "");
  const text = at(values, "luaScripts", name);
  if (typeof text !== "string") throw new Error(`There is no script ${name}.`);
  const call = filter.get("call") ?? "";
  const start = async () => {
    const lua = await new LuaFactory().createEngine({ enableProxy: false });
    lua.global.set("node_name", node);
    await lua.doString('os.getenv = function(name) return name == "NODE_NAME" and node_name or nil end');
    await lua.doString(text);
    // Three values, of which a function of JavaScript would get the first.
    await lua.doString(
      `function called(record) local code, time, is = ${call}("kube.x", 0, record) return { code, is, time } end`,
    );
    const called = lua.global.get("called") as (record: FluentRecord) => [number, FluentRecord, number];
    return (record: FluentRecord) => {
      const [code, is, time] = called(record);
      return code === 0 ? { record } : code === 1 ? { record: is, time } : { record: is };
    };
  };
  const key = `${node} ${call} ${text}`;
  const made = scripts.get(key) ?? start();
  scripts.set(key, made);
  return made;
}

/** A record accessor: `$kubernetes['pod_name']`. */
function access(record: FluentRecord, accessor: string): string | undefined {
  const keys = [...accessor.matchAll(/^\$(\w+)|\['([^']+)'\]/g)].map(([, first, next]) => first ?? next ?? "");
  const found = at(record, ...keys);
  return typeof found === "string" ? found : undefined;
}

/** What a log store gets of one line: labels of its stream, the line, and its time where the configuration makes it. */
export interface Pushed {
  readonly stream: Readonly<Record<string, string>>;
  readonly text: string;
  /** Seconds since 1970. */
  readonly time?: number;
  /** Data stream of Elasticsearch, which is sent the whole record as the line. */
  readonly index?: string;
}

const fits = (options: Options, tag: string) => ["*", tag].includes(options.get("match") ?? "");

/** What becomes of a record on its way from an input with that tag to its first store. */
async function sent(values: Values, tag: string, read: FluentRecord, pod: Pod): Promise<Pushed> {
  const output = sectionsOf(values, "outputs").find((options) => fits(options, tag));
  const [index, json] = [output?.get("index"), output?.get("line_format") === "json"];
  if (
    output === undefined ||
    (output.get("name") === "es" ? index === undefined : output.get("name") !== "loki" || !json)
  )
    throw new Error("The stand-in knows Elasticsearch, and Loki with JSON, alone.");
  let record = read;
  let time: number | undefined;
  for (const filter of sectionsOf(values, "filters").filter((options) => fits(options, tag))) {
    const changed: Changed =
      filter.get("name") === "lua"
        ? (await scripted(values, filter, pod.node))(record)
        : { record: enrich(record, pod, filter) };
    record = changed.record;
    time = changed.time ?? time;
  }
  if (index !== undefined) return { stream: {}, text: JSON.stringify(record), index };
  const stream: Record<string, string> = {};
  for (const label of (output.get("labels") ?? "").split(/,\s*/)) {
    const [name = "", value = ""] = label.split(/=(.*)/s);
    const told = value.startsWith("$") ? access(record, value) : value;
    if (told !== undefined) stream[name] = told;
  }
  const removed = (output.get("remove_keys") ?? "").split(/,\s*/);
  return {
    stream,
    text: JSON.stringify(Object.fromEntries(Object.entries(record).filter(([key]) => !removed.includes(key)))),
    ...(time === undefined ? {} : { time }),
  };
}

/**
 * What becomes of one line as the container runtime wrote it.
 *
 * @param values of the release of Fluent Bit
 */
export async function read(values: Values, pod: Pod, line: string): Promise<Pushed> {
  const [input] = sectionsOf(values, "inputs");
  if (!(input?.get("multiline.parser") ?? "").includes("cri")) throw new Error("Nothing reads containerd's lines.");
  return sent(values, "kube.*", parseCri(line), pod);
}

/**
 * What becomes of an entry of a node's journal, or of an event of the API server's audit log, which is a line of JSON.
 *
 * @param values of the release of Fluent Bit
 */
export async function readOfNode(
  values: Values,
  tag: "journal" | "audit",
  record: FluentRecord,
  node: string,
): Promise<Pushed> {
  if (!sectionsOf(values, "inputs").some((options) => options.get("tag") === tag))
    throw new Error(`Nothing reads ${tag}.`);
  return sent(values, tag, record, { namespace: "", name: "", uid: "", container: "", deployment: "", node });
}

/**
 * Reads one line as the container runtime wrote it, and pushes it.
 *
 * @param values of the release of Fluent Bit
 * @param loki base URL, in place of the configuration's host and port
 * @returns the line as Loki gets it
 */
export async function tail(values: Values, loki: string, pod: Pod, line: string): Promise<string> {
  const { stream, text } = await read(values, pod, line);
  const uri = sectionsOf(values, "outputs")[0]?.get("uri") ?? "";
  await post(`${loki}${uri}`, { streams: [{ stream, values: [[nanoseconds(), text]] }] });
  return text;
}
