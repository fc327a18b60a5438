/**
 * The registry beside a Kind cluster: `push` makes sure that it runs and has the content, `applied` waits until Flux has
 * applied it, `delete` removes it. Pulumi runs it in the project's folder; what is wanted is JSON on standard input
 * (`WantedPush`, `WantedApplied`), for `delete` the owner is REGISTRY_OWNER.
 *
 * Progress is on standard error; the error that ends it on standard output, because Pulumi repeats both streams when a command
 * fails, and shows only one while it runs. Exit code 0, or 1 for an error.
 */
import { existsSync, readFileSync } from "node:fs";
import { text } from "node:stream/consumers";
import { EngineError, UserError } from "../cluster/kind.ts";
import { ensureRegistry, removeRegistry, type RegistryArgs } from "../cluster/registry.ts";
import { artifactOf, NotPushed, pushArtifact, registryAnswers } from "./artifact.ts";
import { contentFaults, contentFiles, type WantedContent } from "./content.ts";
import { reconcile, requestFetch } from "./reconcile.ts";
import { sourceName } from "./names.ts";

export interface WantedPush extends RegistryArgs {
  readonly content: WantedContent;
  /** Of the artifact, so that a change of the content is a change of the resource. */
  readonly digest: string;
  /** Path of the cluster's kubeconfig, which a first `up` has yet to write. */
  readonly kubeconfig: string;
}

export interface WantedApplied {
  /** Path of the cluster's kubeconfig. */
  readonly kubeconfig: string;
  readonly digest: string;
}

function say(line: string): void {
  process.stderr.write(`${line}\n`);
}

async function push(wanted: WantedPush): Promise<void> {
  const files = contentFiles(wanted.content);
  const faults = contentFaults(files);
  if (faults.length > 0) throw new UserError(`nothing is pushed:\n${faults.map((fault) => `- ${fault}`).join("\n")}`);
  const artifact = artifactOf(files);
  const address = await ensureRegistry(wanted);
  await registryAnswers(address);
  const pushed = await pushArtifact(address, artifact);
  say(`${files.size} files, ${artifact.digest}: ${pushed ? "pushed to" : "already in"} the registry at ${address}`);
  if (existsSync(wanted.kubeconfig)) await requestFetch(readFileSync(wanted.kubeconfig, "utf8"), sourceName);
}

async function applied({ kubeconfig, digest }: WantedApplied): Promise<void> {
  if (!existsSync(kubeconfig)) throw new UserError(`there is no kubeconfig ${kubeconfig}. Run this again.`);
  const result = await reconcile(readFileSync(kubeconfig, "utf8"), sourceName, digest);
  if (result === undefined || result.failed.length === 0) return;
  throw new UserError(`Flux does not apply what was pushed (${digest}):\n${result.failed.join("\n")}`);
}

async function remove(owner: string): Promise<void> {
  try {
    const names = await removeRegistry(owner);
    say(names.length === 0 ? "there is no registry: nothing to delete." : `registry ${names.join(", ")} is deleted.`);
  } catch (error) {
    if (!(error instanceof EngineError) || error.engine !== "absent") throw error;
    say("no container engine is installed here, so there is no registry: nothing to delete.");
  }
}

try {
  const verb = process.argv[2];
  if (verb === "delete") await remove(process.env["REGISTRY_OWNER"] ?? "");
  else {
    const wanted: unknown = JSON.parse(await text(process.stdin));
    if (verb === "push") await push(wanted as WantedPush);
    else if (verb === "applied") await applied(wanted as WantedApplied);
    else throw new UserError(`use: node components/gitops/local-registry-script.ts push|applied|delete`);
  }
} catch (error) {
  const known = error instanceof UserError || error instanceof NotPushed;
  process.stdout.write(
    `error: ${known ? error.message : error instanceof Error ? (error.stack ?? "") : String(error)}\n`,
  );
  process.exitCode = 1;
}
