/**
 * A STAND-IN for `pulumi-language-nodejs`, which comes only with Pulumi's own release: it runs programs by the SDK's own
 * `cmd/run`, as the released one does, and knows nothing else. The CLI finds it by PULUMI_DEBUG_LANGUAGES.
 */
import { spawn } from "node:child_process";
import { createRequire } from "node:module";
import * as path from "node:path";
import grpc from "@grpc/grpc-js";
import emptypb from "google-protobuf/google/protobuf/empty_pb.js";
import languageGrpc from "@pulumi/pulumi/proto/language_grpc_pb.js";
import languagepb from "@pulumi/pulumi/proto/language_pb.js";
import pluginpb from "@pulumi/pulumi/proto/plugin_pb.js";

const runner = createRequire(import.meta.url).resolve("@pulumi/pulumi/cmd/run");

/** The SDK's exit code when it has told the person everything (`cmd/run/index.js`). */
const told = 32;

export interface LanguageHost {
  /** For the CLI. */
  readonly env: { readonly PULUMI_DEBUG_LANGUAGES: string };
  close(): void;
}

type Call = grpc.ServerUnaryCall<languagepb.RunRequest, languagepb.RunResponse>;
type Answer<T> = (error: grpc.ServiceError | null, response: T) => void;

/**
 * Starts the host on loopback.
 * @param env environment of the programs; with the released host it is the CLI's
 */
export async function startLanguageHost(env: NodeJS.ProcessEnv): Promise<LanguageHost> {
  let engine = "";
  const service = {
    handshake(call: { request: languagepb.LanguageHandshakeRequest }, answer: Answer<unknown>) {
      engine = call.request.getEngineAddress();
      answer(null, new languagepb.LanguageHandshakeResponse());
    },
    getRequiredPlugins(_: unknown, answer: Answer<unknown>) {
      answer(null, new languagepb.GetRequiredPluginsResponse());
    },
    getRequiredPackages(_: unknown, answer: Answer<unknown>) {
      answer(null, new languagepb.GetRequiredPackagesResponse());
    },
    getPluginInfo(_: unknown, answer: Answer<unknown>) {
      answer(null, new pluginpb.PluginInfo().setVersion("0.0.0-stand-in"));
    },
    cancel(_: unknown, answer: Answer<unknown>) {
      answer(null, new emptypb.Empty());
    },
    run({ request }: Call, answer: Answer<languagepb.RunResponse>) {
      const info = request.getInfo();
      const flags: Record<string, string> = {
        monitor: request.getMonitorAddress(),
        engine,
        organization: request.getOrganization(),
        project: request.getProject(),
        stack: request.getStack(),
        pwd: request.getPwd(),
        parallel: String(request.getParallel()),
        "root-directory": info?.getRootDirectory() ?? request.getPwd(),
      };
      const args = [
        runner,
        ...Object.entries(flags).flatMap(([name, value]) => [`--${name}`, value]),
        ...(request.getDryrun() ? ["--dry-run"] : []),
        path.resolve(info?.getProgramDirectory() ?? request.getPwd(), info?.getEntryPoint() ?? request.getProgram()),
      ];
      const child = spawn(process.execPath, args, {
        cwd: request.getPwd(),
        env: {
          ...env,
          PULUMI_CONFIG: JSON.stringify(Object.fromEntries(request.getConfigMap().toObject())),
          PULUMI_CONFIG_SECRET_KEYS: JSON.stringify(request.getConfigsecretkeysList()),
        },
        stdio: ["ignore", "pipe", "pipe"],
      });
      // The released host prints what the program prints; the CLI shows it. Here it goes into the error.
      let printed = "";
      for (const stream of [child.stdout, child.stderr])
        stream.on("data", (text: Buffer) => (printed += text.toString()));
      child.on("close", (code) => {
        const response = new languagepb.RunResponse();
        if (code === told) response.setBail(true);
        else if (code !== 0) response.setError(`Program exited with non-zero exit code: ${code ?? "none"}\n${printed}`);
        answer(null, response);
      });
    },
  };
  const server = new grpc.Server();
  server.addService(languageGrpc.LanguageRuntimeService, service);
  const port = await new Promise<number>((resolve, reject) => {
    server.bindAsync("127.0.0.1:0", grpc.ServerCredentials.createInsecure(), (error, bound) => {
      if (error === null) resolve(bound);
      else reject(error);
    });
  });
  return {
    env: { PULUMI_DEBUG_LANGUAGES: `nodejs:${port}` },
    close() {
      server.forceShutdown();
    },
  };
}
