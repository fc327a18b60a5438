/** What people find of the log lines in Kibana: a data view, a search and a dashboard. */
import { chart, count, dashboard, dataView, type SavedObject, search, searchPanel } from "../../kibana.ts";
import { streams } from "./api.ts";

const view = "observability-logs";
const lines = "observability-log-lines";
const level = "severity_text";
const namespace = "resource.attributes.k8s.namespace.name";
const pod = "resource.attributes.k8s.pod.name";

const bars = (title: string, label: string, field: string, x: number) =>
  chart({
    ...{ title, view, value: count("Lines"), by: { label, field }, rest: true },
    gridData: { x, y: 0, w: 24, h: 12 },
  });

export const savedObjects: readonly SavedObject[] = [
  dataView(view, streams, "Log lines"),
  search(lines, "Log lines", view, [level, namespace, pod, "body.text"]),
  dashboard("observability-logs", "Log lines", "What do applications and the platform write?", [
    bars("Lines by level", "Level", level, 0),
    bars("Lines by namespace", "Namespace", namespace, 24),
    searchPanel("Lines", lines, { x: 0, y: 12, w: 48, h: 24 }),
  ]),
];
