/** Draws a dashboard as Grafana lays it out: a grid of 24 columns, panels with title, chart, legend and thresholds. */
import { scaleLinear } from "d3-scale";
import { area, line } from "d3-shape";
import { type Answer, type Answered, begin, type Choices, type FoundTrace, range } from "./ask.ts";
import { formatTicks, formatValue } from "./format.ts";
import type { Dashboard, Panel, Step, ValueMapping } from "./model.ts";
import { dimColor, fit, tag, text, textColor, textWidth, wrap } from "./svg.ts";

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
const panelColor = "#181b1f";
const lineColor = "#2a2d33";

/** Grafana's names of colours, dark theme. */
const colors: Readonly<Record<string, string>> = {
  green: "#73bf69",
  yellow: "#fade2a",
  orange: "#ff9830",
  red: "#f2495c",
  blue: "#5794f2",
  "light-blue": "#8ab8ff",
  "super-light-green": "#c8f2c2",
  purple: "#b877d9",
  gray: "#8e8e99",
  text: textColor,
};
/** Grafana's classic palette, for series without a colour of their own. */
const palette = ["#73bf69", "#f2cc0c", "#8ab8ff", "#ff780a", "#f2495c", "#5794f2", "#b877d9", "#705da0"].concat([
  "#37872d",
  "#fade2a",
  "#447ebc",
  "#c15c17",
  "#890f02",
  "#6ed0e0",
]);
/** Levels of log lines. */
const levelColors: Readonly<Record<string, string>> = {
  critical: "#b877d9",
  fatal: "#b877d9",
  error: "#f2495c",
  warn: "#ff9830",
  info: "#73bf69",
  debug: "#5794f2",
  trace: "#8ab8ff",
  unknown: "#8e8e99",
};

const color = (name: string): string => colors[name] ?? name;

interface Box {
  readonly x: number;
  readonly y: number;
  readonly w: number;
  readonly h: number;
}

/** Place of a panel in the page. */
export function boxOf({ gridPos: { x, y, w, h } }: Panel): Box {
  return {
    x: margin + x * (columnWidth + gap),
    y: headerHeight + y * (rowHeight + gap),
    w: w * (columnWidth + gap) - gap,
    h: h * (rowHeight + gap) - gap,
  };
}

/** What an override says of a field. */
function setting(panel: Panel, field: string, id: string): unknown {
  const entry = panel.fieldConfig?.overrides.find(({ matcher }) => matcher.options === field);
  return entry?.properties.find((property) => property.id === id)?.value;
}

function unitOf(panel: Panel, field: string): string {
  return (setting(panel, field, "unit") as string | undefined) ?? panel.fieldConfig?.defaults.unit ?? "none";
}

function stepColor(steps: readonly Step[] | undefined, value: number): string {
  return color(steps?.findLast((step) => step.value === null || value >= step.value)?.color ?? "text");
}

function mapped(mappings: readonly ValueMapping[] | undefined, value: string) {
  return mappings?.flatMap(({ options }) => (options[value] === undefined ? [] : [options[value]]))[0];
}

function shown(panel: Panel, value: number, field = ""): string {
  return formatValue(value, unitOf(panel, field), panel.fieldConfig?.defaults.decimals);
}

/** Why a panel is empty, in its middle. */
function message({ x, y, w, h }: Box, content: string): string {
  return text(x + w / 2, y + h / 2, content, { size: 15, fill: dimColor, anchor: "middle" });
}

const time = scaleLinear();

function timeScale(from: number, to: number) {
  return time
    .copy()
    .domain([begin, begin + range])
    .range([from, to]);
}

function clock(seconds: number): string {
  return new Date(seconds * 1000).toISOString().slice(11, 16);
}

function timeAxis({ x, w }: Box, bottom: number, top: number): string {
  const scale = timeScale(x, x + w);
  const every = w > 500 ? 600 : 900;
  let result = "";
  for (let at = Math.ceil(begin / every) * every; at <= begin + range; at += every) {
    const place = scale(at);
    result += tag("line", { x1: place, x2: place, y1: top, y2: bottom, stroke: lineColor });
    if (place > x + 12 && place < x + w - 12)
      result += text(place, bottom + 15, clock(at), { size: 11, fill: dimColor, anchor: "middle" });
  }
  return result;
}

const reducers: Readonly<Record<string, { readonly title: string; of(values: readonly number[]): number }>> = {
  min: { title: "Min", of: (values) => Math.min(...values) },
  mean: { title: "Mean", of: (values) => values.reduce((a, b) => a + b, 0) / values.length },
  max: { title: "Max", of: (values) => Math.max(...values) },
  sum: { title: "Total", of: (values) => values.reduce((a, b) => a + b, 0) },
  lastNotNull: { title: "Last *", of: (values) => values.at(-1) ?? NaN },
};

