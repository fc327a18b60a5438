/** Draws what goes over time or side by side: lines, bars, heatmaps, state timelines, single numbers, bar gauges. */
import { scaleLinear } from "d3-scale";
import { area, line } from "d3-shape";
import { type Answer, type Answered, begin, range } from "./ask.ts";
import { formatTicks, formatValue } from "./format.ts";
import type { Panel } from "./model.ts";
import {
  type Box,
  color,
  lineColor,
  mapped,
  message,
  palette,
  reduced,
  reducers,
  runs,
  setting,
  shown,
  stepColor,
  timeAxis,
  timeScale,
} from "./panel.ts";
import { dimColor, fit, tag, text, textColor, textWidth } from "./svg.ts";
import { type Column, grid } from "./tables.ts";

interface Drawn {
  readonly series: Answered;
  readonly color: string;
  readonly dashed: boolean;
}

const row = 20;

/** A legend below the chart: the part of the box that it takes, at most a third and a little (Grafana: 35 %), and its drawing. */
function legend(panel: Panel, box: Box, drawn: readonly Drawn[]): { readonly h: number; readonly svg: string } {
  const { calcs = [], displayMode, sortBy, sortDesc } = panel.options?.legend ?? {};
  const value = (calc: string, { series }: Drawn) => shown(panel, reduced(calc, series), series.name);
  if (displayMode === "list") {
    let [x, line, svg] = [0, 0, ""];
    const entries = drawn.map((one) => {
      const label = `${one.series.name}  ${calcs.map((calc) => `${reducers[calc]?.title ?? ""}: ${value(calc, one)}`).join("  ")}`;
      const width = textWidth(label, 12) + 34;
      if (x > 0 && x + width > box.w) [x, line] = [0, line + 1];
      x += width;
      return { label, x: x - width, line, fill: one.color };
    });
    const h = row * (line + 1);
    for (const entry of entries) {
      const y = box.y + box.h - h + entry.line * row;
      svg += tag("rect", { x: box.x + entry.x + 2, y: y + 8, width: 12, height: 4, rx: 2, fill: entry.fill });
      svg += text(box.x + entry.x + 20, y + 14, entry.label);
    }
    return { h, svg };
  }
  const sorting = calcs.find((calc) => reducers[calc]?.title === sortBy) ?? "lastNotNull";
  const sorted = drawn.toSorted(
    (a, b) => (reduced(sorting, a.series) - reduced(sorting, b.series)) * (sortDesc === true ? -1 : 1),
  );
  const columns: Column[] = [
    { title: "", cells: sorted.map(({ series, color: mark }) => ({ text: series.name, mark })) },
    ...calcs.map((calc): Column => {
      const cells = sorted.map((one) => ({ text: value(calc, one) }));
      const width = Math.max(...cells.map(({ text: content }) => textWidth(content, 12)), 36) + 16;
      return { title: reducers[calc]?.title ?? "", right: true, width, cells };
    }),
  ];
  const h = Math.min(row * (drawn.length + 1), Math.max(2 * row, Math.floor(box.h * 0.35)));
  return { h, svg: grid({ ...box, y: box.y + box.h - h, h }, columns, row, 12) };
}

/** Marks of an axis: whole kibi- and mebibytes, whole minutes, or as d3 finds them. */
function ticksOf(scale: ReturnType<typeof scaleLinear>, unit: string, count: number): number[] {
  const [low = 0, high = 1] = scale.domain();
  const minutes = [30, 60, 120, 300, 600, 1800, 3600, 7200, 21_600];
  const step =
    unit === "bytes"
      ? 2 ** Math.ceil(Math.log2((high - low) / count))
      : unit === "s" && high - low >= 120
        ? minutes.find((seconds) => (high - low) / seconds <= count)
        : undefined;
  if (step === undefined) return scale.ticks(count);
  const first = Math.ceil(low / step);
  return Array.from({ length: Math.floor(high / step) - first + 1 }, (_, index) => (first + index) * step);
}

export interface Mark {
  readonly time: number;
  readonly color: string;
}

