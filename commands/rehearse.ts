/**
 * `npm run rehearse [-- options]`: the whole environment on this machine, shown while it comes up, checked, destroyed, and
 * looked after for what it might have left. `--help` lists the options.
 */
import { once } from "node:events";
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync } from "node:fs";
import { rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { merge } from "ts-deepmerge";
import { nearest } from "../settings/nearest.ts";
import { parseSettings } from "../settings/parse.ts";
import { secretSettings, type SecretName } from "../settings/secrets.ts";
import { outputProblems } from "./check-outputs.ts";
import { timesOf } from "./critical-path.ts";
import { obtain } from "../toolchain/obtain.ts";
import { banner, programs, type ProgramPaths } from "./rehearse/banner.ts";
import { publishedCharts } from "../rehearsal/charts/index.ts";
import { releasedPlugins } from "../rehearsal/providers/released.ts";
import { ClusterView, type FluxObject } from "./rehearse/cluster-view.ts";
import { running } from "../rehearsal/control-plane/processes.ts";
import { OperationFailed, type Operation } from "../rehearsal/engine.ts";
import { listeningPorts, processesOf } from "./rehearse/leftovers.ts";
import { parseOptions, usage, UsageError, type Options } from "./rehearse/options.ts";
import { Progress, type Running } from "./rehearse/progress.ts";
import { demoIsKbot, ofStackFile, openRehearsal, type Rehearsal, sourceIsRegistry } from "../rehearsal/rehearsal.ts";
import { jsonShow, textShow, time, type Show, type Waiting } from "./rehearse/show.ts";
import { fleet, kbotAt, owner } from "../rehearsal/surroundings.ts";

const projectRoot = resolve(import.meta.dirname, "..");

/** Milliseconds between two looks at the cluster while `up` runs. */
const look = 1500;

/** Ends a rehearsal early; what is to be said has been said. */
class Stop extends Error {}

/** One run of the command. */
class Run {
  readonly #options: Options;
  readonly #show: Show;
  readonly #began = performance.now();
  readonly #interrupted = new AbortController();
  #rehearsal: Rehearsal | undefined;
  /** Sentences of the verdict: what was seen, and what did not hold. */
  readonly #seen: string[] = [];
  readonly #wrong: string[] = [];
  #progress = new Progress();

  constructor(options: Options, show: Show) {
    this.#options = options;
    this.#show = show;
  }

  /** Ctrl-C: ends what runs, and everything with it. */
  interrupt(): void {
    this.#interrupted.abort(new Stop("interrupted"));
    this.#rehearsal?.environment.kill();
  }

  get #isInterrupted(): boolean {
    return this.#interrupted.signal.aborted;
  }

  /** @returns the exit code */
  async main(): Promise<number> {
    // All that this process and its programs write is in one folder, also what they call temporary.
    const dir = mkdtempSync(join(tmpdir(), "rehearsal-"));
    mkdirSync(join(dir, "tmp"));
    process.env["TMPDIR"] = join(dir, "tmp");
    try {
      const { stack, settings } = this.#options;
      this.#show.tell({ type: "begin", stack, settings });
      checkSettings(stack, settings);
      await this.#life(dir);
    } catch (error) {
      if (!(error instanceof Stop)) this.#fail(error);
    }
    await this.#cleanUp(dir);
    return this.#verdict();
  }

  async #life(dir: string): Promise<void> {
    const { signal } = this.#interrupted;
    const paths: ProgramPaths = await this.#phase("tools", () =>
      obtain(programs, {
        onProgress: (text) => {
          this.#show.tell({ type: "log", text });
        },
        signal,
      }),
    );
    const rehearsal = await this.#phase("surroundings", () => this.#open(dir, paths.pulumi));
    this.#show.tell({ type: "banner", parts: await banner(paths, rehearsal.surroundings) });
    const view = new ClusterView(rehearsal.kubeconfigPath);
    try {
      const ok = await this.#up(rehearsal, view);
      if (ok) {
        await this.#phase("outputs", () => this.#outputs(rehearsal));
        await this.#phase("verify", () => this.#verify(rehearsal, view));
      }
    } finally {
      view.close();
    }
    if (this.#options.keep) await this.#keep(rehearsal);
    await this.#phase("destroy", () => this.#destroy(rehearsal));
  }

  async #open(dir: string, pulumi: string): Promise<Rehearsal> {
    const { stack, settings, offline } = this.#options;
    const log = (text: string) => {
      this.#show.tell({ type: "log", text });
    };
    const charts = this.#options.charts ?? (offline ? undefined : await publishedCharts(log));
    const plugins = offline ? undefined : await releasedPlugins(pulumi, log, this.#interrupted.signal);
    const slow = setTimeout(() => {
      log("the first time, Go modules with the definitions of Flux and the charts are downloaded");
    }, 8000);
    this.#rehearsal = await openRehearsal({
      dir,
      stack,
      settings,
      signal: this.#interrupted.signal,
      ...(charts === undefined ? {} : { charts }),
      ...(plugins === undefined ? {} : { plugins }),
      onEvent: (event) => {
        this.#hear(this.#progress.take(event));
      },
      onFailure: ({ controller, how, lastLines }) => {
        const text = `ended by itself (${how}):\n${lastLines}`;
        this.#show.tell({ type: "diagnostic", severity: "warning", resource: controller, text });
      },
    }).finally(() => {
      clearTimeout(slow);
    });
    const own = takenBySurroundings(settings, this.#rehearsal.surroundings.settings);
    if (own.length > 0) {
      throw new Error(
        `--set ${own.join(", ")}: the rehearsal sets this itself, to lead the program to its own servers`,
      );
    }
    this.#stopIfInterrupted();
    return this.#rehearsal;
  }

  #hear(news: ReturnType<Progress["take"]>): void {
    if (news === undefined || this.#isInterrupted) return;
    if ("severity" in news) {
      this.#show.tell({ type: "diagnostic", ...news });
      return;
    }
    const { name, kind, phase, op, urn } = news;
    const rest = { type: "resource", name, kind, phase, op, urn } as const;
    if (!("failed" in news)) this.#show.tell({ ...rest, state: "begin" });
    else this.#show.tell({ ...rest, state: news.failed ? "failed" : "end", seconds: news.milliseconds / 1000 });
  }

  /** Runs a phase and tells its time; what it returns as a text is told with it. */
  async #phase<T>(name: string, work: () => Promise<T>): Promise<T> {
    this.#stopIfInterrupted();
    this.#show.tell({ type: "phase", phase: name, state: "begin" });
    const start = performance.now();
    const wrong = this.#wrong.length;
    const end = (failed: boolean, detail?: string) => {
      if (this.#isInterrupted) return;
      const seconds = (performance.now() - start) / 1000;
      const said = detail === undefined ? {} : { detail };
      this.#show.tell({ type: "phase", phase: name, state: failed ? "failed" : "end", seconds, ...said });
    };
    try {
      const result = await work();
      end(this.#wrong.length > wrong, typeof result === "string" ? result : undefined);
      this.#stopIfInterrupted();
      return result;
    } catch (error) {
      end(true);
      this.#stopIfInterrupted();
      throw error;
    }
  }

  #stopIfInterrupted(): void {
    if (this.#isInterrupted) throw new Stop("interrupted");
  }

  #check(name: string, ok: boolean, detail: string): void {
    this.#show.tell({ type: "check", name, ok, detail });
    if (!ok) this.#wrong.push(`${name}: ${firstLine(detail)}`);
  }

  /** Tells an error in full; the verdict is one line and repeats the error's first. */
  #fail(error: unknown): void {
    const text = error instanceof Error ? error.message : String(error);
    this.#show.tell({ type: "diagnostic", severity: "error", text });
    this.#wrong.push(firstLine(text));
  }

  /** The first `up`, watched. @returns whether it went well */
  async #up(rehearsal: Rehearsal, view: ClusterView): Promise<boolean> {
    const start = Date.now();
    let operation: Operation | undefined;
    await this.#phase("up", async () => {
      try {
        operation = await this.#watched(view, () => rehearsal.environment.up());
      } catch (error) {
        if (!(error instanceof OperationFailed) || this.#isInterrupted) throw error;
        this.#explain(error);
      }
      return operation === undefined ? undefined : changesOf(operation);
    });
    const end = Date.now();
    const { resources = [] } = await rehearsal.environment.exportDeployment();
    const times = timesOf(this.#progress.events, resources, start, end);
    if (times.criticalPath.links.length > 0) this.#show.tell({ type: "times", ...times });
    if (operation !== undefined) this.#seen.push(`up in ${time((end - start) / 1000)} (${changesOf(operation)})`);
    return operation !== undefined;
  }

  /** Runs an operation of the engine and tells meanwhile what is under way, and what the cluster says of it. */
  async #watched(view: ClusterView | undefined, operate: () => Promise<Operation>): Promise<Operation> {
    this.#progress = new Progress();
    const over = new AbortController();
    const watching = this.#watch(view, Date.now(), over.signal);
    try {
      return await operate();
    } finally {
      over.abort();
      await watching;
    }
  }

  async #watch(view: ClusterView | undefined, start: number, over: AbortSignal): Promise<void> {
    /** What was said of failures: each is told in full once, because the time-out that ends it may be far away. */
    const told = new Set<string>();
    for (;;) {
      const objects = (await view?.fluxObjects()) ?? [];
      if (over.aborted || this.#isInterrupted) return;
      for (const { kind, name, failing, says } of objects) {
        if (!failing || told.has(says)) continue;
        told.add(says);
        this.#show.tell({ type: "diagnostic", severity: "warning", resource: `${kind} ${name}`, text: says });
      }
      this.#show.tell({
        type: "waiting",
        seconds: (Date.now() - start) / 1000,
        done: this.#progress.done,
        running: [...this.#progress.running.values()]
          .sort((a, b) => a.since - b.since)
          .map((one) => waitingOf(one, objects)),
      });
      await sleep(look, undefined, { signal: over }).catch(() => undefined);
    }
  }

  /** Where an `up` failed. The engine's errors, and why something is not Ready, were shown as they came. */
  #explain(error: OperationFailed): void {
    const { failed, diagnostics, running: cut } = this.#progress;
    if (!diagnostics.some(({ severity }) => severity === "error")) {
      this.#show.tell({ type: "diagnostic", severity: "error", text: error.output.trim() });
    }
    const names = [...failed, ...cut.values()].map(({ kind, name }) => `${kind} ${name}`);
    const first = diagnostics.find(({ severity }) => severity === "error")?.text ?? "the program failed";
    this.#wrong.push(`up failed${names.length === 0 ? `: ${firstLine(first)}` : ` at ${names.join(", ")}`}`);
  }

  async #outputs(rehearsal: Rehearsal): Promise<void> {
    const map = await rehearsal.environment.outputs();
    const values = Object.fromEntries(Object.entries(map).map(([name, { value }]) => [name, value as unknown]));
    const secrets = Object.keys(map).filter((name) => map[name]?.secret === true);
    const masked = Object.fromEntries(
      Object.entries(values).map(([name, value]) => [name, secrets.includes(name) ? "[secret]" : value]),
    );
    const reveal = `pulumi stack output --show-secrets --stack ${this.#options.stack}`;
    this.#show.tell({ type: "outputs", outputs: masked, secrets, reveal });
    const schema = JSON.parse(readFileSync(join(projectRoot, "schemas", "outputs.schema.json"), "utf8")) as object;
    const problems = outputProblems(values, schema);
    const count = Object.keys(values).length;
    this.#check(
      "schemas/outputs.schema.json",
      problems.length === 0,
      problems.length === 0 ? `the ${count} outputs are as it says` : problems.join("\n"),
    );
  }

  async #verify(rehearsal: Rehearsal, view: ClusterView): Promise<void> {
    let objects = (await view.fluxObjects()) ?? [];
    // A release is not Ready for a moment whenever helm-controller looks at it again (helm-controller#1320).
    for (let again = 0; again < 20 && objects.some(({ ready }) => !ready); again++) {
      await sleep(1000);
      objects = (await view.fluxObjects()) ?? [];
    }
    const { stack, settings } = this.#options;
    const ofGit = !sourceIsRegistry(merge(ofStackFile(stack), settings));
    const kinds = ["HelmRelease", "Kustomization", ...(ofGit ? ["GitRepository"] : []), "OCIRepository"] as const;
    for (const kind of kinds) {
      const these = objects.filter((object) => object.kind === kind);
      const unready = these.filter(({ ready }) => !ready);
      const detail = unready.map(({ namespace, name, says }) => `${namespace}/${name} ${says}`).join("\n");
      const some = these.length > 0 || (ofGit && kind === "OCIRepository");
      this.#check(
        `every ${kind} is Ready, as the API says`,
        some && unready.length === 0,
        !some ? "there is none" : unready.length === 0 ? String(these.length) : detail,
      );
      if (kind === "HelmRelease") this.#seen.push(`${these.length - unready.length} releases Ready`);
    }
    const applied = objects.flatMap(({ kind, name, applied: count = 0 }) =>
      kind === "Kustomization" ? [`${name} ${count}`] : [],
    );
    this.#show.tell({ type: "log", text: `objects of flux-repo that Flux applied: ${applied.join(", ")}` });
    await this.#second(rehearsal);
  }

  async #second(rehearsal: Rehearsal): Promise<void> {
    const start = performance.now();
    const operation = await this.#watched(undefined, () => rehearsal.environment.up());
    const seconds = (performance.now() - start) / 1000;
    const { same = 0, ...others } = operation.changes;
    const changed = Object.values(others).some((count) => count !== 0);
    this.#check("a second up changes nothing", !changed && same > 0, `${changesOf(operation)} in ${time(seconds)}`);
    if (!changed) this.#seen.push(`a second up changed nothing (${same} the same)`);
  }

  async #keep(rehearsal: Rehearsal): Promise<void> {
    this.#show.end();
    this.#show.tell({ type: "kept", kubeconfig: rehearsal.kubeconfigPath });
    // The servers keep this process alive.
    if (!this.#isInterrupted) await once(this.#interrupted.signal, "abort");
    this.#stopIfInterrupted();
  }

  /** Destroys, and looks that the program itself removed what it made, before anything is cleaned up. */
  async #destroy(rehearsal: Rehearsal): Promise<string> {
    const operation = await this.#watched(undefined, () => rehearsal.environment.destroy());
    const left = running(join(rehearsal.dir, "kind", "clusters")).map(({ name }) => name);
    this.#check("the cluster is gone", left.length === 0, left.length === 0 ? "no process of it" : left.join(", "));
    const file = existsSync(rehearsal.kubeconfigPath);
    this.#check("its kubeconfig is gone", !file, file ? rehearsal.kubeconfigPath : "no file");
    const keys = rehearsal.surroundings.github.deployKeys(owner, fleet).map(({ title }) => title);
    this.#check("no deploy key is left at GitHub", keys.length === 0, keys.length === 0 ? "0 keys" : keys.join(", "));
    const { resources = [] } = await rehearsal.environment.exportDeployment();
    const urns = resources.filter(({ type }) => type !== "pulumi:pulumi:Stack").map(({ urn }) => urn);
    this.#check("the state is empty", urns.length === 0, urns.length === 0 ? "0 resources" : urns.join("\n"));
    return changesOf(operation);
  }

  /** Ends all there is and looks, from outside, whether it has ended. */
  async #cleanUp(dir: string): Promise<void> {
    const before = await processesOf(dir);
    const ports = listeningPorts([process.pid, ...before.map(({ pid }) => pid)]);
    try {
      if (this.#rehearsal !== undefined) await this.#rehearsal.close();
      else await rm(dir, { recursive: true, force: true });
    } catch (error) {
      this.#fail(error);
    }
    const left = await processesOf(dir);
    const open =
      listeningPorts([process.pid, ...left.map(({ pid }) => pid)]) ??
      // Where /proc does not tell: the servers of this process are all that can be left without another process.
      process.getActiveResourcesInfo().filter((name) => name === "TCPServerWrap");
    const files = existsSync(dir) ? readdirSync(dir) : [];
    const held = left.length === 0 && open.length === 0 && files.length === 0;
    const detail = held
      ? `no process (${before.length} ran), no port${ports === undefined ? "" : ` (${ports.length} were open)`}, no file`
      : [
          ...left.map(({ pid, command }) => `process ${pid} ${command.slice(0, 120)}`),
          ...open.map((port) => `port ${port}`),
          ...files.map((name) => `file ${join(dir, name)}`),
        ].join("\n");
    this.#check("nothing is left on this machine", held, detail);
    if (held) this.#seen.push("nothing is left");
  }

  #verdict(): number {
    const seconds = (performance.now() - this.#began) / 1000;
    const ok = this.#wrong.length === 0 && !this.#isInterrupted;
    const exitCode = this.#isInterrupted ? 130 : ok ? 0 : 1;
    const said = ok ? this.#seen : this.#isInterrupted ? [...this.#seen, ...this.#wrong] : this.#wrong;
    const text = `${said.join("; ")} (${time(seconds)} in all)`;
    this.#show.end();
    this.#show.tell({ type: "verdict", ok, text, seconds, exitCode });
    return exitCode;
  }
}

