/**
 * Takes the lock in folder argv[2] argv[3] times. Inside, it makes a file that nobody else may have made at that
 * moment: a second holder would find it and exit with 3. argv[4] is what else it does:
 *
 * - `dies`: ends itself by SIGKILL inside.
 * - `pauses-at-link`, `pauses-at-remove`: stops just before it takes the right to remove the stale lock `t1`, or just
 *   before it removes it, until the file `go` is there; `paused` tells that it stands there.
 */
import fs from "node:fs";
import { syncBuiltinESMExports } from "node:module";
import * as path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";

import { acquireLock } from "../../../components/cluster/lock.ts";

const [, , folder = "", rounds = "1", manner = ""] = process.argv;
const root = path.dirname(folder);
const inside = path.join(root, "inside");

function pause(): void {
  fs.writeFileSync(path.join(root, "paused"), "");
  while (!fs.existsSync(path.join(root, "go"))) Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 20);
}

const { linkSync, rmSync } = fs;
if (manner === "pauses-at-link") {
  fs.linkSync = (from, to) => {
    if (String(to).endsWith("lock.t1")) pause();
    linkSync(from, to);
  };
}
if (manner === "pauses-at-remove") {
  fs.rmSync = (file, options) => {
    if (file === path.join(folder, "lock") && !fs.existsSync(path.join(root, "go"))) pause();
    rmSync(file, options);
  };
}
syncBuiltinESMExports();

const say = (message: string): void => {
  process.stdout.write(`${message}\n`);
};
for (let round = 0; round < Number(rounds); round++) {
  const lock = await acquireLock({ folder, verb: "test", cluster: `c${process.pid}`, say });
  try {
    fs.closeSync(fs.openSync(inside, "wx"));
  } catch {
    process.stderr.write(`two hold the lock: ${fs.readFileSync(path.join(folder, "lock"), "utf8")}\n`);
    process.exit(3);
  }
  await sleep(5);
  rmSync(inside);
  if (manner === "dies") process.kill(process.pid, "SIGKILL");
  lock.release();
}
