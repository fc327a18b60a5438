import grpc from "@grpc/grpc-js";
import emptypb from "google-protobuf/google/protobuf/empty_pb.js";
import anypb from "google-protobuf/google/protobuf/any_pb.js";
import type { Message } from "google-protobuf";
import engineGrpc from "@pulumi/pulumi/proto/engine_grpc_pb.js";
import enginepb from "@pulumi/pulumi/proto/engine_pb.js";
import pluginpb from "@pulumi/pulumi/proto/plugin_pb.js";
import providerGrpc from "@pulumi/pulumi/proto/provider_grpc_pb.js";
import providerpb from "@pulumi/pulumi/proto/provider_pb.js";
import statuspb from "@pulumi/pulumi/proto/status_pb.js";
import { ownConnection } from "../connections.ts";
import { equal, fromStruct, hasSecret, keepSecrets, reveal, toStruct, type Properties, type Value } from "./values.ts";

/** What every request about one resource carries. */
export interface ResourceRequest {
  readonly urn: string;
  /** Type token, for example `kubernetes:core/v1:Secret`. */
  readonly type: string;
  /** The resource's name in the program. */
  readonly name: string;
  /** Aborted when the engine cancels (Ctrl-C) or its connection is gone. */
  readonly signal: AbortSignal;
  /** Whether some input (or, for a delete, some part of the state) is secret. */
  readonly secret: boolean;
  /** Shows a line under the resource in the engine's output. */
  log(severity: "debug" | "info" | "warning" | "error", message: string): void;
}

export interface CheckRequest extends ResourceRequest {
  /** The inputs of the last deployment; absent for a new resource. */
  readonly old: Properties | undefined;
  readonly inputs: Properties;
}

export interface CheckResult {
  readonly inputs: Properties;
  readonly failures?: readonly Failure[];
}

/** An input that is refused. */
export interface Failure {
  /** The input's name; empty for the whole. */
  readonly property?: string;
  readonly reason: string;
}

export interface DiffRequest extends ResourceRequest {
  readonly id: string;
  /** The recorded outputs. */
  readonly old: Properties;
  readonly oldInputs: Properties;
  readonly inputs: Properties;
  readonly ignoreChanges: readonly string[];
}

/** One changed property, by its path. */
export interface Change {
  readonly kind: "add" | "delete" | "update";
  /** Whether the resource has to be replaced for it. */
  readonly replace?: boolean;
  /** Whether the old side is the old inputs rather than the recorded outputs. */
  readonly inputDiff?: boolean;
}

export interface Difference {
  readonly changes: ReadonlyMap<string, Change>;
  readonly deleteBeforeReplace?: boolean;
}

export interface CreateRequest extends ResourceRequest {
  readonly inputs: Properties;
  readonly preview: boolean;
  /** `customTimeouts` of the resource in seconds; 0 where none is set. */
  readonly timeoutSeconds: number;
}

export interface UpdateRequest extends CreateRequest {
  readonly id: string;
  readonly old: Properties;
  readonly oldInputs: Properties;
}

export interface ReadRequest extends ResourceRequest {
  readonly id: string;
  readonly old: Properties;
  readonly inputs: Properties;
}

export interface DeleteRequest extends ResourceRequest {
  readonly id: string;
  readonly old: Properties;
  readonly oldInputs: Properties;
  readonly timeoutSeconds: number;
}

export interface Updated {
  readonly properties: Properties;
  /** Why the object, although it is made, is not ready: the engine records the object and reports these. */
  readonly notReady?: readonly string[];
}

export interface Created extends Updated {
  readonly id: string;
}

export interface ReadResult extends Created {
  readonly inputs: Properties;
}

/**
 * A provider, in plain terms. One is made for each provider resource that the engine configures, so it may keep its
 * configuration; what has to outlive it (a simulated cluster) belongs to whoever makes it.
 * A thrown error becomes the engine's error.
 */
