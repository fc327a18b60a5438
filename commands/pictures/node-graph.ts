/** Draws who calls whom: columns from those whom nobody calls to those who call nobody, an arrow for each call. */
import type { Answer } from "./ask.ts";
import type { Panel } from "./model.ts";
import { type Box, message, palette, shown } from "./panel.ts";
import { dimColor, tag, text } from "./svg.ts";

const radius = 24;

export function nodeGraph(panel: Panel, box: Box, answer: Answer): string {
  const edges = answer.series.map(({ labels, points }) => ({
    source: labels["source"] ?? "",
    target: labels["target"] ?? "",
    value: points.at(-1)?.[1] ?? 0,
  }));
  if (edges.length === 0) return message(panel, box);
  const names = [...new Set(edges.flatMap(({ source, target }) => [source, target]))].sort();
  // The longest way from somebody whom nobody calls; as many steps as there are nodes end every circle.
  const column = new Map(names.map((name) => [name, 0]));
  for (let round = 0; round < names.length; round++)
    for (const { source, target } of edges)
      column.set(target, Math.min(names.length - 1, Math.max(column.get(target) ?? 0, (column.get(source) ?? 0) + 1)));
  const columns = [...Map.groupBy(names, (name) => column.get(name) ?? 0)].sort(([a], [b]) => a - b);
  const places = new Map<string, { readonly x: number; readonly y: number }>();
  /** Where those who call it are, on average. */
  const callers = (name: string): number => {
    const heights = edges.flatMap(({ source, target }) => (target === name ? (places.get(source)?.y ?? []) : []));
    return heights.reduce((sum, y) => sum + y, 0) / Math.max(1, heights.length);
  };
  for (const [at, [, own]] of columns.entries()) {
    const x = box.x + (box.w * (at + 0.5)) / columns.length;
    for (const [index, name] of own.sort((a, b) => callers(a) - callers(b)).entries())
      places.set(name, { x, y: box.y + (box.h * (index + 0.5)) / own.length - 8 });
  }
  let result = "";
  for (const { source, target, value } of edges) {
    const [from, to] = [places.get(source), places.get(target)];
    if (from === undefined || to === undefined || from === to) continue;
    const length = Math.hypot(to.x - from.x, to.y - from.y);
    const [dx, dy] = [(to.x - from.x) / length, (to.y - from.y) / length];
    const [x1, y1] = [from.x + dx * (radius + 4), from.y + dy * (radius + 4)];
    const [x2, y2] = [to.x - dx * (radius + 6), to.y - dy * (radius + 6)];
    result += tag("line", { x1, y1, x2, y2, stroke: dimColor });
    const [bx, by] = [x2 - dx * 8, y2 - dy * 8];
    result += tag("path", {
      d: `M${x2},${y2}L${bx - dy * 4},${by + dx * 4}L${bx + dy * 4},${by - dx * 4}z`,
      fill: dimColor,
    });
    const label = { size: 11, fill: dimColor, anchor: "middle" } as const;
    result += text((x1 + x2) / 2, (y1 + y2) / 2 - 5, shown(panel, value), label);
  }
  for (const [name, { x, y }] of places) {
    const comes = edges.filter(({ target }) => target === name).reduce((sum, { value }) => sum + value, 0);
    result += tag("circle", { cx: x, cy: y, r: radius, fill: "#22252b", stroke: palette[5] ?? "", "stroke-width": 2 });
    if (comes > 0) result += text(x, y + 4, shown(panel, comes).replace(/ .*/, ""), { size: 11, anchor: "middle" });
    result += text(x, y + radius + 15, name, { size: 12, anchor: "middle" });
  }
  return result;
}
