/**
 * One trace, one log record and one metric, sent as an application sends them and looked for where people look for them:
 * what a probe of the environment does, whatever carries its requests.
 */
import { randomBytes } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";

/** Where requests go; without a slash at the end. */
export interface Addresses {
  /** Takes OTLP over HTTP. */
  readonly otlpHttp: string;
  readonly traces: string;
  readonly logs: string;
  readonly metrics: string;
}

/** Name of the service in whose name the probe sends. */
export const service = "telemetry-probe";
const metric = "telemetry_probe_timestamp_seconds";

export type Signal = "trace" | "log record" | "metric";

/** Seconds from sending to finding. */
export type Verdict = Readonly<Record<Signal, number>>;

/** How long one request may take, in milliseconds. */
const answerTimeout = 10_000;
const pause = 1_000;

/** Something was not found in time; the message says what, where, and what to do. */
export class NotFound extends Error {
  override readonly name = "NotFound";
}

const attribute = (key: string, value: string) => ({ key, value: { stringValue: value } });
const resource = { attributes: [attribute("service.name", service)] };
const scope = { name: service };

async function json(url: string): Promise<unknown> {
  const response = await fetch(url, { signal: AbortSignal.timeout(answerTimeout) });
  if (!response.ok) throw new Error(`HTTP ${response.status}`);
  return await response.json();
}

async function post(url: string, body: object): Promise<void> {
  const response = await fetch(url, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify(body),
    signal: AbortSignal.timeout(answerTimeout),
  });
  if (!response.ok) throw new Error(`HTTP ${response.status} ${(await response.text()).slice(0, 200)}`);
}

/** Tries until a call gives true or the time is over. Returns the seconds since `since`, or the last reason. */
async function until(call: () => Promise<boolean>, since: number, end: number): Promise<number | string> {
  let reason = "it is not there";
  for (;;) {
    try {
      if (await call()) return Math.round((Date.now() - since) / 100) / 10;
      reason = "it is not there";
    } catch (error) {
      const cause = error instanceof Error && error.cause instanceof Error ? error.cause : error;
      reason = cause instanceof Error ? cause.message : String(cause);
    }
    if (Date.now() >= end) return reason;
    await sleep(pause);
  }
}

/**
 * Sends a trace, a log record and a metric and waits until each is found.
 *
 * @param seconds how long that may take
 * @param tell hears of each that is found
 * @throws NotFound
 */
export async function probe(
  { otlpHttp, traces, logs, metrics }: Addresses,
  seconds: number,
  tell: (line: string) => void,
): Promise<Verdict> {
  const traceId = randomBytes(16).toString("hex");
  const spanId = randomBytes(8).toString("hex");
  const started = Date.now();
  const end = started + seconds * 1000;
  const timeUnixNano = `${started}000000`;
  const timestamp = Math.floor(started / 1000);

  const send = async (): Promise<boolean> => {
    await post(`${otlpHttp}/v1/traces`, {
      resourceSpans: [
        {
          resource,
          scopeSpans: [
            {
              scope,
              spans: [
                {
                  traceId,
                  spanId,
                  name: "probe",
                  kind: 1,
                  startTimeUnixNano: timeUnixNano,
                  endTimeUnixNano: timeUnixNano,
                },
              ],
            },
          ],
        },
      ],
    });
    const record = {
      timeUnixNano,
      observedTimeUnixNano: timeUnixNano,
      severityNumber: 9,
      severityText: "INFO",
      body: { stringValue: `probe ${traceId}` },
      traceId,
      spanId,
    };
    await post(`${otlpHttp}/v1/logs`, { resourceLogs: [{ resource, scopeLogs: [{ scope, logRecords: [record] }] }] });
    const gauge = { dataPoints: [{ timeUnixNano, asDouble: timestamp }] };
    await post(`${otlpHttp}/v1/metrics`, {
      resourceMetrics: [{ resource, scopeMetrics: [{ scope, metrics: [{ name: metric, gauge }] }] }],
    });
    return true;
  };
  const sent = await until(send, started, end);
  if (typeof sent === "string") {
    throw new NotFound(
      `The collector takes no telemetry: ${sent}. Look at its pods and its log: ` +
        "kubectl logs -n monitoring deployment/otel-collector",
    );
  }

  const logQuery = new URLSearchParams({
    query: `{service_name="${service}"} |= "${traceId}"`,
    since: "1h",
    limit: "1",
  });
  const metricQuery = new URLSearchParams({ query: `max(${metric}) >= ${timestamp}` });
  const searches: Readonly<Record<Signal, () => Promise<boolean>>> = {
    trace: async () => {
      const { data } = (await json(`${traces}/api/traces/${traceId}`)) as { data: unknown[] | null };
      return (data ?? []).length > 0;
    },
    "log record": async () => {
      const { data } = (await json(`${logs}/loki/api/v1/query_range?${logQuery.toString()}`)) as {
        data: { result: unknown[] };
      };
      return data.result.length > 0;
    },
    metric: async () => {
      const { data } = (await json(`${metrics}/api/v1/query?${metricQuery.toString()}`)) as {
        data: { result: unknown[] };
      };
      return data.result.length > 0;
    },
  };
  const stores: Readonly<Record<Signal, string>> = { trace: "Jaeger", "log record": "Loki", metric: "Prometheus" };
  const signals = Object.keys(searches) as Signal[];
  const found = await Promise.all(
    signals.map(async (signal) => {
      const result = await until(searches[signal], started, end);
      if (typeof result === "number") tell(`the ${signal} is in ${stores[signal]} after ${result} s`);
      return [signal, result] as const;
    }),
  );
  const missing = found.filter(([, result]) => typeof result === "string");
  if (missing.length > 0) {
    const each = missing.map(([signal, reason]) => `the ${signal} in ${stores[signal]} (${reason})`);
    throw new NotFound(
      `Every release is ready, but telemetry does not arrive. Not found within ${seconds} s: ${each.join(", ")}. ` +
        "The collector says what it could not deliver: kubectl logs -n monitoring deployment/otel-collector",
    );
  }
  return Object.fromEntries(found) as unknown as Verdict;
}
