/**
 * Runs the program without an engine (Pulumi's mocks stand in for it) and returns what it declares. The composition is
 * the program's own (`components/environment.ts`); providers are never called, so values that only they know (keys,
 * passwords, the kubeconfig) are placeholders that say what they stand for.
 */
import { existsSync } from "node:fs";
import * as pulumi from "@pulumi/pulumi";
import { Environment } from "../components/environment.ts";
import type { Manifest } from "../components/kubernetes/manifest.ts";
import type { Outputs } from "../components/outputs.ts";
import { usedAlertingSecrets } from "../components/alerts/alertmanager/check.ts";
import { parseSettings } from "../settings/parse.ts";
import type { Stack } from "../settings/read.ts";
import type { SettingsInput } from "../settings/schema.ts";
import { type SecretName, secretSettings } from "../settings/secrets.ts";

/** What a secret looks like in anything that is printed. */
export function masked(what: string): string {
  return `<secret: ${what}>`;
}

/** What stands for a secret; the program reads inside of this one. */
const placeholder = (secret: string) =>
  secret === "registryCredentials"
    ? JSON.stringify({ auths: { "registry.example.com": { auth: masked(secret) } } })
    : masked(secret);

const maskedMembers = (names: readonly string[]) =>
  Object.fromEntries(names.map((secret) => [secret, pulumi.secret(masked(secret))]));

/** A resource as the program registers it. */
export interface Declared {
  readonly type: string;
  readonly name: string;
  /** URN of the parent; empty at the top. */
  readonly parent: string;
  readonly urn: string;
  /** URN of the resource it goes with, if any. */
  readonly deletedWith: string | undefined;
  readonly custom: boolean;
  /** How long the engine waits for its creation, where the resource says so. */
  readonly wait: string | undefined;
  readonly inputs: Readonly<Record<string, unknown>>;
  /** Keys of `inputs` that hold a secret, at whatever depth. */
  readonly secretInputs: readonly string[];
}

/** What the program declares for one set of settings. */
export interface Program {
  readonly stack: Stack;
  readonly resources: readonly Declared[];
  readonly outputs: Outputs;
}

export interface ProgramArgs {
  /** What a stack file says; everything else has its default. */
  readonly settings?: SettingsInput;
  /** Secrets that are set.
   * @default those of `usualSecrets` */
  readonly secrets?: readonly string[];
  /** @default `dev` */
  readonly stack?: string;
  /** @default `acme` */
  readonly owner?: string;
  readonly fluxManifests?: readonly Manifest[];
}

const project = "observability";

/** Secrets without which settings would not be whole: that of the demo kbot, and one for every server behind https:// that is there already. */
export function usualSecrets({ external = {} }: SettingsInput = {}): SecretName[] {
  const servers = Object.entries(external).filter(([, server]) => JSON.stringify(server).includes("https://"));
  return [
    "telegramToken",
    ...servers
      .map(([of]) => `external${of.charAt(0).toUpperCase()}${of.slice(1)}Secret`)
      .filter((name): name is SecretName => name in secretSettings),
  ];
}

/** Outputs that a provider makes. */
function computed(type: string): Record<string, unknown> {
  switch (type) {
    case "command:local:Command":
      // The program refuses an empty kubeconfig.
      return { stdout: pulumi.secret(`${masked("kubeconfig")} clusters:`), stderr: "" };
    case "tls:index/privateKey:PrivateKey":
      return {
        privateKeyOpenssh: pulumi.secret(masked("deploy key")),
        publicKeyOpenssh: "ssh-ed25519 AAAA<public key>\n",
        publicKeyFingerprintSha256: "SHA256:<fingerprint>",
      };
    case "random:index/randomUuid:RandomUuid":
      return { result: "00000000-0000-4000-8000-000000000000" };
    case "random:index/randomPassword:RandomPassword":
      return { result: pulumi.secret(masked("password")) };
    default:
      return {};
  }
}

/** Plain data: the wrappers that mark secrets are taken off at every depth. */
function plain(value: unknown): unknown {
  const open: unknown = pulumi.runtime.isRpcSecret(value) ? pulumi.runtime.unwrapRpcSecret(value) : value;
  if (Array.isArray(open)) return open.map(plain);
  if (typeof open !== "object" || open === null) return open;
  return Object.fromEntries(Object.entries(open).map(([key, child]) => [key, plain(child)]));
}

