/**
 * Made-up log lines of the made-up cluster, in the two forms in which lines reach Loki: as the log agent pushes what a
 * container wrote (components/monitoring/fluent-bit.ts), and as the collector sends log records by OTLP
 * (components/monitoring/opentelemetry-collector.ts).
 */
import { logLabels } from "../../contract/checks/fluent-bit.ts";
import { type Entry, type OtlpBody, type PushBody, pushed, received } from "../../logql/entries.ts";
import { type Pod, newKbot, oldKbot, podinfos, pods } from "./cluster.ts";
import { chance, end, kills, load, rollout, trouble } from "./shapes.ts";

/** A line of a container, as the log agent has it: merged fields of a JSON line, or the text under `log`. */
export interface AgentLine {
  /** Unix milliseconds. */
  readonly time: number;
  readonly pod: Pod;
  readonly fields: Readonly<Record<string, string | number>>;
}

/** A log record sent by OTLP. */
export interface OtlpRecord {
  /** Unix milliseconds. */
  readonly time: number;
  readonly pod: Pod;
  readonly text: string;
  readonly severity: "INFO" | "WARN" | "ERROR";
  readonly traceId: string;
}

/** Minutes of lines before the end. */
const span = 60;

function hex(text: string, digits: number): string {
  let result = "";
  for (let part = 0; result.length < digits; part++) {
    result += Math.floor(chance(`${text} ${part}`) * 0xffff_ffff)
      .toString(16)
      .padStart(8, "0");
  }
  return result.slice(0, digits);
}

/** Times of things that happen `perMinute` times a minute, in milliseconds and in minutes before the end. */
function happenings(
  of: string,
  perMinute: (minute: number) => number,
): { time: number; minute: number; key: string }[] {
  const found: { time: number; minute: number; key: string }[] = [];
  for (let second = -span * 60; second < 0; second++) {
    const minute = second / 60;
    const key = `${of} ${second}`;
    if (chance(key) < perMinute(minute) / 60) {
      found.push({ time: Math.round((end + second + chance(`ms ${key}`)) * 1000), minute, key });
    }
  }
  return found;
}

function podOf(name: string): Pod {
  const pod = pods.find((candidate) => candidate.pod === name || candidate.workload === name);
  if (pod === undefined) throw new Error(`The made-up cluster has no pod ${name}.`);
  return pod;
}

const commands = ["hello", "help", "start", "traffic"];

/** Messages that kbot handled: some lines of it, each with the trace it belongs to. */
function messages() {
  return happenings("kbot", (minute) => 14 * load(minute, "kbot lines")).map(({ time, minute, key }) => {
    const command = commands[Math.floor(chance(`command ${key}`) * commands.length)] ?? "hello";
    const failed = chance(`failed ${key}`) < (command === "traffic" ? 0.34 : 0.02) * trouble(minute, 6) + 0.003;
    const slow = chance(`slow ${key}`) < 0.5 * trouble(minute, 8);
    const duration = slow ? 2 + 1.8 * chance(`duration ${key}`) : 0.05 + 0.2 * chance(`duration ${key}`);
    const pod = podOf(minute < rollout ? oldKbot : newKbot);
    const down = kills.some((kill) => minute >= kill && minute < kill + 0.7);
    return { time, minute, key, command, failed, duration, pod, down, traceId: hex(key, 32) };
  });
}

/**
 * The body of an OTLP request with kbot's newest traces: a span for each message, and one of the query below it. No more
 * than a search returns: of more, Jaeger's memory picks any.
 */
export function traceBody(): object {
  const micro = (time: number) => nanoseconds(Math.round(time));
  const spans = messages()
    .filter(({ down }) => !down)
    .slice(-20)
    .flatMap(({ time, command, failed, duration, traceId }) => {
      const root = hex(`${traceId} root`, 16);
      const begin = time - duration * 1000;
      const status = failed ? { code: 2 } : {};
      return [
        {
          traceId,
          spanId: root,
          name: `command ${command}`,
          kind: 2,
          startTimeUnixNano: micro(begin),
          endTimeUnixNano: micro(time),
          status,
        },
        {
          traceId,
          spanId: hex(traceId, 16),
          parentSpanId: root,
          name: "query",
          kind: 3,
          startTimeUnixNano: micro(begin + 5),
          endTimeUnixNano: micro(time - 2),
          status,
        },
      ];
    });
  const from = (service: string, own: readonly object[]) => ({
    resource: { attributes: [{ key: "service.name", value: { stringValue: service } }] },
    scopeSpans: [{ scope: { name: service }, spans: own }],
  });
  const asked = podinfos.map(({ job, path }, index) =>
    from(
      job,
      echoes()
        .slice(-20)
        .map(({ time, traceId }) => ({
          traceId,
          spanId: hex(`${traceId} ${index}`, 16),
          ...(index === 0 ? {} : { parentSpanId: hex(`${traceId} 0`, 16) }),
          name: `/${path.replace("_", "/")}`,
          kind: 2,
          startTimeUnixNano: micro(time + index),
          endTimeUnixNano: micro(time + 5 - 2 * index),
        })),
    ),
  );
  return { resourceSpans: [from("kbot", spans), ...asked] };
}

