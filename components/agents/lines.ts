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

/** Every label that a stream may have. */
export const streamLabels = ["job", ...lineLabels] as const;

/** The field of a line that is no JSON. */
export const textField = "log";

/** What a line of JSON may call its message, the first that it has. */
export const messageFields = ["msg", "message", textField] as const;

/** Fields that do not go along: what the agent says of the line in the same record is under these names, or was in front of it. */
export const droppedFields = ["kubernetes", "stream", "_p", "time"] as const;
