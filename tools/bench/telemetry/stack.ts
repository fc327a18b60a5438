/**
 * Prometheus, Loki and the collector on loopback, with the configuration that the program declares. What is changed is
 * where things are: addresses, folders, and how the API server is reached (a pod has its account's token in its file
 * system). What the operators add in a cluster is said where it is added.
 *
 * Jaeger's module cannot be built: checksums of modules that it needs are not in Go's checksum database. In its place a
 * second collector takes the spans by OTLP over gRPC and hands them to this process as JSON.
 */
import { createServer } from "node:http";
import { mkdirSync, writeFileSync } from "node:fs";
import * as path from "node:path";
import { text } from "node:stream/consumers";
import { stringify } from "yaml";
import type { Manifest } from "../../../components/kubernetes/manifest.ts";
import { freePorts, lastLines, launch, type Program, reap } from "../../../rehearsal/control-plane/processes.ts";
import { asMap, at, textAt } from "../../contract/finding.ts";
import { lokiConfig } from "../../contract/loki-config.ts";
import { obtainProgram } from "../../contract/programs.ts";
import { prometheusStart } from "../../contract/prometheus-config.ts";
import { releases } from "../../contract/rendered.ts";
import { call, eventually } from "./http.ts";

/** A span as the end of the pipeline has it. */
export interface Span {
  readonly traceId: string;
  readonly name: string;
  /** Its own attributes and its resource's. */
  readonly attributes: ReadonlyMap<string, string>;
}

export type ProgramName = "prometheus" | "loki" | "collector" | "traces";

export interface Stack {
  /** Base URLs. */
  readonly collector: string;
  readonly collectorMetrics: string;
  readonly loki: string;
  /** With the route prefix. */
  readonly prometheus: string;
  /** Without it. */
  readonly prometheusRoot: string;
  /** Spans that arrived, by trace id. */
  readonly spans: ReadonlyMap<string, readonly Span[]>;
  start(name: ProgramName): Promise<void>;
  /** Ends a program at once, as a lost node would. */
  kill(name: ProgramName): Promise<void>;
  close(): Promise<void>;
}

export interface StackArgs {
  readonly dir: string;
  readonly declared: readonly Manifest[];
  /** Path of the kubeconfig of the collector's account. */
  readonly kubeconfig: string;
  /** Port of the application's metrics, which plays the kubelet's cAdvisor too. */
  readonly application: number;
  readonly onProgress: (line: string) => void;
}

const loopback = "127.0.0.1";

/** Replaces addresses in the text of a configuration; one that is left would lead out of this machine. */
function rewrite(config: unknown, addresses: Readonly<Record<string, string>>): Record<string, unknown> {
  let result = JSON.stringify(config);
  for (const [from, to] of Object.entries(addresses)) {
    if (!result.includes(from)) throw new Error(`The declared configuration does not name ${from}.`);
    result = result.replaceAll(from, to);
  }
  const left = /0\.0\.0\.0:\d+|[a-z0-9.-]+\.svc[a-z.]*(:\d+)?/.exec(result)?.[0];
  if (left !== undefined) throw new Error(`The declared configuration names ${left}, which nothing here answers.`);
  return JSON.parse(result) as Record<string, unknown>;
}

function valuesOf(declared: readonly Manifest[], chart: string): Readonly<Record<string, unknown>> {
  const release = releases(declared).find((candidate) => candidate.chart?.name === chart);
  if (release === undefined) throw new Error(`The program declares no release of ${chart}.`);
  return release.values;
}