function reduced(name: string, { points }: Answered): number {
  const reducer = reducers[name];
  if (reducer === undefined) throw new Error(`The renderer does not know the calculation ${name}.`);
  return reducer.of(points.map(([, value]) => value).filter((value) => Number.isFinite(value)));
}

interface Drawn {
  readonly series: Answered;
  readonly color: string;
  readonly dashed: boolean;
}

function drawnSeries(panel: Panel, answer: Answer): Drawn[] {
  const base = panel.fieldConfig?.defaults.color;
  const list = base?.mode === "shades" ? [color(base.fixedColor ?? "red"), "#c4162a", "#ff7383", "#8f1020"] : palette;
  return answer.series.map((series, index) => {
    const own = setting(panel, series.name, "color") as { readonly fixedColor: string } | undefined;
    return {
      series,
      color: own === undefined ? (list[index % list.length] ?? textColor) : color(own.fixedColor),
      dashed: setting(panel, series.name, "custom.lineStyle") !== undefined,
    };
  });
}

const legendRow = 20;

/** A table of series with their numbers. Grafana gives it at most a third of the panel below, or half beside. */
function legendTable(panel: Panel, box: Box, unsorted: readonly Drawn[]): string {
  const calcs = panel.options?.legend?.calcs ?? [];
  const sorting = calcs.find((calc) => reducers[calc]?.title === panel.options?.legend?.sortBy);
  const direction = panel.options?.legend?.sortDesc === true ? -1 : 1;
  const drawn =
    sorting === undefined
      ? unsorted
      : unsorted.toSorted((a, b) => (reduced(sorting, a.series) - reduced(sorting, b.series)) * direction);
  const cells = drawn.map(({ series }) => calcs.map((calc) => shown(panel, reduced(calc, series), series.name)));
  const columns = calcs.map((calc, index) =>
    Math.max(textWidth(reducers[calc]?.title ?? "", 11), ...cells.map((row) => textWidth(row[index] ?? "", 12))),
  );
  const right = columns.map(
    (_, index) => box.x + box.w - columns.slice(index + 1).reduce((sum, own) => sum + own + 14, 0),
  );
  const nameWidth = box.w - columns.reduce((sum, own) => sum + own + 14, 0) - 22;
  let result = calcs
    .map((calc, index) =>
      text(right[index] ?? 0, box.y + 13, reducers[calc]?.title ?? "", { size: 11, fill: "#6e9fff", anchor: "end" }),
    )
    .join("");
  const fits = Math.max(1, Math.floor(box.h / legendRow) - 1);
  const visible = drawn.length > fits ? fits : drawn.length;
  for (const [index, one] of drawn.slice(0, visible).entries()) {
    const y = box.y + legendRow * (index + 1);
    result += tag("line", { x1: box.x, x2: box.x + box.w, y1: y - 0.5, y2: y - 0.5, stroke: lineColor });
    result += tag("rect", { x: box.x + 2, y: y + 8, width: 12, height: 4, rx: 2, fill: one.color });
    result += text(box.x + 20, y + 14, fit(one.series.name, nameWidth, 12));
    for (const [column, cell] of (cells[index] ?? []).entries())
      result += text(right[column] ?? 0, y + 14, cell, { anchor: "end" });
  }
  if (visible < drawn.length)
    result += text(box.x + 2, box.y + 13, `${drawn.length - visible} more`, { size: 11, fill: dimColor });
  return result;
}

/** Entries of a legend one after the other, each with its number. */
function legendList(panel: Panel, width: number, drawn: readonly Drawn[]) {
  const [calc = "lastNotNull"] = panel.options?.legend?.calcs ?? [];
  let x = 0;
  let row = 0;
  return drawn.map((one) => {
    const label = `${one.series.name}  ${reducers[calc]?.title ?? ""}: ${shown(panel, reduced(calc, one.series), one.series.name)}`;
    const own = textWidth(label, 12) + 34;
    if (x > 0 && x + own > width) {
      x = 0;
      row++;
    }
    const entry = { ...one, label, x, row };
    x += own;
    return entry;
  });
}

function drawnLegend(panel: Panel, box: Box, drawn: readonly Drawn[]): string {
  if (panel.options?.legend?.displayMode !== "list") return legendTable(panel, box, drawn);
  return legendList(panel, box.w, drawn)
    .map(({ label, x, row, color: fill }) => {
      const y = box.y + row * legendRow;
      const bar = { x: box.x + x + 2, y: y + 8, width: 12, height: 4, rx: 2, fill };
      return tag("rect", bar) + text(box.x + x + 20, y + 14, label);
    })
    .join("");
}

