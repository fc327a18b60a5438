/**
 * Prometheus, Jaeger and the collector on loopback, with the configuration that the program declares, and VictoriaLogs as a
 * stand-in for Loki. What is changed is where things are: addresses, folders, and how the API server is reached (a pod has
 * its account's token in its file system). What the operators add in a cluster is said where it is added.
 */
import { spawnSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import * as path from "node:path";
import { stringify } from "yaml";
import { olderProtocols, type OlderProtocol } from "../../../components/agents/collector/protocols.ts";
import type { Manifest } from "../../../components/kubernetes/manifest.ts";
import { freePorts, lastLines, launch, type Program, reap } from "../../../rehearsal/control-plane/processes.ts";
import { asMap, at } from "../../../contract/finding.ts";
import { obtainProgram } from "../../../contract/readers.ts";
import { prometheusStart } from "../../../contract/prometheus-config.ts";
import { releases } from "../../../contract/rendered.ts";
import { scrapeJob } from "../../../contract/scrape-job.ts";
import type { Pod } from "./cluster.ts";
import { call, eventually, getJson } from "../../../rehearsal/http-client.ts";

/** A span as Jaeger tells of it. */
export interface Span {
  readonly traceId: string;
  readonly spanId: string;
  readonly name: string;
  /** Its own attributes and its resource's. */
  readonly attributes: ReadonlyMap<string, string>;
  /** Milliseconds since 1970. */
  readonly start: number;
  readonly end: number;
}

export type ProgramName = "prometheus" | "logs" | "collector" | "jaeger";

export interface Stack {
  /** Base URLs. */
  readonly collector: string;
  /** Ports on which the collector takes what older clients send. */
  readonly olderPorts: Readonly<Record<OlderProtocol, number>>;
  readonly collectorMetrics: string;
  /** The stand-in for Loki. */
  readonly logs: string;
  /** Jaeger's query service. */
  readonly jaeger: string;
  /** With the route prefix. */
  readonly prometheus: string;
  /** Without it. */
  readonly prometheusRoot: string;
  /** Name and version of each program, as it says. */
  readonly versions: Readonly<Record<ProgramName, string>>;
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
  /** Objects that Flux applies: the application's ServiceMonitor, and the rules. */
  readonly content: readonly Manifest[];
  /** The application's pod. Its metrics' port plays the kubelet's cAdvisor too. */
  readonly application: { readonly port: number; readonly pod: Pod };
  readonly onProgress: (line: string) => void;
}

const loopback = "127.0.0.1";

/** Lines stay as they are pushed, and what was sent can be asked for at once. */
const logFlags = ["-loki.disableMessageParsing", "-inmemoryDataFlushInterval=1s", "-loggerLevel=WARN"];

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

/**
 * The spans of a trace, by the request that Grafana's data source makes.
 *
 * @param jaeger base URL of the query service
 * @throws Error when Jaeger has no such trace
 */
export async function spansOf(jaeger: string, traceId: string): Promise<readonly Span[]> {
  interface Tag {
    readonly key: string;
    readonly value: unknown;
  }
  interface Trace {
    readonly spans: readonly {
      readonly traceID: string;
      readonly spanID: string;
      readonly processID: string;
      readonly operationName: string;
      /** Microseconds. */
      readonly startTime: number;
      readonly duration: number;
      readonly tags: readonly Tag[];
    }[];
    readonly processes: Readonly<Record<string, { readonly serviceName: string; readonly tags: readonly Tag[] }>>;
  }
  const { data } = await getJson<{ readonly data: readonly Trace[] }>(`${jaeger}/api/traces/${traceId}`);
  return data.flatMap(({ spans, processes }) =>
    spans.map((span) => {
      const process = processes[span.processID];
      const tags = [...(process?.tags ?? []), ...span.tags].map(({ key, value }) => [key, String(value)] as const);
      return {
        traceId: span.traceID,
        spanId: span.spanID,
        name: span.operationName,
        attributes: new Map([["service.name", process?.serviceName ?? ""], ...tags]),
        start: span.startTime / 1000,
        end: (span.startTime + span.duration) / 1000,
      };
    }),
  );
}

/**
 * The scrape job that the operator makes of a ServiceMonitor, with the one target that its Service would lead to.
 */
function monitorJob(monitor: Manifest, target: string, labels: Readonly<Record<string, string>>): object {
  const [endpoint, another] = (at(monitor, "spec", "endpoints") ?? []) as readonly unknown[];
  if (endpoint === undefined || another !== undefined) throw new Error("The ServiceMonitor has not one endpoint.");
  const limit = (from: string, to: string) => {
    const value = at(monitor, "spec", from);
    return value === undefined ? {} : { [to]: value };
  };
  return {
    job_name: monitor.metadata.name,
    scrape_interval: at(endpoint, "interval"),
    metrics_path: at(endpoint, "path"),
    ...limit("sampleLimit", "sample_limit"),
    ...limit("labelLimit", "label_limit"),
    ...limit("labelValueLengthLimit", "label_value_length_limit"),
    static_configs: [{ targets: [target], labels }],
  };
}

/** A program's name with the version that it tells. */
function said(name: string, command: string, args: readonly string[]): string {
  const { stdout, stderr } = spawnSync(command, args, { encoding: "utf8" });
  const version = /(?:version |"GitVersion": ?"|v)v?(\d+\.\d+\.\d+)/i.exec(stdout + stderr)?.[1];
  if (version === undefined) throw new Error(`${command} does not say its version.`);
  return `${name} ${version}`;
}

/** Starts all four and waits until they are ready. */
export async function startStack(args: StackArgs): Promise<Stack> {
  const { dir, declared, onProgress } = args;
  const otelcol = await obtainProgram("otelcol");
  const programs = {
    prometheus: await obtainProgram("prometheus"),
    logs: await obtainProgram("victorialogs"),
    jaeger: await obtainProgram("jaeger"),
  };
  const ports = await freePorts(18);
  const port = () => ports.pop() ?? 0;
  const [http, grpc, exporter, internal, health] = [port(), port(), port(), port(), port()];
  const [logs, prometheus] = [port(), port()];
  const [traces, tracesHttp, tracesQuery, tracesQueryGrpc] = [port(), port(), port(), port()];
  const [tracesHealth, tracesInternal] = [port(), port()];
  const write = (name: string, config: object): string => {
    const file = path.join(dir, `${name}.yaml`);
    writeFileSync(file, stringify(config, { lineWidth: 0 }), { mode: 0o600 });
    return file;
  };
  const address = (port: number) => `${loopback}:${port}`;

  const olderPorts = Object.fromEntries(
    Object.keys(olderProtocols).map((name) => [name, port()]),
  ) as Stack["olderPorts"];
  const object = declared.find(({ kind }) => kind === "OpenTelemetryCollector");
  const collector = rewrite(at(object, "spec", "config"), {
    "0.0.0.0:4317": address(grpc),
    "0.0.0.0:4318": address(http),
    ...Object.fromEntries(
      Object.entries(olderProtocols).map(([name, known]) => [
        `0.0.0.0:${known.port}`,
        address(olderPorts[name as OlderProtocol]),
      ]),
    ),
    "0.0.0.0:8889": address(exporter),
    "0.0.0.0:13133": address(health),
    "jaeger-collector.monitoring.svc:4317": address(traces),
    "loki.monitoring.svc:3100": address(logs),
    "/var/lib/otelcol/queue": path.join(dir, "queue"),
  });
  Object.assign(asMap(at(collector, "processors", "k8s_attributes")) ?? {}, { auth_type: "kubeConfig" });
  // As the operator sets it, where the configuration says nothing: its own metrics on a port.
  Object.assign(asMap(collector["service"]) ?? {}, {
    telemetry: { metrics: { readers: [{ pull: { exporter: { prometheus: { host: loopback, port: internal } } } }] } },
  });

  const jaeger = rewrite(at(valuesOf(declared, "jaeger"), "userconfig"), {
    "0.0.0.0:4317": address(traces),
    "0.0.0.0:4318": address(tracesHttp),
    "0.0.0.0:16686": address(tracesQuery),
    "0.0.0.0:16685": address(tracesQueryGrpc),
    "0.0.0.0:13133": address(tracesHealth),
  });
  Object.assign(
    asMap(at(jaeger, "service", "telemetry", "metrics", "readers", 0, "pull", "exporter", "prometheus")) ?? {},
    {
      host: loopback,
      port: tracesInternal,
    },
  );

  const { config, flags } = prometheusStart(valuesOf(declared, "kube-prometheus-stack"));
  const prefix = flags.find((flag) => flag.startsWith("--web.route-prefix="))?.split("=")[1] ?? "";
  /** A target with the labels that a ServiceMonitor of the operators gives it. */
  const job = (name: string, target: string, extra: object = {}) => ({
    job_name: name,
    static_configs: [{ targets: [target], labels: { namespace: "monitoring", pod: `${name}-0`, service: name } }],
    ...extra,
  });
  const { pod } = args.application;
  const monitor = args.content.find(({ kind, metadata }) => kind === "ServiceMonitor" && metadata.name === "kbot");
  if (monitor === undefined) throw new Error("Flux applies no ServiceMonitor of the application.");
  const annotated = declared.find(({ kind }) => kind === "ScrapeConfig");
  if (annotated === undefined) throw new Error("The program declares no ScrapeConfig.");
  const pods = scrapeJob(annotated);
  const rules = args.content.filter(({ kind }) => kind === "PrometheusRule");
  const prometheusFile = {
    ...config,
    rule_files: rules.map((rule) => write(`rules-${rule.metadata.name}`, asMap(rule["spec"]) ?? {})),
    scrape_configs: [
      monitorJob(monitor, address(args.application.port), {
        namespace: pod.namespace,
        pod: pod.name,
        container: pod.container,
        service: monitor.metadata.name,
        endpoint: "metrics",
      }),
      {
        ...pods,
        kubernetes_sd_configs: (pods.kubernetes_sd_configs ?? []).map((discovery) => ({
          ...discovery,
          // A pod of Prometheus has its account's; here it is the collector's, which may read pods, too.
          kubeconfig_file: args.kubeconfig,
        })),
      },
      job("otel-collector", address(exporter)),
      job("otel-collector-monitoring", address(internal)),
      // kube-prometheus-stack's monitor of the kubelet keeps the labels that cAdvisor gives.
      job("kubelet", address(args.application.port), { metrics_path: "/cadvisor", honor_labels: true }),
    ],
  };

  const started: Readonly<Record<ProgramName, { readonly program: Program; readonly ready: string }>> = {
    jaeger: {
      program: { name: "jaeger", command: programs.jaeger, args: [`--config=${write("jaeger", jaeger)}`] },
      ready: `http://${address(tracesHealth)}/status`,
    },
    logs: {
      program: {
        name: "logs",
        command: programs.logs,
        args: [`-storageDataPath=${path.join(dir, "logs")}`, `-httpListenAddr=${address(logs)}`, ...logFlags],
      },
      ready: `http://${address(logs)}/ready`,
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
  const stack: Stack = {
    collector: `http://${address(http)}`,
    olderPorts,
    collectorMetrics: `http://${address(internal)}/metrics`,
    logs: `http://${address(logs)}`,
    prometheus: `http://${address(prometheus)}${prefix}`,
    prometheusRoot: `http://${address(prometheus)}`,
    versions: {
      prometheus: said("Prometheus", programs.prometheus, ["--version"]),
      logs: said("VictoriaLogs", programs.logs, ["-version"]),
      jaeger: said("Jaeger", programs.jaeger, ["version"]),
      collector: said("OpenTelemetry Collector", otelcol, ["--version"]),
    },
    jaeger: `http://${address(tracesQuery)}`,
    start,
    kill: async (name) => {
      onProgress(`${name}: ended`);
      await reap(dir, { only: [name] });
    },
    close: async () => {
      await reap(dir);
    },
  };
  try {
    for (const name of ["jaeger", "logs", "prometheus", "collector"] as const) await start(name);
  } catch (error) {
    await stack.close();
    throw error;
  }
  return stack;
}