export interface StandIn {
  /** Completes or refuses a provider resource's configuration. */
  checkConfig?(config: Properties): CheckResult;
  /** Default: a changed property is an update of the provider, never a replacement. */
  diffConfig?(old: Properties, config: Properties): Difference;
  configure?(config: Properties): void | Promise<void>;
  check?(request: CheckRequest): CheckResult | Promise<CheckResult>;
  diff(request: DiffRequest): Difference | Promise<Difference>;
  create(request: CreateRequest): Created | Promise<Created>;
  /** Undefined when the object is gone. Default: the recorded state. */
  read?(request: ReadRequest): ReadResult | undefined | Promise<ReadResult | undefined>;
  update(request: UpdateRequest): Updated | Promise<Updated>;
  delete(request: DeleteRequest): void | Promise<void>;
  invoke?(token: string, args: Properties): Properties | Promise<Properties>;
}

/** Thrown by a {@link CallHook}: the object is to be made, and then reported as not ready for these reasons. */
export class InitializationFailed extends Error {
  readonly reasons: readonly string[];
  constructor(...reasons: readonly string[]) {
    super(reasons.join("; "));
    this.name = "InitializationFailed";
    this.reasons = reasons;
  }
}

/** A response that has to travel as the details of an error. */
class NotReady extends InitializationFailed {
  readonly response: Message;
  constructor(reasons: readonly string[], response: Message) {
    super(...reasons);
    this.response = response;
  }
}

/** A call of the engine, before it is served. */
export interface ProviderCall {
  /** The package: `command`, `github`, ... */
  readonly provider: string;
  readonly method: "configure" | "check" | "diff" | "create" | "read" | "update" | "delete" | "invoke" | "cancel";
  /** Type token, or the function's token for `invoke`. Empty for `configure` and `cancel`. */
  readonly type: string;
  readonly name: string;
  readonly urn: string;
  readonly preview: boolean;
  /** Inputs without secret marks; the recorded state for `read` and `delete`. */
  readonly inputs: Properties;
  /** A hook may set it: after how many seconds a delete gives up, in place of what the program says. */
  timeoutSeconds?: number;
}

/** A call with its times in milliseconds since the process started. */
export interface RecordedCall extends ProviderCall {
  readonly start: number;
  end?: number;
  error?: string;
}

/**
 * Runs before a call is served. It may wait (a slow object) or throw: the call then fails and nothing is done, except
 * for {@link InitializationFailed}, where a create or update is done first and then reported as not ready.
 */
export type CallHook = (call: ProviderCall) => void | Promise<void>;

export interface ServeOptions {
  readonly name: string;
  /** Version of the provider that is stood in for. */
  readonly version: string;
  /** One stand-in per provider resource. */
  readonly open: () => StandIn;
  readonly calls: RecordedCall[];
  readonly onCall?: CallHook;
}

export interface ServedProvider {
  readonly port: number;
  /** Ends the server; running calls are aborted. */
  close(): Promise<void>;
}

/** What is known of one connection: the engine opens one per provider resource. */
interface Connection {
  standIn: StandIn;
  engine: engineGrpc.EngineClient | undefined;
  /** Of the engine. */
  address: string | undefined;
  readonly running: Set<AbortController>;
}

/**
 * Serves one stand-in provider by gRPC on 127.0.0.1. The engine attaches to it through
 * `PULUMI_DEBUG_PROVIDERS=<name>:<port>` instead of starting a plugin.
 */
