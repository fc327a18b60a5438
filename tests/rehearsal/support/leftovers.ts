/** What a destroyed environment must not leave, wherever it was. */
import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { running } from "../../../rehearsal/control-plane/processes.ts";
import type { Rehearsal } from "../../../rehearsal/rehearsal.ts";
import { fleet, owner } from "../../../rehearsal/surroundings.ts";

/** Resources in the state, deploy keys, clusters and their processes, files; empty is good. */
export async function leftovers({ stack, dir, surroundings, environment }: Rehearsal): Promise<string[]> {
  const { resources = [] } = await environment.exportDeployment();
  const list = (folder: string) => (existsSync(folder) ? readdirSync(folder) : []);
  return [
    ...resources.filter(({ type }) => type !== "pulumi:pulumi:Stack").map(({ urn }) => `state: ${urn}`),
    ...surroundings.github
      .deployKeys(owner, fleet)
      .filter(({ title }) => title.includes(`/${stack} `))
      .map(({ title }) => `deploy key: ${title}`),
    ...list(join(dir, "kind", "clusters")).map((name) => `cluster: ${name}`),
    ...list(join(dir, "kind", "containers")).map((name) => `container: ${name}`),
    ...running(join(dir, "kind")).map(({ name }) => `process: ${name}`),
    ...list(join(dir, "kube")).map((name) => `file: kube/${name}`),
  ];
}
