/** Draws what stands in rows: tables, traces, legends, log lines. */
import { levelColors } from "../../dashboards/names.ts";
import type { Answer } from "./ask.ts";
import { formatValue } from "./format.ts";
import type { Panel, Step, ValueMapping } from "./model.ts";
import { type Box, color, lineColor, mapped, message, setting, shown, stepColor } from "./panel.ts";
import { dimColor, fit, tag, text, textColor, textWidth, wrap } from "./svg.ts";

const linkColor = "#6e9fff";

export interface Cell {
  readonly text: string;
  readonly fill?: string;
  /** Colour of the series that the row is about. */
  readonly mark?: string;
}

export interface Column {
  readonly title: string;
  readonly cells: readonly Cell[];
  /** Numbers stand at the right. */
  readonly right?: boolean;
  /** Pixels. @default an equal share of what is left */
  readonly width?: number | undefined;
}

/** Columns with their titles; rows that do not fit are counted. */
export function grid({ x, y, w, h }: Box, columns: readonly Column[], row: number, size: number): string {
  const count = columns[0]?.cells.length ?? 0;
  const visible = Math.min(count, Math.max(1, Math.floor(h / row) - 1));
  const fixed = columns.reduce((sum, { width }) => sum + (width ?? 0), 0);
  const share = (w - fixed) / Math.max(1, columns.filter(({ width }) => width === undefined).length);
  let result = "";
  let left = x;
  for (const { title, cells, right = false, width = share } of columns) {
    const anchor = right ? "end" : "start";
    const place = right ? left + width - 4 : left + 4;
    const head = { size: size - 1, fill: linkColor, bold: true, anchor } as const;
    result += text(place, y + row * 0.66, fit(title, width - 8, size, true), head);
    for (const [index, { text: content, fill = textColor, mark }] of cells.slice(0, visible).entries()) {
      const top = y + row * (index + 1);
      const shift = mark === undefined ? 0 : 18;
      if (mark !== undefined)
        result += tag("rect", { x: left + 2, y: top + 8, width: 12, height: 4, rx: 2, fill: mark });
      result += text(place + shift, top + row * 0.68, fit(content, width - 8 - shift, size), { size, fill, anchor });
    }
    left += width;
  }
  for (let index = 1; index <= visible; index++)
    result += tag("line", { x1: x, x2: x + w, y1: y + row * index, y2: y + row * index, stroke: lineColor });
  if (visible < count)
    result += text(x + w / 2, y + row * 0.66, `${count - visible} more`, {
      size: 11,
      fill: dimColor,
      anchor: "middle",
    });
  return result;
}

type Value = string | number | undefined;

/** The table that Grafana makes of the answers: a row for each series, joined, with the columns that the panel keeps. */
export function table(panel: Panel, box: Box, answer: Answer): string {
  const targets = panel.targets ?? [];
  const step = (id: string) => panel.transformations?.find((transformation) => transformation.id === id)?.options;
  const by = step("joinByField")?.byField;
  const joined = new Map<string, Record<string, Value>>();
  for (const [index, series] of answer.series.entries()) {
    const loki = targets.find(({ refId }) => refId === series.refId)?.datasource.type === "loki";
    const value = targets.length > 1 || loki ? `Value #${series.refId}` : "Value";
    const key = by === undefined ? String(index) : (series.labels[by] ?? "");
    joined.set(key, { ...joined.get(key), ...series.labels, [value]: series.points.at(-1)?.[1] });
  }
  const rows = [...joined.values()];
  const titleOf = (field: string) => (setting(panel, field, "displayName") as string | undefined) ?? field;
  // A field that no answer has makes no column.
  const fields = (step("filterFieldsByName")?.include?.names ?? []).filter((field) =>
    rows.some((row) => row[field] !== undefined),
  );
  if (fields.length === 0) return message(panel, box);
  const sort = panel.options?.sortBy?.[0];
  if (sort !== undefined) {
    const field = fields.find((name) => titleOf(name) === sort.displayName);
    if (field === undefined) throw new Error(`Panel "${panel.title}" sorts by ${sort.displayName}, which it has not.`);
    const compare = (a: Value, b: Value) =>
      typeof a === "number" && typeof b === "number" ? a - b : String(a).localeCompare(String(b));
    rows.sort((a, b) => compare(a[field], b[field]) * (sort.desc ? -1 : 1));
  }
  const columns = fields.map((field): Column => {
    const steps = (setting(panel, field, "thresholds") as { readonly steps: readonly Step[] } | undefined)?.steps;
    const words = setting(panel, field, "mappings") as readonly ValueMapping[] | undefined;
    const linked = setting(panel, field, "links") === undefined ? textColor : linkColor;
    const cell = (value: Value): Cell => {
      const word = mapped(words, String(value));
      if (word !== undefined) return { text: word.text, fill: color(word.color) };
      if (typeof value !== "number") return { text: value ?? "", fill: linked };
      return { text: shown(panel, value, field), fill: steps === undefined ? linked : stepColor(steps, value) };
    };
    return {
      title: titleOf(field),
      width: setting(panel, field, "custom.width") as number | undefined,
      right: rows.some((row) => typeof row[field] === "number"),
      cells: rows.map((row) => cell(row[field])),
    };
  });
  return grid(box, columns, 28, 13);
}

/** What Grafana's Jaeger data source makes of a search: one row for each trace. */
export function traceTable(panel: Panel, box: Box, { traces }: Answer): string {
  if (traces.length === 0) return message(panel, box);
  const columns: Column[] = [
    { title: "Trace ID", cells: traces.map(({ traceId }) => ({ text: traceId, fill: linkColor })) },
    { title: "Trace name", width: box.w * 0.38, cells: traces.map(({ name }) => ({ text: name })) },
    { title: "Start time", cells: traces.map(({ start }) => ({ text: new Date(start).toISOString().slice(11, 23) })) },
    { title: "Duration", cells: traces.map(({ duration }) => ({ text: formatValue(duration, "s") })) },
  ];
  return grid(box, columns, 28, 13);
}

export function logs(panel: Panel, box: Box, answer: Answer): string {
  if (answer.lines.length === 0) return message(panel, box);
  const [size, height, stamp] = [12, 17, textWidth("0000-00-00 00:00:00.000", 12) + 18];
  let y = box.y;
  let result = "";
  for (const entry of answer.lines) {
    const lines = wrap(entry.text, box.w - stamp - 8, size);
    if (y + lines.length * height > box.y + box.h) break;
    const fill = color(levelColors[entry.labels["detected_level"] ?? ""] ?? "gray");
    const when = new Date(entry.time).toISOString().replace("T", " ").slice(0, 23);
    result += tag("rect", { x: box.x, y: y + 2, width: 3, height: lines.length * height - 4, fill });
    result += text(box.x + 9, y + 13, when, { size, fill: dimColor });
    for (const [index, content] of lines.entries())
      result += text(box.x + stamp, y + 13 + index * height, content, { size });
    y += lines.length * height;
  }
  return result;
}
