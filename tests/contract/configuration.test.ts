import { expect } from "chai";
import { dataSourceUid } from "../../components/capabilities.ts";
import type { GrafanaDataSource } from "../../components/dashboards/grafana/data-sources.ts";
import { chartNamed } from "../../components/catalogue.ts";
import { collector } from "../../settings/versions.ts";
import { metricsOfSpan } from "../bench/telemetry/links.ts";
import { checkAlertmanager } from "../../contract/checks/alertmanager.ts";
import { checkCollectors } from "../../contract/checks/collector.ts";
import { checkScrapes } from "../../contract/checks/scrapes.ts";
import { checkConventions } from "../../contract/checks/conventions.ts";
import { checkDataSources } from "../../contract/checks/data-sources.ts";
import { checkFluentBit, readClassic } from "../../contract/checks/fluent-bit.ts";
import { collectorSchemas } from "../../contract/collector-schemas.ts";
import { relabel } from "../../contract/relabel.ts";
import { at, type Finding } from "../../contract/finding.ts";
import { releases, type Rendered } from "../../contract/rendered.ts";
import { programOrSkip } from "../support/program.ts";
import { allEnvironments, defaultEnvironment, expectNone, orSkip } from "../support/rendered.ts";
import { judge } from "./support/verdict.ts";

/** What a check finds after a text of the declared objects was replaced. */
async function foundAfter(what: string, by: string, check: (rendered: Rendered) => Finding[]): Promise<Finding[]> {
  const rendered = await defaultEnvironment();
  const text = JSON.stringify(rendered.declared);
  expect(text).to.include(what);
  return check({ ...rendered, declared: JSON.parse(text.replaceAll(what, by)) as Rendered["declared"] });
}

describe("Configuration of collectors", function () {
  it("is right by what every part of a pipeline needs, for every pair of choices", async () => {
    expectNone((await allEnvironments()).flatMap(({ rendered }) => checkCollectors(rendered, undefined)));
  });

  it("has only options that the components of the deployed version have", async function () {
    const schemas = await orSkip(this, "the components' schemas", collectorSchemas);
    console.log(`      schemas of the collector's modules ${schemas.version}`);
    expect(schemas.version).to.equal(`v${collector}`);
    expectNone((await allEnvironments()).flatMap(({ rendered }) => checkCollectors(rendered, schemas)));
    expect(await foundAfter("limit_percentage", "limit_percent", (r) => checkCollectors(r, schemas))).not.to.deep.equal(
      [],
    );
    expect(
      await foundAfter("pod_association", "pod_associations", (r) => checkCollectors(r, schemas)),
    ).not.to.deep.equal([]);
    expect(await foundAfter("max_traces", "maxTraces", (r) => checkCollectors(r, schemas))).not.to.deep.equal([]);
  });

  for (const [title, what, by] of [
    ["a pipeline without a processor", '"memory_limiter","k8s_attributes","batch"', '"k8s_attributes","batch"'],
    [
      "a pipeline that names an exporter nobody defines",
      '"exporters":["otlp_http/logs"]',
      '"exporters":["otlp_http/log"]',
    ],
    ["a connector that ends nowhere", '"receivers":["otlp","span_metrics","service_graph"]', '"receivers":["otlp"]'],
    [
      "spans that are not counted",
      '"exporters":["span_metrics","otlp_grpc/traces","service_graph"]',
      '"exporters":["otlp_grpc/traces","service_graph"]',
    ],
    ["span metrics that lead to no trace", '"exemplars":{"enabled":true', '"exemplars":{"enabled":false'],
    ["an attribute that links need", '"k8s.pod.name",', '"k8s.pod.ip",'],
    ["data given up while there is room for it", '"max_elapsed_time":"0s"', '"max_elapsed_time":"300s"'],
    ["a queue that goes with its container", '"storage":"file_storage"', '"storage":null'],
    ["a queue without a limit in bytes", '"sizer":"bytes"', '"sizer":"requests"'],
    ["a batch that Jaeger would refuse for its size", '"max_size":3145728', '"max_size":0'],
    ["a queue outside the volume", '"mountPath":"/var/lib/otelcol/queue"', '"mountPath":"/var/lib/otelcol"'],
    ["a volume without a limit", '"sizeLimit":"1Gi"', ""],
    ["a quantity that the operator turns into another form", '"sizeLimit":"1Gi"', '"sizeLimit":"1024Mi"'],
    ["Jaeger reading from a store it has not", '"traces":"memory"', '"traces":"main"'],
    ["Jaeger listening on another port", "0.0.0.0:16686", "0.0.0.0:16687"],
  ] as const) {
    it(`fails for ${title}`, async () => {
      expect(await foundAfter(what, by, (rendered) => checkCollectors(rendered, undefined))).not.to.deep.equal([]);
    });
  }

  it("fails for replicas that see parts of traces", async () => {
    const { settings, ...rendered } = await defaultEnvironment();
    const several = { ...settings, collector: { ...settings.collector, replicas: 3 } };
    expect(checkCollectors({ ...rendered, settings: several }, undefined).map(({ message }) => message)).to.deep.equal([
      "service_graph would see parts of traces: spans of one may come to any replica.",
    ]);
  });
});

