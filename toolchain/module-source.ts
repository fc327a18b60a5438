/** The source of Go modules without Go: from the module proxy, checked as Go checks it. */
import { createHash } from "node:crypto";
import { existsSync, globSync, mkdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { unzipSync } from "fflate";
import { cacheFolder, withLock, withTemporaryFolder } from "./cache.ts";
import { get, Unavailable } from "./outside.ts";
import type { Environment } from "./run.ts";

/** Go's checksum database, which has a sum of every public module. */
const database = "sum.golang.org";

/** A path as proxies have it: for file systems that do not tell capitals (golang.org/x/mod/module, "EscapePath"). */
function escaped(path: string): string {
  return path.replaceAll(/[A-Z]/g, (capital) => `!${capital.toLowerCase()}`);
}

/** Go's checksum of a module (golang.org/x/mod/sumdb/dirhash, "Hash1"). */
function hash1(files: Readonly<Record<string, Uint8Array>>): string {
  const lines = Object.keys(files)
    .sort()
    .map(
      (name) =>
        `${createHash("sha256")
          .update(files[name] ?? "")
          .digest("hex")}  ${name}\n`,
    );
  return `h1:${createHash("sha256").update(lines.join("")).digest("base64")}`;
}

function sumIn(lines: string, id: string): string | undefined {
  return lines
    .split("\n")
    .find((line) => line.startsWith(`${id} h1:`))
    ?.slice(id.length + 1);
}

/** The first that answers. @throws the last one's Unavailable */
async function firstOf(addresses: readonly string[]): Promise<Response> {
  let last = new Unavailable("no address to ask");
  for (const address of addresses) {
    try {
      return await get(address);
    } catch (error) {
      if (!(error instanceof Unavailable)) throw error;
      last = error;
    }
  }
  throw last;
}

/**
 * The folder with a module's source, in the user's cache: what a go.sum of the project pins, else what Go's checksum database
 * has a sum of. GOPROXY is followed.
 *
 * @throws Unavailable when it cannot be had now; Error when it is not what its checksum says
 */
export async function fetchModule(module: string, version: string, env: Environment): Promise<string> {
  const folder = join(cacheFolder(env), "modules", `${escaped(module)}@${escaped(version)}`);
  return withLock(`${folder}.lock`, async () => {
    if (existsSync(folder)) return folder;
    const proxies = (env["GOPROXY"] || "https://proxy.golang.org").split(/[,|]/).filter((one) => /^https?:/.test(one));
    const at = `${escaped(module)}/@v/${escaped(version)}.zip`;
    const lookup = `lookup/${escaped(module)}@${escaped(version)}`;
    const id = `${module} ${version}`;
    const pinned = globSync("**/go.sum", { cwd: import.meta.dirname })
      .map((file) => sumIn(readFileSync(join(import.meta.dirname, file), "utf8"), id))
      .find((sum) => sum !== undefined);
    const databases = [...proxies.map((proxy) => `${proxy}/sumdb/${database}`), `https://${database}`];
    const sum = pinned ?? sumIn(await (await firstOf(databases.map((one) => `${one}/${lookup}`))).text(), id);
    const archive = await firstOf(proxies.map((proxy) => `${proxy}/${at}`));
    const files = unzipSync(new Uint8Array(await archive.arrayBuffer()));
    const actual = hash1(files);
    if (actual !== sum)
      throw new Error(`${id} has the checksum ${actual}, but ${sum ?? "none"} is published. Nothing of it is kept.`);
    return withTemporaryFolder(folder, (temporary) => {
      const root = `${module}@${version}/`;
      for (const [name, content] of Object.entries(files)) {
        const file = join(temporary, "module", name.slice(root.length));
        mkdirSync(dirname(file), { recursive: true });
        writeFileSync(file, content);
      }
      renameSync(join(temporary, "module"), folder);
      return Promise.resolve(folder);
    });
  });
}