/** Requests to podinfo's frontend, each handed on to its backend. */
function echoes() {
  return happenings("podinfo", () => 6).map(({ time, key }) => ({ time, traceId: hex(key, 32) }));
}

function podinfoLines(): AgentLine[] {
  return echoes().flatMap(({ time, traceId }) =>
    podinfos.map(({ pod, path }, index): AgentLine => ({
      time: time + index,
      pod: podOf(pod),
      fields: {
        level: "debug",
        caller: "http/logging.go:40",
        msg: "request started",
        proto: "HTTP/1.1",
        uri: `/${path.replace("_", "/")}`,
        method: "POST",
        trace_id: traceId,
      },
    })),
  );
}

/** Exemplars of kbot's durations: messages of the last hour. */
export function exemplars(): { time: number; command: string; duration: number; pod: string; traceId: string }[] {
  return messages()
    .filter(({ key, down }) => !down && chance(`exemplar ${key}`) < 0.15)
    .map(({ time, command, duration, pod, traceId }) => ({ time, command, duration, pod: pod.pod, traceId }));
}

function kbotLines(): AgentLine[] {
  const said = messages()
    .filter(({ down }) => !down)
    .flatMap(({ time, key, command, failed, duration, pod, traceId }): AgentLine[] => {
      const common = { command, chat: 4_100_000 + Math.floor(chance(`chat ${key}`) * 1300) * 37, trace_id: traceId };
      const seconds = Math.round(duration * 1000) / 1000;
      const last: AgentLine = failed
        ? {
            time,
            pod,
            fields: {
              level: "error",
              msg: "message not processed",
              error: "store: context deadline exceeded",
              ...common,
              duration: seconds,
            },
          }
        : { time, pod, fields: { level: "info", msg: "message processed", ...common, duration: seconds } };
      const warning: AgentLine[] =
        duration > 1
          ? [
              {
                time: time - 400,
                pod,
                fields: { level: "warn", msg: "store answers slowly, trying again", ...common, attempt: 2 },
              },
            ]
          : [];
      return [...warning, last];
    });
  const starts = [rollout, ...kills].map((minute): AgentLine => ({
    time: (end + minute * 60 + 50) * 1000,
    pod: podOf(newKbot),
    fields: { level: "info", msg: "kbot started", version: "0.4.0" },
  }));
  return [...said, ...starts];
}

/** The instrumented parts of kbot send their records by OTLP. */
export function otlpRecords(): OtlpRecord[] {
  return messages()
    .filter(({ key, down }) => !down && chance(`otlp ${key}`) < 0.35)
    .map(({ time, command, failed, duration, pod, traceId }) => ({
      time: time + 3,
      pod,
      text: failed
        ? `query of ${command} failed: deadline exceeded`
        : `query of ${command} took ${Math.round(duration * 900)} ms`,
      severity: failed ? "ERROR" : duration > 1 ? "WARN" : "INFO",
      traceId,
    }));
}

