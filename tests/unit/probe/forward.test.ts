import { expect } from "chai";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { createServer } from "node:https";
import { type AddressInfo, connect, type Server } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Readable, Writable } from "node:stream";
import type { PortForward } from "@kubernetes/client-node";
import { createServer as createPlainServer } from "node:http";
import type { Endpoint } from "../../../components/capabilities.ts";
import { forwarded } from "../../../components/probe/forward.ts";
import { makeAuthority } from "../../support/authority.ts";

/** The API server's part is a connection to a server of this machine. */
describe("A port of this machine that leads to a pod", () => {
  const folder = mkdtempSync(join(tmpdir(), "forward-"));
  const servers: Server[] = [];
  const access = { of: "elasticsearch", ca: { authority: "elasticsearch-ca" } } as const;
  const endpoint: Endpoint = { namespace: "monitoring", service: "store", port: 9200, path: "/a" };

  async function listening(server: Server): Promise<Pick<PortForward, "portForwardService">> {
    servers.push(server);
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const { port } = server.address() as AddressInfo;
    return {
      portForwardService: (
        _namespace: string,
        _service: string,
        _ports: number[],
        output: Writable,
        _error: unknown,
        input: Readable,
      ) => {
        const pod = connect(port, "127.0.0.1");
        pod.on("error", () => undefined);
        input.pipe(pod).pipe(output);
        return Promise.resolve(undefined as never);
      },
    };
  }
  const asked = async (url: string) => await (await fetch(`${url}/b`)).text();

  after(() => {
    for (const server of servers) server.close();
    rmSync(folder, { recursive: true });
  });

  it("speaks plainly with one that wants nothing", async () => {
    const pod = await listening(createPlainServer(({ url }, response) => response.end(`plain ${url ?? ""}`)));
    expect(await asked(await forwarded(pod, endpoint, servers))).to.equal("plain /a/b");
  });

  it("speaks TLS with one that wants it, as the authority has certified its Service, and with no other", async () => {
    const { key, cert, ca } = makeAuthority(folder, "DNS:store.monitoring.svc");
    const pod = await listening(
      createServer({ key, cert }, ({ url }, response) => response.end(`secured ${url ?? ""}`)),
    );
    const text = readFileSync(ca, "utf8");
    const to = (one: Partial<Endpoint>, authority?: string) =>
      forwarded(pod, { ...endpoint, ...one, access }, servers, authority).then(asked);
    expect(await to({}, text)).to.equal("secured /a/b");
    for (const wrong of [to({ service: "other" }, text), to({})])
      expect(await wrong.catch((error: unknown) => error)).to.be.instanceOf(TypeError);
  });
});
