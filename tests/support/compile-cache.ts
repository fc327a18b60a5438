/**
 * Loaded by Mocha (.mocharc.json): keeps compiled modules, so that the many processes of the tests start in half the time.
 * Not under coverage, which it would blur (Node's documentation of module.enableCompileCache).
 */
import { enableCompileCache } from "node:module";
import { join } from "node:path";
import { cacheFolder } from "../../components/cache-folder.ts";

if (process.env["NODE_V8_COVERAGE"] === undefined) {
  // By its name, too, for the processes that tests start.
  process.env["NODE_COMPILE_CACHE"] ??= join(cacheFolder(), "compiled");
  enableCompileCache(process.env["NODE_COMPILE_CACHE"]);
}
