/**
 * Schemas of the collector's components: the `config.schema.yaml` that each component's Go module ships, of the version of
 * the collector that is deployed. They are joined into one strict JSON Schema per component.
 */
import { existsSync, readFileSync } from "node:fs";
import * as path from "node:path";
import { parse } from "yaml";
import { collector } from "../settings/versions.ts";
import { moduleDir } from "../toolchain/obtain.ts";
import { asMap } from "./finding.ts";
import type { Schema } from "./schemas.ts";

const core = "go.opentelemetry.io/collector";
const contrib = "github.com/open-telemetry/opentelemetry-collector-contrib";

/** Modules of the components that the environment uses, by `<place>/<type>` in a configuration. */
const modules: Readonly<Record<string, string>> = {
  "receivers/otlp": `${core}/receiver/otlpreceiver`,
  "receivers/zipkin": `${contrib}/receiver/zipkinreceiver`,
  "receivers/jaeger": `${contrib}/receiver/jaegerreceiver`,
  "connectors/service_graph": `${contrib}/connector/servicegraphconnector`,
  "connectors/span_metrics": `${contrib}/connector/spanmetricsconnector`,
  "processors/batch": `${core}/processor/batchprocessor`,
  "processors/memory_limiter": `${core}/processor/memorylimiterprocessor`,
  "processors/k8s_attributes": `${contrib}/processor/k8sattributesprocessor`,
  "processors/redaction": `${contrib}/processor/redactionprocessor`,
  "processors/resource": `${contrib}/processor/resourceprocessor`,
  "processors/transform": `${contrib}/processor/transformprocessor`,
  "processors/tail_sampling": `${contrib}/processor/tailsamplingprocessor`,
  "exporters/load_balancing": `${contrib}/exporter/loadbalancingexporter`,
  "exporters/otlp_grpc": `${core}/exporter/otlpexporter`,
  "exporters/otlp_http": `${core}/exporter/otlphttpexporter`,
  "exporters/prometheus": `${contrib}/exporter/prometheusexporter`,
  "exporters/prometheusremotewrite": `${contrib}/exporter/prometheusremotewriteexporter`,
  "extensions/basicauth": `${contrib}/extension/basicauthextension`,
  "extensions/bearertokenauth": `${contrib}/extension/bearertokenauthextension`,
  "extensions/health_check": `${contrib}/extension/healthcheckextension`,
};

export interface CollectorSchemas {
  readonly version: string;
  /** Schema of a component by `<place>/<type>`; undefined for one that the environment does not know. */
  readonly component: (id: string) => Schema | undefined;
}

interface Module {
  readonly folder: string;
  /** Versions of the modules that it needs. */
  readonly requires: ReadonlyMap<string, string>;
}

async function load(module: string, version: string): Promise<Module> {
  const folder = await moduleDir(module, version);
  const text = readFileSync(path.join(folder, "go.mod"), "utf8");
  const requires = new Map([...text.matchAll(/^\t(\S+) (v\S+)/gm)].map(([, name = "", v = ""]) => [name, v] as const));
  return { folder, requires: requires.set(module, version) };
}

/** Finds the folder of a Go package: that of the module with the longest name that begins its path. */
async function packageFolder(name: string, { requires }: Module): Promise<string> {
  const module = [...requires.keys()]
    .filter((candidate) => name === candidate || name.startsWith(`${candidate}/`))
    .sort((a, b) => b.length - a.length)[0];
  if (module === undefined) throw new Error(`No module that the component needs has the package ${name}.`);
  return path.join(await moduleDir(module, requires.get(module) ?? ""), name.slice(module.length));
}

/** One schema, with references to other packages resolved and embedded ones joined in. */
class Resolver {
  private readonly module: Module;
  private readonly files = new Map<string, Record<string, unknown>>();

  constructor(module: Module) {
    this.module = module;
  }