function splitForLegend(
  panel: Panel,
  box: Box,
  drawn: readonly Drawn[],
): { readonly chart: Box; readonly legend: Box } {
  if (panel.options?.legend?.placement === "right") {
    const w = Math.min(340, box.w / 2);
    return {
      chart: { ...box, w: box.w - w - 12 },
      legend: { ...box, x: box.x + box.w - w, w },
    };
  }
  const listed = panel.options?.legend?.displayMode === "list";
  const rows = listed ? (legendList(panel, box.w, drawn).at(-1)?.row ?? 0) + 1 : drawn.length + 1;
  const wanted = legendRow * rows;
  const h = Math.min(wanted, Math.max(2 * legendRow, Math.floor(box.h * 0.35)));
  return { chart: { ...box, h: box.h - h - 6 }, legend: { ...box, y: box.y + box.h - h, h } };
}

/** Runs of points without a gap. */
function runs(points: Answered["points"], step: number): (readonly [number, number])[][] {
  const result: (readonly [number, number])[][] = [];
  for (const point of points) {
    const last = result.at(-1)?.at(-1);
    if (last === undefined || point[0] - last[0] > step * 1.5) result.push([point]);
    else result.at(-1)?.push(point);
  }
  return result;
}

const binary = (unit: string): boolean => unit === "bytes" || unit === "binBps";

/** Marks at whole kibi- and mebibytes. */
const binaryStep = (span: number, count: number): number => 2 ** Math.ceil(Math.log2(span / count));

/** Marks at whole minutes and hours; undefined for what takes seconds. */
function timeStep(span: number, count: number): number | undefined {
  return span < 120
    ? undefined
    : [30, 60, 120, 300, 600, 1800, 3600, 7200, 21_600].find((step) => span / step <= count);
}

function multiples(low: number, high: number, step: number): number[] {
  const first = Math.ceil(low / step);
  return Array.from({ length: Math.floor(high / step) - first + 1 }, (_, index) => (first + index) * step);
}

