/** Of the Elastic Stack; the operator's chart has its own. */
// renovate: datasource=docker depName=docker.elastic.co/elasticsearch/elasticsearch
export const version = "9.5.0";
