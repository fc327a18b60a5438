import * as grpc from "@grpc/grpc-js";
import engineGrpc from "@pulumi/pulumi/proto/engine_grpc_pb.js";
import enginepb from "@pulumi/pulumi/proto/engine_pb.js";
import { expect } from "chai";
import { ownConnection, sdkClientOptions } from "../../rehearsal/connections.ts";

/** An engine, as far as it says who it is. */
async function engine(name: string, port: number): Promise<{ readonly server: grpc.Server; readonly port: number }> {
  const server = new grpc.Server();
  const answer = new enginepb.GetRootResourceResponse();
  answer.setUrn(name);
  server.addService(engineGrpc.EngineService, {
    getRootResource: (_: unknown, reply: grpc.sendUnaryData<enginepb.GetRootResourceResponse>) => {
      reply(null, answer);
    },
  });
  const insecure = grpc.ServerCredentials.createInsecure();
  return await new Promise((resolve, reject) => {
    server.bindAsync(`127.0.0.1:${port}`, insecure, (error, bound) => {
      if (error === null) resolve({ server, port: bound });
      else reject(error);
    });
  });
}

describe("connections to engines", () => {
  for (const [title, options] of [
    ["lead to whoever has the port of one that has ended, at once: the SDK's", sdkClientOptions],
    ["lead to whoever has the port of one that has ended, at once: ours", ownConnection],
  ] as const)
    it(title, async () => {
      const clients: grpc.Client[] = [];
      const ask = (port: number) => {
        const client = new engineGrpc.EngineClient(`127.0.0.1:${port}`, grpc.credentials.createInsecure(), options);
        clients.push(client);
        return () =>
          new Promise<string>((resolve) => {
            client.getRootResource(new enginepb.GetRootResourceRequest(), (error, answer) => {
              resolve(error === null ? answer.getUrn() : error.message);
            });
          });
      };
      const first = await engine("first", 0);
      const before = ask(first.port);
      expect(await before()).to.equal("first");
      first.server.forceShutdown();
      // It sees that it has ended, and keeps what it knows.
      await before();
      const second = await engine("second", first.port);
      expect(await ask(first.port)()).to.equal("second");
      for (const client of clients) client.close();
      second.server.forceShutdown();
    });
});