function timeSeries(panel: Panel, box: Box, answer: Answer, marks: readonly { time: number; color: string }[]): string {
  const defaults = panel.fieldConfig?.defaults;
  const drawn = drawnSeries(panel, answer);
  const { chart, legend } = splitForLegend(panel, box, drawn);
  const stacked = defaults?.custom?.stacking?.mode === "normal";
  const bars = defaults?.custom?.drawStyle === "bars";
  // Lower and upper edge of each point: stacked ones stand on those below.
  const tops = new Map<number, number>();
  const layers = drawn.map((one) => ({
    ...one,
    points: one.series.points
      .filter(([, value]) => Number.isFinite(value))
      .map(([at, value]) => {
        if (!stacked || one.dashed) return { at, from: 0, to: value };
        const from = tops.get(at) ?? 0;
        tops.set(at, from + value);
        return { at, from, to: from + value };
      }),
  }));
  const values = layers.flatMap(({ points }) => points.map(({ to }) => to));
  const least = Math.min(...values);
  const most = Math.max(...values);
  const low =
    defaults?.min ?? (least >= 0 && (bars || stacked || least < 0.7 * most) ? 0 : least - 0.1 * (most - least));
  const high = defaults?.max ?? (most === low ? low + 1 : most + (most > 0 ? 0.05 * (most - low) : 0));
  const scale = scaleLinear().domain([low, high]);
  const unit = defaults?.unit ?? "none";
  const marksWanted = chart.h > 120 ? 5 : 3;
  if (defaults?.max === undefined && !binary(unit)) scale.nice(4);
  const step = binary(unit)
    ? binaryStep(high - low, marksWanted)
    : unit === "s"
      ? timeStep(high - low, marksWanted)
      : undefined;
  const ticks = step === undefined ? scale.ticks(marksWanted) : multiples(low, high, step);
  const names = formatTicks(ticks, unit);
  const axis = Math.max(...names.map((name) => textWidth(name, 11))) + 8;
  const plot: Box = { x: chart.x + axis, y: chart.y + 6, w: chart.w - axis - 4, h: chart.h - 28 };
  const bottom = plot.y + plot.h;
  const y = scale.range([bottom, plot.y]);
  const x = timeScale(plot.x, plot.x + plot.w);
  let result = timeAxis(plot, bottom, plot.y);
  for (const [index, tick] of ticks.entries()) {
    result += tag("line", { x1: plot.x, x2: plot.x + plot.w, y1: y(tick), y2: y(tick), stroke: lineColor });
    result += text(plot.x - 6, y(tick) + 4, names[index] ?? "", { size: 11, fill: dimColor, anchor: "end" });
  }
  let inside = "";
  const zero = y(Math.max(low, Math.min(0, high)));
  for (const { points, series, color: fill, dashed } of layers) {
    if (bars) {
      const width = Math.max(1, ((plot.w * answer.step) / range) * 0.8);
      for (const { at, from, to } of points) {
        const height = Math.abs(y(from) - y(to));
        inside += tag("rect", {
          x: x(at) - width / 2,
          y: Math.min(y(from), y(to)),
          width,
          height,
          fill,
          "fill-opacity": 0.85,
        });
      }
      continue;
    }
    const edge = new Map(points.map((point) => [point.at, point]));
    for (const run of runs(
      series.points.filter(([at]) => edge.has(at)),
      answer.step,
    )) {
      const list = run.map(([at]) => edge.get(at) ?? { at, from: 0, to: 0 });
      const opacity = dashed ? 0 : (defaults?.custom?.fillOpacity ?? 0) / 100;
      if (opacity > 0) {
        const shape = area<(typeof list)[number]>()
          .x(({ at }) => x(at))
          .y0(({ from }) => (stacked ? y(from) : zero))
          .y1(({ to }) => y(to))
          .digits(1);
        inside += tag("path", { d: shape(list) ?? "", fill, "fill-opacity": String(opacity) });
      }
      const path = line<(typeof list)[number]>()
        .x(({ at }) => x(at))
        .y(({ to }) => y(to))
        .digits(1);
      inside += tag("path", {
        d: path(list) ?? "",
        fill: "none",
        stroke: fill,
        "stroke-width": 1.5,
        "stroke-dasharray": dashed ? "8 6" : undefined,
      });
      if (list.length === 1 && list[0] !== undefined)
        inside += tag("circle", { cx: x(list[0].at), cy: y(list[0].to), r: 1.5, fill });
    }
  }
  if (defaults?.custom?.thresholdsStyle?.mode === "dashed") {
    const { steps = [] } = defaults.thresholds ?? {};
    const transparent = steps.findIndex((step) => step.color === "transparent");
    for (const [index, step] of steps.entries()) {
      if (step.value === null) continue;
      // Up to the transparent step lines have the colour of what is below them (UPlotThresholds of @grafana/ui 13.0.0).
      const stroke = color(steps[transparent >= index ? index - 1 : index]?.color ?? "text");
      inside += tag("line", {
        x1: plot.x,
        x2: plot.x + plot.w,
        y1: y(step.value),
        y2: y(step.value),
        stroke,
        "stroke-dasharray": "6 5",
        "stroke-width": 1.5,
      });
    }
  }
  for (const mark of marks) {
    const at = x(mark.time);
    inside += tag("line", {
      x1: at,
      x2: at,
      y1: plot.y,
      y2: bottom,
      stroke: color(mark.color),
      "stroke-dasharray": "3 3",
    });
    inside += tag("path", { d: `M${at - 5},${bottom}l5,-7l5,7z`, fill: color(mark.color) });
  }
  for (const { time: at, value } of answer.exemplars) {
    if (value > high || at < begin) continue;
    inside += tag("path", {
      d: `M${Math.round(x(at))},${Math.round(y(value)) - 4}l4,4l-4,4l-4,-4z`,
      fill: "#6ed0e0",
      "fill-opacity": 0.8,
    });
  }
  const clip = `clip-${panel.id}`;
  result += tag("clipPath", { id: clip }, tag("rect", { x: plot.x, y: plot.y, width: plot.w, height: plot.h }));
  result += tag("g", { "clip-path": `url(#${clip})` }, inside);
  return result + drawnLegend(panel, legend, drawn);
}

function stat(panel: Panel, box: Box, answer: Answer): string {
  const defaults = panel.fieldConfig?.defaults;
  const [series] = answer.series;
  if (series === undefined || defaults === undefined) return message(box, defaults?.noValue ?? "No data");
  const value = reduced(panel.options?.reduceOptions?.calcs[0] ?? "lastNotNull", series);
  const entry = mapped(defaults.mappings, String(value));
  const content = entry?.text ?? shown(panel, value);
  const fill = entry === undefined ? stepColor(defaults.thresholds?.steps, value) : color(entry.color);
  const graph = panel.options?.graphMode === "area";
  let size = Math.min(46, box.h * (graph ? 0.5 : 0.6));
  while (size > 14 && textWidth(content, size, true) > box.w - 8) size -= 1;
  let result = "";
  if (graph && series.points.length > 1) {
    const values = series.points.map(([, own]) => own);
    const floor = Math.min(...values);
    const bottom = box.y + box.h + 8;
    const y = scaleLinear()
      .domain([floor, Math.max(...values, floor + 1e-9)])
      .range([bottom - 2, box.y + box.h * 0.62]);
    const x = timeScale(box.x - 8, box.x + box.w + 8);
    const shape = area<readonly [number, number]>()
      .x(([at]) => x(at))
      .y0(bottom)
      .y1(([, own]) => y(own))
      .digits(1);
    const path = line<readonly [number, number]>()
      .x(([at]) => x(at))
      .y(([, own]) => y(own))
      .digits(1);
    result += tag("path", { d: shape(series.points) ?? "", fill, "fill-opacity": 0.2 });
    result += tag("path", { d: path(series.points) ?? "", fill: "none", stroke: fill });
  }
  const middle = box.y + (graph ? box.h * 0.42 : box.h * 0.5) + size * 0.36;
  return result + text(box.x + box.w / 2, middle, content, { size, fill, anchor: "middle", bold: true });
}

