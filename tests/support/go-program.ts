/** Small Go programs of the tests, for images `FROM scratch`: static, of Go's own library only. */
import { basename, join } from "node:path";
import { cacheFolder } from "../../toolchain/cache.ts";
import { build, buildFlags, buildFolder, findGo } from "../../toolchain/go.ts";

/**
 * Builds the program of a folder with a go.mod; the folder's name is the program's.
 *
 * @returns the path of the program, kept in the user's cache folder
 * @throws Error when Go is not installed
 */
export async function goProgram(moduleFolder: string, onProgress: (line: string) => void): Promise<string> {
  const name = basename(moduleFolder);
  const go = await findGo(moduleFolder, process.env);
  if (go === undefined) throw new Error(`Go is not installed (https://go.dev/dl/): ${name} cannot be built.`);
  const flags = buildFlags({});
  const destination = buildFolder(join(cacheFolder(), "tools"), name, moduleFolder, flags, go);
  const programs = [{ name, package: ".", built: name }];
  await build(name, programs, { go, moduleFolder, destination, flags, env: process.env, onProgress });
  return join(destination, name);
}
