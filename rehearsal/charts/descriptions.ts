/** Definitions without the descriptions of their fields, which are two thirds of what Prometheus Operator's weigh. */
import type { ChartFiles } from "./archive.ts";

/** The files of a chart; what is left of its definitions is as it was. */
export function withoutDescriptions(files: ChartFiles): ChartFiles {
  return Object.fromEntries(
    Object.entries(files).map(([path, text]) => [
      path,
      /^kind: CustomResourceDefinition$/m.test(text) ? stripped(text) : text,
    ]),
  );
}

/** By lines, because a template is not YAML. A field that is called description has none of its own on its line. */
function stripped(text: string): string {
  const kept: string[] = [];
  /** How far the description that is left out is indented; its further lines are more so. */
  let leaving: number | undefined;
  for (const line of text.split("\n")) {
    const indented = line.search(/\S/);
    if (leaving !== undefined && (indented === -1 || indented > leaving)) continue;
    leaving = /^ +description: \S/.test(line) ? indented : undefined;
    if (leaving === undefined) kept.push(line);
  }
  return kept.join("\n");
}
