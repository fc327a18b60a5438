/** An ambient kubeconfig that nobody may use: it leads to a server that counts who knocks. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { stringify } from "yaml";

export interface Decoy {
  /** Connections so far. */
  knocks(): number;
  close(): Promise<void>;
}

/** Makes it the ambient kubeconfig (`KUBECONFIG`) of this process, and of what it starts, until it is closed. */
export async function startDecoy(): Promise<Decoy> {
  let knocks = 0;
  const server = createServer((socket) => {
    knocks += 1;
    socket.destroy();
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const folder = mkdtempSync(join(tmpdir(), "decoy-"));
  const file = join(folder, "config");
  const named = (what: object) => [{ name: "decoy", ...what }];
  const { port } = server.address() as AddressInfo;
  writeFileSync(
    file,
    stringify({
      apiVersion: "v1",
      kind: "Config",
      "current-context": "decoy",
      clusters: named({ cluster: { server: `https://127.0.0.1:${port}`, "insecure-skip-tls-verify": true } }),
      contexts: named({ context: { cluster: "decoy", user: "decoy" } }),
      users: named({ user: { token: "decoy" } }),
    }),
  );
  const before = process.env["KUBECONFIG"];
  process.env["KUBECONFIG"] = file;
  return {
    knocks: () => knocks,
    async close() {
      if (before === undefined) delete process.env["KUBECONFIG"];
      else process.env["KUBECONFIG"] = before;
      await new Promise((resolve) => server.close(resolve));
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