export async function serveProvider(options: ServeOptions): Promise<ServedProvider> {
  const connections = new Map<string, Connection>();
  const clients = new Set<engineGrpc.EngineClient>();
  let announced = false;

  function connection(call: Served): Connection {
    const peer = call.getPeer();
    let known = connections.get(peer);
    if (known === undefined) {
      known = { standIn: options.open(), engine: undefined, address: undefined, running: new Set() };
      connections.set(peer, known);
    }
    return known;
  }

  /** An engine says who it is. It may have the port of one that has ended, and must not get what that one configured. */
  function attachEngine(known: Connection, address: string): void {
    if (known.address === address) return;
    if (known.address !== undefined) known.standIn = options.open();
    known.address = address;
    known.engine = new engineGrpc.EngineClient(address, grpc.credentials.createInsecure(), ownConnection);
    clients.add(known.engine);
  }

  /** Wraps a handler: log of calls, hook, abort signal, errors. */
  function unary<Request extends Message, Response extends Message>(
    describe: (request: Request) => Omit<ProviderCall, "provider"> | undefined,
    serve: (request: Request, known: Connection, signal: AbortSignal) => Response | Promise<Response>,
  ): grpc.handleUnaryCall<Request, Response> {
    return (call, callback) => {
      const known = connection(call);
      const controller = new AbortController();
      known.running.add(controller);
      call.on("cancelled", () => {
        controller.abort(new Error("the engine is gone"));
      });
      const about = describe(call.request);
      const record: RecordedCall | undefined = about && {
        provider: options.name,
        ...about,
        start: performance.now(),
      };
      if (record !== undefined) options.calls.push(record);
      const work = async (): Promise<Response> => {
        let notReady: InitializationFailed | undefined;
        if (record !== undefined && options.onCall !== undefined) {
          try {
            await options.onCall(record);
          } catch (error) {
            if (!(error instanceof InitializationFailed)) throw error;
            notReady = error;
          }
        }
        if (record?.timeoutSeconds !== undefined && call.request instanceof providerpb.DeleteRequest)
          call.request.setTimeout(record.timeoutSeconds);
        const response = await serve(call.request, known, controller.signal);
        if (notReady === undefined) return response;
        throw new NotReady(notReady.reasons, response);
      };
      work()
        .then(
          (response) => {
            callback(null, response);
          },
          (error: unknown) => {
            if (record !== undefined) record.error = message(error);
            callback(statusOf(error, call.request));
          },
        )
        .finally(() => {
          known.running.delete(controller);
          if (record !== undefined) record.end = performance.now();
        });
    };
  }

  function resource(request: Named, known: Connection, signal: AbortSignal, secret: boolean): ResourceRequest {
    const urn = request.getUrn();
    return {
      urn,
      type: request.getType(),
      name: request.getName(),
      signal,
      secret,
      log(severity, text) {
        log(known, severity, text, urn);
      },
    };
  }

  function log(known: Connection, severity: "debug" | "info" | "warning" | "error", text: string, urn = ""): void {
    if (known.engine === undefined) return;
    const request = new enginepb.LogRequest();
    request.setSeverity(enginepb.LogSeverity[severity.toUpperCase() as "DEBUG" | "INFO" | "WARNING" | "ERROR"]);
    request.setMessage(text);
    request.setUrn(urn);
    known.engine.log(request, () => {
      // A line that cannot be shown must not fail the deployment.
    });
  }

  const none = (): undefined => undefined;

  const handlers: providerGrpc.IResourceProviderServer = {
    handshake: unary(none, (request: providerpb.ProviderHandshakeRequest, known) => {
      attachEngine(known, request.getEngineAddress());
      const response = new providerpb.ProviderHandshakeResponse();
      response.setAcceptSecrets(true);
      response.setAcceptResources(true);
      response.setAcceptOutputs(false);
      return response;
    }),
    attach: unary(none, (request: pluginpb.PluginAttach, known) => {
      attachEngine(known, request.getAddress());
      return new emptypb.Empty();
    }),
    getPluginInfo: unary(none, () => {
      const response = new pluginpb.PluginInfo();
      response.setVersion(`${options.version}+stand-in`);
      return response;
    }),
    getSchema: unary(none, () => {
      const response = new providerpb.GetSchemaResponse();
      const description = "A stand-in: it has no schema.";
      response.setSchema(JSON.stringify({ name: options.name, version: options.version, description }));
      return response;
    }),
    checkConfig: unary(none, (request: providerpb.CheckRequest, known) => {
      const inputs = fromStruct(request.getNews());
      const result = known.standIn.checkConfig?.(revealed(inputs)) ?? { inputs: revealed(inputs) };
      return checkResponse(result, inputs);
    }),
    diffConfig: unary(none, (request: providerpb.DiffRequest, known) => {
      const old = revealed(fromStruct(request.getOlds()));
      const news = revealed(fromStruct(request.getNews()));
      return diffResponse(known.standIn.diffConfig?.(old, news) ?? { changes: compare(old, news) }, []);
    }),
    configure: unary(
      (request: providerpb.ConfigureRequest) => about("configure", revealed(fromStruct(request.getArgs()))),
      async (request, known) => {
        await known.standIn.configure?.(revealed(fromStruct(request.getArgs())));
        if (!announced) {
          announced = true;
          log(known, "info", `stand-in for the ${options.name} provider ${options.version}: not the released plugin`);
        }
        const response = new providerpb.ConfigureResponse();
        response.setAcceptsecrets(true);
        response.setSupportspreview(true);
        response.setAcceptresources(true);
        response.setAcceptoutputs(false);
        return response;
      },
    ),
    check: unary(
      (request: providerpb.CheckRequest) => about("check", revealed(fromStruct(request.getNews())), request),
      async (request, known, signal) => {
        const inputs = fromStruct(request.getNews());
        const plain = revealed(inputs);
        const old = request.hasOlds() ? revealed(fromStruct(request.getOlds())) : undefined;
        const result = (await known.standIn.check?.({
          ...resource(request, known, signal, hasSecretIn(inputs)),
          old: old !== undefined && Object.keys(old).length > 0 ? old : undefined,
          inputs: plain,
        })) ?? { inputs: plain };
        return checkResponse(result, inputs);
      },
    ),
    diff: unary(
      (request: providerpb.DiffRequest) => about("diff", revealed(fromStruct(request.getNews())), request),
      async (request, known, signal) => {
        const inputs = fromStruct(request.getNews());
        const ignoreChanges = request.getIgnorechangesList();
        const difference = await known.standIn.diff({
          ...resource(request, known, signal, hasSecretIn(inputs)),
          id: request.getId(),
          old: revealed(fromStruct(request.getOlds())),
          oldInputs: revealed(fromStruct(request.getOldInputs())),
          inputs: revealed(inputs),
          ignoreChanges,
        });
        return diffResponse(difference, ignoreChanges);
      },
    ),
    create: unary(
      (request: providerpb.CreateRequest) =>
        about("create", revealed(fromStruct(request.getProperties())), request, request.getPreview()),
      async (request, known, signal) => {
        const inputs = fromStruct(request.getProperties());
        const created = await known.standIn.create({
          ...resource(request, known, signal, hasSecretIn(inputs)),
          inputs: revealed(inputs),
          preview: request.getPreview(),
          timeoutSeconds: request.getTimeout(),
        });
        const response = new providerpb.CreateResponse();
        response.setId(created.id);
        response.setProperties(toStruct(keepSecrets(created.properties, inputs) as Properties));
        return ready(response, created.notReady);
      },
    ),
    read: unary(
      (request: providerpb.ReadRequest) => about("read", revealed(fromStruct(request.getProperties())), request),
      async (request, known, signal) => {
        const old = fromStruct(request.getProperties());
        const inputs = fromStruct(request.getInputs());
        const plain = { id: request.getId(), old: revealed(old), inputs: revealed(inputs) };
        const result: ReadResult | undefined =
          known.standIn.read === undefined
            ? { id: plain.id, properties: plain.old, inputs: plain.inputs }
            : await known.standIn.read({ ...resource(request, known, signal, hasSecretIn(inputs)), ...plain });
        const response = new providerpb.ReadResponse();
        if (result !== undefined) {
          response.setId(result.id);
          response.setProperties(toStruct(keepSecrets(result.properties, old) as Properties));
          response.setInputs(toStruct(keepSecrets(result.inputs, inputs) as Properties));
        }
        return ready(response, result?.notReady);
      },
    ),
    update: unary(
      (request: providerpb.UpdateRequest) =>
        about("update", revealed(fromStruct(request.getNews())), request, request.getPreview()),
      async (request, known, signal) => {
        const inputs = fromStruct(request.getNews());
        const updated = await known.standIn.update({
          ...resource(request, known, signal, hasSecretIn(inputs)),
          id: request.getId(),
          old: revealed(fromStruct(request.getOlds())),
          oldInputs: revealed(fromStruct(request.getOldInputs())),
          inputs: revealed(inputs),
          preview: request.getPreview(),
          timeoutSeconds: request.getTimeout(),
        });
        const response = new providerpb.UpdateResponse();
        response.setProperties(toStruct(keepSecrets(updated.properties, inputs) as Properties));
        return ready(response, updated.notReady);
      },
    ),
    delete: unary(
      (request: providerpb.DeleteRequest) => about("delete", revealed(fromStruct(request.getProperties())), request),
      async (request, known, signal) => {
        const old = fromStruct(request.getProperties());
        await known.standIn.delete({
          ...resource(request, known, signal, hasSecretIn(old)),
          id: request.getId(),
          old: revealed(old),
          oldInputs: revealed(fromStruct(request.getOldInputs())),
          timeoutSeconds: request.getTimeout(),
        });
        return new emptypb.Empty();
      },
    ),
    invoke: unary(
      (request: providerpb.InvokeRequest) => ({
        ...about("invoke", revealed(fromStruct(request.getArgs()))),
        type: request.getTok(),
        preview: request.getPreview(),
      }),
      async (request, known) => {
        if (known.standIn.invoke === undefined) throw unsupported(options.name, request.getTok());
        const result = await known.standIn.invoke(request.getTok(), revealed(fromStruct(request.getArgs())));
        const response = new providerpb.InvokeResponse();
        response.setReturn(toStruct(result));
        return response;
      },
    ),
    cancel: unary(
      () => about("cancel", {}),
      (_request: emptypb.Empty, known) => {
        for (const controller of known.running) controller.abort(new Error("the deployment was cancelled"));
        return new emptypb.Empty();
      },
    ),
    parameterize: unimplemented,
    call: unimplemented,
    construct: unimplemented,
    getMapping: unimplemented,
    getMappings: unimplemented,
    list: (call) => {
      call.emit("error", { code: grpc.status.UNIMPLEMENTED, details: "a stand-in does not list" });
    },
  };

  const server = new grpc.Server({
    "grpc.max_receive_message_length": -1,
    "grpc.max_send_message_length": -1,
  });
  server.addService(providerGrpc.ResourceProviderService, handlers);
  const port = await new Promise<number>((resolve, reject) => {
    server.bindAsync("127.0.0.1:0", grpc.ServerCredentials.createInsecure(), (error, bound) => {
      if (error === null) resolve(bound);
      else reject(error);
    });
  });

  return {
    port,
    close() {
      for (const known of connections.values()) {
        for (const controller of known.running) controller.abort(new Error("the stand-ins are closing"));
      }
      for (const client of clients) client.close();
      server.forceShutdown();
      return Promise.resolve();
    },
  };
}