  private async file(name: string): Promise<Record<string, unknown>> {
    const known = this.files.get(name);
    if (known !== undefined) return known;
    const folder = await packageFolder(name, this.module);
    const file = path.join(folder, "config.schema.yaml");
    if (!existsSync(file)) throw new Error(`${name} ships no config.schema.yaml.`);
    const content = parse(readFileSync(file, "utf8")) as Record<string, unknown>;
    // What a generator cannot know is written by hand beside it.
    const overlay = path.join(folder, "config.schema.overlay.yaml");
    if (existsSync(overlay)) {
      const { $defs } = parse(readFileSync(overlay, "utf8")) as { $defs?: object };
      content["$defs"] = { ...asMap(content["$defs"]), ...$defs };
    }
    this.files.set(name, content);
    return content;
  }

  /** The component's own schema, strict. */
  async root(name: string): Promise<Schema> {
    return this.strict(await this.file(name), name, []);
  }

  private async reference(reference: string, from: string, seen: readonly string[]): Promise<Schema> {
    const repository = from.startsWith(core) ? core : contrib;
    const full = reference.startsWith("/") ? repository + reference : reference;
    const inPackage = full.includes("/");
    const name = inPackage ? full.slice(0, full.lastIndexOf(".")) : from;
    const definition = inPackage ? full.slice(full.lastIndexOf(".") + 1) : full;
    const id = `${name}.${definition}`;
    if (seen.includes(id)) return {};
    let target: unknown;
    try {
      target = asMap((await this.file(name))["$defs"])?.[definition];
    } catch {
      // A package of another project, without a schema: nothing is known of it.
      return {};
    }
    return this.strict((target ?? {}) as Record<string, unknown>, name, [...seen, id]);
  }

  private async strict(
    node: Readonly<Record<string, unknown>>,
    from: string,
    seen: readonly string[],
  ): Promise<Schema> {
    const { $ref, allOf, properties, items, additionalProperties, type, format } = node;
    const embedded = await Promise.all(
      [
        ...(Array.isArray(allOf) ? (allOf as Record<string, unknown>[]) : []),
        ...(typeof $ref === "string" ? [{ $ref }] : []),
      ].map(async (part) =>
        typeof part["$ref"] === "string" ? this.reference(part["$ref"], from, seen) : this.strict(part, from, seen),
      ),
    );
    const result: Record<string, unknown> = Object.assign({}, ...embedded) as Record<string, unknown>;
    const joined: Record<string, unknown> = Object.assign(
      {},
      ...embedded.map((part) => asMap(part["properties"]) ?? {}),
    ) as Record<string, unknown>;
    for (const [key, child] of Object.entries(asMap(properties) ?? {})) {
      joined[key] = await this.strict(child as Record<string, unknown>, from, seen);
    }
    if (type !== undefined) result["type"] = type;
    if (node["enum"] !== undefined) result["enum"] = node["enum"];
    if (format === "duration") result["pattern"] = "^(\\d+(\\.\\d+)?(ns|us|ms|s|m|h))+$|^0$";
    if (asMap(items) !== undefined) result["items"] = await this.strict(items as Record<string, unknown>, from, seen);
    if (asMap(additionalProperties) !== undefined) {
      result["additionalProperties"] = await this.strict(additionalProperties as Record<string, unknown>, from, seen);
    }
    if (Object.keys(joined).length > 0) {
      result["properties"] = joined;
      // A part that nothing is known of leaves the whole open.
      const open = embedded.some((part) => Object.keys(part).length === 0);
      if (!open && asMap(additionalProperties) === undefined) result["additionalProperties"] = false;
    }
    return result;
  }
}

/**
 * Reads the schemas, from Go's module cache or its proxy.
 * @throws when Go is missing, or a module cannot be had
 */
export async function collectorSchemas(): Promise<CollectorSchemas> {
  const version = `v${collector}`;
  const schemas = new Map<string, Schema>();
  for (const [id, name] of Object.entries(modules)) {
    schemas.set(id, await new Resolver(await load(name, version)).root(name));
  }
  return { version, component: (id) => schemas.get(id) };
}