describe("Scrapes of annotated pods", function () {
  for (const [title, what, by] of [
    ["an annotation that nobody writes", "annotation_prometheus_io_scrape", "annotation_prometheus_scrape"],
    ["an address without its port", '"replacement":"$1:$2"', '"replacement":"$1"'],
    ["pods that have ended", "(Failed|Succeeded)", "Failed"],
    ["pods of every namespace", '"namespaces":{"names":["demo"]}', '"namespaces":{}'],
    ["nobody who scrapes", '"kind":"ScrapeConfig"', '"kind":"PodMonitor"'],
  ] as const) {
    it(`fail for ${title}`, async () => {
      expect(await foundAfter(what, by, checkScrapes)).not.to.deep.equal([]);
    });
  }
});

describe("Values that say the same", function () {
  for (const [title, what, by] of [
    ["a reader that changes between replicas", '"ClientIP"', '"None"'],
    ["alerts without their metrics", '"selfMonitor":{"enabled":true}', '"selfMonitor":{"enabled":false}'],
    ["lines that no query finds", '"query_ingesters_within":"25h"', '"query_ingesters_within":"3h"'],
    ["alerts that can never fire", '"NodeSystemdServiceFailed":true', '"NodeSystemdServiceFailed":false'],
  ] as const) {
    it(`fail for ${title}`, async () => {
      expect(await foundAfter(what, by, (rendered) => checkConventions(rendered, undefined))).not.to.deep.equal([]);
    });
  }
});

describe("Relabelling", () => {
  it("keeps, drops and replaces as Prometheus does", () => {
    expect(relabel({ a: "1" }, [{ source_labels: ["a"], action: "keep", regex: "1" }])).to.deep.equal({ a: "1" });
    expect(relabel({ a: "11" }, [{ source_labels: ["a"], action: "keep", regex: "1" }])).to.equal(undefined);
    expect(relabel({ a: "1" }, [{ source_labels: ["a"], action: "drop", regex: "1" }])).to.equal(undefined);
    expect(
      relabel({ a: "x", b: "y" }, [
        { source_labels: ["a", "b"], regex: "(.+);(.+)", replacement: "$2-$1", target_label: "c" },
      ]),
    ).to.deep.equal({ a: "x", b: "y", c: "y-x" });
    expect(() => relabel({}, [{ action: "hashmod" }])).to.throw("hashmod");
  });
});

describe("Configuration of Fluent Bit", function () {
  it(`is read strictly (options of Fluent Bit 5.1, chart ${chartNamed("fluent-bit").version}), for every pair of choices`, async () => {
    expectNone((await allEnvironments()).flatMap(({ rendered }) => checkFluentBit(rendered)));
  });

  for (const [title, what, by] of [
    ["an option that a plug-in has not", "Skip_Long_Lines", "Skip_Long_Line"],
    ["a value of another kind", "Merge_Log On", "Merge_Log Onn"],
    ["a filter that no line passes", "Match kube.*", "Match kub.logs"],
    ["a label that dashboards do not know", "namespace=$kubernetes", "ns=$kubernetes"],
    ["a path that Loki has not", "/loki/api/v1/push", "/loki/api/push"],
    ["lines given up while there is room for them", "Retry_Limit no_limits", "Retry_Limit 5"],
    ["a wait of half an hour between two tries", "scheduler.cap 60", "scheduler.cap 2000"],
    ["braces, which Helm would replace", "Log_Level info", "Log_Level {{ info }}"],
    ["answers of the API server that are cut", "Buffer_Size 0", "Buffer_Size 32K"],
    ["a heading that is none", "[FILTER]", "[FILTERS]"],
  ] as const) {
    it(`fails for ${title}`, async () => {
      expect(await foundAfter(what, by, checkFluentBit)).not.to.deep.equal([]);
    });
  }

  it("reads the format", () => {
    const [section] = readClassic("# comment\n[INPUT]\n    Name tail\n    Path /a b\n");
    expect([...(section?.options ?? [])]).to.deep.equal([
      ["name", "tail"],
      ["path", "/a b"],
    ]);
    for (const wrong of [
      "Name tail",
      "[INPUT]\nName tail",
      "[INPUT]\n    Name",
      "[INPUT]\n    A b\n  C d",
      "[INPUT]\n  A b\n  a c",
    ]) {
      expect(() => readClassic(wrong), wrong).to.throw("line");
    }
  });
});