export function timeSeries(panel: Panel, box: Box, answer: Answer, marks: readonly Mark[]): string {
  const { custom = {}, thresholds, unit = "none", min, max } = panel.fieldConfig?.defaults ?? {};
  const drawn = answer.series.map((series, index): Drawn => {
    const own = setting(panel, series.name, "color") as { readonly fixedColor: string } | undefined;
    return {
      series,
      color: own === undefined ? (palette[index % palette.length] ?? textColor) : color(own.fixedColor),
      dashed: setting(panel, series.name, "custom.lineStyle") !== undefined,
    };
  });
  const below = legend(panel, box, drawn);
  const stacked = custom.stacking?.mode === "normal";
  const bars = custom.drawStyle === "bars";
  // Lower and upper edge of each point: stacked ones stand on those below.
  const tops = new Map<number, number>();
  const layers = drawn.map((one) => ({
    ...one,
    edges: new Map(
      one.series.points
        .filter(([, value]) => Number.isFinite(value))
        .map(([at, value]) => {
          const from = stacked && !one.dashed ? (tops.get(at) ?? 0) : 0;
          if (stacked && !one.dashed) tops.set(at, from + value);
          return [at, { at, from, to: from + value }] as const;
        }),
    ),
  }));
  const values = layers.flatMap(({ edges }) => [...edges.values()].map(({ to }) => to));
  const [least, most] = [Math.min(...values), Math.max(...values)];
  const low = min ?? (least >= 0 && (bars || stacked || least < 0.7 * most) ? 0 : least - 0.1 * (most - least));
  const high = max ?? (most === low ? low + 1 : most + (most > 0 ? 0.05 * (most - low) : 0));
  const scale = scaleLinear().domain([low, high]);
  if (max === undefined && unit !== "bytes") scale.nice(4);
  const chart = box.h - below.h - 6;
  const ticks = ticksOf(scale, unit, chart > 120 ? 5 : 3);
  const names = formatTicks(ticks, unit);
  const axis = Math.max(...names.map((name) => textWidth(name, 11))) + 8;
  const plot: Box = { x: box.x + axis, y: box.y + 6, w: box.w - axis - 4, h: chart - 28 };
  const bottom = plot.y + plot.h;
  const y = scale.range([bottom, plot.y]);
  const x = timeScale(plot.x, plot.x + plot.w);
  let result = timeAxis(plot);
  for (const [index, tick] of ticks.entries()) {
    result += tag("line", { x1: plot.x, x2: plot.x + plot.w, y1: y(tick), y2: y(tick), stroke: lineColor });
    result += text(plot.x - 6, y(tick) + 4, names[index] ?? "", { size: 11, fill: dimColor, anchor: "end" });
  }
  let inside = "";
  for (const { edges, series, color: fill, dashed } of layers) {
    if (bars) {
      const width = Math.max(1, ((plot.w * answer.step) / range) * 0.8);
      for (const { at, from, to } of edges.values()) {
        const bar = { x: x(at) - width / 2, y: Math.min(y(from), y(to)), width, height: Math.abs(y(from) - y(to)) };
        inside += tag("rect", { ...bar, fill, "fill-opacity": 0.85 });
      }
      continue;
    }
    const points = series.points.filter(([at]) => edges.has(at));
    for (const run of runs(points, answer.step)) {
      const list = run.flatMap(([at]) => edges.get(at) ?? []);
      if ((custom.fillOpacity ?? 0) > 0 && !dashed) {
        const shape = area<(typeof list)[number]>(
          ({ at }) => x(at),
          ({ from }) => y(from),
          ({ to }) => y(to),
        ).digits(1);
        inside += tag("path", { d: shape(list) ?? "", fill, "fill-opacity": String((custom.fillOpacity ?? 0) / 100) });
      }
      const path = line<(typeof list)[number]>(
        ({ at }) => x(at),
        ({ to }) => y(to),
      ).digits(1);
      const dash = dashed ? "8 6" : undefined;
      const style = { fill: "none", stroke: fill, "stroke-width": 1.5, "stroke-dasharray": dash };
      inside += tag("path", { d: path(list) ?? "", ...style, "stroke-linecap": "round" });
    }
  }
  const across = { x1: plot.x, x2: plot.x + plot.w, "stroke-dasharray": "6 5", "stroke-width": 1.5 };
  const steps = custom.thresholdsStyle?.mode === "dashed" ? (thresholds?.steps ?? []) : [];
  const transparent = steps.findIndex((step) => step.color === "transparent");
  for (const [index, { value }] of steps.entries()) {
    // One far outside makes the group so high that resvg draws nothing of it.
    if (value === null || value < (scale.domain()[0] ?? 0) || value > (scale.domain()[1] ?? 0)) continue;
    // Up to the transparent step lines have the colour of what is below them (UPlotThresholds of @grafana/ui 13.0.0).
    const stroke = color(steps[transparent >= index ? index - 1 : index]?.color ?? "text");
    inside += tag("line", { ...across, y1: y(value), y2: y(value), stroke });
  }
  for (const mark of marks) {
    const at = x(mark.time);
    const stroke = color(mark.color);
    inside += tag("line", { x1: at, x2: at, y1: plot.y, y2: bottom, stroke, "stroke-dasharray": "3 3" });
    inside += tag("path", { d: `M${at - 5},${bottom}l5,-7l5,7z`, fill: stroke });
  }
  for (const { time, value } of answer.exemplars) {
    if (value > high || time < begin) continue;
    const d = `M${Math.round(x(time))},${Math.round(y(value)) - 4}l4,4l-4,4l-4,-4z`;
    inside += tag("path", { d, fill: "#6ed0e0", "fill-opacity": 0.8 });
  }
  const clip = `clip-${panel.id}`;
  result += tag("clipPath", { id: clip }, tag("rect", { x: plot.x, y: plot.y, width: plot.w, height: plot.h }));
  return result + tag("g", { "clip-path": `url(#${clip})` }, inside) + below.svg;
}

