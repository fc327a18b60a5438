/**
 * Imported before everything else of the program: keeps what Node has compiled in the cache folder, and leaves out what
 * Pulumi's SDK (3.270.0) loads to send functions elsewhere, for dynamic providers, which are not used here: the TypeScript
 * compiler, npm's resolver of dependencies, and a debugger's session that is told of every script. Together that is more than
 * a quarter of the program's start.
 */
import { createRequire, enableCompileCache, Module } from "node:module";
import type { Session } from "node:inspector";
import { join } from "node:path";
import { setFlagsFromString } from "node:v8";
import { cacheFolder } from "./cache-folder.ts";

const here = createRequire(import.meta.url);
const sdk = createRequire(here.resolve("@pulumi/pulumi"));

function leaveOut(file: string, ...functions: readonly string[]): void {
  const path = sdk.resolve(file);
  if (here.cache[path] !== undefined) return;
  const refuse = (): never => {
    throw new Error(`${file} of Pulumi's SDK is not loaded (components/quick-start.ts)`);
  };
  here.cache[path] = Object.assign(new Module(path), {
    exports: Object.fromEntries(functions.map((name) => [name, refuse])),
    loaded: true,
  });
}

leaveOut("./runtime/closure/serializeClosure.js", "serializeFunction", "serializeFunctionAsync");
leaveOut("./runtime/closure/codePaths.js", "computeCodePaths");

// Pulumi's runner has begun that session before the program's first line (cmd/run/index.js).
const hooks = here.cache[sdk.resolve("./runtime/closure/v8Hooks.js")]?.exports as
  { getSessionAsync(): Promise<Session> } | undefined;
if (hooks !== undefined) {
  void hooks.getSessionAsync().then((session) => {
    session.disconnect();
  });
  // V8 does not use what was compiled with other flags.
  setFlagsFromString("--no-allow-natives-syntax");
  // It looks up the source map of each line of each stack, for each promise of the SDK; the program has none.
  Reflect.deleteProperty(Error, "prepareStackTrace");
}

// Coverage would be blurred (Node's documentation of module.enableCompileCache).
if (process.env["NODE_V8_COVERAGE"] === undefined)
  enableCompileCache(process.env["NODE_COMPILE_CACHE"] || join(cacheFolder(), "compiled"));
