import { dashboard, fixedChoice, textInput } from "../../../../dashboards/kit.ts";
import { countRecords, listRecords, type Records } from "../../../../dashboards/log-queries.ts";
import { levelColors } from "../../../../dashboards/names.ts";
import { journalJob } from "../../lines.ts";

const lines: Records = {
  job: journalJob,
  label: ["node", "k8s.node.name"],
  before: ["node", "identifier"],
};
const matching: Records = { ...lines, found: ["unit"], level: "$level" };
const bad = "critical|error";

/** Units with the kubelet and what runs containers, of the usual distributions. */
const runtime = ["kubelet", "containerd", "crio", "docker", "k3s", "k3s-agent", "rke2-server", "rke2-agent"];

export default dashboard(
  {
    uid: "journal",
    title: "Node journals",
    description:
      "What do the nodes themselves say: the kernel, the kubelet, the container runtime and every other unit?",
    folder: "Logs",
    of: "journal",
    needs: [],
    tags: ["nodes", "logs"],
    variables: [
      textInput({ name: "node", label: "Node", description: "A part of the node's name; empty for all." }),
      textInput({
        name: "unit",
        label: "Unit",
        description: "A part of the unit's name, such as kubelet; empty for all.",
      }),
      fixedChoice(
        { name: "level", label: "Level", description: "By the priority that journald has." },
        Object.fromEntries(["critical", "error", "warn", "info", "debug"].map((level) => [level, level])),
      ),
      textInput({ name: "search", label: "Search", description: "A text in the message or in a field." }),
    ],
  },
  {
    When: [
      countRecords(
        { title: "Lines by level", description: "All that match.", unit: "short", width: 12, height: 9 },
        matching,
        "level",
        levelColors,
      ),
      countRecords(
        {
          title: "Errors by node",
          description: "Lines of level error and worse: one node beside the others is where to look.",
          unit: "short",
          width: 12,
          height: 9,
        },
        { ...lines, found: ["unit"], level: bad },
        "node",
      ),
    ],
    Who: [
      countRecords(
        {
          title: "Lines by program",
          description: "All that match, by who wrote them: the kernel is one, too.",
          unit: "short",
          width: 12,
          height: 9,
        },
        matching,
        "identifier",
      ),
      countRecords(
        {
          title: "Errors by program",
          description: "Lines of level error and worse, by who wrote them.",
          unit: "short",
          width: 12,
          height: 9,
        },
        { ...lines, found: ["unit"], level: bad },
        "identifier",
      ),
    ],
    "The kernel, the kubelet and the container runtime": [
      listRecords(
        {
          title: "What the kernel warns of",
          description:
            "Processes that it killed for want of memory, errors of disks and file systems, links that went down.",
          width: 12,
          height: 10,
        },
        { ...lines, level: `${bad}|warn`, fields: { identifier: ["kernel"] }, before: ["node"] },
      ),
      listRecords(
        {
          title: "Kubelet and container runtime",
          description: "Most of what they write has the level info, errors too: their own is in the text.",
          width: 12,
          height: 10,
        },
        { ...lines, fields: { unit: runtime.map((name) => `${name}.service`) } },
      ),
    ],
    Lines: [
      listRecords(
        {
          title: "Lines of the journal",
          description: "The newest that match. Open one for its fields.",
          width: 24,
          height: 16,
        },
        matching,
      ),
    ],
  },
);