/** What the platform's own containers write: plain lines, some of which have a level in them. */
function platformLines(): AgentLine[] {
  const plain = (workload: string, perMinute: number, text: (key: string, minute: number) => string) => {
    const pod = podOf(workload);
    return happenings(workload, (minute) => perMinute * load(minute, `lines ${workload}`)).map(
      ({ time, minute, key }): AgentLine => ({ time, pod, fields: { log: text(key, minute) } }),
    );
  };
  const flux = (workload: string, kind: string, names: readonly string[]) => {
    const pod = podOf(workload);
    return happenings(workload, () => 1.5).map(({ time, minute, key }): AgentLine => {
      const name = names[Math.floor(chance(`name ${key}`) * names.length)] ?? "";
      const bad = name === "kbot" && workload === "helm-controller" && minute > rollout + 4;
      const fields: AgentLine["fields"] = bad
        ? {
            level: "error",
            msg: "Reconciler error",
            error: "context deadline exceeded: Deployment/demo/kbot not ready",
          }
        : { level: "info", msg: `reconciliation finished, next run in 10m0s` };
      return { time, pod, fields: { ...fields, controller: kind.toLowerCase(), controllerKind: kind, name } };
    });
  };
  return [
    ...plain("loki", 5, (key, minute) =>
      chance(`level ${key}`) < 0.06 + 0.2 * trouble(minute)
        ? 'level=error caller=retry.go:107 msg="error processing request" try=1 err="context canceled"'
        : `level=info caller=metrics.go:237 component=querier latency=fast duration=${Math.round(9 + 90 * chance(key))}ms status=200`,
    ),
    ...plain("fluent-bit", 1.2, (key) =>
      chance(`level ${key}`) < 0.15
        ? "[error] [output:loki:loki.0] http_do=-1, broken connection to loki.monitoring.svc:3100"
        : "[ info] [input:tail:tail.0] inotify_fs_add(): inode=2621571 watch_fd=41",
    ),
    ...plain("otel-collector", 1, (key) =>
      chance(`level ${key}`) < 0.1
        ? 'error\tinternal/queue_sender.go:57\tExporting failed. Rejecting data.\t{"otelcol.component.id": "otlp_http/logs"}'
        : "info\tservice@v0.149.0/service.go:254\tEverything is ready. Begin running and processing data.",
    ),
    ...plain(
      "prometheus-kube-prometheus-stack-prometheus",
      1.5,
      (key) =>
        `time=2025-11-18T03:00:00Z level=INFO source=db.go:1831 msg="Deleting obsolete block" block=${hex(key, 12)}`,
    ),
    ...plain(
      "kube-prometheus-stack-grafana",
      3,
      (key) =>
        `logger=context userId=1 orgId=1 level=info msg="Request Completed" method=GET path=/api/ds/query status=200 duration=${Math.round(200 * chance(key))}ms`,
    ),
    ...plain(
      "coredns",
      2,
      (key) =>
        `[INFO] 10.244.1.17:${30_000 + Math.floor(9999 * chance(key))} "A IN api.telegram.org. udp 34 false 512" NOERROR qr,rd,ra 68 0.0${Math.floor(99 * chance(`t ${key}`))}s`,
    ),
    ...flux("helm-controller", "HelmRelease", ["loki", "jaeger", "kbot", "kbot", "cert-manager"]),
    ...flux("kustomize-controller", "Kustomization", ["content", "demo"]),
    ...flux("source-controller", "GitRepository", ["flux-system", "kbot"]),
  ];
}

/** All lines of the log agent, oldest first. */
export function agentLines(): AgentLine[] {
  return [...kbotLines(), ...podinfoLines(), ...platformLines()].sort((a, b) => a.time - b.time);
}

const nanoseconds = (time: number) => `${time}000000`;

/** The body of a push to Loki: what Fluent Bit's loki output makes of lines (`line_format json`, labels as configured). */
export function pushBody(lines: readonly AgentLine[]): PushBody {
  const streams = new Map<string, { stream: Record<string, string>; values: [string, string][] }>();
  for (const { time, pod, fields } of lines) {
    const values: Readonly<Record<string, string>> = {
      namespace: pod.namespace,
      pod: pod.pod,
      container: pod.container,
    };
    const stream = Object.fromEntries(
      Object.entries(logLabels).map(([label, value]) => [label, values[label] ?? value]),
    );
    const known = streams.get(pod.pod) ?? { stream, values: [] };
    known.values.push([nanoseconds(time), JSON.stringify(fields)]);
    streams.set(pod.pod, known);
  }
  return { streams: [...streams.values()] };
}

const severityNumbers = { INFO: 9, WARN: 13, ERROR: 17 } as const;

/** The body of an OTLP request: what the collector sends, with the attributes that `k8s_attributes` adds. */
export function otlpBody(records: readonly OtlpRecord[]): OtlpBody {
  const byPod = Map.groupBy(records, ({ pod }) => pod);
  const attribute = (key: string, value: string) => ({ key, value: { stringValue: value } });
  return {
    resourceLogs: [...byPod].map(([pod, own]) => ({
      resource: {
        attributes: [
          attribute("service.name", pod.workload),
          attribute("k8s.namespace.name", pod.namespace),
          attribute("k8s.pod.name", pod.pod),
          attribute("k8s.pod.uid", `uid-${pod.pod}`),
          attribute("k8s.deployment.name", pod.workload),
          attribute("k8s.node.name", pod.node),
          attribute("k8s.container.name", pod.container),
        ],
      },
      scopeLogs: [
        {
          scope: { name: pod.workload },
          logRecords: own.map(({ time, text, severity, traceId }) => ({
            timeUnixNano: nanoseconds(time),
            observedTimeUnixNano: nanoseconds(time),
            severityNumber: severityNumbers[severity],
            severityText: severity,
            body: { stringValue: text },
            traceId,
            spanId: hex(traceId, 16),
          })),
        },
      ],
    })),
  };
}

/** All of them as Loki keeps them. */
export function logEntries(): Entry[] {
  return [...pushed(pushBody(agentLines())), ...received(otlpBody(otlpRecords()))];
}
