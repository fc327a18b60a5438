import { expect } from "chai";
import { type MetricRelabeling, waste, wasteValues } from "../../components/metrics/exporters/metric-waste.ts";
import { chartNamed } from "../../components/catalogue.ts";
import { listFact, loadChart } from "../../contract/charts.ts";
import { at, textAt } from "../../contract/finding.ts";
import { relabel, type RelabelRule } from "../../contract/relabel.ts";
import { releases } from "../../contract/rendered.ts";
import { wholeCluster } from "../../dashboards/sample/cluster.ts";
import { programOrSkip } from "../support/program.ts";
import { defaultEnvironment } from "../support/rendered.ts";
import { queriesOf, readDashboards, readRuleFiles, rulesOf, shipped } from "./support/content.ts";
import { judge } from "./support/verdict.ts";

/** A metric that a query asks for, with the labels that it has to have. */
interface Asked {
  readonly where: string;
  readonly labels: Readonly<Record<string, string>>;
}

/** As Prometheus's configuration names the parts of a rule. */
function asConfig({ action, sourceLabels, regex }: MetricRelabeling): RelabelRule {
  return { action, source_labels: sourceLabels, regex };
}

/** Metrics of a query, with the values of its matchers: of `reason=~"A|B"` one for each. */
function askedBy(where: string, query: string): Asked[] {
  return [...query.matchAll(/(?<![\w:$"])([a-zA-Z_]\w*)\s*(?:\{([^}]*)\}|\[|(?=[\s)/*+-]|$))/g)].flatMap(
    ([, name = "", matchers = ""]) => {
      let variants: Readonly<Record<string, string>>[] = [{ __name__: name }];
      for (const [, label = "", value = ""] of matchers.matchAll(/(\w+)\s*=~?\s*"([^"]*)"/g)) {
        variants = value.split("|").flatMap((one) => variants.map((labels) => ({ ...labels, [label]: one })));
      }
      return variants.map((labels) => ({ where, labels }));
    },
  );
}

async function everythingAsked(): Promise<Asked[]> {
  const ours = [
    ...readDashboards().flatMap((file) => queriesOf(file, "prometheus")),
    ...readRuleFiles().flatMap((file) =>
      rulesOf(file).map(({ alert, record, expr }) => ({ where: `rule ${alert ?? record ?? ""}`, expr })),
    ),
  ];
  const release = releases((await defaultEnvironment()).declared).find(({ name }) => name === "kube-prometheus-stack");
  const links = ((at(release?.values, "grafana", "additionalDataSources") ?? []) as readonly unknown[]).flatMap(
    (source) =>
      ((at(source, "jsonData", "tracesToMetrics", "queries") ?? []) as readonly unknown[]).map((query) => ({
        where: "a link from traces to metrics",
        expr: textAt(query, "query") ?? "",
      })),
  );
  return [
    ...[...ours, ...links].flatMap(({ where, expr }) => askedBy(where, expr)),
    ...shipped.metrics.map((name) => ({ where: "rules of kube-prometheus-stack", labels: { __name__: name } })),
    // KubePodNotReady leaves out what waits for its scheduling gate.
    { where: "KubePodNotReady", labels: { __name__: "kube_pod_status_reason", reason: "SchedulingGated" } },
  ];
}

function dropped(asked: readonly Asked[], rules: readonly MetricRelabeling[]): string[] {
  const config = rules.map(asConfig);
  return asked
    .filter(({ labels }) => relabel(labels, config) === undefined)
    .map(({ where, labels }) => `${where}: ${JSON.stringify(labels)}`);
}

describe("what scrapes drop", () => {
  const ours: readonly MetricRelabeling[] = Object.values(waste).flat();
  const effective = {
    apiServer: wasteValues.kubeApiServer.serviceMonitor.metricRelabelings,
    cAdvisor: wasteValues.kubelet.serviceMonitor.cAdvisorMetricRelabelings,
    stateMetrics: wasteValues["kube-state-metrics"].prometheus.monitor.http.metricRelabelings,
  };

  it("is nothing that a rule, a dashboard or a link asks for, ours or kube-prometheus-stack's", async () => {
    const asked = await everythingAsked();
    const names = new Set(asked.map(({ labels }) => labels["__name__"]));
    expect(names).to.include.members([
      "kube_pod_status_reason",
      "container_memory_working_set_bytes",
      "kube_pod_owner",
    ]);
    expect(names.size).to.be.greaterThan(220);
    expect(dropped(asked, ours)).to.deep.equal([]);
  });

  it("is nothing that we ask for by what the chart drops itself, either", async () => {
    const asked = (await everythingAsked()).filter(({ where }) => where !== "rules of kube-prometheus-stack");
    expect(dropped(asked, Object.values(effective).flat())).to.deep.equal([]);
  });

  it("would be found if something needed were dropped (the check itself)", async () => {
    const asked = await everythingAsked();
    const rule = (regex: string, ...labels: string[]): MetricRelabeling => ({
      action: "drop",
      sourceLabels: ["__name__", ...labels],
      regex,
    });
    expect(dropped(asked, [rule("kube_pod_status_reason")])).to.not.deep.equal([]);
    expect(dropped(asked, [rule("kube_pod_status_reason;Evicted", "reason")])).to.not.deep.equal([]);
    expect(dropped(asked, [rule("kube_replicaset_owner")])).to.not.deep.equal([]);
    expect(dropped(asked, [rule("container_memory_working_set")])).to.deep.equal([]);
  });

  it("is the waste that it names", () => {
    const examples: readonly Readonly<Record<string, string>>[] = [
      { __name__: "etcd_request_duration_seconds_bucket" },
      { __name__: "apiserver_response_sizes_bucket" },
      { __name__: "container_memory_failures_total", scope: "container" },
      { __name__: "kube_pod_tolerations" },
      { __name__: "kube_pod_status_reason", reason: "NodeLost" },
      { __name__: "kube_replicaset_metadata_resource_version" },
    ];
    for (const labels of examples) expect(relabel(labels, ours.map(asConfig)), labels["__name__"]).to.equal(undefined);
    for (const name of ["etcd_request_duration_seconds_count", "apiserver_request_duration_seconds_bucket"])
      expect(relabel({ __name__: name }, ours.map(asConfig)), name).to.deep.equal({ __name__: name });
  });

  it("is not in the made-up cluster, which is what is left", () => {
    const rules = Object.values(effective).flat().map(asConfig);
    const left = wholeCluster().filter(
      ({ name, labels }) => relabel({ __name__: name, ...labels }, rules) === undefined,
    );
    expect([...new Set(left.map(({ name }) => name))]).to.deep.equal([]);
  });

  it("includes what the chart drops, whose list ours replaces", () => {
    const { values } = loadChart(chartNamed("kube-prometheus-stack"));
    const starts = (rules: readonly MetricRelabeling[]) => rules.map((_, index) => listFact(rules.slice(0, index + 1)));
    const monitor = (part: string, key: string) => at(values, part, "serviceMonitor", key);
    expect(starts(effective.apiServer)).to.include(monitor("kubeApiServer", "metricRelabelings"));
    expect(starts(effective.cAdvisor)).to.include(monitor("kubelet", "cAdvisorMetricRelabelings"));
    const states = ["kube-state-metrics", "prometheus", "monitor", "http", "metricRelabelings"];
    expect(at(values, ...states)).to.equal(listFact([]));
  });

  it("is accepted by Prometheus", async function () {
    const promtool = await programOrSkip(this, "promtool");
    const scrape_configs = Object.entries(effective).map(([job_name, rules]) => ({
      job_name,
      metric_relabel_configs: rules.map(asConfig),
    }));
    const { accepted, said } = judge(promtool, (file) => ["check", "config", file], { scrape_configs });
    expect(accepted, said).to.equal(true);
  });
});
