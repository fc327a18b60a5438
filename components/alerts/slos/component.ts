import { type Finding, namesakes } from "../../../settings/finding.ts";
import { durationSeconds, retentionSeconds } from "../../../settings/formats.ts";
import { defineComponent, type Known } from "../../component.ts";
import { namespaces } from "../../kubernetes/namespaces.ts";
import { sloRules } from "./rules.ts";
import { type Slo, slos } from "./settings.ts";

const namespace = namespaces.monitoring.name;

/** What an objective is measured by and nobody measures. */
function unmeasured(all: readonly Slo[], offered: Known["offered"]): Finding[] {
  const checks = offered("checks") ?? [];
  const bounds = offered("gateway")?.spanBounds;
  return all.flatMap(({ check, errors, latency }, index): Finding[] => {
    const path = `slos.${index}`;
    if (check !== undefined && !checks.includes(check)) {
      const known = checks.length === 0 ? "which is empty" : `which has ${checks.join(", ")}`;
      return [{ path: `${path}.check`, message: `is ${check}, and is not one of checks, ${known}. Add it there.` }];
    }
    const spans = errors !== undefined ? "errors" : latency !== undefined ? "latency" : undefined;
    if (spans !== undefined && bounds === undefined) {
      const message =
        "is measured by spans, and the gateway counts none. Set gateway to collector, or measure by ratio.";
      return [{ path: `${path}.${spans}`, message }];
    }
    if (latency === undefined || bounds === undefined) return [];
    const seconds = durationSeconds(latency.below);
    if (bounds.some((bound) => durationSeconds(bound) === seconds)) return [];
    const message = `is ${latency.below}, by which the collector does not count. Set it to one of ${bounds.join(", ")}.`;
    return [{ path: `${path}.latency.below`, message }];
  });
}

/** What is kept for less than an objective looks back. */
function forgotten(all: readonly Slo[], offered: Known["offered"]): Finding[] {
  const keeps = offered("rules")?.keeps ?? offered("metrics")?.keeps;
  const [longest] = all.map(({ window }) => window).sort((a, b) => durationSeconds(b) - durationSeconds(a));
  if (keeps === undefined || longest === undefined) return [];
  const findings: Finding[] = [];
  for (const { setting, is } of keeps.retention.slice(0, 1)) {
    if (retentionSeconds(is) >= durationSeconds(longest)) continue;
    const message = `look back ${longest}, and ${setting} is ${is}: error budgets and the slower alerts know no more than that. Set ${setting} to ${longest}.`;
    findings.push({ path: "slos", message });
  }
  if (keeps.volumes !== undefined) {
    const message = `look back ${longest}, and samples live as long as the pod that keeps them: with another pod every error budget begins anew. Set ${keeps.volumes}.`;
    findings.push({ path: "slos", message });
  }
  return findings;
}

export const slosComponent = defineComponent({
  key: "slos",
  title: "Service level objectives",
  settings: { slos },
  charts: [],
  enabled: (settings) => settings.slos.length > 0,
  needs: ["rules", "monitors"],
  after: ["monitors"],
  namespaces: () => [namespaces.monitoring],
  check: ({ slos: all }, { offered }) => [...namesakes("slos", all), ...unmeasured(all, offered)],
  warnings: ({ slos: all }, _, offered) => forgotten(all, offered),
  extras: ({ settings }) =>
    settings.slos.map((slo) => ({
      name: `slo-${slo.name}`,
      object: {
        apiVersion: "monitoring.coreos.com/v1",
        kind: "PrometheusRule",
        metadata: { name: `slo-${slo.name}`, namespace },
        spec: { groups: sloRules(slo) },
      },
    })),
});
