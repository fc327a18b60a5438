import { readFileSync } from "node:fs";

/** Of a clock tick, in which Linux counts the time of processes (`USER_HZ`). */
const tick = 1 / 100;

/** What a program has used since it started. */
export interface Used {
  /** Seconds of processors. */
  readonly cpu: number;
  /** Bytes of memory, the most at once and now (resident). */
  readonly peak: number;
  readonly memory: number;
}

/** What a process has used; on Linux alone. */
export function usedBy(pid: number): Used {
  const folder = `/proc/${pid}`;
  const stat = readFileSync(`${folder}/stat`, "utf8");
  // What follows the name in parentheses begins with field 3: 14 and 15 are its time.
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  const status = readFileSync(`${folder}/status`, "utf8");
  const bytes = (key: string) => Number(new RegExp(`^${key}:\\s+(\\d+) kB`, "m").exec(status)?.[1]) * 1024;
  return {
    cpu: (Number(fields[11]) + Number(fields[12])) * tick,
    peak: bytes("VmHWM"),
    memory: bytes("VmRSS"),
  };
}