/** Checks what can be checked before anything is started. */
function checkSettings(stack: string, settings: Readonly<Record<string, unknown>>): void {
  if (!existsSync(join(projectRoot, `Pulumi.${stack}.yaml`))) {
    const stacks = readdirSync(projectRoot).flatMap((file) => /^Pulumi\.(.+)\.yaml$/.exec(file)?.[1] ?? []);
    const near = nearest(stack, stacks);
    throw new Error(
      `There is no Pulumi.${stack}.yaml.${near === undefined ? "" : ` Did you mean --stack ${near}?`} Stacks here: ${stacks.join(", ")}.`,
    );
  }
  const cluster = settings["cluster"] as Readonly<Record<string, unknown>> | undefined;
  if (cluster?.["type"] !== undefined || cluster?.["existing"] !== undefined) {
    throw new Error(
      "--set cluster.type, cluster.existing: a rehearsal makes a cluster of its own and touches no other.",
    );
  }
  const merged = merge.withOptions({ mergeArrays: false }, ofStackFile(stack), settings);
  const given = Object.keys(settings).length === 0 ? "" : " with --set";
  // What kbot has to be given the rehearsal has; the address is known once its servers run.
  parseSettings(demoIsKbot(merged) ? merge(merged, { demo: kbotAt("http://127.0.0.1") }) : merged, {
    file: `Pulumi.${stack}.yaml${given}`,
    secrets: Object.keys(secretSettings) as SecretName[],
  });
}

