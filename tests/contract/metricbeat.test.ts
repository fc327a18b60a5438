/**
 * What Metricbeat is told and given, by strict readers of ours: its module is not to be had as one of Go, and the form of what it keeps is under
 * Elastic's licence, so keys and fields are those of its documentation (Metricbeat 9.5, "Prometheus remote_write metricset", "Configure the
 * Elasticsearch output", "drop_fields"; Elasticsearch 9.5, "Dynamic templates"), and nobody has seen it run.
 */
import { expect } from "chai";
import { metricbeatComponent } from "../../components/metrics/metricbeat/component.ts";
import { stream } from "../../components/metrics/metricbeat/names.ts";
import { plan, prerequisites } from "../../components/plan.ts";
import { type DocumentedKeys, keyMistakes } from "../../contract/documented-keys.ts";
import { asMap, at } from "../../contract/finding.ts";
import { relabel } from "../../contract/relabel.ts";
import { render } from "../../contract/rendered.ts";
import { type SettingsInput, settingsSchema } from "../../settings/schema.ts";
import { misspellings } from "./support/verdict.ts";

const known: DocumentedKeys = {
  sections: {
    metricbeat: { modules: "list <module>" },
    processors: "list <processor>",
    output: { elasticsearch: "<elasticsearch>" },
    setup: { template: { enabled: "boolean" }, ilm: { enabled: "boolean" } },
  },
  blocks: {
    module: {
      ...{ module: "string", metricsets: "list of strings", host: "string", port: "int", period: "duration" },
      ...{ use_types: "boolean", rate_counters: "boolean" },
    },
    processor: { drop_fields: { fields: "list of strings", ignore_missing: "boolean" } },
    elasticsearch: {
      ...{ hosts: "list of strings", username: "string", password: "string", index: "string" },
      ssl: { certificate_authorities: "list of strings" },
    },
  },
};

/** A configuration with what dots in its keys stand for, as Beats read it. */
function expanded(config: unknown): unknown {
  const map = asMap(config);
  if (map === undefined) return Array.isArray(config) ? config.map(expanded) : config;
  const result: Record<string, unknown> = {};
  for (const [key, value] of Object.entries(map)) {
    const [first = "", ...rest] = key.split(".");
    const below = expanded(rest.length === 0 ? value : { [rest.join(".")]: value });
    result[first] = asMap(result[first]) === undefined ? below : { ...asMap(result[first]), ...asMap(below) };
  }
  return result;
}

const under = { logs: "elasticsearch", metricbeat: { enabled: true } } as const;

describe("Metricbeat (by strict readers; it runs nowhere here)", () => {
  it("is told what its documentation knows, and any key that is misspelt is refused", async () => {
    const { declared } = await render({ settings: under });
    const config = expanded(at(declared.find(({ kind }) => kind === "Beat")?.["spec"], "config"));
    const faults = (one: unknown) => keyMistakes("Metricbeat 9.5", known, () => false, one);
    expect(faults(config)).to.deep.equal([]);
    const all = [...misspellings(config)];
    expect(all.length).to.be.greaterThan(18);
    expect(all.filter((one) => faults(one.config).length === 0).map(({ path }) => path)).to.deep.equal([]);
    // Of a text that Kubernetes or Beats would fill in there is one.
    expect([...JSON.stringify(config).matchAll(/\$[({]\w+/g)].map(([text]) => text)).to.deep.equal([
      "${ELASTICSEARCH_PASSWORD",
    ]);
  });

  const offers = metricbeatComponent.offers?.(settingsSchema.parse(under)) ?? {};
  const [kept = expect.fail("keeps nothing")] = offers.elasticStreams ?? [];
  const like = (pattern: string, text: string) =>
    new RegExp(`^${pattern.replaceAll(".", "\\.").replaceAll("*", ".*")}$`).test(text);

  it("keeps numbers as numbers and labels as words, whichever form a number has in JSON", () => {
    const templates = at(kept.mappings, "dynamic_templates") as readonly Readonly<Record<string, unknown>>[];
    const typeOf = (path: string, value: unknown) => {
      const found = typeof value === "string" ? "string" : Number.isInteger(value) ? "long" : "double";
      const rule = templates
        .flatMap((one) => Object.values(one))
        .find((one) => like(String(at(one, "path_match")), path) && at(one, "match_mapping_type") === found);
      return at(rule, "mapping", "type");
    };
    for (const [path, value, type] of [
      ["prometheus.labels.pod", "shop-0", "keyword"],
      // A label may be called as a number is.
      ["prometheus.labels.value", "1", "keyword"],
      ["prometheus.up.value", 1, "double"],
      ["prometheus.node_load1.value", 0.25, "double"],
      ["prometheus.http_requests_total.counter", 7, "double"],
      ["prometheus.http_requests_total.rate", 0.5, "double"],
      ["prometheus.http.server.value", 2, "double"],
    ] as const)
      expect(typeOf(path, value), path).to.equal(type);
  });

  it("writes to a stream of ours, which its user may and no template of Elasticsearch's own forms", () => {
    expect(like(kept.pattern, stream)).to.equal(true);
    const [user] = offers.elasticUsers ?? [];
    expect(user?.indices).to.deep.equal([{ names: [kept.pattern], privileges: ["auto_configure", "create_doc"] }]);
    for (const own of ["metrics-*.prometheus-*", "metrics-*.otel-*", "metrics-apm*", "metricbeat-*"])
      expect(like(own, stream), own).to.equal(false);
  });

  const sent = (settings: SettingsInput) => {
    const [target] = metricbeatComponent.offers?.(settingsSchema.parse({ ...under, ...settings })).remoteWrite ?? [];
    const rules = target?.relabelings.map(({ sourceLabels, ...rule }) => ({
      ...(sourceLabels === undefined ? {} : { source_labels: sourceLabels }),
      ...rule,
    }));
    return (metric: string) => relabel({ __name__: metric }, rules ?? []) !== undefined;
  };

  it("is sent what people see in Kibana, or what the setting says, and buckets never", () => {
    const usual = sent({});
    expect(["up", "container_memory_working_set_bytes", "node_filesystem_size_bytes"].filter(usual)).to.have.length(3);
    expect(["upx", "go_goroutines", "apiserver_request_duration_seconds_bucket"].filter(usual)).to.deep.equal([]);
    const all = sent({ metricbeat: { enabled: true, keepMetrics: [".*"], dropMetrics: ["go_.*"] } });
    expect(["up", "a_sum", "a_bucket", "a_bucket_total", "go_goroutines"].filter(all)).to.deep.equal([
      "up",
      "a_sum",
      "a_bucket_total",
    ]);
  });

  it("waits for Elasticsearch, for whose template it would come too early, and nobody who sends to it waits for either", () => {
    const { chosen } = plan(settingsSchema.parse(under));
    const before = (key: string) => {
      const one = chosen.find(({ component }) => component.key === key) ?? expect.fail(key);
      return prerequisites(chosen, one).map(({ component }) => component.key);
    };
    expect(before("metricbeat")).to.include.members(["elasticsearch", "eckOperator"]);
    expect(before("kubePrometheusStack")).to.not.include.members(["metricbeat"]);
    expect(before("kubePrometheusStack")).to.not.include.members(["elasticsearch"]);
  });
});
