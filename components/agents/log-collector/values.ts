import type { z } from "zod";
import { byteCount } from "../../../settings/formats.ts";
import { isRemote, type LogStore, type Place } from "../../capabilities.ts";
import type { Known } from "../../remote.ts";
import { authenticators, exporters, fileStorage, type Named, otlp, queueAndRetry } from "../exporters.ts";
import { droppedFields, lineJob, lineLabels, textField } from "../lines.ts";
import { isRedacted, type Redaction, redactionProcessor } from "../redaction.ts";
import type { logCollector } from "./settings.ts";

/** Folder of the node, and of the pod, with positions in files and with what waits: it outlives the pod. */
export const stateFolder = "/var/lib/observability/log-collector";

/** Folder of the node with a folder for each pod, in which each container has one for its files. */
export const podLogs = "/var/log/pods";

/** Where lines go. */
export const targets = (stores: readonly Named<LogStore>[]): Place[] => stores.map(({ offer }) => offer.otlp.place);

/** What makes a record of a line (components/agents/lines.ts), in the words of the receiver's operators (pkg/stanza 0.158). */
const operators = [
  // Time, stream and text of a line of containerd, CRI-O or Docker; puts together what the runtime has split. Names come from the path.
  { type: "container" },
  // Numbers of JSON are floating ones without `parse_ints`, which keep 53 bits.
  {
    type: "json_parser",
    if: String.raw`body matches "^\\s*[{]"`,
    parse_to: "body",
    parse_ints: true,
    on_error: "send_quiet",
  },
  { type: "add", if: 'type(body) == "string"', field: "body", value: `EXPR({"${textField}": body})` },
  { type: "remove", field: "attributes" },
] as const;

/** Labels out of the names that the path has, and nothing else. (pkg/ottl 0.158) */
function labelling(cluster: string | undefined) {
  const set = (label: string, value: string) => `set(resource.attributes["${label}"], ${value})`;
  const labels = ["job", ...lineLabels, ...(cluster === undefined ? [] : ["cluster"])];
  return {
    // What cannot be done to one record is no reason to lose it.
    error_mode: "ignore",
    log_statements: [
      set("job", `"${lineJob}"`),
      ...lineLabels.map((label) => set(label, `resource.attributes["k8s.${label}.name"]`)),
      ...(cluster === undefined ? [] : [set("cluster", `"${cluster}"`)]),
      `keep_keys(resource.attributes, [${labels.map((label) => `"${label}"`).join(", ")}])`,
      // `$` begins a variable.
      `delete_matching_keys(log.body, "^(${droppedFields.join("|")})$$")`,
    ],
  };
}

/**
 * Configuration of the collector on each node. A record is in the queue on disk before its position in the file is kept (gate
 * `stanza.synchronousLogEmitter`), so nothing in between is lost with the process; what was under way is read once more. That is why there is
 * no batch processor, and no memory limiter: what it refused would be lost, and all that is in memory is one batch of each file.
 *
 * @param own begins the names of its own pods
 */
export function logCollectorConfig(
  settings: z.output<typeof logCollector>,
  stores: readonly Named<LogStore>[],
  known: Known & { readonly redact: Redaction },
  own: { readonly namespace: string; readonly pods: string },
) {
  const authenticating = authenticators(targets(stores), known);
  const redacted = isRedacted(known.redact);
  const remote = stores.some(({ offer }) => isRemote(offer.otlp.place));
  const sent = exporters("logs", stores, ({ otlp: target, lineHeaders }) => {
    const { kind, config } = otlp({ ...target, headers: { ...target.headers, ...lineHeaders } }, known);
    // In the order in which they came: several at a time would overtake each other after an outage.
    const queue = { queue_size: byteCount(settings.bufferSize), num_consumers: 1 };
    return {
      kind,
      config: { ...config, ...queueAndRetry, sending_queue: { ...queueAndRetry.sending_queue, ...queue } },
    };
  });
  return {
    receivers: {
      file_log: {
        // And what the kubelet has moved aside, until it packs it: it may not have been read to its end.
        include: [`${podLogs}/*/*/*.log`, `${podLogs}/*/*/*.log.*`],
        // Not its own, in which each line that a store refuses would be another.
        exclude: [`${podLogs}/*/*/*.gz`, `${podLogs}/*/*/*.tmp`, `${podLogs}/${own.namespace}_${own.pods}*/*/*`],
        // Of files that are there when it first starts; of later ones all.
        start_at: "end",
        include_file_name: false,
        include_file_path: true,
        preserve_leading_whitespaces: true,
        preserve_trailing_whitespaces: true,
        storage: "file_storage",
        operators,
      },
    },
    processors: {
      ...(redacted ? { redaction: redactionProcessor(known.redact) } : {}),
      // A store that is there already may have lines of several clusters.
      transform: labelling(remote ? known.name : undefined),
    },
    exporters: sent,
    extensions: {
      health_check: { endpoint: "0.0.0.0:13133" },
      file_storage: fileStorage(stateFolder),
      ...authenticating,
    },
    service: {
      extensions: ["health_check", "file_storage", ...Object.keys(authenticating)],
      pipelines: {
        logs: {
          receivers: ["file_log"],
          processors: [...(redacted ? ["redaction"] : []), "transform"],
          exporters: Object.keys(sent),
        },
      },
    },
  };
}
