import { dashboard, textInput } from "../../../../dashboards/kit.ts";
import { countRecords, listRecords, type Records } from "../../../../dashboards/log-queries.ts";
import { eventJob } from "../../lines.ts";

const events: Records = {
  job: eventJob,
  label: ["namespace", "k8s.namespace.name"],
  before: ["kind", "name", "reason"],
};

export default dashboard(
  {
    uid: "kubernetes-events",
    title: "Kubernetes events",
    description: "What did Kubernetes do with these objects, and what could it not do?",
    folder: "Logs",
    of: "kubernetes-events",
    needs: [],
    tags: ["kubernetes", "logs"],
    variables: [
      textInput({
        name: "namespace",
        label: "Namespace",
        description: "A part of the namespace's name; empty for all.",
      }),
      textInput({
        name: "search",
        label: "Search",
        description: "A text in the message or in a field: the name of an object, a reason.",
      }),
    ],
  },
  {
    "What happened": [
      countRecords(
        {
          title: "Warnings by reason",
          description: "What Kubernetes could not do: a new reason, or a burst of one, is where to look.",
          unit: "short",
          width: 12,
          height: 9,
        },
        { ...events, level: "warn" },
        "reason",
      ),
      countRecords(
        {
          title: "Events by kind",
          description: "All events by the kind of what they are about.",
          unit: "short",
          width: 12,
          height: 9,
        },
        events,
        "kind",
      ),
      listRecords(
        {
          title: "Events",
          description: "The newest events that match. Open one for its fields: how often, by whom, on which node.",
          width: 24,
          height: 16,
        },
        events,
      ),
    ],
  },
);
