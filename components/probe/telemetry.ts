/**
 * One trace, one log record and one metric, sent as an application sends them and looked for where people look for them:
 * what a probe of the environment does, whatever carries its requests.
 */
import { randomBytes } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import type { Lookup, Place } from "../capabilities.ts";
import { fetchOutside } from "../company-network.ts";

export type Signal = "traces" | "logs" | "metrics";

/** A store in which the probe looks for what it sent. */
export interface ProbedStore {
  readonly signal: Signal;
  readonly title: string;
  readonly endpoint: Place;
  readonly lookup: Lookup;
}

/** A store in which something has to be found. */
export interface Sought {
  readonly signal: Signal;
  /** What people call the store. */
  readonly title: string;
  /** Where it is asked; without a slash at the end. */
  readonly url: string;
  readonly lookup: Lookup;
  /** @default none */
  readonly headers?: Readonly<Record<string, string>>;
}

/** The script's variable with the secret of a server. */
export const secretVariable = (of: string): string => `PROBE_SECRET_${of.toUpperCase()}`;

/** The same with the certificate of its authority, where that is one of the environment's own. */
export const caVariable = (of: string): string => `PROBE_CA_${of.toUpperCase()}`;

/** Name of the service in whose name the probe sends. */
export const service = "telemetry-probe";
const metric = "telemetry_probe_timestamp_seconds";

/** What one of a signal is called. */
const one: Readonly<Record<Signal, string>> = { traces: "trace", logs: "log record", metrics: "metric" };

/** Seconds from sending to finding, by the store's title. */
export type Verdict = Readonly<Record<string, number>>;

/** How long one request may take, in milliseconds. */
const answerTimeout = 10_000;
const pause = 1_000;

/** Something was not found in time; the message says what, where, and what to do. */
export class NotFound extends Error {
  override readonly name = "NotFound";
}

const attribute = (key: string, value: string) => ({ key, value: { stringValue: value } });
const resource = { attributes: [attribute("service.name", service)] };
/** A record has a label of log agents' lines, too, where its store makes one of it. */
const resourceOfRecord = { attributes: [...resource.attributes, attribute("job", service)] };
const scope = { name: service };

async function json(url: string, headers: Readonly<Record<string, string>>): Promise<unknown> {
  const response = await fetchOutside(url, { headers, signal: AbortSignal.timeout(answerTimeout) });
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

/** Why a request failed, in the words of what made it fail. */
export function reasonOf(error: unknown): string {
  const cause = error instanceof Error && error.cause instanceof Error ? error.cause : error;
  return cause instanceof Error ? cause.message : String(cause);
}

/** Tries until a call gives true or the time is over. Returns the seconds since `since`, or the last reason. */
async function until(call: () => Promise<boolean>, since: number, end: number): Promise<number | string> {
  let reason = "it is not there";
  for (;;) {
    try {
      if (await call()) return Math.round((Date.now() - since) / 100) / 10;
      reason = "it is not there";
    } catch (error) {
      reason = reasonOf(error);
    }
    const left = end - Date.now();
    if (left <= 0) return reason;
    await sleep(Math.min(pause, left));
  }
}

/**
 * Sends a trace, a log record and a metric and waits until each is found in every store of its kind.
 *
 * @param otlpHttp takes OTLP over HTTP; without a slash at the end
 * @param seconds how long that may take
 * @param tell hears of each that is found
 * @throws NotFound
 */
export async function probe(
  otlpHttp: string,
  stores: readonly Sought[],
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
    await post(`${otlpHttp}/v1/logs`, {
      resourceLogs: [{ resource: resourceOfRecord, scopeLogs: [{ scope, logRecords: [record] }] }],
    });
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

  const search = async ({ url, lookup, headers = {} }: Sought): Promise<boolean> => {
    const own: Readonly<Record<string, string>> = { traceId, service, metric, timestamp: String(timestamp) };
    const filled = (text: string) => text.replaceAll(/<(\w+)>/g, (_, name: string) => own[name] ?? "");
    const query = Object.entries(lookup.query ?? {}).map(([key, value]): [string, string] => [key, filled(value)]);
    const found = lookup.found.reduce<unknown>(
      (node, key) => (node as Readonly<Record<string, unknown>> | null | undefined)?.[key],
      await json(`${url}${filled(lookup.path)}?${new URLSearchParams(query).toString()}`, headers),
    );
    return Array.isArray(found) && found.length > 0;
  };
  const results = await Promise.all(
    stores.map(async (store) => {
      const result = await until(() => search(store), started, end);
      if (typeof result === "number") tell(`the ${one[store.signal]} is in ${store.title} after ${result} s`);
      return { store, result };
    }),
  );
  const missing = results.filter(({ result }) => typeof result === "string");
  if (missing.length > 0) {
    const each = missing.map(({ store: { signal, title, lookup }, result }) => {
      const otherwise = lookup.otherwise === undefined ? "" : `, ${lookup.otherwise}`;
      return `the ${one[signal]} in ${title} (${result}${otherwise})`;
    });
    throw new NotFound(
      `Every release is ready, but telemetry does not arrive. Not found within ${seconds} s: ${each.join(", ")}. ` +
        "The collector says what it could not deliver: kubectl logs -n monitoring deployment/otel-collector",
    );
  }
  return Object.fromEntries(results.map(({ store, result }) => [store.title, Number(result)]));
}
