/** Labels that a query names, against those that the platform's series and log lines have. */
import { readFileSync } from "node:fs";
import * as path from "node:path";
import { ownHome } from "../components/gitops/names.ts";
import { namespaces } from "../components/kubernetes/namespaces.ts";
import { shapedSeries } from "../dashboards/sample/cluster.ts";
import { indexedAttributes, labelOf } from "./logql/entries.ts";
import { componentFiles } from "./component-files.ts";
import { dashboardPaths, ruleFiles } from "./flux-repo.ts";
import { logLabels } from "./checks/fluent-bit.ts";

const root = path.resolve(import.meta.dirname, "..");

/** Series that tests know, in promtool's form: of the made-up cluster, and of the rules' unit tests. */
function series(): string[] {
  const cluster = shapedSeries().map(
    ({ name, labels }) =>
      `${name}{${Object.entries(labels)
        .map(([label, value]) => `${label}="${value}"`)
        .join(", ")}}`,
  );
  const inTests = componentFiles("content/*.test.yaml").flatMap((file) =>
    [...readFileSync(file, "utf8").matchAll(/^\s*- series: (['"]?)(.*)\1$/gm)].map(([, , text = ""]) => text),
  );
  return [...cluster, ...inTests];
}

/** Labels of those series, of our recorded series, of log lines, and those that functions make. */
function known(): ReadonlySet<string> {
  const found = series().flatMap((text) => [...text.matchAll(/(\w+)=\\?"/g)].map(([, label = ""]) => label));
  // Structured metadata and parsed fields of log lines; a rule's own label; the name of a metric.
  return new Set([
    ...found,
    ...Object.keys(logLabels),
    ...indexedAttributes.map(labelOf),
    // Made by a pipeline of ours.
    "line",
    ...["le", "__name__", "signal", "level", "trace_id", "detected_level", "stream", "service_name", "__error__"],
  ]);
}

let labels: ReadonlySet<string> | undefined;

/** Labels of a query's selectors and groupings that nothing has. */
export function unknownLabels(query: string): string[] {
  labels ??= known();
  // In a selector, and in a filter of a LogQL pipeline.
  const selected = [...query.matchAll(/(?:[{,|]|\bor\b)\s*(\w+)\s*(?:=~|!~|!=|=)\s*["`]/g)].map(
    ([, label = ""]) => label,
  );
  const grouped = [...query.matchAll(/\b(?:by|without|on|ignoring|group_left|group_right)\s*\(([^)]*)\)/g)].flatMap(
    ([, list = ""]) => list.split(",").map((label) => label.trim()),
  );
  return [...selected, ...grouped].filter(
    (label) => label !== "" && labels?.has(label) !== true && !label.startsWith("$"),
  );
}

let metrics: ReadonlySet<string> | undefined;

/** Metrics of those series, and what rules record: ours, and those that kube-prometheus-stack ships. */
function knownMetrics(): ReadonlySet<string> {
  const records = ruleFiles(root).flatMap((file) =>
    [...readFileSync(path.join(root, file), "utf8").matchAll(/record: (\S+)/g)].map(([, name = ""]) => name),
  );
  const shipped = JSON.parse(readFileSync(path.join(root, "contract/facts/shipped-rules.json"), "utf8")) as {
    readonly records: readonly string[];
  };
  const recorded = series().map((text) => /^[a-zA-Z_:][\w:]*/.exec(text)?.[0] ?? "");
  return new Set([...recorded, ...records, ...shipped.records]);
}

const keywords = /^(by|without|on|ignoring|group_left|group_right|and|or|unless|bool|offset|inf|nan|atan2|Inf|NaN)$/;

/** Metrics that a PromQL query names and that no series of the tests has. */
export function unknownMetrics(query: string): string[] {
  metrics ??= knownMetrics();
  const bare = query
    .replaceAll(/"(?:[^"\\]|\\.)*"|`[^`]*`/g, '""')
    .replaceAll(/\{[^}]*\}/g, "")
    .replaceAll(/\[[^\]]*\]/g, "")
    .replaceAll(/\b(by|without|on|ignoring|group_left|group_right)\s*\([^)]*\)/g, "");
  const names = [...bare.matchAll(/(?<![\w:$])[a-zA-Z_:][\w:]*(?!\s*\(|[\w:])/g)].map(([name]) => name);
  return names.filter((name) => !keywords.test(name) && metrics?.has(name) !== true);
}

let variables: ReadonlySet<string> | undefined;

/** Variables that a panel's query names and that no dashboard has, nor Grafana itself. */
export function unknownVariables(query: string): string[] {
  variables ??= new Set(
    [...dashboardPaths(root).values()].flatMap((file) =>
      (
        JSON.parse(readFileSync(path.join(root, file), "utf8")) as {
          readonly templating: { readonly list: readonly { readonly name: string }[] };
        }
      ).templating.list.map(({ name }) => name),
    ),
  );
  const named = [...query.matchAll(/\$\{?(\w+)/g)].map(([, name = ""]) => name);
  const unclosed = [...query.matchAll(/\$\{\w+(?::\w+)?(?![\w:}])/g)].map(([text]) => text);
  return [...unclosed, ...named].filter(
    (name) => !/^__(rate_interval|range|auto|interval)$/.test(name) && variables?.has(name) !== true,
  );
}

/** Values of stream labels that a LogQL query selects and that no line can have: another job, another namespace. */
export function unknownStreams(query: string): string[] {
  const selectors = [...query.matchAll(/(\w+)\s*=~?\s*"([^"]*)"/g)].map(([, label = "", value = ""]) => ({
    label,
    value,
  }));
  const wrong = (label: string, right: (value: string) => boolean) =>
    selectors
      .filter((selector) => selector.label === label && !selector.value.includes("$"))
      .flatMap(({ value }) => value.split("|"))
      .filter((value) => !right(value));
  return [
    ...wrong("job", (value) => value === logLabels["job"]),
    ...wrong("namespace", (value) => [ownHome.namespace, ...Object.values(namespaces)].some((name) => name === value)),
  ];
}
