/**
 * What has to be right before anything is written. `preview` reports it and never fails for it; `up` refuses before its
 * first write; `npm run doctor -- <stack>` is the same list on demand.
 */
import { AsyncLocalStorage } from "node:async_hooks";
import { createHash } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import * as pulumi from "@pulumi/pulumi";
import type { Stack } from "../settings/read.ts";
import type { Settings } from "../settings/schema.ts";
import { checkExistingCluster } from "./cluster/existing-preflight.ts";
import { checkHost } from "./cluster/host-preflight.ts";
import type { Finding } from "./cluster/preflight.ts";
import { checkGitHub } from "./gitops/github-preflight.ts";
import { checkLocalContent } from "./gitops/local-preflight.ts";
import { type AllKept, leftBehind } from "./keeping.ts";
import { checkContent } from "./occupancy.ts";
import { plan } from "./plan.ts";

/** How long one check may take, in milliseconds: what does not answer must not hold up a preview. */
const checkTimeout = 30_000;

/** What checks are told. */
export interface PreflightContext {
  /** Name of the stack. */
  readonly stack: string;
  readonly settings: Settings;
  readonly owner: string;
  /** GitHub token; undefined when the stack has none. Never part of a message. */
  readonly token: string | undefined;
  /** Docker's config.json; undefined when the stack has none. Never part of a message. */
  readonly registryCredentials: string | undefined;
  /** Nothing of this environment has been made yet. */
  readonly first: boolean;
  /** The state knows this environment, in this very cluster. */
  readonly known: boolean;
  /** Nothing will be written. */
  readonly preview: boolean;
  /**
   * Level of what cannot be verified (no network, read-only credentials): a note, but an error before the first `up`, which
   * could only fail half-way.
   */
  readonly unverified: Finding["level"];
  /** What its stores keep, as the state has it. @default nothing, or not known */
  readonly kept?: AllKept | undefined;
}

/** Looks at one thing and changes nothing. It may throw: that is told as what cannot be verified. */
export type Check = (context: PreflightContext) => Promise<readonly Finding[]>;

/** Of changes against the state, which ask nobody else. */
const changeChecks: Readonly<Record<string, Check>> = {
  "what stores keep": ({ kept = {}, settings }) => Promise.resolve(leftBehind(kept, plan(settings).chosen)),
};

/** All checks, by what they look at. A check that does not apply to the settings finds nothing. */
const checks: Readonly<Record<string, Check>> = {
  ...changeChecks,
  host: checkHost,
  GitHub: checkGitHub,
  content: checkLocalContent,
  cluster: checkExistingCluster,
  "what is in the cluster": checkContent,
};

/** Runs all checks at once, each bounded in time. Errors first; what two checks say alike is said once. */
export async function runChecks(
  context: PreflightContext,
  which: Readonly<Record<string, Check>> = checks,
  timeoutMs = checkTimeout,
): Promise<Finding[]> {
  const found = await Promise.all(
    Object.entries(which).map(async ([name, check]): Promise<readonly Finding[]> => {
      const ended = new AbortController();
      const late = sleep(timeoutMs, undefined, { signal: ended.signal }).then(() => {
        throw new Error(`no answer within ${timeoutMs / 1000} s`);
      });
      try {
        return await Promise.race([check(context), late]);
      } catch (error) {
        const reason = error instanceof Error ? error.message : String(error);
        return [{ level: context.unverified, check: name, message: `cannot be looked at: ${reason}` }];
      } finally {
        ended.abort();
        late.catch(() => undefined);
      }
    }),
  );
  const order = ["error", "warning", "note"];
  const unique = new Map(found.flat().map((finding) => [`${finding.check} ${finding.message}`, finding]));
  return [...unique.values()].toSorted((one, other) => order.indexOf(one.level) - order.indexOf(other.level));
}

/** Findings as lines for people. */
export function findingLines(findings: readonly Finding[]): string {
  return findings
    .map(({ level, check, message }) => `  ${level === "error" ? "" : `${level}: `}${check}: ${message}`)
    .join("\n");
}

const things = (findings: readonly Finding[]) => (findings.length === 1 ? "One thing" : `${findings.length} things`);

/**
 * What the environment's resource carries, so that it changes, and is looked at, when what is checked does.
 * @param content digest of what is pushed; undefined where nothing is
 * @param identity which cluster it is
 */
export function preflightInput(
  { settings, github }: Stack,
  content: string | undefined,
  identity: string | number | undefined,
): string {
  const { cluster, repository, deployKey, source } = settings;
  const delivery = content === undefined ? [repository, deployKey, github.owner] : [source, content];
  return createHash("sha256")
    .update(JSON.stringify([cluster, identity, ...delivery]))
    .digest("hex")
    .slice(0, 12);
}

/** Inputs of the environment's resource. */
export interface PreflightInputs {
  /** Changes when what checks look at does. */
  readonly preflight: string;
  /** Which existing cluster it is in. */
  readonly cluster?: string;
  /** What its stores keep. */
  readonly keeps: AllKept;
}

/** What an output of the configuration holds. */
async function valueOf(output: pulumi.Output<string> | undefined): Promise<string | undefined> {
  return output && (await new Promise<string>((resolve) => void output.apply(resolve)));
}

/**
 * The hook of the environment's own resource. Everything else is below that one and is not even registered before it is
 * there, so what this refuses has written nothing. It does not run when nothing of what is checked has changed.
 */
export function preflightHook({ name, settings, secrets, github }: Stack): pulumi.ResourceHookBinding {
  const preview = pulumi.runtime.isDryRun();
  const look: pulumi.ResourceHookFunction = async ({ oldInputs, newInputs }) => {
    const first = oldInputs === undefined;
    const before = (oldInputs ?? {}) as Partial<PreflightInputs>;
    const now = newInputs as unknown as PreflightInputs;
    const same = before.preflight === now.preflight && before.cluster === now.cluster;
    const context: PreflightContext = {
      stack: name,
      settings,
      owner: github.owner,
      token: await valueOf(github.token),
      registryCredentials: await valueOf(secrets.registryCredentials),
      first,
      known: !first && (before.cluster === undefined || before.cluster === now.cluster),
      preview,
      unverified: first && !preview ? "error" : "note",
      kept: before.keeps,
    };
    const findings = await runChecks(context, same ? changeChecks : checks);
    const errors = findings.filter(({ level }) => level === "error");
    // Of an `up` its own preview has told the rest, unless there was none (commands/pulumi.ts knows).
    const told = preview || process.env["OBSERVABILITY_SKIPS_PREVIEW"] !== undefined ? findings : errors;
    if (!preview && errors.length > 0)
      throw new Error(`${things(errors)} to put right, nothing was changed:\n${findingLines(told)}`);
    if (told.length === 0) return;
    const head =
      errors.length > 0 ? `${things(errors)} to put right, else \`up\` will refuse:` : "Looked at before `up`:";
    const text = `${head}\n${findingLines(findings)}`;
    // As a warning: an error that is logged fails the preview.
    await (errors.length > 0 || findings.some(({ level }) => level === "warning")
      ? pulumi.log.warn(text)
      : pulumi.log.info(text));
  };
  // The engine calls a hook from outside the program; its log belongs to the run of the program that declared it.
  const hook = new pulumi.ResourceHook("preflight", AsyncLocalStorage.bind(look), { onDryRun: true });
  return { beforeCreate: [hook], beforeUpdate: [hook] };
}
