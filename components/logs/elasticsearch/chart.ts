/** Of the Elastic Stack; the operator's chart has its own. */
// renovate: datasource=docker depName=docker.elastic.co/elasticsearch/elasticsearch
export const version = "9.5.0";

/** What makes metrics of its API. */
// renovate: datasource=docker depName=quay.io/prometheuscommunity/elasticsearch-exporter
export const exporter = "quay.io/prometheuscommunity/elasticsearch-exporter:v1.11.0";
