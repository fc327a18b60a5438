/** All checks of plain data, together. */
import type { Manifest } from "../components/kubernetes/manifest.ts";
import { checkAlertmanager } from "./checks/alertmanager.ts";
import { checkCollectors } from "./checks/collector.ts";
import { checkContent } from "./checks/content.ts";
import { checkConventions } from "./checks/conventions.ts";
import { checkDataSources } from "./checks/data-sources.ts";
import { checkDigests } from "./checks/digests.ts";
import { checkFluentBit } from "./checks/fluent-bit.ts";
import { checkFluentd } from "./checks/fluentd.ts";
import { checkNetwork, checkPodSecurity } from "./checks/network.ts";
import { checkObjects } from "./checks/objects.ts";
import { checkPins, checkRelations } from "./checks/pins.ts";
import { checkReferences } from "./checks/references.ts";
import { checkScrapes } from "./checks/scrapes.ts";
import { checkAllValues } from "./checks/values.ts";
import type { CollectorSchemas } from "./collector-schemas.ts";
import type { Finding } from "./finding.ts";
import type { KubernetesApi } from "./kubernetes-api.ts";
import type { Rendered } from "./rendered.ts";

/** Readers that need Go's modules; a check without its reader looks at less. */
export interface Readers {
  readonly api: KubernetesApi | undefined;
  readonly collector: CollectorSchemas | undefined;
}

/**
 * Every finding about an environment.
 *
 * @param only when one object was changed, the others need no look at their schemas again
 */
export function judge(rendered: Rendered, readers: Readers, only?: Manifest): Finding[] {
  return checks(rendered, readers, only).flatMap((check) => check());
}

/** The first finding, if there is one: as `judge`, and done as soon as anything is wrong. */
export function firstFinding(rendered: Rendered, readers: Readers, only?: Manifest): Finding | undefined {
  for (const check of checks(rendered, readers, only)) {
    const [found] = check();
    if (found !== undefined) return found;
  }
  return undefined;
}

/** Every check, the quickest first. */
function checks(rendered: Rendered, readers: Readers, only?: Manifest): (() => readonly Finding[])[] {
  const looked = only === undefined ? rendered : { ...rendered, declared: [only], content: [], machinery: [] };
  return [
    () => checkPins(looked),
    () => checkRelations(looked),
    () => checkDigests(rendered),
    () => checkObjects(looked, readers.api),
    () => checkAllValues(rendered),
    () => checkConventions(rendered, readers.api),
    () => checkReferences(rendered),
    () => checkNetwork(rendered),
    () => checkPodSecurity(rendered),
    () => checkCollectors(rendered, readers.collector),
    () => checkScrapes(rendered),
    () => checkFluentBit(rendered),
    () => checkFluentd(rendered),
    () => checkContent(rendered),
    () => checkDataSources(rendered),
    () => checkAlertmanager(rendered),
  ];
}
