/** Prometheus's relabelling, as far as scrape configurations here use it (prometheus.io/docs, "relabel_config"). */

import { remembered } from "../components/remembered.ts";

export interface RelabelRule {
  readonly source_labels?: readonly string[];
  readonly action?: string;
  readonly regex?: string;
  readonly replacement?: string;
  readonly target_label?: string;
}

const whole = remembered((regex: string) => new RegExp(`^(?:${regex})$`));

/**
 * Labels of a target after relabelling; undefined for a target that is dropped.
 * @throws for an action that is not known here
 */
export function relabel(
  labels: Readonly<Record<string, string>>,
  rules: readonly RelabelRule[],
): Readonly<Record<string, string>> | undefined {
  const result = { ...labels };
  for (const { source_labels = [], action = "replace", regex = "(.*)", replacement = "$1", target_label } of rules) {
    const value = source_labels.map((label) => result[label] ?? "").join(";");
    const match = whole(regex).exec(value);
    switch (action) {
      case "keep":
        if (match === null) return undefined;
        break;
      case "drop":
        if (match !== null) return undefined;
        break;
      case "replace":
        if (match === null) break;
        if (target_label === undefined) throw new Error("a rule that replaces names no target_label");
        result[target_label] = replacement.replaceAll(
          /\$\{?(\d+)\}?/g,
          (_, group: string) => match[Number(group)] ?? "",
        );
        break;
      default:
        throw new Error(`the action ${action} is not known here`);
    }
  }
  return result;
}