/** Settings of the command line that the surroundings set as well. */
function takenBySurroundings(given: unknown, own: unknown, path: readonly string[] = []): string[] {
  if (given === undefined || own === undefined) return [];
  const inner = (value: unknown) => typeof value === "object" && value !== null && !Array.isArray(value);
  if (!inner(given) || !inner(own)) return [path.join(".")];
  return Object.entries(given as object).flatMap(([key, value]) =>
    takenBySurroundings(value, (own as Record<string, unknown>)[key], [...path, key]),
  );
}

function waitingOf({ name, kind, since, object }: Running, objects: readonly FluxObject[]): Waiting {
  const found = objects.find(
    (one) => one.kind === object?.kind && one.name === object.name && one.namespace === object.namespace,
  );
  const seconds = (Date.now() - since) / 1000;
  return { name, kind, seconds, ...(found === undefined || found.ready ? {} : { for: found.says }) };
}

function firstLine(text: string): string {
  return (text.split("\n")[0] ?? "").replace(/[:;]$/, "");
}

function changesOf({ changes }: Operation): string {
  const words: Readonly<Record<string, string>> = {
    create: "created",
    same: "the same",
    update: "updated",
    delete: "deleted",
  };
  const parts = Object.entries(changes).filter(([, count]) => count !== 0);
  return parts.map(([op, count]) => `${count} ${words[op] ?? op}`).join(", ");
}

/** The command. @returns the exit code */
async function main(args: readonly string[]): Promise<number> {
  let options: Options;
  try {
    options = parseOptions(args);
  } catch (error) {
    if (!(error instanceof UsageError)) throw error;
    process.stderr.write(`${error.message}\n`);
    return 2;
  }
  if (options.help) {
    process.stdout.write(usage);
    return 0;
  }
  const run = new Run(options, options.json ? jsonShow(process.stdout) : textShow(process.stdout));
  let signals = 0;
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
    process.on(signal, () => {
      signals += 1;
      run.interrupt();
      // The guard of the folder ends and removes what is left.
      if (signals > 1) process.exit(130);
      process.stderr.write("\ncleaning up (once more to end at once)\n");
      // The program runs in this process and loses its engine: what it still says is of no use to anybody.
      process.on("unhandledRejection", () => undefined);
      process.on("uncaughtException", () => undefined);
    });
  }
  return run.main();
}

// Not process.exitCode: nothing that is still open is waited for.
process.exit(await main(process.argv.slice(2)));