type Cell = string | number | undefined;
interface Column {
  readonly field: string;
  readonly cells: readonly Cell[];
}

/** The table that Grafana makes of the answers: a row for each series, joined, with the columns that the panel keeps. */
function tableColumns(panel: Panel, answer: Answer): Column[] {
  const targets = panel.targets ?? [];
  const step = (id: string) => panel.transformations?.find((transformation) => transformation.id === id)?.options;
  const by = step("joinByField")?.byField;
  const rows = new Map<string, Record<string, Cell>>();
  for (const [index, series] of answer.series.entries()) {
    const loki = targets.find(({ refId }) => refId === series.refId)?.datasource.type === "loki";
    const value = targets.length > 1 || loki ? `Value #${series.refId}` : "Value";
    const key = by === undefined ? String(index) : (series.labels[by] ?? "");
    rows.set(key, { ...rows.get(key), ...series.labels, [value]: series.points.at(-1)?.[1] });
  }
  const names = step("filterFieldsByName")?.include?.names ?? [];
  const places = step("organize")?.indexByName ?? {};
  const fields = [...names].sort((a, b) => (places[a] ?? 0) - (places[b] ?? 0));
  let list = [...rows.values()];
  const sort = panel.options?.sortBy?.[0];
  if (sort !== undefined) {
    const field = fields.find((name) => (setting(panel, name, "displayName") ?? name) === sort.displayName);
    if (field === undefined) throw new Error(`Panel "${panel.title}" sorts by ${sort.displayName}, which it has not.`);
    const compare = (a: Cell, b: Cell) =>
      typeof a === "number" && typeof b === "number" ? a - b : String(a).localeCompare(String(b));
    list = list.sort((a, b) => compare(a[field], b[field]) * (sort.desc ? -1 : 1));
  }
  // A field that no answer has makes no column.
  return fields
    .map((field) => ({ field, cells: list.map((row) => row[field]) }))
    .filter(({ cells }) => cells.some((cell) => cell !== undefined));
}

function table(panel: Panel, box: Box, answer: Answer): string {
  const columns = tableColumns(panel, answer);
  const count = columns[0]?.cells.length ?? 0;
  if (count === 0) return message(box, panel.fieldConfig?.defaults.noValue ?? "No data");
  const fixedWidths = columns.map(({ field }) => setting(panel, field, "custom.width") as number | undefined);
  const free = box.w - fixedWidths.reduce<number>((sum, width) => sum + (width ?? 0), 0);
  const auto = free / Math.max(1, fixedWidths.filter((width) => width === undefined).length);
  const height = 28;
  const fits = Math.floor(box.h / height) - 1;
  let result = tag("line", { x1: box.x, x2: box.x + box.w, y1: box.y + height, y2: box.y + height, stroke: lineColor });
  let x = box.x;
  for (const [index, { field, cells }] of columns.entries()) {
    const width = fixedWidths[index] ?? auto;
    const title = (setting(panel, field, "displayName") as string | undefined) ?? field;
    const numbers = cells.some((cell) => typeof cell === "number");
    const place = numbers ? x + width - 8 : x + 6;
    const anchor = numbers ? "end" : "start";
    result += text(place, box.y + 18, fit(title, width - 12, 12, true), { fill: "#6e9fff", anchor, bold: true });
    const steps = (setting(panel, field, "thresholds") as { readonly steps: readonly Step[] } | undefined)?.steps;
    const mappings = (setting(panel, field, "mappings") as readonly ValueMapping[] | undefined) ?? [];
    const linked = setting(panel, field, "links") !== undefined;
    for (const [row, cell] of cells.slice(0, fits).entries()) {
      const entry = mapped(mappings, String(cell));
      const content = entry?.text ?? (typeof cell === "number" ? shown(panel, cell, field) : (cell ?? ""));
      const fill =
        entry !== undefined
          ? color(entry.color)
          : steps !== undefined && typeof cell === "number"
            ? stepColor(steps, cell)
            : linked
              ? "#6e9fff"
              : textColor;
      const y = box.y + height * (row + 1);
      result += text(place, y + 19, fit(content, width - 12, 13), { size: 13, fill, anchor });
    }
    x += width;
  }
  for (let row = 1; row <= Math.min(count, fits); row++) {
    const y = box.y + height * (row + 1);
    result += tag("line", { x1: box.x, x2: box.x + box.w, y1: y, y2: y, stroke: lineColor });
  }
  return count <= fits
    ? result
    : result +
        text(box.x + box.w, box.y + box.h + 4, `${count - fits} more`, { size: 11, fill: dimColor, anchor: "end" });
}

