/**
 * Stand-ins for the charts of the catalogue, for a machine that cannot reach their registries. Each has
 * the real chart's name, version and top-level values (`schema-facts.json`) and rejects any other; it renders the Services, workloads,
 * ServiceMonitors and custom resources that the real one renders for the values the environment uses (the folder
 * `stand-in/<chart>/` of its component), and a ConfigMap with the values it received. CRDs are the real ones, from the Go modules
 * that define them. cert-manager's chart is wholly its own: it is part of its Go module.
 */
import { existsSync } from "node:fs";
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { stringify } from "yaml";
import { chartNamed, charts } from "../../components/catalogue.ts";
import type { ChartPin } from "../../settings/versions.ts";
import { folderOfChart } from "../../contract/component-files.ts";
import { loadChart } from "../../contract/charts.ts";
import {
  eckOperator,
  keda,
  type ModuleFolder,
  opentelemetryOperator,
  prometheusOperator,
  victoriaMetricsOperator,
} from "../../contract/crds.ts";
import { moduleDir } from "../../toolchain/obtain.ts";
import { withoutDescriptions } from "./descriptions.ts";
import { packChart, type ChartArchive, type ChartFiles } from "./archive.ts";

/** What is known of a chart beside its templates. */
export interface Fixture {
  readonly pin: ChartPin;
  /** Files that come from elsewhere. @default none */
  readonly generated?: () => Promise<ChartFiles>;
  /** Charts inside of the chart. */
  readonly dependencies?: readonly { readonly name: string; readonly version: string; readonly condition?: string }[];
}

/** Some charts carry the CRDs in a chart of their own: Helm does not store such charts with the release, which would burst its Secret. */
const crdsChart = { "charts/crds/Chart.yaml": stringify({ apiVersion: "v2", name: "crds", version: "0.0.0" }) };

/** What some charts have beside their templates, by name. */
const beside: Readonly<Record<string, Omit<Fixture, "pin">>> = {
  "prometheus-operator-crds": {
    dependencies: [{ name: "crds", version: "0.0.0" }],
    async generated() {
      const files: Record<string, string> = { ...crdsChart };
      for (const [file, crd] of await readModule(prometheusOperator)) {
        const kind = file.replace(/^.*_|\.yaml$/g, "");
        const annotated = annotatedBy("annotations", crd);
        files[`charts/crds/templates/crd-${kind}.yaml`] = `{{- if .Values.${kind}.enabled }}\n${annotated}{{- end }}\n`;
      }
      return files;
    },
  },
  "kube-prometheus-stack": {
    dependencies: [{ name: "crds", version: "0.0.0", condition: "crds.enabled" }],
    async generated() {
      const crds = (await readModule(prometheusOperator)).map(([file, crd]): [string, string] => [
        `charts/crds/crds/crd-${file.replace(/^.*_/, "")}`,
        crd,
      ]);
      return { ...crdsChart, ...Object.fromEntries(crds) };
    },
  },
  "victoria-metrics-operator": {
    dependencies: [{ name: "crds", version: "0.0.0", condition: "crds.plain" }],
    async generated() {
      const { module, version, folder } = victoriaMetricsOperator;
      // As the chart has them: with the descriptions they are more than Helm takes (5 MiB).
      const crds = await readFile(join(await moduleDir(module, version), folder, "crd.descriptionless.yaml"), "utf8");
      return { ...crdsChart, "charts/crds/crds/crd.yaml": crds };
    },
  },
  "opentelemetry-operator": {
    async generated() {
      const crds = (await readModule(opentelemetryOperator)).map(([file, crd]): [string, string] => [
        `templates/crd-${file.replace(/^.*_/, "")}`,
        `{{- if .Values.crds.create }}\n${escape(crd)}{{- end }}\n`,
      ]);
      return Object.fromEntries(crds);
    },
  },
  "eck-operator": {
    async generated() {
      const { module, version, folder } = eckOperator;
      const crds = await readFile(join(await moduleDir(module, version), folder, "all-crds.yaml"), "utf8");
      return { "templates/crds.yaml": `{{- if .Values.installCRDs }}\n${escape(crds)}{{- end }}\n` };
    },
  },
  keda: {
    async generated() {
      const crds = (await readModule(keda)).map(([file, crd]): [string, string] => [
        `templates/crd-${file.replace(/^.*_/, "")}`,
        `{{- if .Values.crds.install }}\n${annotatedBy("crds.additionalAnnotations", crd)}{{- end }}\n`,
      ]);
      return Object.fromEntries(crds);
    },
  },
};

