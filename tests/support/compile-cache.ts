/**
 * Loaded by Mocha (.mocharc.json), before anything else: compiled modules are kept, so that the many processes of the tests
 * start in half the time, those that they start, too.
 */
import { join } from "node:path";
import "../../components/quick-start.ts";
import { cacheFolder } from "../../components/cache-folder.ts";

// Not under coverage, which it would blur.
if (process.env["NODE_V8_COVERAGE"] === undefined)
  process.env["NODE_COMPILE_CACHE"] ??= join(cacheFolder(), "compiled");