function barGauge(panel: Panel, box: Box, answer: Answer): string {
  const defaults = panel.fieldConfig?.defaults;
  if (answer.series.length === 0 || defaults === undefined) return message(box, defaults?.noValue ?? "No data");
  const rows = answer.series.map((series) => ({ name: series.name, value: reduced("lastNotNull", series) }));
  const high = defaults.max ?? Math.max(...rows.map(({ value }) => value));
  const low = defaults.min ?? Math.min(0, ...rows.map(({ value }) => value));
  const height = Math.min(34, box.h / rows.length);
  const size = Math.min(13, height * 0.62);
  const nameWidth = Math.min(box.w * 0.45, Math.max(...rows.map(({ name }) => textWidth(name, size))) + 10);
  const valueWidth = Math.max(...rows.map(({ value }) => textWidth(shown(panel, value), size, true))) + 8;
  const full = box.w - nameWidth - valueWidth;
  return rows
    .map(({ name, value }, index) => {
      const y = box.y + index * height;
      const fill = stepColor(defaults.thresholds?.steps, value);
      const share = high === low ? 1 : Math.min(1, Math.max(0, (value - low) / (high - low)));
      const bar = { x: box.x + nameWidth, y: y + height * 0.15, height: height * 0.7, rx: 2 };
      return (
        text(box.x + nameWidth - 8, y + height / 2 + size * 0.36, fit(name, nameWidth - 8, size), {
          size,
          anchor: "end",
        }) +
        tag("rect", { ...bar, width: full, fill: "#22252b" }) +
        tag("rect", { ...bar, width: Math.max(2, full * share), fill, "fill-opacity": 0.45 }) +
        text(box.x + box.w, y + height / 2 + size * 0.36, shown(panel, value), {
          size,
          fill,
          anchor: "end",
          bold: true,
        })
      );
    })
    .join("");
}

/** States over time: a row for each series, and what each colour means. */
function stateTimeline(panel: Panel, box: Box, answer: Answer): string {
  const { mappings = [], noValue = "No data" } = panel.fieldConfig?.defaults ?? {};
  if (answer.series.length === 0) return message(box, noValue);
  const names = Math.min(box.w * 0.4, Math.max(...answer.series.map(({ name }) => textWidth(name, 12))) + 10);
  const plot: Box = { x: box.x + names, y: box.y, w: box.w - names - 4, h: box.h - 44 };
  const height = plot.h / answer.series.length;
  const x = timeScale(plot.x, plot.x + plot.w);
  let result = timeAxis(plot, plot.y + plot.h, plot.y);
  for (const [row, series] of answer.series.entries()) {
    const y = plot.y + row * height;
    result += text(plot.x - 8, y + height / 2 + 4, fit(series.name, names - 8, 12), { anchor: "end" });
    for (const run of runs(series.points, answer.step)) {
      for (const [index, [at, value]] of run.entries()) {
        if (run[index - 1]?.[1] === value) continue;
        const next =
          run.slice(index).find(([, other]) => other !== value)?.[0] ?? (run.at(-1)?.[0] ?? at) + answer.step;
        const [from, to] = [Math.max(plot.x, x(at)), Math.min(plot.x + plot.w, x(next))];
        const fill = color(mapped(mappings, String(value))?.color ?? "text");
        result += tag("rect", { x: from, y: y + height * 0.05, width: to - from, height: height * 0.9, fill });
      }
    }
  }
  let place = box.x;
  for (const entry of mappings.flatMap(({ options }) => Object.values(options))) {
    const y = box.y + box.h - 14;
    result += tag("rect", { x: place, y: y + 2, width: 12, height: 4, rx: 2, fill: color(entry.color) });
    result += text(place + 18, y + 8, entry.text);
    place += textWidth(entry.text, 12) + 36;
  }
  return result;
}

