/**
 * Takes the lock in folder argv[2] argv[3] times. Inside, it makes a file that nobody else may have made at that
 * moment: a second holder would find it and exit with 3.
 */
import * as fs from "node:fs";
import * as path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";

import { acquireLock } from "../../../components/cluster/lock.ts";

const [, , folder = "", rounds = "1", diesInside = ""] = process.argv;
const inside = path.join(path.dirname(folder), "inside");
for (let round = 0; round < Number(rounds); round++) {
  const lock = await acquireLock({ folder, verb: "test", cluster: `c${process.pid}`, say: () => undefined });
  try {
    fs.closeSync(fs.openSync(inside, "wx"));
  } catch {
    process.stderr.write(`two hold the lock: ${fs.readFileSync(path.join(folder, "lock"), "utf8")}\n`);
    process.exit(3);
  }
  await sleep(5);
  fs.rmSync(inside);
  if (diesInside !== "") process.kill(process.pid, "SIGKILL");
  lock.release();
}
