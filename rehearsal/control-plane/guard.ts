/** The process behind `guard()` of processes.ts: standard input ends when the process that it looks after does. */
import { rmSync } from "node:fs";
import { text } from "node:stream/consumers";
import { reap } from "./processes.ts";

const [, , dir] = process.argv;
if (dir === undefined) throw new Error("Usage: guard.ts <folder>");
// Ctrl-C in the terminal is for the process that it looks after.
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.on(signal, () => undefined);

if ((await text(process.stdin)) !== "release\n") {
  await reap(dir);
  rmSync(dir, { recursive: true, force: true });
}