describe("Data sources", function () {
  it("are linked in every direction, for every pair of choices", async () => {
    expectNone((await allEnvironments()).flatMap(({ rendered }) => checkDataSources(rendered)));
  });

  for (const [title, what, by] of [
    ["a link to a data source that is not there", '"datasourceUid":"traces"', '"datasourceUid":"tempo"'],
    ["the chart's own UID of a data source", '"uid":"metrics"', '"uid":"prometheus"'],
    ["a pattern that does not find the id", "trace_?[iI][dD]", "trace-id"],
    ["a label that log lines have not", '"value":"namespace"', '"value":"k8s_namespace"'],
    ["a variable that Grafana replaces too early", "$${__value.raw}", "${__value.raws}"],
    ["a metric that nobody measures", "container_memory_working_set_bytes", "container_memory_bytes"],
    ["a sum that counts the pod as a whole, too", "container!=", "id!="],
  ] as const) {
    it(`fail for ${title}`, async () => {
      expect(
        await foundAfter(JSON.stringify(what).slice(1, -1).replaceAll('\\"', '"'), by, checkDataSources),
      ).not.to.deep.equal([]);
    });
  }
});

describe("Links from a span to metrics, by Prometheus's engine", function () {
  let promtool: string;
  before(async function () {
    promtool = await programOrSkip(this, "promtool");
  });

  it("count each container of the span's pod once, and no other pod's", async () => {
    const release = releases((await defaultEnvironment()).declared).find(
      ({ name }) => name === "kube-prometheus-stack",
    );
    const sources = (at(release?.values, "grafana", "additionalDataSources") ?? []) as readonly GrafanaDataSource[];
    const source = sources.find(({ uid }) => uid === dataSourceUid.traces);
    if (source === undefined) throw new Error("there is no data source of traces");
    const attributes = new Map([
      ["k8s.namespace.name", "demo"],
      ["k8s.pod.name", "kbot-1"],
    ]);
    const links = metricsOfSpan(source, { traceId: "1", spanId: "2", name: "message", attributes, start: 0, end: 0 });
    // As cAdvisor has them: two containers, the sandbox, the pod as a whole; and another pod.
    const container = { namespace: "demo", pod: "kbot-1" };
    const series: readonly (readonly [Readonly<Record<string, string>>, number])[] = [
      [{ ...container, container: "kbot" }, 3],
      [{ ...container, container: "proxy" }, 2],
      [{ ...container, container: "POD" }, 1],
      [container, 6],
      [{ ...container, pod: "kbot-2", container: "kbot" }, 100],
    ];
    const named = (metric: string, labels: Readonly<Record<string, string>>) =>
      `${metric}{${Object.entries(labels)
        .map(([label, value]) => `${label}="${value}"`)
        .join(", ")}}`;
    const counted = (sum: number) => ({
      evaluation_interval: "30s",
      // A rate is a sum of floating-point numbers.
      fuzzy_compare: true,
      tests: [
        {
          interval: "30s",
          input_series: series.flatMap(([labels, size]) => [
            { series: named("container_memory_working_set_bytes", labels), values: `${size}x20` },
            // So many seconds of a CPU per second.
            { series: named("container_cpu_usage_seconds_total", labels), values: `0+${30 * size}x20` },
          ]),
          promql_expr_test: links.map(({ query }) => ({
            expr: query,
            eval_time: "5m",
            exp_samples: [{ labels: "{}", value: sum }],
          })),
        },
      ],
    });
    expect(links.map(({ name }) => name)).to.deep.equal(["CPU of the pod", "Memory of the pod"]);
    const { accepted, said } = judge(promtool, (file) => ["test", "rules", file], counted(5));
    expect(accepted, said).to.equal(true);
    expect(judge(promtool, (file) => ["test", "rules", file], counted(12)).accepted, "the check itself").to.equal(
      false,
    );
  });
});

describe("Alertmanager's configuration", function () {
  it("names receivers, times, files and templates that are there, for every pair of choices", async () => {
    expectNone((await allEnvironments()).flatMap(({ rendered }) => checkAlertmanager(rendered)));
  });

  it("fails for each of them that is not", async () => {
    const environments = await allEnvironments();
    const full = environments.find(({ settings }) => settings.alerting?.deadMansSwitch !== undefined);
    if (full === undefined) throw new Error("no combination has a dead man's switch");
    const text = JSON.stringify(full.rendered.declared);
    for (const [what, by] of [
      ['"receiver":"chat"', '"receiver":"chta"'],
      ['"mute_time_intervals":["night"]', '"mute_time_intervals":["nigth"]'],
      ["alertmanager-receivers/bot", "alertmanager-receivers/bto"],
      ['"secrets":["alertmanager-receivers"]', '"secrets":[]'],
      ['template \\"observability.title\\"', 'template \\"observability.titel\\"'],
      ['severity=\\"none\\"', 'severity=\\"nome\\"'],
      ["kube_pod_info{", "kube_pod_inof{"],
    ] as const) {
      expect(text, what).to.include(what);
      const declared = JSON.parse(text.replaceAll(what, by)) as Rendered["declared"];
      expect(checkAlertmanager({ ...full.rendered, declared }), what).not.to.deep.equal([]);
    }
  });
});