/** An error for a type or function that the stand-in does not have. */
export function unsupported(provider: string, token: string): Error {
  return new Error(`the stand-in for the ${provider} provider has no ${token}; use the released plugin for it`);
}

/**
 * Property by property comparison of the top level.
 * @param replacing Names whose change replaces the resource; "all" for every one.
 */
export function compare(
  old: Properties,
  inputs: Properties,
  replacing: readonly string[] | "all" = [],
): Map<string, Change> {
  const changes = new Map<string, Change>();
  for (const key of new Set([...Object.keys(old), ...Object.keys(inputs)])) {
    if (key.startsWith("__") || equal(absentIfNull(old[key]), absentIfNull(inputs[key]))) continue;
    const kind = absent(old[key]) ? "add" : absent(inputs[key]) ? "delete" : "update";
    changes.set(key, { kind, replace: replacing === "all" || replacing.includes(key), inputDiff: true });
  }
  return changes;
}

function absent(value: Value | undefined): boolean {
  return value === undefined || value === null;
}

function absentIfNull(value: Value | undefined): Value | undefined {
  return value === null ? undefined : value;
}

type Served = grpc.ServerUnaryCall<Message, Message>;

interface Named extends Message {
  getUrn(): string;
  getName(): string;
  getType(): string;
}

