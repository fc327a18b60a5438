/**
 * Made-up log lines and traces of the made-up cluster, as requests that were recorded: of the log agent to Loki
 * (`logs.push.json`), of the collector to Loki and Jaeger by OTLP (`logs.otlp.json`, `traces.otlp.json`), and of exemplars to
 * Prometheus (`exemplars.json`). Records that are not containers' lines are as Loki keeps them, whoever sends them (`records.push.json`).
 */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { type Entry, type OtlpBody, type PushBody, pushed, received } from "../../contract/logql/entries.ts";
import type { WrittenSeries } from "./remote-write.ts";

const folder = join(import.meta.dirname, "../../dashboards/sample");
const recorded = (file: string): unknown => JSON.parse(readFileSync(join(folder, file), "utf8"));

export const pushBody = recorded("logs.push.json") as PushBody;
export const otlpBody = recorded("logs.otlp.json") as OtlpBody;
export const traceBody = recorded("traces.otlp.json") as object;
export const exemplars = recorded("exemplars.json") as readonly WrittenSeries[];

export const recordsBody = recorded("records.push.json") as PushBody;

/** All lines as Loki keeps them. */
export const logEntries = (): Entry[] => [...pushed(pushBody), ...received(otlpBody), ...pushed(recordsBody)];