export function stat(panel: Panel, box: Box, { series: [series] }: Answer): string {
  if (series === undefined) return message(panel, box);
  const value = reduced("lastNotNull", series);
  const content = shown(panel, value);
  const fill = stepColor(panel.fieldConfig?.defaults.thresholds?.steps, value);
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
    const shape = area<readonly [number, number]>(
      ([at]) => x(at),
      bottom,
      ([, own]) => y(own),
    ).digits(1);
    result += tag("path", { d: shape(series.points) ?? "", fill, "fill-opacity": 0.2 });
    result += tag("path", { d: shape.lineY1()(series.points) ?? "", fill: "none", stroke: fill });
  }
  const middle = box.y + box.h * (graph ? 0.42 : 0.5) + size * 0.36;
  return result + text(box.x + box.w / 2, middle, content, { size, fill, anchor: "middle", bold: true });
}

export function barGauge(panel: Panel, box: Box, answer: Answer): string {
  if (answer.series.length === 0) return message(panel, box);
  const { max, min, thresholds } = panel.fieldConfig?.defaults ?? {};
  const rows = answer.series.map((series) => ({ name: series.name, value: reduced("lastNotNull", series) }));
  const high = max ?? Math.max(...rows.map(({ value }) => value));
  const low = min ?? Math.min(0, ...rows.map(({ value }) => value));
  const height = Math.min(34, box.h / rows.length);
  const size = Math.min(13, height * 0.62);
  const nameWidth = Math.min(box.w * 0.45, Math.max(...rows.map(({ name }) => textWidth(name, size))) + 10);
  const valueWidth = Math.max(...rows.map(({ value }) => textWidth(shown(panel, value), size, true))) + 8;
  const full = box.w - nameWidth - valueWidth;
  return rows
    .map(({ name, value }, index) => {
      const y = box.y + index * height;
      const middle = y + height / 2 + size * 0.36;
      const fill = stepColor(thresholds?.steps, value);
      const width = Math.max(2, full * (high === low ? 1 : Math.min(1, Math.max(0, (value - low) / (high - low)))));
      const bar = { x: box.x + nameWidth, y: y + height * 0.15, height: height * 0.7, rx: 2 };
      return (
        text(box.x + nameWidth - 8, middle, fit(name, nameWidth - 8, size), { size, anchor: "end" }) +
        tag("rect", { ...bar, width: full, fill: "#22252b" }) +
        tag("rect", { ...bar, width, fill, "fill-opacity": 0.45 }) +
        text(box.x + box.w, middle, shown(panel, value), { size, fill, anchor: "end", bold: true })
      );
    })
    .join("");
}

