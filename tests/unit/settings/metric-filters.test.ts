import { expect } from "chai";
import { warningsOf } from "../../../components/content.ts";
import { plan } from "../../../components/plan.ts";
import { parseSettings } from "../../../settings/parse.ts";

const read = (metricFilters: readonly object[], others: object = {}) =>
  parseSettings({ metricFilters, ...others }, { file: "Pulumi.dev.yaml", secrets: [] });

function findings(metricFilters: readonly object[], others: object = {}): string {
  try {
    read(metricFilters, others);
    return "";
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

describe("filters of metrics", () => {
  it("are taken by job, and need somebody who scrapes", () => {
    const shop = {
      job: "shop-(a|b)",
      keepMetrics: ["shop_.*", "up"],
      dropMetrics: ["shop_debug"],
      dropLabels: ["uid"],
    };
    expect(findings([shop, { job: ".*", dropLabels: ["pod_uid"] }])).to.equal("");
    expect(findings([shop], { metrics: "none" })).to.include("metricFilters cannot do without it");
  });

  for (const [what, filter, words] of [
    ["nothing to do", { job: "a" }, "metricFilters.0: has none of keepMetrics, dropMetrics and dropLabels."],
    [
      "an expression that RE2 refuses",
      { job: "(?!a)b", dropMetrics: ["a"] },
      "metricFilters.0.job: is a regular expression that Prometheus refuses",
    ],
    ["a template of Helm's", { job: "a", dropMetrics: ["a{{2}}"] }, "without blanks, $( and {{"],
    [
      "a label that tells series apart",
      { job: "a", dropLabels: ["instance"] },
      "metricFilters.0.dropLabels.0: is instance, by which series are told apart",
    ],
    [
      "an expression for a label",
      { job: "a", dropLabels: ["pod_.*"] },
      "metricFilters.0.dropLabels.0: must be a label's name",
    ],
  ] as const)
    it(`are refused with ${what}`, () => {
      expect(findings([filter])).to.include(words);
    });

  const warned = (...filters: readonly object[]) =>
    warningsOf(plan(read(filters)).chosen).map(({ path, message }) => `${path}: ${message}`);

  it("are warned of what dashboards and rules ask for, with who asks", () => {
    const [said = "", ...more] = warned({ job: ".*", dropMetrics: ["kube_pod_container_status_.*"] });
    expect(more).to.deep.equal([]);
    expect(said).to.match(/^metricFilters\.0: drops what dashboards and rules of the environment ask for: /);
    expect(said).to.match(/kube_pod_container_status_restarts_total \([^)]*dashboard Workload/);
    expect(said).to.match(/kube_pod_container_status_\w+ \([^)]*rule Container/);
    expect(warned({ job: "kube-prometheus-stack-prometheus", keepMetrics: ["up"] }).join()).to.match(
      /prometheus_tsdb_head_series \([^)]*rule PrometheusHeadSeriesGrowing/,
    );
  });

  it("are warned of what is asked for without a label, in whatever is made of it, and by a variable", () => {
    const bare = "rule job_exporter_signal:otelcol_exporter_sent:rate5m";
    expect(warned({ job: ".*", dropMetrics: ["otelcol_exporter_sent_spans"] }).join()).to.include(bare);
    expect(warned({ job: ".*", dropMetrics: ["kubelet_volume_stats_capacity_bytes"] }).join()).to.include("dashboard");
  });

  it("are not warned of what no filter reaches: what is said of a scrape, and what rules record", () => {
    expect(warned({ job: ".*", dropMetrics: ["up", "scrape_.*", "pod:.*"] })).to.deep.equal([]);
  });

  it("are not warned of what nobody asks for, nor of another job", () => {
    expect(warned({ job: ".*", dropMetrics: ["go_gc_.*"] }, { job: "shop", keepMetrics: ["shop_.*"] })).to.deep.equal(
      [],
    );
    // They are asked of Prometheus alone.
    expect(warned({ job: "shop", dropMetrics: ["prometheus_tsdb_head_.*"] })).to.deep.equal([]);
  });
});
