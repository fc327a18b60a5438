/** The queries that Grafana builds from the links of its data sources, as its front end does. */
import type { GrafanaDataSource } from "../../../components/monitoring/grafana-data-sources.ts";
import { at, textAt } from "../../contract/finding.ts";

/** In provisioning files Grafana reads `$$` as `$`. */
const provisioned = (text: string) => text.replaceAll("$$", "$");

interface Tag {
  readonly key: string;
  readonly value: string;
}

/** `${__tags}`: the tags that the span or its resource has, by the other store's names. */
function tagsOf(source: GrafanaDataSource, link: string, attributes: ReadonlyMap<string, string>): string {
  return ((at(source.jsonData, link, "tags") ?? []) as readonly Tag[])
    .filter(({ key }) => attributes.has(key))
    .map(({ key, value }) => `${value}="${attributes.get(key) ?? ""}"`)
    .join(", ");
}

/** Trace to logs: the LogQL query behind the link of a span. */
export function logsOfSpan(
  source: GrafanaDataSource,
  span: { readonly traceId: string; readonly attributes: ReadonlyMap<string, string> },
): string {
  return provisioned(textAt(source.jsonData, "tracesToLogsV2", "query") ?? "")
    .replaceAll("${__tags}", tagsOf(source, "tracesToLogsV2", span.attributes))
    .replaceAll("${__trace.traceId}", span.traceId);
}

/** Trace to metrics: the PromQL query behind each link of a span, by its name. */
export function metricsOfSpan(
  source: GrafanaDataSource,
  attributes: ReadonlyMap<string, string>,
): { readonly name: string; readonly query: string }[] {
  const queries = (at(source.jsonData, "tracesToMetrics", "queries") ?? []) as readonly {
    readonly name: string;
    readonly query: string;
  }[];
  return queries.map(({ name, query }) => ({
    name,
    query: provisioned(query).replaceAll("${__tags}", tagsOf(source, "tracesToMetrics", attributes)),
  }));
}

interface DerivedField {
  readonly name: string;
  readonly matcherType: "regex" | "label";
  readonly matcherRegex: string;
  readonly url: string;
}

/** Log to trace: what each derived field that fits a line asks the store of traces for. */
export function tracesOfLine(
  source: GrafanaDataSource,
  line: { readonly text: string; readonly labels: Readonly<Record<string, string>> },
): { readonly field: string; readonly query: string }[] {
  return ((at(source.jsonData, "derivedFields") ?? []) as readonly DerivedField[]).flatMap((field) => {
    const value =
      field.matcherType === "label"
        ? Object.entries(line.labels).find(([label]) => new RegExp(`^(?:${field.matcherRegex})$`).test(label))?.[1]
        : new RegExp(field.matcherRegex).exec(line.text)?.[1];
    if (value === undefined) return [];
    return [{ field: field.name, query: provisioned(field.url).replaceAll("${__value.raw}", value) }];
  });
}
