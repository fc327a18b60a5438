/**
 * The charts of the Kind tier: the rehearsal's stand-ins (names, labels, ports and values of the real ones; cert-manager's is
 * its own) with what the real programs need to run in their pods. Each says "stand-in" in its description and in a ConfigMap.
 */
import { mkdtemp, readFile, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { extract } from "tar";
import { parse, stringify } from "yaml";
import { lokiValues } from "../../../components/logs/loki/values.ts";
import { packChart, packFixture, type ChartArchive } from "../../../rehearsal/charts/index.ts";
import type { Settings } from "../../../settings/schema.ts";
import { chartNamed, charts as pins } from "../../../components/catalogue.ts";
import type { ChartPin } from "../../../settings/versions.ts";
import { at, textAt } from "../../../contract/finding.ts";
import { lokiConfig } from "../../../contract/loki-config.ts";
import type { Component } from "../../kind-tier/components.ts";

type Files = Record<string, string>;

/** An image that a pod of a chart asks for, and the program that is in it here. */
export interface PodImage {
  /** `registry/repository:tag` */
  readonly name: string;
  /** @default the image itself, which the node pulls */
  readonly component?: Component;
  /** Where pods that name the program look for it. */
  readonly path?: string;
  /** Further programs of the image, by where they are. */
  readonly others?: Readonly<Record<string, Component>>;
}

export interface TierCharts {
  readonly archives: readonly ChartArchive[];
  readonly images: readonly PodImage[];
}

const overlays = join(import.meta.dirname, "../charts");

/**
 * Packs every chart of `settings/versions.ts`.
 *
 * @param pulled whether images can be pulled: then Loki is Loki's own image
 */
export async function tierCharts(settings: Settings, pulled: boolean): Promise<TierCharts> {
  const archives: ChartArchive[] = [];
  const images: PodImage[] = [{ name: settings.collector.image, component: "otelcol" }];
  for (const { name } of Object.values<ChartPin>(pins)) {
    let files = { ...(await unpack(await packFixture(name))), ...(await readOverlay(name)) };
    const values = parse(files["values.yaml"] ?? "") as unknown;
    if (name === chartNamed("loki").name) files = pulled ? withLokiConfig(files, settings) : withStandIn(files);
    if (name === chartNamed("fluent-bit").name) files = without(files, ["templates/fluent-bit.yaml"]);
    const appVersion = textAt(parse(files["Chart.yaml"] ?? ""), "appVersion") ?? "";
    images.push(...imagesOf(name, values, appVersion, pulled));
    archives.push(await packChart(files));
  }
  return { archives, images };
}

async function unpack({ content }: ChartArchive): Promise<Files> {
  const folder = await mkdtemp(join(tmpdir(), "kind-chart-"));
  try {
    const file = join(folder, "chart.tgz");
    await writeFile(file, content);
    await extract({ file, cwd: folder, strip: 1 });
    await rm(file);
    return await readTree(folder);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function readTree(folder: string): Promise<Files> {
  const files: Files = {};
  for (const entry of await readdir(folder, { recursive: true, withFileTypes: true })) {
    const file = join(entry.parentPath, entry.name);
    if (entry.isFile()) files[file.slice(folder.length + 1)] = await readFile(file, "utf8");
  }
  return files;
}

async function readOverlay(name: string): Promise<Files> {
  return (await readdir(overlays)).includes(name) ? readTree(join(overlays, name)) : {};
}

function without(files: Files, paths: readonly string[]): Files {
  for (const path of paths) {
    if (!(path in files))
      throw new Error(`the stand-in chart has no ${path}: tests/kind/support/charts.ts is of an older one`);
  }
  return Object.fromEntries(Object.entries(files).filter(([path]) => !paths.includes(path)));
}

/**
 * The rehearsal's stand-in writes only the sections that values set, for nothing runs there. The whole configuration is our
 * reading of the chart, which was compared with what Helm renders of the real one.
 */
function withLokiConfig(files: Files, settings: Settings): Files {
  const path = "templates/loki.yaml";
  const documents = (files[path] ?? "").split("\n---\n");
  const index = documents.findIndex((document) => document.includes("kind: ConfigMap"));
  const head = documents[index]?.split("\n  config.yaml: |\n")[0];
  if (head === undefined) throw new Error(`${path} of the stand-in chart has no ConfigMap with a config.yaml`);
  const config = stringify(lokiConfig({ ...lokiValues(settings.loki) }), { lineWidth: 0 });
  documents[index] = `${head}\n  config.yaml: |\n${config.trimEnd().replaceAll(/^/gm, "    ")}`;
  return { ...files, [path]: documents.join("\n---\n") };
}

/** In Loki's place runs a stand-in of VictoriaLogs (contract/log-store), which has flags of its own. */
function withStandIn(files: Files): Files {
  const path = "templates/monolithic.yaml";
  const template = files[path] ?? "";
  const flags = ["-storageDataPath=/var/loki", "-loki.disableMessageParsing", "-inmemoryDataFlushInterval=1s"];
  const changed = template.replace(
    /( +)- -config\.file=.*\n.*-config\.expand-env=true\n.*-target=all\n/,
    (_, indent: string) => flags.map((flag) => `${indent}- ${flag}\n`).join(""),
  );
  if (changed === template) throw new Error(`${path} of the stand-in chart has other arguments of Loki`);
  return { ...files, [path]: changed };
}

/** The images that a chart's pods ask for when values do not say otherwise, as far as there is a program for them. */
function imagesOf(chart: string, values: unknown, appVersion: string, pulled: boolean): PodImage[] {
  const image = (component: Component | undefined, where: readonly string[], path?: string, suffix = ""): PodImage => {
    const { registry, repository, tag } = (at(values, ...where) ?? {}) as Record<string, string>;
    if (repository === undefined) throw new Error(`the chart ${chart} has no image at ${where.join(".")}`);
    const name = `${registry || "docker.io"}/${repository}:${tag || appVersion}${suffix}`;
    return { name, ...(component === undefined ? {} : { component }), ...(path === undefined ? {} : { path }) };
  };
  switch (chart) {
    case chartNamed("kube-prometheus-stack").name: {
      const nodeExporter = ["prometheus-node-exporter", "image"];
      const distroless = at(values, ...nodeExporter, "distroless") === true;
      return [
        image("prometheus", ["prometheus", "prometheusSpec", "image"]),
        image("alertmanager", ["alertmanager", "alertmanagerSpec", "image"]),
        image("prometheus-operator", ["prometheusOperator", "image"]),
        image(
          "prometheus-config-reloader",
          ["prometheusOperator", "prometheusConfigReloader", "image"],
          "/bin/prometheus-config-reloader",
        ),
        image("kube-state-metrics", ["kube-state-metrics", "image"]),
        image("node-exporter", nodeExporter, undefined, distroless ? "-distroless" : ""),
      ];
    }
    case chartNamed("cert-manager").name: {
      const from = `${textAt(values, "imageRegistry")}/${textAt(values, "imageNamespace")}`;
      const roles = [
        ["controller", ["image"]],
        ...["webhook", "cainjector", "startupapicheck"].map((role) => [role, [role, "image"]] as const),
      ] as const;
      return roles.map(([role, where]) => ({
        name: `${from}/${textAt(values, ...where, "name")}:${appVersion}`,
        component: "cert-manager",
        // The program is what it is called by.
        path: `/${role}`,
      }));
    }
    case chartNamed("loki").name:
      return [image(pulled ? undefined : "victorialogs", ["loki", "image"])];
    case chartNamed("podinfo").name: {
      const { repository, tag } = at(values, "image") as { readonly repository: string; readonly tag: string };
      return [
        {
          name: `${repository}:${tag}`,
          component: "podinfo",
          path: "/home/app/podinfo",
          others: { "/usr/local/bin/podcli": "podcli" },
        },
      ];
    }
    case chartNamed("jaeger").name:
      return [image("jaeger", ["jaeger", "image"])];
    case chartNamed("opentelemetry-operator").name: {
      const { repository } = at(values, "manager", "image") as { readonly repository: string };
      return [{ name: `${repository}:${appVersion}`, component: "opentelemetry-operator" }];
    }
    default:
      return [];
  }
}
