/**
 * The process behind an engine of ours (docker.ts). It says "locked" when no other engine of ours is left on this machine, is
 * then told the engine's folder, and stops the engine when standard input ends: when the process that it looks after does.
 */
import { text } from "node:stream/consumers";
import { withLock } from "../../toolchain/cache.ts";
import { stopEngine } from "./docker.ts";

// Ctrl-C in the terminal is for the process that it looks after.
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.on(signal, () => undefined);
// Nobody may be left to hear it.
process.stdout.on("error", () => undefined);

const work = async () => {
  process.stdout.write("locked\n");
  const folder = await text(process.stdin);
  if (folder !== "") await stopEngine(folder);
};
await withLock("/run/observability-kind-engine.lock", work, {
  onWait: () => {
    process.stdout.write("waiting\n");
  },
});
