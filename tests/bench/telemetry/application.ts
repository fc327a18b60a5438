/**
 * An application as the demo is (docs/instrumentation.md): its metrics are scraped from a page in OpenMetrics, its traces,
 * logs and metrics leave by OTLP over HTTP. It plays the container runtime's part too: `/cadvisor` has the two metrics of its container that the
 * kubelet would tell.
 */
import { randomBytes } from "node:crypto";
import { createServer } from "node:http";
import { post } from "../../../rehearsal/http-client.ts";

/** Attributes of a resource. */
export type Attributes = Readonly<Record<string, string>>;

/** A unit of work that leaves a trace. */
export interface Work {
  readonly traceId: string;
  readonly spanId: string;
}

export const work = (): Work => ({ traceId: randomBytes(16).toString("hex"), spanId: randomBytes(8).toString("hex") });

/** Time in nanoseconds, as OTLP and Loki write it. */
export const nanoseconds = (time = Date.now()): string => `${time}000000`;

const attributes = (from: Attributes) =>
  Object.entries(from).map(([key, value]) => ({ key, value: { stringValue: value } }));
const resource = (from: Attributes) => ({ attributes: attributes({ "service.name": "kbot", ...from }) });
const scope = { name: "telemetry-bench" };

/**
 * Sends one span for each piece of work.
 *
 * @param payload an attribute of each, to make it large. @default none
 */
export async function sendTraces(
  collector: string,
  from: Attributes,
  works: readonly Work[],
  payload?: string,
): Promise<void> {
  const end = Date.now();
  await post(`${collector}/v1/traces`, {
    resourceSpans: [
      {
        resource: resource(from),
        scopeSpans: [
          {
            scope,
            spans: works.map(({ traceId, spanId }) => ({
              traceId,
              spanId,
              name: "command hello",
              kind: 2,
              startTimeUnixNano: nanoseconds(end - 250),
              endTimeUnixNano: nanoseconds(end),
              ...(payload === undefined ? {} : { attributes: attributes({ payload }) }),
            })),
          },
        ],
      },
    ],
  });
}

/** Sends log records, each of its own piece of work. */
export async function sendLogs(
  collector: string,
  from: Attributes,
  records: readonly { readonly work: Work; readonly text: string }[],
): Promise<void> {
  await post(`${collector}/v1/logs`, {
    resourceLogs: [
      {
        resource: resource(from),
        scopeLogs: [
          {
            scope,
            logRecords: records.map(({ work: { traceId, spanId }, text }) => ({
              timeUnixNano: nanoseconds(),
              observedTimeUnixNano: nanoseconds(),
              severityNumber: 9,
              severityText: "INFO",
              body: { stringValue: text },
              traceId,
              spanId,
            })),
          },
        ],
      },
    ],
  });
}

/** Sends a counter with an exemplar. */
export async function sendMetric(collector: string, from: Attributes, name: string, { traceId, spanId }: Work) {
  await post(`${collector}/v1/metrics`, {
    resourceMetrics: [
      {
        resource: resource(from),
        scopeMetrics: [
          {
            scope,
            metrics: [
              {
                name,
                sum: {
                  aggregationTemporality: 2,
                  isMonotonic: true,
                  dataPoints: [
                    {
                      startTimeUnixNano: nanoseconds(Date.now() - 60_000),
                      timeUnixNano: nanoseconds(),
                      asDouble: 7,
                      attributes: attributes({ command: "hello" }),
                      exemplars: [{ timeUnixNano: nanoseconds(), asDouble: 1, traceId, spanId }],
                    },
                  ],
                },
              },
            ],
          },
        ],
      },
    ],
  });
}

const openMetrics = "application/openmetrics-text; version=1.0.0; charset=utf-8";

export interface MetricsPages {
  readonly port: number;
  close(): void;
}

/**
 * Serves `/metrics`, a histogram and a counter with an exemplar each, and `/cadvisor`.
 *
 * @param pod labels of the container whose use of the machine is told, read at each scrape
 */
export async function serveMetrics(
  { traceId, spanId }: Work,
  pod: Readonly<Record<string, string>>,
): Promise<MetricsPages> {
  const started = Date.now();
  // Every other message is slow and fails; the one that is looked at is among these.
  const page = () => {
    const good = 10 + Math.floor((Date.now() - started) / 1000);
    const exemplar = (value: number) => `# {trace_id="${traceId}",span_id="${spanId}"} ${value} ${started / 1000}`;
    return [
      "# TYPE kbot_message_duration_seconds histogram",
      `kbot_message_duration_seconds_bucket{command="hello",le="0.5"} ${good}`,
      `kbot_message_duration_seconds_bucket{command="hello",le="2.5"} ${good}`,
      `kbot_message_duration_seconds_bucket{command="hello",le="5.0"} ${2 * good} ${exemplar(3.2)}`,
      `kbot_message_duration_seconds_bucket{command="hello",le="+Inf"} ${2 * good}`,
      `kbot_message_duration_seconds_sum{command="hello"} ${good * 3.4}`,
      `kbot_message_duration_seconds_count{command="hello"} ${2 * good}`,
      "# TYPE kbot_messages_processed counter",
      `kbot_messages_processed_total{command="hello",status="success"} ${good}`,
      `kbot_messages_processed_total{command="hello",status="error"} ${good} ${exemplar(1)}`,
      "# TYPE kbot_active_connections gauge",
      "kbot_active_connections 1",
      "# EOF",
      "",
    ].join("\n");
  };
  const machine = () => {
    const labels = Object.entries(pod)
      .map(([key, value]) => `${key}="${value}"`)
      .join(",");
    return [
      "# TYPE container_cpu_usage_seconds counter",
      `container_cpu_usage_seconds_total{${labels}} ${(Date.now() - started) / 10_000}`,
      "# TYPE container_memory_working_set_bytes gauge",
      `container_memory_working_set_bytes{${labels}} 50000000`,
      "# EOF",
      "",
    ].join("\n");
  };
  const server = createServer((request, response) => {
    const text = request.url === "/metrics" ? page() : request.url === "/cadvisor" ? machine() : undefined;
    response.writeHead(text === undefined ? 404 : 200, { "content-type": openMetrics });
    response.end(text);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("The application has no port.");
  return {
    port: address.port,
    close: () => {
      server.closeAllConnections();
      server.close();
    },
  };
}
