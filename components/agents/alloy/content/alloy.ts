import { choice, colors, dashboard, lines, none, perSecond, range, stat } from "../../../../dashboards/kit.ts";

const alloy = `job="alloy", pod=~"$pod"`;
/** Any loss is too much; below this it is what rates leave of a single event. */
const loss = none("red", 0.001);
const agent = (what: string) => `sum(pod:alloy_${what}:rate5m{pod=~"$pod"})`;

export default dashboard(
  {
    uid: "alloy",
    title: "Alloy",
    description: "Do the lines that containers write leave their node: what is sent again, and what is lost?",
    folder: "Platform",
    of: "alloy",
    needs: ["rules", "scraping"],
    tags: ["platform", "logs"],
    variables: [
      choice(
        { name: "pod", label: "Alloy pod", description: "One pod a node." },
        'label_values(loki_source_file_files_active_total{job="alloy"}, pod)',
      ),
    ],
  },
  {
    "At a glance": [
      stat(
        {
          title: "Log lines dropped",
          description: "Lines that a store refused for good, a second. AlloyDropsLines fires above zero.",
          unit: perSecond("lines"),
          width: 12,
        },
        range(`${agent("dropped_entries")} or vector(0)`, "dropped"),
      ).thresholds(loss),
      stat(
        {
          title: "Lines read",
          description: "Lines that the chosen pods read a second.",
          unit: perSecond("lines"),
          width: 12,
        },
        range(agent("read_lines"), "read"),
      ),
    ],
    "Lines on their way": [
      lines(
        {
          title: "Lines read and delivered",
          description: "Of the chosen pods. While a store is away neither is: lines wait where they were written.",
          unit: perSecond("lines"),
          width: 12,
        },
        range(agent("read_lines"), "read"),
        range(agent("sent_entries"), "delivered"),
        range(agent("dropped_entries"), "dropped"),
      ).overrides(colors({ read: "blue", delivered: "green", dropped: "red" })),
      lines(
        {
          title: "Batches sent again",
          description: "A store did not answer, or could not take them for now.",
          unit: "ops",
          width: 12,
        },
        range(agent("retries"), "retries"),
      ).overrides(colors({ retries: "yellow" })),
      lines(
        { title: "Memory", description: "Resident memory of each pod.", unit: "bytes", width: 12 },
        range(`sum by (pod) (alloy_resources_process_resident_memory_bytes{${alloy}})`, "{{pod}}"),
      ).min(0),
      lines(
        {
          title: "Open files",
          description: "Files that each pod reads: one for each container that runs, and the audit log.",
          unit: "short",
          width: 12,
        },
        range(`sum by (pod) (loki_source_file_files_active_total{${alloy}})`, "{{pod}}"),
      ).min(0),
    ],
  },
);
