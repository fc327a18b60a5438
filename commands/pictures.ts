/**
 * Draws a picture of each dashboard into docs/pictures/: `npm run dashboards:pictures`. Each panel's own query, out of the
 * JSON that Grafana gets, is answered with the made-up data of sample/: by a real Prometheus or Jaeger, LogQL by a stand-in
 * for Loki's engine (contract/logql). Grafana is not there: layout, legends, thresholds and units are drawn by
 * pictures/draw.ts. The same input makes the same file.
 *
 * With `--grafana` the pictures are of the real Grafana (pictures/grafana.ts), which needs Docker, images that can be pulled
 * and a Chromium; it cannot draw the same file twice.
 *
 *   node commands/pictures.ts [--grafana] [--out FOLDER] [UID...]
 */
import { Resvg } from "@resvg/resvg-js";
import { createHash } from "node:crypto";
import { globSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import { parseArgs } from "node:util";
import { parse } from "yaml";
import { dashboardPaths, ruleFiles, substituteText } from "../contract/flux-repo.ts";
import { ask, askAnnotations, type Answer, type Choices, type Stores } from "./pictures/ask.ts";
import { boxOf, draw, isEmpty } from "./pictures/draw.ts";
import { chromium, grafanaVersion, grafanaWithDashboards, photograph } from "./pictures/grafana.ts";
import type { Dashboard } from "./pictures/model.ts";
import { fontFiles } from "./pictures/svg.ts";
import { interval, wholeCluster } from "../dashboards/sample/cluster.ts";
import { exemplars, logEntries, otlpBody, pushBody, recordsBody, traceBody } from "./pictures/logs.ts";
import { jaegerWithTraces, prometheusWithCluster, type RecordingRule, type Store } from "./pictures/stores.ts";

const root = join(import.meta.dirname, "..");

/** Where the pictures are. */
export const picturesFolder = join(root, "docs/pictures");

/** What somebody has chosen who follows the trouble: the variables that are not left at "All". */
const choices: Readonly<Record<string, Choices>> = {
  workload: { namespace: "demo", workload: "kbot", pod: "kbot-.+" },
  "prometheus-cardinality": { metric: "kbot_chat_messages_total" },
  slo: { slo: "kbot-fast" },
};

/** Who draws where there is no Grafana. */
export const renderer = "this project's renderer";

/** What is known of a picture, for the test that it is not older than its dashboard. */
export interface Picture {
  /** Digest of the dashboard's JSON. */
  readonly dashboard: string;
  /** Digest of the made-up data and of what is chosen. */
  readonly data: string;
  /** Who drew it: Grafana with its version, or {@link renderer}. */
  readonly by: string;
  /** Digest of the picture. */
  readonly picture: string;
  /** Panels that show nothing, with the reason. */
  readonly empty: Readonly<Record<string, string>>;
}

const digest = (content: string | Buffer): string => createHash("sha256").update(content).digest("hex");

/** The dashboards as Grafana gets them, by UID. */
export function dashboardFiles(): ReadonlyMap<string, string> {
  return new Map([...dashboardPaths(root)].sort().map(([uid, file]) => [uid, readFileSync(join(root, file), "utf8")]));
}

/** Digest of what a picture shows beside its dashboard: the series that it may ask for, directly or by a recording rule. */
export function dataDigest(uid: string, dashboard: string): string {
  const asked = new Set<string>();
  const add = (text: string): void => {
    for (const [name] of text.matchAll(/[a-zA-Z_:][\w:]*/g)) {
      if (asked.has(name)) continue;
      asked.add(name);
      for (const { record, expr } of recordingRules()) if (record === name) add(expr);
    }
  };
  add(dashboard);
  // By the name of a metric one asks for any.
  const series = (cluster ??= wholeCluster()).filter(({ name }) => asked.has(name) || asked.has("__name__"));
  const records = recordsBody.streams.filter(({ stream }) => dashboard.includes(`job=\\"${stream["job"] ?? ""}\\"`));
  const more = records.length === 0 ? [] : [records];
  return digest(JSON.stringify([series, exemplars, pushBody, otlpBody, traceBody, choices[uid] ?? {}, ...more]));
}

/** What the pictures of the folder are made of, by UID. */
export function knownPictures(folder = picturesFolder): Readonly<Record<string, Picture>> {
  return JSON.parse(readFileSync(join(folder, "pictures.json"), "utf8")) as Record<string, Picture>;
}

/** Digest of the file of a picture. */
export function pictureDigest(uid: string, folder = picturesFolder): string {
  return digest(readFileSync(join(folder, `${uid}.png`)));
}

/** Digest of a dashboard's file. */
export function dashboardDigest(text: string): string {
  return digest(text);
}

let cluster: ReturnType<typeof wholeCluster> | undefined;
let ours: RecordingRule[] | undefined;

/** Our recording rules. */
export function recordingRules(): RecordingRule[] {
  return (ours ??= readRecordingRules());
}

function readRecordingRules(): RecordingRule[] {
  interface Rule {
    readonly record?: string;
    readonly expr: string;
    readonly labels?: Readonly<Record<string, string>>;
  }
  interface Group {
    readonly interval?: string;
    readonly rules: readonly Rule[];
  }
  return ruleFiles(root).flatMap((file) => {
    const text = substituteText(readFileSync(join(root, file), "utf8"), {}, file);
    const { groups } = (parse(text) as { spec: { groups: readonly Group[] } }).spec;
    return groups.flatMap((group) =>
      group.rules.flatMap(({ record, expr, labels }) =>
        record === undefined
          ? []
          : [{ record, expr, ...(labels === undefined ? {} : { labels }), every: seconds(group.interval) }],
      ),
    );
  });
}

function seconds(duration: string | undefined): number {
  if (duration === undefined) return interval;
  const [, count, unit] = /^(\d+)([sm])$/.exec(duration) ?? [];
  if (count === undefined) throw new Error(`A rule group has the interval ${duration}, which is not read here.`);
  return Number(count) * (unit === "m" ? 60 : 1);
}

/** Draws one dashboard. */
async function picture(stores: Stores, dashboard: Dashboard): Promise<{ png: Buffer; empty: Record<string, string> }> {
  const chosen = choices[dashboard.uid] ?? {};
  const answers = new Map<number, Answer>();
  const empty: Record<string, string> = {};
  for (const panel of dashboard.panels) {
    if (panel.type === "row") continue;
    const answer = await ask(stores, dashboard, panel, chosen, boxOf(panel).w);
    answers.set(panel.id, answer);
    if (isEmpty(answer)) {
      empty[panel.title] = panel.fieldConfig?.defaults.noValue ?? "NO DATA";
    }
  }
  const svg = draw(dashboard, answers, await askAnnotations(stores, dashboard, chosen), chosen);
  const font = { fontFiles: [...fontFiles], loadSystemFonts: false, defaultFontFamily: "Inter" };
  return { png: new Resvg(svg, { font }).render().asPng(), empty };
}

async function main(folder: string, only: readonly string[], real: boolean): Promise<void> {
  const browser = real ? chromium() : undefined;
  const say = (line: string) => process.stderr.write(`${line}\n`);
  const files = dashboardFiles();
  const unknown = only.filter((uid) => !files.has(uid));
  if (unknown.length > 0)
    throw new Error(`No dashboard ${unknown.join(", ")}: there are ${[...files.keys()].join(", ")}.`);
  mkdirSync(folder, { recursive: true });
  say("Prometheus and Jaeger: starting, with the made-up data");
  const started: Store[] = [];
  const begun = async (store: Promise<Store>): Promise<string> => {
    started.push(await store);
    return (await store).url;
  };
  try {
    const stores: Stores = {
      prometheus: await begun(prometheusWithCluster(recordingRules())),
      jaeger: await begun(jaegerWithTraces()),
      logs: logEntries(),
    };
    const grafana = real ? await grafanaWithDashboards(stores.prometheus, stores.jaeger) : undefined;
    if (grafana !== undefined) started.push(grafana);
    const by = real ? `Grafana ${grafanaVersion()}` : renderer;
    const known: Record<string, Picture> = only.length > 0 ? { ...knownPictures(folder) } : {};
    for (const [uid, text] of files) {
      if (only.length > 0 && !only.includes(uid)) continue;
      const dashboard = JSON.parse(text) as Dashboard;
      const file = join(folder, `${uid}.png`);
      const { png, empty } = await picture(stores, dashboard);
      if (grafana === undefined || browser === undefined) writeFileSync(file, png);
      else await photograph(browser, grafana.url, dashboard, choices[uid] ?? {}, file);
      known[uid] = {
        dashboard: digest(text),
        data: dataDigest(uid, text),
        by,
        picture: pictureDigest(uid, folder),
        empty,
      };
      const nothing = Object.entries(empty).map(([title, reason]) => `\n  "${title}" is empty: ${reason}`);
      say(`${uid}.png: by ${by}${nothing.join("")}`);
    }
    for (const file of globSync("*.png", { cwd: folder })) {
      if (!files.has(basename(file, ".png"))) rmSync(join(folder, file));
    }
    const there = Object.fromEntries(
      [...files.keys()].flatMap((uid) => (known[uid] === undefined ? [] : [[uid, known[uid]]])),
    );
    writeFileSync(join(folder, "pictures.json"), `${JSON.stringify(there, null, 2)}\n`);
  } finally {
    for (const store of started.reverse()) await store.close();
  }
}

if (import.meta.main) {
  const { values, positionals } = parseArgs({
    options: { out: { type: "string" }, grafana: { type: "boolean", default: false } },
    allowPositionals: true,
  });
  try {
    await main(values.out ?? picturesFolder, positionals, values.grafana);
  } catch (error) {
    console.error(error instanceof Error ? error.message : error);
    process.exitCode = 1;
  }
}
