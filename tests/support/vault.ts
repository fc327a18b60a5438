/**
 * A STAND-IN for Vault's transit engine (its HTTP API: /v1/transit/encrypt and decrypt), which keeps no key: what it is given it
 * gives back. A start of the CLI takes half of its time to make a key of a passphrase, with a million rounds
 * (github.com/pulumi/pulumi/sdk/v3, go/common/resource/config/crypt.go); here it asks for its key instead.
 */
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { json } from "node:stream/consumers";

const mark = "vault:v1:";

/** How the CLI names it, and how it finds it. */
export interface Vault {
  readonly secretsProvider: string;
  readonly env: Readonly<Record<string, string>>;
  close(): void;
}

export async function startVault(): Promise<Vault> {
  const server = createServer((request, response) => {
    void (async () => {
      const { plaintext, ciphertext = "" } = (await json(request)) as { plaintext?: string; ciphertext?: string };
      const data =
        plaintext === undefined ? { plaintext: ciphertext.slice(mark.length) } : { ciphertext: mark + plaintext };
      response.setHeader("content-type", "application/json").end(JSON.stringify({ data }));
    })();
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  return {
    secretsProvider: "hashivault://stand-in",
    env: { VAULT_SERVER_URL: `http://127.0.0.1:${port}`, VAULT_SERVER_TOKEN: "stand-in" },
    close: () => server.close(),
  };
}