/** Rows with their names at the left of a plot over time. */
function rowsOf(box: Box, names: readonly string[], below: number, most: number) {
  const axis = Math.min(box.w * most, Math.max(...names.map((name) => textWidth(name, 12))) + 10);
  const plot: Box = { x: box.x + axis, y: box.y, w: box.w - axis - 4, h: box.h - below };
  const height = plot.h / names.length;
  const labels = names.map((name, index) =>
    text(plot.x - 8, plot.y + (index + 0.5) * height + 4, fit(name, axis - 8, 12), { size: 12, anchor: "end" }),
  );
  return { plot, height, x: timeScale(plot.x, plot.x + plot.w), svg: timeAxis(plot) + labels.join("") };
}

/** States over time, and what each colour means. */
export function stateTimeline(panel: Panel, box: Box, answer: Answer): string {
  const { mappings = [] } = panel.fieldConfig?.defaults ?? {};
  if (answer.series.length === 0) return message(panel, box);
  const names = answer.series.map(({ name }) => name);
  const { plot, height, x, svg: frame } = rowsOf(box, names, 44, 0.4);
  let svg = frame;
  for (const [index, series] of answer.series.entries()) {
    for (const run of runs(series.points, answer.step)) {
      for (const [place, [at, value]] of run.entries()) {
        if (run[place - 1]?.[1] === value) continue;
        const end = (run.at(-1)?.[0] ?? at) + answer.step;
        const next = run.slice(place).find(([, other]) => other !== value)?.[0] ?? end;
        const [from, to] = [Math.max(plot.x, x(at)), Math.min(plot.x + plot.w, x(next))];
        const bar = { x: from, y: plot.y + (index + 0.05) * height, width: to - from, height: height * 0.9 };
        svg += tag("rect", { ...bar, fill: color(mapped(mappings, String(value))?.color ?? "text") });
      }
    }
  }
  let place = box.x;
  for (const entry of mappings.flatMap(({ options }) => Object.values(options))) {
    const y = box.y + box.h - 14;
    svg += tag("rect", { x: place, y: y + 2, width: 12, height: 4, rx: 2, fill: color(entry.color) });
    svg += text(place + 18, y + 8, entry.text);
    place += textWidth(entry.text, 12) + 36;
  }
  return svg;
}

export function heatmap(panel: Panel, box: Box, answer: Answer): string {
  if (answer.series.length === 0) return message(panel, box);
  const bound = ({ labels }: Answered) => (labels["le"] === "+Inf" ? Infinity : Number(labels["le"]));
  const buckets = answer.series.toSorted((a, b) => bound(b) - bound(a));
  // Buckets count what is below them: each one without the next smaller one.
  const cells = buckets.flatMap((bucket, index) => {
    const smaller = new Map(buckets[index + 1]?.points ?? []);
    return bucket.points.map(([at, value]) => ({ index, at, count: Math.max(0, value - (smaller.get(at) ?? 0)) }));
  });
  const most = Math.max(...cells.map(({ count }) => count));
  const names = buckets.map((bucket) => (bound(bucket) === Infinity ? "+Inf" : shown(panel, bound(bucket))));
  const { plot, height, x, svg: frame } = rowsOf(box, names, 46, 0.4);
  let svg = frame;
  const width = Math.max(1, (plot.w * answer.step) / range);
  const heat = scaleLinear<string>().domain([0, 0.35, 1]).range(["#3a2417", "#c4601d", "#ffd9a8"]).clamp(true);
  for (const { index, at, count } of cells) {
    if (count <= 1e-9 || x(at) > plot.x + plot.w - width / 2) continue;
    const cell = { x: x(at), y: plot.y + index * height + 0.5, width: width - 1, height: height - 1 };
    svg += tag("rect", { ...cell, fill: heat(Math.sqrt(count / most)) });
  }
  const y = box.y + box.h - 14;
  for (let part = 0; part < 32; part++)
    svg += tag("rect", { x: plot.x + part * 5, y, width: 5.5, height: 8, fill: heat(Math.sqrt(part / 31)) });
  return svg + text(plot.x + 168, y + 8, `0 to ${formatValue(most, "short", 1)}`, { size: 11, fill: dimColor });
}
