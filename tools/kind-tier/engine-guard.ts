/** The process behind an engine of ours (docker.ts): standard input ends when the process that it looks after does. */
import { text } from "node:stream/consumers";
import { stopEngine } from "./docker.ts";

const [, , folder] = process.argv;
if (folder === undefined) throw new Error("Usage: engine-guard.ts <folder>");
// Ctrl-C in the terminal is for the process that it looks after.
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.on(signal, () => undefined);

await text(process.stdin);
await stopEngine(folder);
