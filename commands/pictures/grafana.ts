/**
 * Pictures by the real Grafana: its image and Loki's as the charts deploy them, pulled and run by Docker beside Prometheus and
 * Jaeger, with the data sources that the program declares and the dashboards as Flux ships them; a Chromium of this machine
 * opens each dashboard and takes the picture.
 */
import { execFile, execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { promisify } from "node:util";
import { parse, stringify } from "yaml";
import { dataSourceUid } from "../../components/capabilities.ts";
import { freePorts } from "../../rehearsal/control-plane/processes.ts";
import { call, eventually, post } from "../../rehearsal/http-client.ts";
import { dashboardPaths } from "../../contract/flux-repo.ts";
import { readVersion } from "../../contract/loki-config.ts";
import { otlpBody, pushBody } from "./logs.ts";
import { end } from "../../dashboards/sample/cluster.ts";
import { type Choices, range } from "./ask.ts";
import type { Dashboard } from "./model.ts";

const run = promisify(execFile);
const root = join(import.meta.dirname, "../..");

/** Grafana's version, as the chart's stand-in knows it. */
export function grafanaVersion(): string {
  const file = join(root, "components/suites/kube-prometheus-stack/stand-in/kube-prometheus-stack/values.yaml");
  const { grafana } = parse(readFileSync(file, "utf8")) as { grafana: { image: { tag: string } } };
  return grafana.image.tag;
}

/**
 * The command of a Chromium: `CHROMIUM`, else the first one on the PATH.
 *
 * @throws Error where there is none
 */
export function chromium(env: NodeJS.ProcessEnv = process.env): string {
  const names = ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable"];
  const folders = (env["PATH"] ?? "").split(delimiter).filter(Boolean);
  const candidates = [
    ...(env["CHROMIUM"] === undefined ? [] : [env["CHROMIUM"]]),
    ...names.flatMap((name) => folders.map((folder) => join(folder, name))),
  ];
  for (const candidate of candidates) {
    try {
      execFileSync(candidate, ["--version"], { stdio: "ignore" });
      return candidate;
    } catch {
      // The next one.
    }
  }
  throw new Error(
    `No Chromium: neither ${names.join(", ")} is on the PATH, nor does CHROMIUM name one. Install it, or draw the pictures without Grafana: npm run dashboards:pictures`,
  );
}

/** Address of a dashboard in Grafana: the hour of the made-up data, without menus. */
export function pageOf(url: string, { uid }: Pick<Dashboard, "uid">, chosen: Choices): string {
  const variables = Object.fromEntries(Object.entries(chosen).map(([name, value]) => [`var-${name}`, value]));
  const times = { from: String((end - range) * 1000), to: String(end * 1000), timezone: "utc", theme: "dark" };
  return `${url}/d/${uid}?${new URLSearchParams({ ...times, ...variables }).toString()}&kiosk`;
}

/** Opens a dashboard in a window that is as high as the dashboard, waits until nothing is asked any more, and takes a picture. */
export async function photograph(
  browser: string,
  url: string,
  dashboard: Dashboard,
  chosen: Choices,
  file: string,
): Promise<void> {
  const bottom = Math.max(...dashboard.panels.map(({ gridPos: { y, h } }) => y + h));
  const profile = mkdtempSync(join(tmpdir(), "dashboards-chromium-"));
  try {
    await run(
      browser,
      [
        "--headless",
        "--disable-gpu",
        "--hide-scrollbars",
        // Chromium refuses its sandbox to root; it opens nothing but this Grafana.
        ...(process.getuid?.() === 0 ? ["--no-sandbox"] : []),
        `--user-data-dir=${profile}`,
        // A row of Grafana's grid is 30 pixels, with 8 between two; above them are the variables.
        `--window-size=1440,${bottom * 38 + 120}`,
        // Virtual time: it stands still while an answer is on its way.
        "--virtual-time-budget=60000",

        `--screenshot=${file}`,
        pageOf(url, dashboard, chosen),
      ],
      { timeout: 180_000 },
    );
  } finally {
    rmSync(profile, { recursive: true, force: true });
  }
}

/** Grafana's provisioning: where its data sources are, and the dashboards of `flux-repo/`. */
export function provisioning(stores: { readonly prometheus: string; readonly jaeger: string; readonly loki: string }) {
  const source = (uid: string, name: string, type: string, url: string) => ({ uid, name, type, url, access: "proxy" });
  const datasources = [
    { ...source(dataSourceUid.metrics, "Prometheus", "prometheus", stores.prometheus), isDefault: true },
    source(dataSourceUid.logs, "Loki", "loki", stores.loki),
    source(dataSourceUid.traces, "Jaeger", "jaeger", stores.jaeger),
  ];
  const provider = { name: "ours", type: "file", options: { path: "/etc/grafana/provisioning/dashboards/ours" } };
  return {
    "datasources/ours.yaml": stringify({ apiVersion: 1, datasources }),
    "dashboards/ours.yaml": stringify({ apiVersion: 1, providers: [provider] }),
  };
}

/** A container on the host's network; gone when it is stopped. */
async function container(image: string, options: readonly string[], args: readonly string[], ready: string) {
  let id: string;
  try {
    const { stdout } = await run("docker", ["run", "--detach", "--rm", "--network=host", ...options, image, ...args]);
    id = stdout.trim();
  } catch (error) {
    const said = (error as { stderr?: string }).stderr ?? String(error);
    throw new Error(
      `Docker does not run ${image}: ${said.trim().split("\n")[0] ?? ""} Without it: npm run dashboards:pictures draws the pictures itself.`,
      { cause: error },
    );
  }
  const close = async () => {
    await run("docker", ["stop", "--time=2", id]);
  };
  const up = await eventually(120, async () => call(ready).then(() => true));
  if (up === true) return close;
  const { stdout, stderr } = await run("docker", ["logs", "--tail=12", id]);
  await close();
  throw new Error(`${image} is not ready. Its last lines:\n${stdout}${stderr}`);
}

/** A real Grafana with the dashboards, and a real Loki with the made-up lines. */
export async function grafanaWithDashboards(prometheus: string, jaeger: string) {
  const dir = mkdtempSync(join(tmpdir(), "dashboards-grafana-"));
  const [grafanaPort = 0, lokiPort = 0, lokiGrpc = 0] = await freePorts(3);
  const [url, loki] = [`http://127.0.0.1:${grafanaPort}`, `http://127.0.0.1:${lokiPort}`];
  const closers: (() => Promise<void>)[] = [];
  const close = async () => {
    for (const one of closers.toReversed()) await one();
    rmSync(dir, { recursive: true, force: true });
  };
  try {
    const dashboards = [...dashboardPaths(root)].map(
      ([uid, file]) => [`dashboards/ours/${uid}.json`, readFileSync(join(root, file), "utf8")] as const,
    );
    for (const [file, text] of [...Object.entries(provisioning({ prometheus, jaeger, loki })), ...dashboards]) {
      mkdirSync(join(dir, file, ".."), { recursive: true });
      writeFileSync(join(dir, file), text);
    }
    const listen = "-server.http-listen-address=127.0.0.1";
    const ports = [`-server.http-listen-port=${lokiPort}`, `-server.grpc-listen-port=${lokiGrpc}`];
    // The made-up hour is longer ago than Loki takes lines of.
    const old = ["-validation.reject-old-samples=false", "-validation.allow-structured-metadata=true"];
    const config = "-config.file=/etc/loki/local-config.yaml";
    closers.push(
      await container(`grafana/loki:${readVersion.loki}`, [], [config, listen, ...ports, ...old], `${loki}/ready`),
    );
    await post(`${loki}/loki/api/v1/push`, pushBody);
    await post(`${loki}/otlp/v1/logs`, otlpBody);
    const settings = {
      GF_SERVER_HTTP_ADDR: "127.0.0.1",
      GF_SERVER_HTTP_PORT: String(grafanaPort),
      GF_AUTH_ANONYMOUS_ENABLED: "true",
      GF_ANALYTICS_REPORTING_ENABLED: "false",
      GF_ANALYTICS_CHECK_FOR_UPDATES: "false",
      GF_PLUGINS_PREINSTALL_DISABLED: "true",
    };
    const options = [
      ...Object.entries(settings).flatMap(([name, value]) => ["--env", `${name}=${value}`]),
      `--volume=${dir}:/etc/grafana/provisioning:ro`,
    ];
    closers.push(await container(`grafana/grafana:${grafanaVersion()}`, options, [], `${url}/api/health`));
    return { url, close };
  } catch (error) {
    await close();
    throw error;
  }
}
