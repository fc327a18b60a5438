/** Draws a dashboard as Grafana lays it out: a grid of 24 columns, panels with title and content. */
import { type Answer, begin, type Choices, range } from "./ask.ts";
import { barGauge, heatmap, type Mark, stat, stateTimeline, timeSeries } from "./charts.ts";
import type { Dashboard, Panel } from "./model.ts";
import { type Box, clock, lineColor, message } from "./panel.ts";
import { nodeGraph } from "./node-graph.ts";
import { dimColor, fit, tag, text, textColor, textWidth } from "./svg.ts";
import { logs, table, traceTable } from "./tables.ts";

/** Width of a picture in pixels: a laptop's. */
const pageWidth = 1440;
const margin = 16;
const gap = 8;
/** Height of a row of the grid. */
const rowHeight = 30;
const columnWidth = (pageWidth - 2 * margin - 23 * gap) / 24;
const headerHeight = 92;
const footerHeight = 34;
const background = "#111217";

/** Place of a panel in the page. */
export function boxOf({ gridPos: { x, y, w, h } }: Panel): Box {
  return {
    x: margin + x * (columnWidth + gap),
    y: headerHeight + y * (rowHeight + gap),
    w: w * (columnWidth + gap) - gap,
    h: h * (rowHeight + gap) - gap,
  };
}

function content(panel: Panel, box: Box, answer: Answer, marks: readonly Mark[]): string {
  if (panel.targets?.[0]?.datasource.type === "jaeger") return traceTable(panel, box, answer);
  const kinds: Readonly<Record<string, (panel: Panel, box: Box, answer: Answer, marks: readonly Mark[]) => string>> = {
    timeseries: answer.series.length === 0 ? message : timeSeries,
    stat,
    table,
    bargauge: barGauge,
    "state-timeline": stateTimeline,
    heatmap,
    logs,
    nodeGraph,
  };
  const kind = kinds[panel.type];
  if (kind === undefined) throw new Error(`The renderer does not know panels of type ${panel.type}.`);
  return kind(panel, box, answer, marks);
}

/** Whether a panel shows data. */
export function isEmpty(answer: Answer): boolean {
  return answer.series.length === 0 && answer.lines.length === 0 && answer.traces.length === 0;
}

/** The picture of a dashboard, as SVG. */
export function draw(
  dashboard: Dashboard,
  answers: ReadonlyMap<number, Answer>,
  marks: readonly Mark[],
  chosen: Choices,
): string {
  const bottom = Math.max(...dashboard.panels.map((panel) => boxOf(panel).y + boxOf(panel).h));
  const height = Math.ceil(bottom + footerHeight);
  const titleOf = ({ title }: Panel) => title.replaceAll(/\$(\w+)/g, (all, name: string) => chosen[name] ?? all);
  let body = tag("rect", { x: 0, y: 0, width: pageWidth, height, fill: background });
  body += text(margin, 32, dashboard.title, { size: 20, bold: true });
  const day = new Date(begin * 1000).toISOString().slice(0, 10);
  const hour = `${day} ${clock(begin)} to ${clock(begin + range)} UTC`;
  body += text(pageWidth - margin, 32, hour, { size: 13, fill: dimColor, anchor: "end" });
  let x = margin;
  for (const { name, label, type, query } of dashboard.templating.list) {
    const everything = type === "textbox" ? "" : "All";
    const value = type === "datasource" ? query.charAt(0).toUpperCase() + query.slice(1) : (chosen[name] ?? everything);
    const labelWidth = textWidth(label, 12, true) + 16;
    const width = Math.max(56, textWidth(value, 12) + 16);
    body += tag("rect", { x, y: 48, width: labelWidth, height: 28, fill: "#22252b" });
    body += text(x + 8, 66, label, { bold: true });
    body += tag("rect", { x: x + labelWidth, y: 48, width, height: 28, fill: background, stroke: "#3d3f46" });
    body += text(x + labelWidth + 8, 66, value);
    x += labelWidth + width + 10;
  }
  for (const panel of dashboard.panels) {
    const box = boxOf(panel);
    if (panel.type === "row") {
      body += tag("path", { d: `M${box.x + 4},${box.y + 13}l10,0l-5,6z`, fill: textColor });
      body += text(box.x + 22, box.y + 21, titleOf(panel), { size: 15, bold: true });
      continue;
    }
    const answer = answers.get(panel.id);
    if (answer === undefined) throw new Error(`Nothing was asked for panel "${panel.title}".`);
    const frame = { x: box.x, y: box.y, width: box.w, height: box.h };
    body += tag("rect", { ...frame, rx: 2, fill: "#181b1f", stroke: lineColor });
    body += text(box.x + 8, box.y + 20, fit(titleOf(panel), box.w - 16, 13, true), { size: 13, bold: true });
    const inner: Box = { x: box.x + 8, y: box.y + 32, w: box.w - 16, h: box.h - 40 };
    const clip = `panel-${panel.id}`;
    body += tag("clipPath", { id: clip }, tag("rect", frame));
    body += tag("g", { "clip-path": `url(#${clip})` }, content(panel, inner, answer, marks));
  }
  const caption =
    "Drawn by this project's renderer from the panels' own queries, with a real Prometheus and Jaeger, over made-up data. Not Grafana.";
  body += text(pageWidth / 2, height - 12, caption, { size: 12, fill: dimColor, anchor: "middle" });
  return `<svg xmlns="http://www.w3.org/2000/svg" width="${pageWidth}" height="${height}" font-family="Inter">${body}</svg>`;
}
