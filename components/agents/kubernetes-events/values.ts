import type { LogStore } from "../../capabilities.ts";
import type { Known } from "../../remote.ts";
import { type Named, queueAndRetry } from "../exporters.ts";
import { linePipelines, type Source } from "../line-pipelines.ts";
import { eventJob } from "../lines.ts";
import type { Redaction } from "../redaction.ts";

/** Folder of the pod's volume with the version that was seen last, and what waits. */
export const stateFolder = "/var/lib/otelcol/state";

const event = 'log.cache["event"]';

/** When it happened last: the first place that is there later in this list counts. Events of old and of new recorders have others. */
const times = [
  ['["metadata"]["creationTimestamp"]', "%Y-%m-%dT%H:%M:%SZ"],
  ['["firstTimestamp"]', "%Y-%m-%dT%H:%M:%SZ"],
  ['["eventTime"]', "%Y-%m-%dT%H:%M:%S.%fZ"],
  ['["lastTimestamp"]', "%Y-%m-%dT%H:%M:%SZ"],
  ['["series"]["lastObservedTime"]', "%Y-%m-%dT%H:%M:%S.%fZ"],
] as const;

/** Fields of a line, and where an event has them (core/v1); the first is what is shown. */
const fields = [
  ["message", '["message"]'],
  ["reason", '["reason"]'],
  ["type", '["type"]'],
  ["action", '["action"]'],
  ["kind", '["involvedObject"]["kind"]'],
  ["name", '["involvedObject"]["name"]'],
  ["part", '["involvedObject"]["fieldPath"]'],
  ["component", '["source"]["component"]'],
  ["component", '["reportingComponent"]'],
  ["host", '["source"]["host"]'],
  ["count", '["count"]'],
  ["count", '["series"]["count"]'],
] as const;

const events: Source = {
  job: eventJob,
  receiver: {
    k8s_objects: {
      objects: [{ name: "events", mode: "watch", exclude_watch_type: ["DELETED"] }],
      // Those that came while it was away, too: what it has seen it does not send again (internal/k8sinventory/watch 0.158, sendInitialState).
      include_initial_state: true,
      storage: "file_storage",
    },
  },
  labels: { namespace: 'resource.attributes["k8s.namespace.name"]' },
  shape: [
    `set(${event}, log.body["object"])`,
    ...times.map(([at, form]) => `set(log.time, Time(${event}${at}, "${form}")) where ${event}${at} != nil`),
    "set(log.body, {})",
    ...fields.map(
      ([field, at]) => `set(log.body["${field}"], ${event}${at}) where ${event}${at} != nil and ${event}${at} != ""`,
    ),
    'set(log.body["level"], "info")',
    'set(log.body["level"], "warn") where log.body["type"] == "Warning"',
    // What the receiver says of the record.
    "set(log.attributes, {})",
    'set(scope.name, "")',
    'set(scope.version, "")',
  ],
};

/** Configuration of the one collector that watches events. */
export const eventsConfig = (stores: readonly Named<LogStore>[], known: Known & { readonly redact: Redaction }) =>
  linePipelines([events], stores, queueAndRetry.sending_queue.queue_size, stateFolder, known);