/** Takes OTLP as JSON from the second collector. */
async function spanSink(): Promise<{ port: number; spans: Map<string, Span[]>; close: () => void }> {
  const spans = new Map<string, Span[]>();
  interface KeyValue {
    readonly key: string;
    readonly value: { readonly stringValue?: string };
  }
  const entries = (list: unknown) =>
    ((list ?? []) as readonly KeyValue[]).map(
      ({ key, value }) => [key, value.stringValue ?? JSON.stringify(value)] as const,
    );
  const server = createServer((request, response) => {
    void text(request).then((body) => {
      for (const resource of (at(JSON.parse(body), "resourceSpans") ?? []) as readonly unknown[]) {
        for (const scope of (at(resource, "scopeSpans") ?? []) as readonly unknown[]) {
          for (const span of (at(scope, "spans") ?? []) as readonly unknown[]) {
            const traceId = textAt(span, "traceId") ?? "";
            const attributes = new Map([
              ...entries(at(resource, "resource", "attributes")),
              ...entries(at(span, "attributes")),
            ]);
            const known = spans.get(traceId) ?? [];
            spans.set(traceId, [...known, { traceId, name: textAt(span, "name") ?? "", attributes }]);
          }
        }
      }
      response.writeHead(200, { "content-type": "application/json" }).end("{}");
    });
  });
  await new Promise<void>((resolve) => server.listen(0, loopback, resolve));
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("The end of the traces has no port.");
  return {
    port: address.port,
    spans,
    close: () => {
      server.closeAllConnections();
      server.close();
    },
  };
}