function heatmap(panel: Panel, box: Box, answer: Answer): string {
  if (answer.series.length === 0) return message(box, "No data");
  const bound = ({ labels }: Answered) => (labels["le"] === "+Inf" ? Infinity : Number(labels["le"]));
  const buckets = [...answer.series].sort((a, b) => bound(a) - bound(b));
  // Buckets count what is below them: each one without the one before.
  const rows = buckets.map((bucket, index) => {
    const before = new Map(buckets[index - 1]?.points ?? []);
    return {
      bound: bound(bucket),
      cells: bucket.points.map(([at, value]) => ({ at, count: Math.max(0, value - (before.get(at) ?? 0)) })),
    };
  });
  const most = Math.max(...rows.flatMap(({ cells }) => cells.map(({ count }) => count)));
  const names = rows.map((row) => (row.bound === Infinity ? "+Inf" : shown(panel, row.bound)));
  const axis = Math.max(...names.map((name) => textWidth(name, 11))) + 8;
  const plot: Box = { x: box.x + axis, y: box.y + 4, w: box.w - axis - 4, h: box.h - 46 };
  const x = timeScale(plot.x, plot.x + plot.w);
  const width = Math.max(1, (plot.w * answer.step) / range);
  const height = plot.h / rows.length;
  const heat = scaleLinear<string>().domain([0, 0.35, 1]).range(["#3a2417", "#c4601d", "#ffd9a8"]).clamp(true);
  let result = timeAxis(plot, plot.y + plot.h, plot.y);
  for (const [index, row] of rows.entries()) {
    const y = plot.y + plot.h - (index + 1) * height;
    result += text(plot.x - 6, y + height / 2 + 4, names[index] ?? "", { size: 11, fill: dimColor, anchor: "end" });
    for (const { at, count } of row.cells) {
      if (count <= 1e-9 || x(at) + width > plot.x + plot.w + width / 2) continue;
      result += tag("rect", {
        x: x(at),
        y: y + 0.5,
        width: width - 1,
        height: height - 1,
        fill: heat(Math.sqrt(count / most)),
      });
    }
  }
  const scale = { x: plot.x, y: box.y + box.h - 14, w: 160 };
  for (let part = 0; part < 32; part++)
    result += tag("rect", {
      x: scale.x + (part * scale.w) / 32,
      y: scale.y,
      width: scale.w / 32 + 0.5,
      height: 8,
      fill: heat(Math.sqrt(part / 31)),
    });
  result += text(scale.x + scale.w + 8, scale.y + 8, `0 to ${formatValue(most, "short", 1)}`, {
    size: 11,
    fill: dimColor,
  });
  return result;
}

function logs(panel: Panel, box: Box, answer: Answer): string {
  if (answer.lines.length === 0) return message(box, panel.fieldConfig?.defaults.noValue ?? "No logs found");
  const size = 12;
  const height = 17;
  const stamp = 158;
  let y = box.y;
  let result = "";
  for (const entry of answer.lines) {
    const lines = wrap(entry.text, box.w - stamp - 10, size);
    if (y + lines.length * height > box.y + box.h) break;
    const fill = levelColors[entry.labels["detected_level"] ?? "unknown"] ?? textColor;
    result += tag("rect", { x: box.x, y: y + 2, width: 3, height: lines.length * height - 4, fill });
    result += text(box.x + 9, y + 13, new Date(entry.time).toISOString().replace("T", " ").slice(0, 23), {
      size,
      fill: dimColor,
    });
    for (const [index, content] of lines.entries())
      result += text(box.x + stamp + 8, y + 13 + index * height, content, { size });
    y += lines.length * height;
  }
  return result;
}

/** What Grafana's Jaeger data source makes of a search: one row for each trace. */
function traceTable(panel: Panel, box: Box, { traces }: Answer): string {
  if (traces.length === 0) return message(box, panel.fieldConfig?.defaults.noValue ?? "No data");
  const columns = [
    { title: "Trace ID", width: 0.2, of: (trace: FoundTrace) => trace.traceId, fill: "#6e9fff" },
    { title: "Trace name", width: 0.38, of: (trace: FoundTrace) => trace.name, fill: textColor },
    {
      title: "Start time",
      width: 0.24,
      of: ({ start }: FoundTrace) => new Date(start).toISOString().slice(11, 23),
      fill: textColor,
    },
    { title: "Duration", width: 0.18, of: ({ duration }: FoundTrace) => formatValue(duration, "s"), fill: textColor },
  ];
  const height = 28;
  const fits = Math.floor(box.h / height) - 1;
  let result = "";
  let x = box.x;
  for (const { title, width, of, fill } of columns) {
    const own = width * box.w;
    result += text(x + 6, box.y + 18, title, { fill: "#6e9fff", bold: true });
    for (const [row, trace] of traces.slice(0, fits).entries())
      result += text(x + 6, box.y + height * (row + 1) + 19, fit(of(trace), own - 10, 13), { size: 13, fill });
    x += own;
  }
  for (let row = 0; row <= Math.min(traces.length, fits); row++) {
    const y = box.y + height * (row + 1);
    result += tag("line", { x1: box.x, x2: box.x + box.w, y1: y, y2: y, stroke: lineColor });
  }
  return result;
}

