/** What a rehearsal might leave behind on this machine, looked for from outside: not by the records it keeps of itself. */
import { readdirSync, readFileSync, readlinkSync } from "node:fs";
import { run } from "../../toolchain/run.ts";

/** A process of the rehearsal. */
export interface Left {
  readonly pid: number;
  readonly command: string;
}

/**
 * Processes that name the rehearsal's folder in their command line or (where /proc shows it) in their environment, or that
 * descend from this process.
 */
export async function processesOf(dir: string): Promise<Left[]> {
  const { stdout } = await run("ps", ["-A", "-ww", "-o", "pid=,ppid=,stat=,args="], {
    env: { ...process.env, LC_ALL: "C" },
  });
  const all = stdout.split("\n").flatMap((line) => {
    const [, pid, parent, state, command = ""] = /^\s*(\d+)\s+(\d+)\s+(\S+)\s+(.*)$/.exec(line) ?? [];
    // A zombie is gone but for its number; and the one that lists them is not meant.
    if (pid === undefined || state?.startsWith("Z") || command.startsWith("ps -A -ww")) return [];
    return [{ pid: Number(pid), parent: Number(parent), command }];
  });
  const ours = new Set([process.pid]);
  for (let grown = true; grown;) {
    grown = false;
    for (const { pid, parent } of all) {
      if (ours.has(parent) && !ours.has(pid)) {
        ours.add(pid);
        grown = true;
      }
    }
  }
  return all
    .filter(({ pid }) => pid !== process.pid)
    .filter(({ pid, command }) => ours.has(pid) || command.includes(dir) || environmentOf(pid).includes(dir))
    .map(({ pid, command }) => ({ pid, command }));
}

function environmentOf(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/environ`, "latin1");
  } catch {
    return ""; // It has ended, belongs to somebody else, or there is no /proc.
  }
}

/**
 * TCP ports on which one of the processes listens; undefined where /proc does not tell.
 */
export function listeningPorts(pids: readonly number[]): number[] | undefined {
  const listening = new Map<string, number>();
  try {
    for (const file of ["tcp", "tcp6"]) {
      for (const line of readFileSync(`/proc/net/${file}`, "utf8").split("\n").slice(1)) {
        // proc(5): local address as hex "address:port" is field 2, state 0A is LISTEN in field 4, the inode is field 10.
        const fields = line.trim().split(/\s+/);
        if (fields[3] === "0A") listening.set(fields[9] ?? "", parseInt(fields[1]?.split(":")[1] ?? "", 16));
      }
    }
  } catch {
    return undefined;
  }
  const ports = new Set<number>();
  for (const pid of pids) {
    for (const inode of socketsOf(pid)) {
      const port = listening.get(inode);
      if (port !== undefined) ports.add(port);
    }
  }
  return [...ports].sort((a, b) => a - b);
}

function socketsOf(pid: number): string[] {
  const folder = `/proc/${pid}/fd`;
  let descriptors: string[] = [];
  try {
    descriptors = readdirSync(folder);
  } catch {
    return []; // It has ended.
  }
  return descriptors.flatMap((descriptor) => {
    try {
      return /^socket:\[(\d+)\]$/.exec(readlinkSync(`${folder}/${descriptor}`))?.[1] ?? [];
    } catch {
      return [];
    }
  });
}