function about(
  method: ProviderCall["method"],
  inputs: Properties,
  request?: Named,
  preview = false,
): Omit<ProviderCall, "provider"> {
  return {
    method,
    type: request?.getType() ?? "",
    name: request?.getName() ?? "",
    urn: request?.getUrn() ?? "",
    preview,
    inputs,
  };
}

function revealed(properties: Properties): Properties {
  return reveal(properties) as Properties;
}

function hasSecretIn(properties: Properties): boolean {
  return hasSecret(properties);
}

function checkResponse(result: CheckResult, inputs: Properties): providerpb.CheckResponse {
  const response = new providerpb.CheckResponse();
  response.setInputs(toStruct(keepSecrets(result.inputs, inputs) as Properties));
  response.setFailuresList(
    (result.failures ?? []).map((failure) => {
      const item = new providerpb.CheckFailure();
      item.setProperty(failure.property ?? "");
      item.setReason(failure.reason);
      return item;
    }),
  );
  return response;
}

function diffResponse(difference: Difference, ignoreChanges: readonly string[]): providerpb.DiffResponse {
  const response = new providerpb.DiffResponse();
  const kinds = providerpb.PropertyDiff.Kind;
  const changes = [...difference.changes].filter(([path]) => !isIgnored(path, ignoreChanges));
  for (const [path, change] of changes) {
    const item = new providerpb.PropertyDiff();
    item.setKind(
      {
        add: change.replace === true ? kinds.ADD_REPLACE : kinds.ADD,
        delete: change.replace === true ? kinds.DELETE_REPLACE : kinds.DELETE,
        update: change.replace === true ? kinds.UPDATE_REPLACE : kinds.UPDATE,
      }[change.kind],
    );
    item.setInputdiff(change.inputDiff === true);
    response.getDetaileddiffMap().set(path, item);
  }
  response.setHasdetaileddiff(true);
  response.setDiffsList([...new Set(changes.map(([path]) => topLevel(path)))]);
  response.setReplacesList(changes.filter(([, change]) => change.replace === true).map(([path]) => path));
  response.setDeletebeforereplace(difference.deleteBeforeReplace === true && response.getReplacesList().length > 0);
  const { DIFF_NONE, DIFF_SOME } = providerpb.DiffResponse.DiffChanges;
  response.setChanges(changes.length === 0 ? DIFF_NONE : DIFF_SOME);
  return response;
}