function content(panel: Panel, box: Box, answer: Answer, marks: readonly { time: number; color: string }[]): string {
  if (panel.targets?.[0]?.datasource.type === "jaeger") return traceTable(panel, box, answer);
  switch (panel.type) {
    case "timeseries":
      return answer.series.length === 0
        ? message(box, panel.fieldConfig?.defaults.noValue ?? "No data")
        : timeSeries(panel, box, answer, marks);
    case "stat":
      return stat(panel, box, answer);
    case "table":
      return table(panel, box, answer);
    case "bargauge":
      return barGauge(panel, box, answer);
    case "state-timeline":
      return stateTimeline(panel, box, answer);
    case "heatmap":
      return heatmap(panel, box, answer);
    case "logs":
      return logs(panel, box, answer);
    default:
      throw new Error(`The renderer does not know panels of type ${panel.type}.`);
  }
}

/** Whether a panel shows data. */
export function isEmpty(answer: Answer): boolean {
  return answer.series.length === 0 && answer.lines.length === 0 && answer.traces.length === 0;
}

/** A title with its variables. */
function named(title: string, chosen: Choices): string {
  return title.replaceAll(/\$(\w+)/g, (whole, name: string) => chosen[name] ?? whole);
}

/** The picture of a dashboard, as SVG. */
export function draw(
  dashboard: Dashboard,
  answers: ReadonlyMap<number, Answer>,
  marks: readonly { time: number; color: string }[],
  chosen: Choices,
): string {
  const bottom = Math.max(...dashboard.panels.map((panel) => boxOf(panel).y + boxOf(panel).h));
  const height = Math.ceil(bottom + footerHeight);
  let body = tag("rect", { x: 0, y: 0, width: pageWidth, height, fill: background });
  body += text(margin, 32, dashboard.title, { size: 20, bold: true });
  const until = begin + range;
  const day = new Date(begin * 1000).toISOString().slice(0, 10);
  body += text(pageWidth - margin, 32, `${day} ${clock(begin)} to ${clock(until)} UTC`, {
    size: 13,
    fill: dimColor,
    anchor: "end",
  });
  let x = margin;
  for (const variable of dashboard.templating.list) {
    const value =
      variable.type === "datasource"
        ? `${variable.query.charAt(0).toUpperCase()}${variable.query.slice(1)}`
        : (chosen[variable.name] ?? (variable.type === "textbox" ? "" : "All"));
    const label = textWidth(variable.label, 12, true) + 16;
    const width = Math.max(56, textWidth(value, 12) + 16);
    body += tag("rect", { x, y: 48, width: label, height: 28, fill: "#22252b" });
    body += text(x + 8, 66, variable.label, { bold: true });
    body += tag("rect", { x: x + label, y: 48, width, height: 28, fill: background, stroke: "#3d3f46" });
    body += text(x + label + 8, 66, value);
    x += label + width + 10;
  }
  for (const panel of dashboard.panels) {
    const box = boxOf(panel);
    if (panel.type === "row") {
      const arrow = panel.collapsed === true ? "l0,10l6,-5z" : "l10,0l-5,6z";
      body += tag("path", { d: `M${box.x + 4},${box.y + 13}${arrow}`, fill: textColor });
      body += text(box.x + 22, box.y + 21, named(panel.title, chosen), { size: 15, bold: true });
      continue;
    }
    const answer = answers.get(panel.id);
    if (answer === undefined) throw new Error(`Nothing was asked for panel "${panel.title}".`);
    body += tag("rect", {
      x: box.x,
      y: box.y,
      width: box.w,
      height: box.h,
      rx: 2,
      fill: panelColor,
      stroke: lineColor,
    });
    body += text(box.x + 8, box.y + 20, fit(named(panel.title, chosen), box.w - 16, 13, true), {
      size: 13,
      bold: true,
    });
    const inner: Box = { x: box.x + 8, y: box.y + 32, w: box.w - 16, h: box.h - 40 };
    const clip = `panel-${panel.id}`;
    body += tag("clipPath", { id: clip }, tag("rect", { x: box.x, y: box.y, width: box.w, height: box.h }));
    body += tag("g", { "clip-path": `url(#${clip})` }, content(panel, inner, answer, marks));
  }
  const caption =
    "Drawn by this project's renderer from the panels' own queries, with a real Prometheus and Jaeger, over made-up data. Not Grafana.";
  body += text(pageWidth / 2, height - 12, caption, { size: 12, fill: dimColor, anchor: "middle" });
  return `<svg xmlns="http://www.w3.org/2000/svg" width="${pageWidth}" height="${height}" font-family="Inter">${body}</svg>`;
}
