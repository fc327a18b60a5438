/**
 * What one component offers another: named for the capability, not for the product that provides it. Components of
 * `monitoring/` know these and never each other; `environment.ts` hands them over.
 */
import type * as pulumi from "@pulumi/pulumi";

/** A service in the cluster. */
export interface Endpoint {
  readonly namespace: string;
  readonly service: string;
  readonly port: number;
  /** Path under which it is served, without a slash at its end; empty at the root. */
  readonly path: string;
}

/** Host and port of an endpoint inside the cluster. */
export function address(endpoint: Endpoint): string {
  return `${endpoint.service}.${endpoint.namespace}.svc:${endpoint.port}`;
}

/** URL of an endpoint inside the cluster. */
export function clusterUrl(endpoint: Endpoint): string {
  return `http://${address(endpoint)}${endpoint.path}`;
}

/** UIDs of Grafana's data sources: the names of capabilities, so that dashboards, links and bookmarks outlive a change of store. */
export const dataSourceUid = {
  metrics: "metrics",
  alerts: "alerts",
  logs: "logs",
  traces: "traces",
} as const;

/** Keeps samples and answers PromQL. */
export interface MetricsStore {
  readonly endpoint: Endpoint;
}

/** Keeps log lines. */
export interface LogStore {
  readonly endpoint: Endpoint;
  /** Grafana's data source type. */
  readonly dataSourceType: "loki";
  /** Path of Loki's push API, for log agents. */
  readonly pushPath: string;
  /** URL that takes OTLP over HTTP; an exporter adds `/v1/logs`. */
  readonly otlpUrl: string;
}

/** Keeps traces. */
export interface TraceStore {
  readonly endpoint: Endpoint;
  /** Grafana's data source type. */
  readonly dataSourceType: "jaeger";
  /** Host and port that take OTLP over gRPC. */
  readonly otlpAddress: string;
}

/** Takes OTLP from applications. */
export interface TelemetryGateway {
  readonly otlpGrpc: Endpoint;
  readonly otlpHttp: Endpoint;
}

/** A release, or anything else that has to be there first. */
export type Prerequisite = pulumi.Resource;
