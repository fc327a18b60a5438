/** What the drawing of every panel shares: its place, Grafana's colours (dark theme), what the panel says of a field. */
import { scaleLinear } from "d3-scale";
import { type Answered, begin, range } from "./ask.ts";
import { formatValue } from "./format.ts";
import type { Panel, Step, ValueMapping } from "./model.ts";
import { dimColor, tag, text, textColor } from "./svg.ts";

export interface Box {
  readonly x: number;
  readonly y: number;
  readonly w: number;
  readonly h: number;
}

export const lineColor = "#2a2d33";

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
export const palette = ["#73bf69", "#f2cc0c", "#8ab8ff", "#ff780a", "#f2495c", "#5794f2", "#b877d9", "#705da0"].concat([
  "#37872d",
  "#fade2a",
  "#447ebc",
  "#c15c17",
  "#890f02",
  "#6ed0e0",
]);

export const color = (name: string): string => colors[name] ?? name;

/** What an override says of a field. */
export function setting(panel: Panel, field: string, id: string): unknown {
  const entry = panel.fieldConfig?.overrides.find(({ matcher }) => matcher.options === field);
  return entry?.properties.find((property) => property.id === id)?.value;
}

export function stepColor(steps: readonly Step[] | undefined, value: number): string {
  return color(steps?.findLast((step) => step.value === null || value >= step.value)?.color ?? "text");
}

export function mapped(mappings: readonly ValueMapping[] | undefined, value: string) {
  return mappings?.flatMap(({ options }) => (options[value] === undefined ? [] : [options[value]]))[0];
}

/** A number as the panel shows it. */
export function shown(panel: Panel, value: number, field = ""): string {
  const { unit = "none", decimals } = panel.fieldConfig?.defaults ?? {};
  return formatValue(value, (setting(panel, field, "unit") as string | undefined) ?? unit, decimals);
}

/** What stands in the middle of a panel without data. */
export function message(panel: Panel, { x, y, w, h }: Box): string {
  const content = panel.fieldConfig?.defaults.noValue ?? "No data";
  return text(x + w / 2, y + h / 2, content, { size: 15, fill: dimColor, anchor: "middle" });
}

export const timeScale = (from: number, to: number) =>
  scaleLinear()
    .domain([begin, begin + range])
    .range([from, to]);

export const clock = (seconds: number): string => new Date(seconds * 1000).toISOString().slice(11, 16);

/** Vertical lines with the time below the plot. */
export function timeAxis({ x, y, w, h }: Box): string {
  const scale = timeScale(x, x + w);
  const every = w > 500 ? 600 : 900;
  let result = "";
  for (let at = Math.ceil(begin / every) * every; at <= begin + range; at += every) {
    const place = scale(at);
    result += tag("line", { x1: place, x2: place, y1: y, y2: y + h, stroke: lineColor });
    if (place > x + 12 && place < x + w - 12)
      result += text(place, y + h + 15, clock(at), { size: 11, fill: dimColor, anchor: "middle" });
  }
  return result;
}

export const reducers: Readonly<
  Record<string, { readonly title: string; readonly of: (values: readonly number[]) => number }>
> = {
  mean: { title: "Mean", of: (values) => values.reduce((a, b) => a + b, 0) / values.length },
  max: { title: "Max", of: (values) => Math.max(...values) },
  sum: { title: "Total", of: (values) => values.reduce((a, b) => a + b, 0) },
  lastNotNull: { title: "Last *", of: (values) => values.at(-1) ?? NaN },
};

export function reduced(name: string, { points }: Answered): number {
  const reducer = reducers[name];
  if (reducer === undefined) throw new Error(`The renderer does not know the calculation ${name}.`);
  return reducer.of(points.map(([, value]) => value).filter((value) => Number.isFinite(value)));
}

/** Runs of points without a gap. */
export function runs(points: Answered["points"], step: number): (readonly [number, number])[][] {
  const result: (readonly [number, number])[][] = [];
  for (const point of points) {
    const last = result.at(-1)?.at(-1);
    if (last === undefined || point[0] - last[0] > step * 1.5) result.push([point]);
    else result.at(-1)?.push(point);
  }
  return result;
}
