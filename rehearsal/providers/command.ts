import { spawn, type ChildProcess } from "node:child_process";
import { randomBytes } from "node:crypto";
import { recorded as recordedProcess } from "../control-plane/processes.ts";
import { compare, unsupported, type ResourceRequest, type StandIn } from "./server.ts";
import { equal, hasUnknown, Secret, unknown, type Properties, type Value } from "./values.ts";

const commandType = "command:local:Command";

/** Inputs of `command.local.Command`, version 1.2.1. */
interface CommandInputs {
  readonly create?: string;
  readonly update?: string;
  readonly delete?: string;
  readonly dir?: string;
  readonly environment?: Readonly<Record<string, string>>;
  readonly interpreter?: readonly string[];
  readonly stdin?: string;
  readonly logging?: "stdout" | "stderr" | "stdoutAndStderr" | "none";
  readonly addPreviousOutputInEnv?: boolean;
  readonly triggers?: readonly Value[];
}

interface CommandOutputs {
  readonly stdout: string;
  readonly stderr: string;
}

/**
 * Stand-in for the command provider: `local.Command` only. Like the released one it runs the text with `/bin/sh -c`,
 * kills nothing but that shell when the engine cancels, waits until every process that holds its output has ended, and
 * keeps nothing of a create that failed.
 * @param environment What the commands see besides their own `environment`; the released plugin passes the engine's.
 * @param processes A folder where their processes are recorded (see `launch`).
 */
export function commandStandIn(environment: NodeJS.ProcessEnv, processes?: string): StandIn {
  const run = runner(environment, processes);
  return {
    diff(request) {
      assertKnown(request);
      const changes = compare(request.oldInputs, request.inputs, ["triggers"]);
      return { changes };
    },
    async create(request) {
      assertKnown(request);
      const inputs = request.inputs as CommandInputs;
      const id = request.name + randomBytes(4).toString("hex");
      if (request.preview) return { id, properties: previewed(request, request.inputs) };
      const outputs = await run(inputs.create, inputs, { stdout: "", stderr: "" }, request);
      return { id, properties: recorded(request, request.inputs, outputs) };
    },
    async update(request) {
      assertKnown(request);
      const inputs = request.inputs as CommandInputs;
      if (request.preview) {
        const same = equal(request.inputs, request.oldInputs);
        return { properties: same ? request.old : previewed(request, request.inputs) };
      }
      const outputs = await run(inputs.update ?? inputs.create, inputs, outputsOf(request.old), request);
      return { properties: recorded(request, request.inputs, outputs) };
    },
    async delete(request) {
      assertKnown(request);
      const inputs = request.old as CommandInputs;
      await run(inputs.delete, inputs, outputsOf(request.old), request);
    },
  };
}

function assertKnown(request: ResourceRequest): void {
  if (request.type !== commandType) throw unsupported("command", request.type);
}

function outputsOf(state: Properties): CommandOutputs {
  const text = (value: Value | undefined): string => (typeof value === "string" ? value : "");
  return { stdout: text(state["stdout"]), stderr: text(state["stderr"]) };
}

/** What a preview can tell: every output depends on every input, so none is known. */
function previewed(request: ResourceRequest, inputs: Properties): Properties {
  return { ...inputs, ...sealed(request, { stdout: unknown, stderr: unknown }) };
}

function recorded(request: ResourceRequest, inputs: Properties, outputs: CommandOutputs): Properties {
  return { ...inputs, ...sealed(request, { ...outputs }) };
}

/** One secret input makes every output secret. */
function sealed(request: ResourceRequest, outputs: Record<string, Value>): Properties {
  if (!request.secret) return outputs;
  return Object.fromEntries(Object.entries(outputs).map(([key, value]) => [key, new Secret(value)]));
}

type Run = (
  script: string | undefined,
  inputs: CommandInputs,
  previous: CommandOutputs,
  request: ResourceRequest,
) => Promise<CommandOutputs>;

function runner(environment: NodeJS.ProcessEnv, processes: string | undefined): Run {
  return async (script, inputs, previous, request) => {
    if (script === undefined) return previous;
    if (hasUnknown(inputs as Properties)) throw new Error("an input of the command is not known");
    const [program = "/bin/sh", ...args] = inputs.interpreter?.length ? inputs.interpreter : ["/bin/sh", "-c"];
    const env: NodeJS.ProcessEnv = { ...environment, ...inputs.environment };
    if (inputs.addPreviousOutputInEnv !== false) {
      if (previous.stdout !== "") env["PULUMI_COMMAND_STDOUT"] = previous.stdout;
      if (previous.stderr !== "") env["PULUMI_COMMAND_STDERR"] = previous.stderr;
    }
    // A process group of its own: a Ctrl-C in the terminal reaches it only through the engine's cancellation.
    const words = [program, ...args, script];
    const [command = "", ...rest] =
      processes === undefined ? words : recordedProcess(processes, `command-${randomBytes(4).toString("hex")}`, words);
    const child = spawn(command, rest, { cwd: inputs.dir, env, detached: true });
    const logged = inputs.logging ?? "stdoutAndStderr";
    // The released one's error has both streams in the order in which they came.
    const both: Buffer[] = [];
    for (const stream of [child.stdout, child.stderr]) stream.on("data", (chunk: Buffer) => both.push(chunk));
    const stdout = collect(child, "stdout", logged === "stdout" || logged === "stdoutAndStderr", request);
    const stderr = collect(child, "stderr", logged === "stderr" || logged === "stdoutAndStderr", request);
    const kill = (): void => {
      child.kill("SIGKILL");
    };
    request.signal.addEventListener("abort", kill);
    try {
      const failure = await new Promise<string | undefined>((resolve) => {
        child.on("error", (error) => {
          resolve(error.message);
        });
        child.on("close", (code, signal) => {
          resolve(code === 0 ? undefined : signal === null ? `exit status ${code}` : `signal: ${signal}`);
        });
        // A program that does not read its input is no error.
        child.stdin.on("error", () => undefined);
        child.stdin.end(inputs.stdin ?? "");
      });
      if (failure === undefined) return { stdout: trimmed(stdout()), stderr: trimmed(stderr()) };
      throw new Error(`${failure}: running ${JSON.stringify(script)}:\n${Buffer.concat(both).toString()}`);
    } finally {
      request.signal.removeEventListener("abort", kill);
    }
  };
}

function collect(
  child: ChildProcess,
  stream: "stdout" | "stderr",
  shown: boolean,
  request: ResourceRequest,
): () => string {
  const chunks: Buffer[] = [];
  child[stream]?.on("data", (chunk: Buffer) => {
    chunks.push(chunk);
    if (shown) request.log("info", trimmed(chunk.toString()));
  });
  return () => Buffer.concat(chunks).toString();
}

function trimmed(text: string): string {
  return text.endsWith("\n") ? text.slice(0, -1) : text;
}
