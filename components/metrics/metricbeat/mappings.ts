/**
 * Fields of what Metricbeat keeps, as its own template has them (9.5, metricbeat/module/prometheus/_meta/fields.yml and x-pack's): that one
 * has some ten thousand fields of other modules beside them.
 */
const numbers = ["value", "counter", "rate"].flatMap((kind) =>
  ["long", "double"].map((found) => ({
    [`${kind}_${found}`]: {
      path_match: `prometheus.*.${kind}`,
      match_mapping_type: found,
      // Only added up and compared: an index for looking one up is as large again.
      mapping: { type: "double", index: false },
    },
  })),
);

export const mappings = {
  date_detection: false,
  dynamic_templates: [
    {
      labels: {
        path_match: "prometheus.labels.*",
        match_mapping_type: "string",
        mapping: { type: "keyword", ignore_above: 1024 },
      },
    },
    ...numbers,
  ],
  properties: { "@timestamp": { type: "date" } },
};