const folderOf = (name: string) => join(folderOfChart(name), "stand-in", name);

/** The stand-in charts: `stand-in/<chart>` of a component; cert-manager is read from its module (see {@link fixtureFiles}). */
export const fixtures: readonly Fixture[] = Object.values(charts)
  .filter(({ name }) => existsSync(folderOf(name)))
  .map((pin) => ({ pin, ...beside[pin.name] }));

/** Template text that renders as the text itself. */
function escape(text: string): string {
  return text.replaceAll("{{", '{{ "{{" }}');
}

/** A definition as a template that adds the annotations of a value of the chart. */
function annotatedBy(value: string, crd: string): string {
  const added = `  annotations:\n{{- with .Values.${value} }}\n{{- toYaml . | nindent 4 }}\n{{- end }}\n`;
  return escape(crd).replace(/^ {2}annotations:\n/m, added);
}

async function readModule({ module, version, folder }: ModuleFolder): Promise<[file: string, content: string][]> {
  const directory = join(await moduleDir(module, version), folder);
  const files = (await readdir(directory)).filter((file) => /_.+\.yaml$/.test(file)).sort();
  return await Promise.all(
    files.map(async (file): Promise<[string, string]> => [file, await readFile(join(directory, file), "utf8")]),
  );
}

/** All files below a folder by their path in it. */
async function readTree(folder: string): Promise<ChartFiles> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  const files = entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
  const contents = files.map(async (file) => [file.slice(folder.length + 1), await readFile(file, "utf8")] as const);
  return Object.fromEntries(await Promise.all(contents));
}

/** What every stand-in has. */
const all = join(import.meta.dirname, "all");

/**
 * Pack the stand-in for a pinned chart.
 * @param whole whether its definitions have the descriptions of their fields
 * @throws as `fixtureFiles`
 */
export async function packFixture(name: string, { whole = true } = {}): Promise<ChartArchive> {
  const files = await fixtureFiles(name);
  return await packChart(whole ? files : withoutDescriptions(files));
}

/**
 * The files of the stand-in for a pinned chart.
 * @throws Error when there is none of that name, or when the Go module of its CRDs cannot be had
 */
export async function fixtureFiles(name: string): Promise<ChartFiles> {
  if (name === chartNamed("cert-manager").name) {
    return await certManager();
  }
  const fixture = fixtures.find(({ pin }) => pin.name === name);
  if (!fixture) {
    const known = [chartNamed("cert-manager").name, ...fixtures.map(({ pin }) => pin.name)].join(", ");
    throw new Error(
      `there is no stand-in for the chart ${name} (there are ${known}): add stand-in/${name} to the folder of its component, or give the rehearsal a folder with the real charts (--charts).`,
    );
  }
  const { appVersion, kubeVersion, values } = loadChart(fixture.pin);
  return {
    ...(await readTree(all)),
    ...(await readTree(folderOf(name))),
    ...(await fixture.generated?.()),
    "values.schema.json": valuesSchema(Object.keys(values)),
    "Chart.yaml": stringify({
      apiVersion: "v2",
      name,
      version: fixture.pin.version,
      appVersion,
      ...(kubeVersion !== undefined && { kubeVersion }),
      description: `Rehearsal stand-in for ${name}: its names, Services and values, not its templates.`,
      ...(fixture.dependencies && { dependencies: fixture.dependencies }),
    }),
  };
}

/** `global` is Helm's own: every chart accepts it. */
function valuesSchema(keys: readonly string[]): string {
  const properties = Object.fromEntries(["global", ...keys].map((key) => [key, {}]));
  return JSON.stringify(
    { $schema: "http://json-schema.org/draft-07/schema#", type: "object", additionalProperties: false, properties },
    undefined,
    2,
  );
}

/** cert-manager's module holds its chart without the version, which its release tool stamps; so does this. */
async function certManager(): Promise<ChartFiles> {
  const { name, version } = chartNamed("cert-manager");
  const source = await moduleDir("github.com/cert-manager/cert-manager", version);
  const chart = await readTree(join(source, "deploy/charts", name));
  const kept = Object.entries(chart).filter(([path]) => /^(templates\/|values\.|\.helmignore)/.test(path));
  const stamped = (chart["Chart.yaml"] ?? "")
    .replaceAll("v0.0.0", version)
    .replace(
      /^description: .*$/m,
      `description: cert-manager's own chart, packed from its Go module by the rehearsal as a stand-in for the published one.`,
    );
  return {
    ...Object.fromEntries(kept),
    ...(await readTree(all)),
    "Chart.yaml": stamped,
  };
}
