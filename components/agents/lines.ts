/**
 * What any log agent makes of a line that a container wrote; each agent's configuration is written from this, so that nothing that asks for
 * lines has to know which agent read them.
 *
 * A line that is a JSON object becomes its fields, any other one field. A line that the container runtime has split comes whole. Its time is the
 * runtime's, its level whatever the line says itself.
 */
/** Labels of its stream, and nothing else: a label with many values is a stream each. */
export const lineLabels = ["namespace", "pod", "container"] as const;

/** Label `job` of every line, whoever read it. */
export const lineJob = "containers";

/** The same of Kubernetes' events: the namespace of what they are about. */
export const eventLabels = ["namespace"] as const;
export const eventJob = "events";

/** The same of what is read of a node itself, its journal and the API server's audit log: the node. */
export const nodeLabels = ["node"] as const;
export const journalJob = "journal";
export const auditJob = "audit";

/** Every label that a stream may have; the last in a store that may have lines of several clusters. */
export const streamLabels = ["job", ...lineLabels, ...nodeLabels, "cluster"] as const;

/** A field of a line, and where the record that was read has it. Of several places the last that is there counts. */
type Fields = readonly (readonly [field: string, place: readonly (string | number)[]])[];

/** Fields of an entry of the journal (systemd.journal-fields(7)); what systemd says of a unit has its name in UNIT. */
export const journalFields: Fields = [
  ["message", ["MESSAGE"]],
  ["unit", ["_SYSTEMD_UNIT"]],
  ["unit", ["UNIT"]],
  ["identifier", ["SYSLOG_IDENTIFIER"]],
  ["pid", ["_PID"]],
];

/** Levels of the journal's priorities, from 0. */
export const priorities = ["critical", "critical", "critical", "error", "warn", "info", "info", "debug"] as const;

/** Fields of an event of the audit log (audit.k8s.io/v1). Bodies, where a policy has any, do not go along. */
export const auditFields: Fields = [
  ["verb", ["verb"]],
  ["uri", ["requestURI"]],
  ["user", ["user", "username"]],
  ["as", ["impersonatedUser", "username"]],
  ["group", ["objectRef", "apiGroup"]],
  ["resource", ["objectRef", "resource"]],
  ["subresource", ["objectRef", "subresource"]],
  ["namespace", ["objectRef", "namespace"]],
  ["name", ["objectRef", "name"]],
  ["code", ["responseStatus", "code"]],
  ["decision", ["annotations", "authorization.k8s.io/decision"]],
  ["reason", ["annotations", "authorization.k8s.io/reason"]],
  ["address", ["sourceIPs", 0]],
  ["agent", ["userAgent"]],
  ["id", ["auditID"]],
];

/** The field of a line that is no JSON. */
export const textField = "log";

/** What a line of JSON may call its message, the first that it has. */
export const messageFields = ["msg", "message", textField] as const;

/** Where a line has what OpenTelemetry knows of any record: the first field of each that it has, and that is no list or map. */
export const recordFields = {
  text: messageFields,
  level: ["level", "severity", "lvl"],
  trace: ["trace_id", "traceId", "traceID"],
  span: ["span_id", "spanId", "spanID"],
} as const;

/** Words that are a level; of a line that has none in a field the first in its text is it. */
export const levelWords = ["fatal", "critical", "error", "warn", "info", "debug", "trace"] as const;

/** Fields that do not go along: what the agent says of the line in the same record is under these names, or was in front of it. */
export const droppedFields = ["kubernetes", "stream", "_p", "time"] as const;
