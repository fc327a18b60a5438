/** Alerts on lines, lines that they are about and lines that are nearly so, and what is to fire: for each store that evaluates them. */
import type { SettingsInput } from "../../../settings/schema.ts";
import { shippedNames } from "../../../components/alerts/log-alerts/shipped.ts";
import { attributes } from "../../support/otlp-json.ts";

type Rules = NonNullable<NonNullable<SettingsInput["logAlerts"]>["rules"]>;

const few = (line: string, times: number) => Array.from({ length: times }, () => line);

/** Lines that the log agent reads, by namespace, pod and container. */
const written: readonly (readonly [stream: string, lines: readonly string[]])[] = [
  [
    "shop api-1 api",
    [
      ...few('{"level":"error","msg":"connection refused","http":{"status":503},"peer":"db"}', 3),
      // Another status, another level, another text, no JSON.
      '{"level":"error","msg":"connection refused","http":{"status":404}}',
      '{"level":"info","msg":"connection refused","http":{"status":503}}',
      '{"level":"error","msg":"connection closed","http":{"status":503}}',
      "ERROR connection refused, status 503",
      'a "quoted" text with 100% of \\ and {{ .Braces }}',
    ],
  ],
  ["shop api-2 api", few('{"level":"error","msg":"connection refused","http":{"status":503},"peer":"db"}', 2)],
  ["shopping api-1 api", few('{"level":"error","msg":"connection refused","http":{"status":503}}', 9)],
  ["shop go-1 go", ["panic: runtime error: invalid memory address", "no panic", "goroutine 1 [running]:"]],
  ["shop java-1 java", ['Exception in thread "main" java.lang.OutOfMemoryError: Java heap space']],
  ["shop node-1 node", ["FATAL ERROR: Reached heap limit Allocation failed - JavaScript heap out of memory"]],
  ["shop py-1 py", ["Traceback (most recent call last):", '  File "a.py", line 1', "MemoryError"]],
  ["shop noisy-1 noisy", few("level=error msg=no", 101)],
  ["shop busy-1 busy", [...few("level=error msg=no", 100), ...few("level=info msg=yes", 50)]],
  ["jobs backup-1 backup", ["2 files, backup done"]],
  // Who looks for a text writes it down.
  ["monitoring loki-0 loki", few('level=info query="panic: backup done, cleanup done"', 200)],
];

/** Records that come by OTLP: of the same pods, and of others. */
const recorded: readonly (readonly [stream: string, text: string, attributes: Readonly<Record<string, string>>])[] = [
  ["shop api-2 api", "Connection refused", { "http.status": "503" }],
  ["shop api-3 api", "connection refused", { "http.status": "503" }],
  ["shop go-2 go", "panic: by OTLP", {}],
];

const of = (stream: string) => {
  const [namespace = "", pod = "", container = ""] = stream.split(" ");
  return { namespace, pod, container };
};

/** @param time milliseconds since 1970 */
export const pushOf = (time: number) => ({
  streams: written.map(([stream, lines]) => ({
    stream: { job: "containers", ...of(stream) },
    values: lines.map(
      (line, index) =>
        [
          `${time}${String(index).padStart(6, "0")}`,
          line.startsWith("{") ? line : JSON.stringify({ log: line }),
        ] as const,
    ),
  })),
});

export const otlpOf = (time: number) => ({
  resourceLogs: recorded.map(([stream, text, more]) => {
    const { namespace, pod, container } = of(stream);
    const resource = {
      "service.name": pod,
      "k8s.namespace.name": namespace,
      "k8s.pod.name": pod,
      "k8s.container.name": container,
    };
    const record = {
      ...{ timeUnixNano: `${time}000000`, severityNumber: 17, severityText: "ERROR", body: { stringValue: text } },
      ...{ attributes: attributes(more), traceId: "0af7651916cd43dd8448eb211c80319c", spanId: "b7ad6b7169203331" },
    };
    return {
      resource: { attributes: attributes(resource) },
      scopeLogs: [{ scope: { name: "a" }, logRecords: [record] }],
    };
  }),
});

const refused = {
  where: {
    namespace: "shop",
    container: "ap.",
    level: ["error", "warn"],
    text: "connection refused",
    fields: { "http.status": "5.." },
  },
  by: ["namespace", "pod"],
  summary: "Refused",
};

/** Each rule, and the labels of the alerts that it is to tell of, beside its own. */
export const cases = {
  Refused: { rule: { ...refused, above: 2, labels: { team: "web" } }, fires: ["shop api-1", "shop api-2"] },
  RefusedMuch: { rule: { ...refused, above: 3 }, fires: [] },
  Quoted: {
    rule: {
      where: { text: String.raw`"quoted\\?" text with 100% of \\+ and \{\{` },
      summary: '100% of {{ $value }} and "b"',
    },
    fires: ["shop"],
  },
  NoBackup: { rule: { where: { text: "backup done" }, below: 1, summary: "a" }, fires: [] },
  NoCleanup: {
    rule: { where: { text: "cleanup done" }, below: 1, summary: "a", labels: { namespace: "jobs" } },
    fires: ["jobs"],
  },
  Own: { rule: { where: { namespace: "monitoring", text: "panic" }, above: 199, summary: "a" }, fires: ["monitoring"] },
  Raw: {
    rule: {
      query: {
        loki: 'sum by (container) (count_over_time({namespace="shop", pod="busy-1"} |= "msg=yes" [5m])) > 49',
        victoriaLogs:
          '_time:5m namespace:=shop pod:="busy-1" "msg=yes" | stats by (container) count() n | filter n:>49',
      },
      summary: "a",
    },
    fires: ["busy"],
  },
} as const;

/** Of those that are shipped. */
const ofShipped = {
  LogErrorsBurst: ["shop noisy"],
  LogPanic: ["shop go", "shop java", "shop node", "shop py"],
  LogOutOfMemory: ["shop java-1 java", "shop node-1 node", "shop py-1 py"],
} as const satisfies Record<(typeof shippedNames)[number], readonly string[]>;

/** All of them, by name: what tells their alerts apart, and in which order. */
export const expected: Readonly<Record<string, readonly string[]>> = {
  ...Object.fromEntries(Object.entries(cases).map(([name, { fires }]) => [name, fires])),
  ...ofShipped,
};

export const logAlerts: NonNullable<SettingsInput["logAlerts"]> = {
  shipped: [...shippedNames],
  rules: Object.entries(cases).map(([name, { rule }]) => ({ name, ...rule })) as unknown as Rules,
};

/** An alert's labels as `expected` has them. */
export const told = (labels: Readonly<Record<string, string>>) =>
  ["namespace", "pod", "container"].flatMap((label) => labels[label] ?? []).join(" ");
