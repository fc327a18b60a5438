/** Where in a stack file a setting stands. */
import { isMap, isNode, isPair, isSeq, LineCounter, parseDocument } from "yaml";
import type { Finding } from "./finding.ts";

/**
 * The line of a setting's key in `Pulumi.<stack>.yaml`, from 1; undefined when the file does not say it there, as for a
 * default or for a value that was given by `--config`.
 * @param path as in a {@link Finding}: `loki.retention`, `alerting.receivers.slack.0.secret`, `github:owner`
 */
function lineOf(text: string, project: string): (path: string) => number | undefined {
  const counter = new LineCounter();
  const document = parseDocument(text, { lineCounter: counter });
  return (path) => {
    let node: unknown = document.get("config", true);
    let line: number | undefined;
    let rest = path.includes(":") ? path : `${project}:${path}`;
    while (rest !== "") {
      // A name may hold dots, so the longest that is there is meant.
      const parts = rest.split(".");
      const lengths = parts.map((_, index) => parts.length - index);
      const found = lengths
        .map((length) => ({ length, entry: entryOf(node, parts.slice(0, length).join(".")) }))
        .find(({ entry }) => entry !== undefined);
      if (found?.entry === undefined) return undefined;
      line = counter.linePos(found.entry.offset).line;
      node = found.entry.value;
      rest = parts.slice(found.length).join(".");
    }
    return line;
  };
}

function entryOf(node: unknown, key: string): { readonly offset: number; readonly value: unknown } | undefined {
  if (isSeq(node)) {
    const item = /^\d+$/.test(key) ? node.items[Number(key)] : undefined;
    return isNode(item) && item.range ? { offset: item.range[0], value: item } : undefined;
  }
  if (!isMap(node)) return undefined;
  const pair = node.items.find((item) => isPair(item) && isNode(item.key) && String(item.key) === key);
  return isNode(pair?.key) && pair.key.range ? { offset: pair.key.range[0], value: pair.value } : undefined;
}

/** The findings, each with its line where the file has one; as they are when the file cannot be read as YAML. */
export function withLines(findings: readonly Finding[], text: string, project: string): Finding[] {
  const line = lineOf(text, project);
  return findings.map((finding) => {
    const found = line(finding.path);
    return found === undefined ? finding : { ...finding, line: found };
  });
}
