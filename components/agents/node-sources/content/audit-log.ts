import { dashboard, textInput } from "../../../../dashboards/kit.ts";
import { countRecords, listRecords, mostRecords, type Records } from "../../../../dashboards/log-queries.ts";
import { auditJob } from "../../lines.ts";

const requests: Records = {
  job: auditJob,
  found: ["user", "namespace", "resource"],
  before: ["code", "user"],
};
const refused: Records = { ...requests, fields: { code: ["403"] } };

/** The name of a user is the longest. */
const narrow = (title: string) => ({ title, width: 110 });
const verb = { title: "Verb", width: 80 };
const namespace = narrow("Namespace");

export default dashboard(
  {
    uid: "audit-log",
    title: "Audit log",
    description: "Who asked the API server for what: who changed something, who read Secrets, who was refused?",
    folder: "Logs",
    of: "audit-log",
    needs: [],
    tags: ["kubernetes", "logs"],
    variables: [
      textInput({ name: "user", label: "User", description: "A part of the user's name; empty for all." }),
      textInput({
        name: "namespace",
        label: "Namespace",
        description: "A part of the namespace's name; empty for all.",
      }),
      textInput({
        name: "resource",
        label: "Resource",
        description: "A part of the resource, such as secrets; empty for all.",
      }),
      textInput({
        name: "search",
        label: "Search",
        description: "A text in any field: an address, the name of an object.",
      }),
    ],
  },
  {
    Requests: [
      countRecords(
        { title: "By verb", description: "What was asked for.", unit: "short", width: 8, height: 9 },
        requests,
        "verb",
      ),
      countRecords(
        { title: "By answer", description: "Codes of HTTP: 403 is a refusal.", unit: "short", width: 8, height: 9 },
        requests,
        "code",
      ),
      countRecords(
        {
          title: "Refused, by user",
          description: "Answers 403: a program whose rights are too few, or somebody who tries.",
          unit: "short",
          width: 8,
          height: 9,
        },
        refused,
        "user",
      ),
    ],
    "Who did what": [
      mostRecords(
        {
          title: "Changes",
          description:
            "Who made, changed or deleted what kind of object, whatever the answer was. A command in a pod is a create, too.",
          unit: "short",
          width: 12,
          height: 9,
        },
        { ...requests, fields: { verb: ["create", "update", "patch", "delete", "deletecollection"] } },
        { user: "User", verb, resource: narrow("Resource"), namespace },
      ),
      mostRecords(
        {
          title: "Refused",
          description: "Answers 403: what they asked for. The field reason of a line says which rule was missing.",
          unit: "short",
          width: 12,
          height: 9,
        },
        refused,
        { user: "User", verb, resource: narrow("Resource"), namespace },
      ),
      mostRecords(
        {
          title: "Secrets that were read",
          description: "By whom. A list has no name: it reads all of the namespace.",
          unit: "short",
          width: 12,
          height: 9,
        },
        { ...requests, fields: { resource: ["secrets"], verb: ["get", "list", "watch"], code: ["200"] } },
        { user: "User", verb, namespace, name: "Name" },
      ),
      mostRecords(
        {
          title: "Into pods",
          description: "Who ran a command in a container, attached to one, or forwarded a port.",
          unit: "short",
          width: 12,
          height: 9,
        },
        { ...requests, fields: { subresource: ["exec", "attach", "portforward"] } },
        { user: "User", subresource: narrow("How"), namespace, name: "Name" },
      ),
    ],
    Lines: [
      listRecords(
        {
          title: "Requests",
          description: "The newest that match: the answer, who, and what. Open one for its fields.",
          width: 24,
          height: 16,
        },
        requests,
      ),
    ],
  },
);
