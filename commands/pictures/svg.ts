/** Pieces of SVG, and the width of text in the font that the pictures are drawn with (Inter). */
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";

const require = createRequire(import.meta.url);

/** The font's files; the picture is the same wherever it is drawn. */
export const fontFiles = ["400Regular/Inter_400Regular.ttf", "600SemiBold/Inter_600SemiBold.ttf"].map((file) =>
  require.resolve(`@expo-google-fonts/inter/${file}`),
);

/** Advance widths by character, in em: read from the tables `head`, `hhea`, `hmtx` and `cmap` of an OpenType font. */
function advances(file: string): (character: string) => number {
  const font = readFileSync(file);
  const table = (tag: string): number => {
    for (let entry = 12; entry < 12 + 16 * font.readUInt16BE(4); entry += 16) {
      if (font.toString("latin1", entry, entry + 4) === tag) return font.readUInt32BE(entry + 8);
    }
    throw new Error(`${file} has no table ${tag}.`);
  };
  const unitsPerEm = font.readUInt16BE(table("head") + 18);
  const metrics = font.readUInt16BE(table("hhea") + 34);
  const hmtx = table("hmtx");
  const cmap = table("cmap");
  let segments: number | undefined;
  for (let index = 0; index < font.readUInt16BE(cmap + 2); index++) {
    const subtable = cmap + font.readUInt32BE(cmap + 4 + 8 * index + 4);
    if (font.readUInt16BE(subtable) === 4) segments = subtable;
  }
  if (segments === undefined) throw new Error(`${file} has no character map of format 4.`);
  const start = segments;
  const doubled = font.readUInt16BE(start + 6);
  const glyph = (code: number): number => {
    for (let place = 0; place < doubled; place += 2) {
      if (font.readUInt16BE(start + 14 + place) < code) continue;
      const first = font.readUInt16BE(start + 16 + doubled + place);
      if (first > code) return 0;
      const delta = font.readUInt16BE(start + 16 + 2 * doubled + place);
      const rangePlace = start + 16 + 3 * doubled + place;
      const offset = font.readUInt16BE(rangePlace);
      if (offset === 0) return (code + delta) & 0xffff;
      const found = font.readUInt16BE(rangePlace + offset + 2 * (code - first));
      return found === 0 ? 0 : (found + delta) & 0xffff;
    }
    return 0;
  };
  return (character) => {
    const index = Math.min(glyph(character.codePointAt(0) ?? 0), metrics - 1);
    return font.readUInt16BE(hmtx + 4 * index) / unitsPerEm;
  };
}

const regular = advances(fontFiles[0] ?? "");
const widths = new Map<string, number>();

/** Width of a text in pixels. Half-bold letters are a little wider. */
export function textWidth(text: string, size: number, bold = false): number {
  let sum = 0;
  for (const character of text) {
    const width = widths.get(character) ?? regular(character);
    widths.set(character, width);
    sum += width;
  }
  return sum * size * (bold ? 1.05 : 1);
}

/** The text, cut with an ellipsis where it is too long. */
export function fit(text: string, width: number, size: number, bold = false): string {
  if (textWidth(text, size, bold) <= width) return text;
  let end = text.length;
  while (end > 0 && textWidth(`${text.slice(0, end)}…`, size, bold) > width) end--;
  return `${text.slice(0, end)}…`;
}

/** The text in lines that fit: broken between words, a word alone only where it is longer than a line. */
export function wrap(text: string, width: number, size: number): string[] {
  const lines: string[] = [];
  let left = text;
  while (textWidth(left, size) > width) {
    let end = left.length;
    while (end > 1 && textWidth(left.slice(0, end), size) > width) end--;
    const space = left.lastIndexOf(" ", end);
    const cut = space > 0 ? space + 1 : end;
    lines.push(left.slice(0, cut));
    left = left.slice(cut);
  }
  return [...lines, left];
}

/** The text as XML wants it. */
export function escape(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;").replaceAll('"', "&quot;");
}

/** A tag; numbers are rounded to a tenth of a pixel. */
export function tag(
  name: string,
  attributes: Readonly<Record<string, string | number | undefined>>,
  content = "",
): string {
  const list = Object.entries(attributes)
    .filter(([, value]) => value !== undefined)
    .map(
      ([key, value]) =>
        ` ${key}="${typeof value === "number" ? String(Math.round(value * 10) / 10) : escape(value ?? "")}"`,
    );
  return content === "" ? `<${name}${list.join("")}/>` : `<${name}${list.join("")}>${content}</${name}>`;
}

export interface TextStyle {
  /** @default 12 */
  readonly size?: number;
  /** @default the colour of text */
  readonly fill?: string;
  /** @default "start" */
  readonly anchor?: "start" | "middle" | "end";
  readonly bold?: boolean;
}

export const textColor = "#ccccdc";
export const dimColor = "#9d9fad";

/** A line of text with its baseline at `y`. */
export function text(x: number, y: number, content: string, style: TextStyle = {}): string {
  const { size = 12, fill = textColor, anchor = "start", bold = false } = style;
  return tag(
    "text",
    { x, y, "font-size": size, fill, "text-anchor": anchor, "font-weight": bold ? 600 : undefined },
    escape(content),
  );
}