function isIgnored(path: string, ignoreChanges: readonly string[]): boolean {
  return ignoreChanges.some(
    (ignored) => path === ignored || path.startsWith(`${ignored}.`) || path.startsWith(`${ignored}[`),
  );
}

function topLevel(path: string): string {
  return /^[^.[]+/.exec(path)?.[0] ?? path;
}

function message(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

function ready<Response extends Message>(response: Response, reasons: readonly string[] = []): Response {
  if (reasons.length > 0) throw new NotReady(reasons, response);
  return response;
}

/** The gRPC status of an error, with the object's state in its details when it was made all the same. */
function statusOf(error: unknown, request: Message): Partial<grpc.StatusObject> {
  const details = message(error);
  if (!(error instanceof NotReady)) return { code: grpc.status.UNKNOWN, details };
  const failed = new providerpb.ErrorResourceInitFailed();
  failed.setReasonsList([...error.reasons]);
  const { response } = error;
  if (response instanceof providerpb.CreateResponse && request instanceof providerpb.CreateRequest) {
    failed.setId(response.getId());
    failed.setProperties(response.getProperties());
    failed.setInputs(request.getProperties());
  } else if (response instanceof providerpb.UpdateResponse && request instanceof providerpb.UpdateRequest) {
    failed.setId(request.getId());
    failed.setProperties(response.getProperties());
    failed.setInputs(request.getNews());
  } else if (response instanceof providerpb.ReadResponse) {
    failed.setId(response.getId());
    failed.setProperties(response.getProperties());
    failed.setInputs(response.getInputs());
  }
  const any = new anypb.Any();
  any.pack(failed.serializeBinary(), "pulumirpc.ErrorResourceInitFailed");
  const status = new statuspb.Status();
  status.setCode(grpc.status.UNKNOWN);
  status.setMessage(details);
  status.addDetails(any);
  const metadata = new grpc.Metadata();
  // The field in which Go's gRPC looks for structured details.
  metadata.add("grpc-status-details-bin", Buffer.from(status.serializeBinary()));
  return { code: grpc.status.UNKNOWN, details, metadata };
}

function unimplemented<Request, Response>(
  _call: grpc.ServerUnaryCall<Request, Response>,
  callback: grpc.sendUnaryData<Response>,
): void {
  callback({ code: grpc.status.UNIMPLEMENTED, details: "a stand-in does not do this" });
}
