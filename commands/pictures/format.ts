/** Numbers as Grafana writes them: its value formats, for the units that our dashboards use (packages/grafana-data). */

/** Grafana's choice of digits where a panel says none: three significant ones, none for whole numbers. */
function digits(value: number): number {
  if (Number.isInteger(value)) return 0;
  return Math.max(0, (value > 0 ? 2 : 1) - Math.floor(Math.log10(Math.abs(value))));
}

function fixed(value: number, decimals: number | undefined): string {
  return value.toFixed(Math.min(9, decimals ?? digits(value)));
}

/** A number with one of the units that are `factor` apart. */
function scaled(factor: number, units: readonly string[]) {
  return (value: number, decimals: number | undefined): string => {
    let left = value;
    let step = 0;
    while (Math.abs(left) >= factor && step < units.length - 1) {
      left /= factor;
      step++;
    }
    return `${fixed(left, decimals)}${units[step] ?? ""}`;
  };
}

const thousands = ["", "K", "M", "B", "T"];
const decimalBytes = ["B/s", "kB/s", "MB/s", "GB/s", "TB/s"].map((unit) => ` ${unit}`);
const binaryBytes = ["B", "KiB", "MiB", "GiB", "TiB"];

/** Times a second: `12.3 req/s`. */
const perSecond = (what: string) =>
  scaled(
    1000,
    thousands.map((prefix) => `${prefix === "" ? "" : ` ${prefix}`} ${what}`),
  );

function seconds(value: number, decimals: number | undefined): string {
  const size = Math.abs(value);
  const steps: readonly (readonly [below: number, divisor: number, unit: string])[] = [
    [1e-6, 1e-9, "ns"],
    [1e-3, 1e-6, "µs"],
    [1, 1e-3, "ms"],
    [60, 1, "s"],
    [3600, 60, "min"],
    [86_400, 3600, "hour"],
    [604_800, 86_400, "day"],
    [31_536_000, 604_800, "week"],
  ];
  if (size === 0) return "0 s";
  const [, divisor, unit] = steps.find(([below]) => size < below) ?? [0, 31_536_000, "year"];
  return `${fixed(value / divisor, decimals)} ${unit}`;
}

/** The largest unit that fits, and as many smaller ones as there are decimals: `2 months`, `11 days`. */
function duration(value: number, decimals = 0): string {
  const units: readonly (readonly [name: string, seconds: number])[] = [
    ["year", 31_536_000],
    ["month", 2_592_000],
    ["week", 604_800],
    ["day", 86_400],
    ["hour", 3600],
    ["minute", 60],
    ["second", 1],
  ];
  let left = Math.abs(value);
  const parts: string[] = [];
  for (const [name, size] of units) {
    const count = Math.floor(left / size);
    if (count === 0 && parts.length === 0) continue;
    if (count > 0) parts.push(`${count} ${name}${count === 1 ? "" : "s"}`);
    left -= count * size;
    if (parts.length > decimals) break;
  }
  return parts.length === 0 ? "0 seconds" : parts.join(", ") + (value < 0 ? " ago" : "");
}

const formats: Readonly<Record<string, (value: number, decimals: number | undefined) => string>> = {
  short: scaled(
    1000,
    ["", "K", "Mil", "Bil", "Tri"].map((unit) => (unit === "" ? "" : ` ${unit}`)),
  ),
  none: fixed,
  string: fixed,
  percentunit: (value, decimals) => `${fixed(value * 100, decimals)}%`,
  s: seconds,
  dtdurations: duration,
  bytes: scaled(
    1024,
    binaryBytes.map((unit) => ` ${unit}`),
  ),
  binBps: scaled(
    1024,
    binaryBytes.map((unit) => ` ${unit}/s`),
  ),
  Bps: scaled(1000, decimalBytes),
  ops: perSecond("ops/s"),
  reqps: perSecond("req/s"),
  cps: perSecond("c/s"),
};

/**
 * A number with its unit.
 * @throws Error for a unit that is not known here
 */
export function formatValue(value: number, unit: string, decimals?: number): string {
  const suffix = /^suffix: ?(.*)$/.exec(unit)?.[1];
  if (suffix !== undefined) return `${fixed(value, decimals)} ${suffix}`;
  const format = formats[unit];
  if (format === undefined) throw new Error(`commands/pictures/format.ts does not know the unit ${unit}.`);
  return format(value, decimals);
}

/** The marks of an axis: those that share a unit have as many digits as tell them apart. */
export function formatTicks(ticks: readonly number[], unit: string): string[] {
  const unitOf = (tick: number) => formatValue(tick, unit, 0).replace(/^[-\d.]+/, "");
  const decimals = new Map<string, number>();
  for (const tick of ticks) {
    const precise = Number.parseFloat(formatValue(tick, unit, 6));
    const shown = (count: number) => Number.parseFloat(formatValue(tick, unit, count));
    let count = 0;
    while (count < 3 && Math.abs(shown(count) - precise) > Math.abs(precise) * 1e-4) count++;
    decimals.set(unitOf(tick), Math.max(count, decimals.get(unitOf(tick)) ?? 0));
  }
  return ticks.map((tick) => formatValue(tick, unit, decimals.get(unitOf(tick)) ?? 0));
}