/** Starts all four and waits until they are ready. */
export async function startStack(args: StackArgs): Promise<Stack> {
  const { dir, declared, onProgress } = args;
  const otelcol = await obtainProgram("otelcol");
  const programs = { prometheus: await obtainProgram("prometheus"), loki: await obtainProgram("loki") };
  const [http, grpc, exporter, internal, health, loki, lokiGrpc, lokiMembers, prometheus, traces, tracesInternal] =
    (await freePorts(11)) as [number, number, number, number, number, number, number, number, number, number, number];
  const sink = await spanSink();
  const write = (name: string, config: object): string => {
    const file = path.join(dir, `${name}.yaml`);
    writeFileSync(file, stringify(config, { lineWidth: 0 }), { mode: 0o600 });
    return file;
  };
  const address = (port: number) => `${loopback}:${port}`;
  /** As the operator sets it, where the configuration says nothing: its own metrics on a port. */
  const telemetry = (port: number) => ({
    metrics: { readers: [{ pull: { exporter: { prometheus: { host: loopback, port } } } }] },
  });

  const object = declared.find(({ kind }) => kind === "OpenTelemetryCollector");
  const collector = rewrite(at(object, "spec", "config"), {
    "0.0.0.0:4317": address(grpc),
    "0.0.0.0:4318": address(http),
    "0.0.0.0:8889": address(exporter),
    "0.0.0.0:13133": address(health),
    "jaeger-collector.monitoring.svc:4317": address(traces),
    "loki.monitoring.svc:3100": address(loki),
    "/var/lib/otelcol/queue": path.join(dir, "queue"),
  });
  Object.assign(asMap(at(collector, "processors", "k8s_attributes")) ?? {}, { auth_type: "kubeConfig" });
  for (const job of (at(collector, "receivers", "prometheus", "config", "scrape_configs") ??
    []) as readonly unknown[]) {
    for (const discovery of (at(job, "kubernetes_sd_configs") ?? []) as readonly object[]) {
      Object.assign(discovery, { kubeconfig_file: args.kubeconfig });
    }
  }
  Object.assign(asMap(collector["service"]) ?? {}, { telemetry: telemetry(internal) });

  const lokiFolder = path.join(dir, "loki");
  const lokiFile = rewrite(lokiConfig(valuesOf(declared, "loki")), {
    "/var/loki": lokiFolder,
    "loki.monitoring.svc.cluster.local:9095": address(lokiGrpc),
    "loki-memberlist.monitoring.svc.cluster.local": address(lokiMembers),
  });
  Object.assign(asMap(lokiFile["server"]) ?? {}, {
    http_listen_address: loopback,
    http_listen_port: loki,
    grpc_listen_address: loopback,
    grpc_listen_port: lokiGrpc,
  });
  // An address in `common` makes Loki take the whole ring from there: the store has to be said that it takes without it.
  Object.assign(asMap(lokiFile["common"]) ?? {}, {
    instance_addr: loopback,
    ring: { instance_addr: loopback, kvstore: { store: "memberlist" } },
  });
  Object.assign(asMap(lokiFile["memberlist"]) ?? {}, {
    bind_addr: [loopback],
    bind_port: lokiMembers,
    advertise_addr: loopback,
    advertise_port: lokiMembers,
  });

  const { config, flags } = prometheusStart(valuesOf(declared, "kube-prometheus-stack"));
  const prefix = flags.find((flag) => flag.startsWith("--web.route-prefix="))?.split("=")[1] ?? "";
  /** A target with the labels that a ServiceMonitor of the operators gives it. */
  const job = (name: string, target: string, extra: object = {}) => ({
    job_name: name,
    static_configs: [{ targets: [target], labels: { namespace: "monitoring", pod: `${name}-0`, service: name } }],
    ...extra,
  });
  const prometheusFile = {
    ...config,
    scrape_configs: [
      job("otel-collector", address(exporter)),
      job("otel-collector-monitoring", address(internal)),
      // kube-prometheus-stack's monitor of the kubelet keeps the labels that cAdvisor gives.
      job("kubelet", address(args.application), { metrics_path: "/cadvisor", honor_labels: true }),
    ],
  };

  const started: Readonly<Record<ProgramName, { readonly program: Program; readonly ready: string }>> = {
    traces: {
      program: {
        name: "traces",
        command: otelcol,
        args: [
          `--config=${write("traces", {
            receivers: { otlp: { protocols: { grpc: { endpoint: address(traces) } } } },
            exporters: {
              otlp_http: { endpoint: `http://${address(sink.port)}`, encoding: "json", compression: "none" },
            },
            service: {
              telemetry: telemetry(tracesInternal),
              pipelines: { traces: { receivers: ["otlp"], exporters: ["otlp_http"] } },
            },
          })}`,
        ],
      },
      ready: `http://${address(tracesInternal)}/metrics`,
    },
    loki: {
      program: {
        name: "loki",
        command: programs.loki,
        args: [`-config.file=${write("loki", lokiFile)}`, "-config.expand-env=true", "-target=all"],
      },
      ready: `http://${address(loki)}/ready`,
    },
    prometheus: {
      program: {
        name: "prometheus",
        command: programs.prometheus,
        args: [
          `--config.file=${write("prometheus", prometheusFile)}`,
          `--storage.tsdb.path=${path.join(dir, "prometheus")}`,
          `--web.listen-address=${address(prometheus)}`,
          ...flags,
        ],
      },
      ready: `http://${address(prometheus)}${prefix}/-/ready`,
    },
    collector: {
      program: {
        name: "collector",
        command: otelcol,
        args: [`--config=${write("collector", collector)}`],
        env: { KUBECONFIG: args.kubeconfig },
      },
      ready: `http://${address(health)}/`,
    },
  };

  const start = async (name: ProgramName): Promise<void> => {
    const { program, ready } = started[name];
    onProgress(`${name}: starting`);
    let ended = false;
    launch(dir, program).once("exit", () => (ended = true));
    const answer = await eventually(120, async () => (ended ? "ended" : call(ready).then(() => "ready")));
    if (answer !== "ready") throw new Error(`${name} is not ready. Its last lines:\n${lastLines(dir, name, 12)}`);
  };
  mkdirSync(lokiFolder, { recursive: true });
  const stack: Stack = {
    collector: `http://${address(http)}`,
    collectorMetrics: `http://${address(internal)}/metrics`,
    loki: `http://${address(loki)}`,
    prometheus: `http://${address(prometheus)}${prefix}`,
    prometheusRoot: `http://${address(prometheus)}`,
    spans: sink.spans,
    start,
    kill: async (name) => {
      onProgress(`${name}: ended`);
      await reap(dir, { only: [name] });
    },
    close: async () => {
      sink.close();
      await reap(dir);
    },
  };
  try {
    for (const name of ["traces", "loki", "prometheus", "collector"] as const) await start(name);
  } catch (error) {
    await stack.close();
    throw error;
  }
  return stack;
}
