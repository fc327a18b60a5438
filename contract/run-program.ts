/**
 * Runs the program without an engine (Pulumi's mocks stand in for it) and returns what it declares. The composition is
 * the program's own (`components/environment.ts`); providers are never called, so values that only they know (keys,
 * passwords, the kubeconfig) are placeholders that say what they stand for.
 */
import "../components/quick-start.ts";
import { existsSync } from "node:fs";
import * as pulumi from "@pulumi/pulumi";
import structpb from "google-protobuf/google/protobuf/struct_pb.js";
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
        privateKeyPem: pulumi.secret(masked("key")),
        publicKeyOpenssh: "ssh-ed25519 AAAA<public key>\n",
        publicKeyFingerprintSha256: "SHA256:<fingerprint>",
      };
    case "tls:index/selfSignedCert:SelfSignedCert":
      return { certPem: "<certificate>" };
    case "random:index/randomUuid:RandomUuid":
      return { result: "00000000-0000-4000-8000-000000000000" };
    case "random:index/randomPassword:RandomPassword":
      return { result: pulumi.secret(masked("password")) };
    default:
      return {};
  }
}

/** Plain data, its keys in the order in which the engine has them: the wrappers that mark secrets are taken off at every depth. */
function plain(value: unknown): unknown {
  const open: unknown = pulumi.runtime.isRpcSecret(value) ? pulumi.runtime.unwrapRpcSecret(value) : value;
  if (Array.isArray(open)) return open.map(plain);
  if (typeof open !== "object" || open === null) return open;
  const keys = Object.keys(open).sort();
  return Object.fromEntries(keys.map((key) => [key, plain((open as Readonly<Record<string, unknown>>)[key])]));
}

/** The engine's protocol, as far as the program uses it to register something. */
interface RegisterRequest {
  getType(): string;
  getName(): string;
  getParent(): string;
  getDeletedwith(): string;
  getObject(): Properties;
  getCustom(): boolean;
  getCustomtimeouts(): { getCreate(): string } | undefined;
}
type Answer = (error: Error | null, response: unknown) => void;
interface Monitor {
  newUrn(parent: string, type: string, name: string): string;
  registerResource(request: RegisterRequest, answer: Answer): void;
}

type Properties = Parameters<typeof pulumi.runtime.deserializeProperties>[0];

/**
 * Stands for the protocol's container of properties. Into and out of that one every tree is copied, which took a third of the
 * time; here nothing is sent. The tests on the real engine use the real one.
 */
const containing = (properties: object) =>
  Object.assign(new structpb.Struct(), { toJavaScript: () => properties as Record<string, structpb.JavaScriptValue> });

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
/** What the SDK notes of who makes a resource, of any depth. */
const resources = pulumi.Resource as unknown as { callsites(): readonly unknown[] };
const callsites = resources.callsites.bind(resources);

/**
 * Runs the program in this process without stacks of errors. The SDK notes one for every promise and every resource
 * (@pulumi/pulumi 3.270.0, runtime/debuggable.js and resource.js): a third of the time, and nobody reads them here.
 */
export async function withoutStacks<T>(work: () => Promise<T>): Promise<T> {
  Error.stackTraceLimit = 0;
  resources.callsites = () => [];
  try {
    return await work();
  } finally {
    Error.stackTraceLimit = stackTraceLimit;
    resources.callsites = callsites;
  }
}

async function declare(args: ProgramArgs): Promise<Program> {
  const { Struct } = structpb;
  const fromJavaScript = Struct.fromJavaScript.bind(Struct);
  Struct.fromJavaScript = containing;
  try {
    return await declareAll(args);
  } finally {
    Struct.fromJavaScript = fromJavaScript;
  }
}

async function declareAll(args: ProgramArgs): Promise<Program> {
  const name = args.stack ?? "dev";
  const resources: Declared[] = [];
  const mocks: pulumi.runtime.Mocks = {
    newResource: ({ name: resource }) => {
      throw new Error(`${resource} is registered below, not here.`);
    },
    call: ({ token }) => {
      throw new Error(`The program calls ${token}, which nothing here can answer.`);
    },
  };
  await pulumi.runtime.setMocks(mocks, project, name);
  const monitor = pulumi.runtime.getMonitor() as unknown as Monitor;
  const nothing = (_request: unknown, answer: Answer) => {
    answer(null, {});
  };
  // The SDK's mocks claim to know hooks and do not (@pulumi/pulumi 3.270.0, runtime/mocks.js).
  const hooks = { registerErrorHook: nothing, registerResourceHook: nothing };
  Object.assign(monitor, { ...hooks, registerResourceOutputs: nothing });
  // As the SDK's mocks do, and with the parts of the request that those do not hand on.
  const register = async (request: RegisterRequest) => {
    const [type, resource, parent] = [request.getType(), request.getName(), request.getParent()];
    const urn = monitor.newUrn(parent, type, resource);
    const sent = request.getObject();
    const inputs = pulumi.runtime.deserializeProperties(sent) as Record<string, unknown>;
    resources.push({
      type,
      name: resource,
      parent,
      urn,
      deletedWith: request.getDeletedwith() === "" ? undefined : request.getDeletedwith(),
      custom: request.getCustom(),
      wait: request.getCustomtimeouts()?.getCreate() || undefined,
      inputs: plain(inputs) as Record<string, unknown>,
      secretInputs: Object.keys(inputs).filter((key) => pulumi.runtime.isRpcSecret(inputs[key])),
    });
    const made = (await pulumi.runtime.serializeProperties("", computed(type))) as object;
    const state = { ...(sent.toJavaScript() as object), ...made };
    return {
      getUrn: () => urn,
      getId: () => `${resource}-id`,
      getObject: () => containing(state),
      getPropertydependenciesMap: () => undefined,
      getResult: () => 0,
      getUnknown: () => false,
    };
  };
  monitor.registerResource = (request, answer) => {
    register(request).then(
      (response) => {
        answer(null, response);
      },
      (error: unknown) => {
        answer(error as Error, undefined);
      },
    );
  };

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