/** The parts of the engine's protocol that mocks do not hand on. */
interface RegisterRequest {
  getType(): string;
  getName(): string;
  getParent(): string;
  getDeletedwith(): string;
  getObject(): Parameters<typeof pulumi.runtime.deserializeProperties>[0];
  getCustom(): boolean;
  getCustomtimeouts(): { getCreate(): string } | undefined;
}
type Answer = (error: Error | null, response: { getUrn(): string } | undefined) => void;
interface Monitor {
  registerResource(request: RegisterRequest, answer: Answer): Promise<void>;
  registerErrorHook: RegisterHook;
  registerResourceHook: RegisterHook;
}
type RegisterHook = (request: unknown, answer: (error: Error | null, response: object) => void) => void;

/** The runtime has one monitor at a time. */
let queue: Promise<unknown> = Promise.resolve();

/**
 * Runs the program for some settings.
 * @throws SettingsError when the settings are wrong, and whatever the program throws
 */
export async function runProgram(args: ProgramArgs = {}): Promise<Program> {
  const run = queue.then(() => withoutStacks(() => declare(args)));
  queue = run.catch(() => undefined);
  return run;
}

/** How many callers an error notes when nothing here changes it. */
const { stackTraceLimit } = Error;

/**
 * Runs the program in this process without stacks of errors. The SDK notes one for every promise and every resource
 * (@pulumi/pulumi 3.270.0, runtime/debuggable.js): a third of the time, and nobody reads them here.
 */
export async function withoutStacks<T>(work: () => Promise<T>): Promise<T> {
  Error.stackTraceLimit = 0;
  try {
    return await work();
  } finally {
    Error.stackTraceLimit = stackTraceLimit;
  }
}

async function declare(args: ProgramArgs): Promise<Program> {
  const name = args.stack ?? "dev";
  const resources: Declared[] = [];
  await pulumi.runtime.setMocks(
    {
      newResource: ({ type, name: resource, inputs }) => ({
        id: `${resource}-id`,
        state: { ...(inputs as Record<string, unknown>), ...computed(type) },
      }),
      call: ({ token }) => {
        throw new Error(`The program calls ${token}, which nothing here can answer.`);
      },
    },
    project,
    name,
  );
  const monitor = pulumi.runtime.getMonitor() as unknown as Monitor;
  // The SDK's mocks claim to know hooks and do not (@pulumi/pulumi 3.270.0, runtime/mocks.js).
  const registerHook: RegisterHook = (_request, answer) => {
    answer(null, {});
  };
  Object.assign(monitor, { registerErrorHook: registerHook, registerResourceHook: registerHook });
  const register = monitor.registerResource.bind(monitor);
  monitor.registerResource = async (request, answer) =>
    register(request, (error, response) => {
      const inputs = pulumi.runtime.deserializeProperties(request.getObject()) as Record<string, unknown>;
      resources.push({
        type: request.getType(),
        name: request.getName(),
        parent: request.getParent(),
        urn: response?.getUrn() ?? "",
        deletedWith: request.getDeletedwith() === "" ? undefined : request.getDeletedwith(),
        custom: request.getCustom(),
        wait: request.getCustomtimeouts()?.getCreate() || undefined,
        inputs: plain(inputs) as Record<string, unknown>,
        secretInputs: Object.keys(inputs).filter((key) => pulumi.runtime.isRpcSecret(inputs[key])),
      });
      answer(error, response);
    });

  const names = (args.secrets ?? usualSecrets(args.settings)) as SecretName[];
  const settings = parseSettings(args.settings ?? {}, { file: `Pulumi.${name}.yaml`, secrets: names });
  const stack: Stack = {
    project,
    name,
    settings,
    secrets: Object.fromEntries(names.map((secret) => [secret, pulumi.secret(placeholder(secret))])),
    members: {
      alertingSecrets: maskedMembers(usedAlertingSecrets(settings.alerting)),
      scrapeSecrets: maskedMembers(settings.scrapeTargets.flatMap(({ secret }) => secret ?? [])),
      remoteWriteSecrets: maskedMembers(
        [...settings.remoteWrite, ...settings.remoteWriteReceiver.users].flatMap(({ secret }) => secret ?? []),
      ),
    },
    github: { owner: args.owner ?? "acme", token: undefined },
  };
  // Neither a cluster nor a file of one is needed to say what would be declared.
  const file = settings.cluster.existing?.kubeconfig;
  const absent = file === undefined || existsSync(file) ? {} : { kubeconfig: { file, text: masked("kubeconfig") } };
  const environment = new Environment(name, {
    stack,
    ...(settings.network.ca === undefined ? {} : { ca: masked(settings.network.ca) }),
    fluxManifests: args.fluxManifests ?? [],
    ...absent,
  });
  await pulumi.runtime.disconnect();
  return { stack, resources, outputs: environment.outputs };
}
