/** What lies in the folders of components beside their code: facts, stand-ins, variants. */
import { globSync, readFileSync } from "node:fs";
import * as path from "node:path";
import { pathToFileURL } from "node:url";
import type { FreeForm } from "./handed-on.ts";
import type { Pin } from "./pin.ts";
import type { Component } from "../components/component.ts";
import type { SettingsInput } from "../settings/schema.ts";

const components = path.resolve(import.meta.dirname, "../components");

/** Files of a name in all folders of components, sorted. */
export function componentFiles(name: string): string[] {
  return globSync(`**/${name}`, { cwd: components })
    .map((file) => path.join(components, file))
    .sort();
}

let folders: ReadonlyMap<string, string> | undefined;

/** The folder of the component that pins a chart in its `chart.ts`. @throws Error when there is none */
export function folderOfChart(name: string): string {
  folders ??= new Map(
    componentFiles("chart.ts").map((file) => [
      /\bname: "([^"]+)"/.exec(readFileSync(file, "utf8"))?.[1] ?? "",
      path.dirname(file),
    ]),
  );
  const folder = folders.get(name);
  if (folder === undefined) throw new Error(`No chart.ts of a component names the chart ${name}.`);
  return folder;
}

/** A setting, a value, the place (a resource's name and keys), and what is there then: the value itself when absent. */
export type Effect = readonly [
  setting: string,
  value: unknown,
  place?: string,
  holds?: string | { readonly lacks: string },
];

/** `variants.ts` of a component: settings under which it is proven, beside the default. */
export interface Variants {
  /** By title. Each is tried alone over the defaults, and in pairs with every other choice. */
  readonly variants: Readonly<Record<string, SettingsInput>>;
  /** Further ones, each tried alone only. @default none */
  readonly alone?: Readonly<Record<string, SettingsInput>>;
  /** What each of its settings changes, for those that `contract.ts` does not know. They are all set at once. */
  readonly effects?: readonly Effect[];
  /** What has to be set beside `effects`: then they are tried by themselves, with every one that the component's settings have. */
  readonly under?: SettingsInput;
  /** The same where what is decided is more than one thing; `resources` are paths of settings of containers among them. */
  readonly decided?: readonly {
    readonly under: SettingsInput;
    readonly effects: readonly Effect[];
    readonly resources?: readonly string[];
  }[];
}

/** What series and log lines of a component are told by. */
export interface Scraped {
  /** Values of their label `job`. */
  readonly jobs: readonly string[];
  /** How names of metrics begin that are there with it, or with another that says the same. @default none */
  readonly metrics?: readonly string[];
}

/** `contract.ts` of a component: what reviewers and readers hold its values to. */
export interface Contract {
  readonly freeForm?: FreeForm;
  readonly pins?: readonly Pin[];
  readonly scraped?: Scraped;
}

/** Those of all components, by the key of the component beside them. */
export async function componentContracts(): Promise<(Contract & { readonly component: string })[]> {
  return await Promise.all(
    componentFiles("contract.ts").map(async (file) => {
      const beside = (await import(pathToFileURL(path.join(path.dirname(file), "component.ts")).href)) as object;
      const component = Object.values(beside).find(
        (one: Partial<Component>) => one.settings !== undefined,
      ) as Component;
      return { component: component.key, ...((await import(pathToFileURL(file).href)) as Contract) };
    }),
  );
}

/** Those of all components, by the name of the folder. */
export async function componentVariants(): Promise<(Variants & { readonly component: string })[]> {
  return await Promise.all(
    componentFiles("variants.ts").map(async (file) => ({
      component: path.basename(path.dirname(file)),
      ...((await import(pathToFileURL(file).href)) as Variants),
    })),
  );
}
