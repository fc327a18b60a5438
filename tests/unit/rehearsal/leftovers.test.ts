import { spawn } from "node:child_process";
import { once } from "node:events";
import { createServer } from "node:net";
import { existsSync } from "node:fs";
import { expect } from "chai";
import { listeningPorts, processesOf } from "../../../commands/rehearse/leftovers.ts";
import { exists, until } from "../../support/until.ts";

describe("what a rehearsal leaves on this machine", () => {
  const pids: number[] = [];
  /** A program that listens and prints its process id and port. */
  const listen = `const s = require("node:net").createServer().listen(0, "127.0.0.1",
    () => console.log(process.pid, s.address().port))`;
  /** Starts it, as a child of this process or (its shell ends at once) as nobody's. */
  const start = async (how: "child" | "orphan", args: readonly string[] = [], env: Record<string, string> = {}) => {
    const script = how === "child" ? 'exec "$@"' : '"$@" &';
    const shell = spawn("/bin/sh", ["-c", script, "sh", process.execPath, "-e", listen, ...args], {
      env: { ...process.env, ...env },
      stdio: ["ignore", "pipe", "ignore"],
    });
    const [said] = (await once(shell.stdout, "data")) as [Buffer];
    const [pid = 0, port = 0] = said.toString().split(" ").map(Number);
    pids.push(pid);
    return { pid, port };
  };
  const endAll = async () => {
    for (const pid of pids.splice(0)) {
      process.kill(pid, "SIGKILL");
      await until(`${pid} is gone`, () => Promise.resolve(!exists(pid)));
    }
  };
  afterEach(endAll);

  it("is found: a child, and a process that names the folder, until they end", async () => {
    const folder = `/nowhere/rehearsal-${process.pid}`;
    const child = await start("child");
    const named = await start("orphan", [`${folder}/data`]);
    const other = await start("orphan");
    const found = (await processesOf(folder)).map(({ pid }) => pid);
    expect(found).to.include.members([child.pid, named.pid]).and.not.include(other.pid);
    await endAll();
    const left = (await processesOf(folder)).map(({ pid }) => pid);
    expect(left).to.not.include(child.pid).and.not.include(named.pid);
  });

  it("is found by its environment, and by its port", async function () {
    if (!existsSync("/proc/net/tcp")) this.skip();
    const folder = `/nowhere/rehearsal-${process.pid}-environment`;
    const { pid, port } = await start("orphan", [], { TMPDIR: folder });
    expect((await processesOf(folder)).map((one) => one.pid)).to.include(pid);
    expect(listeningPorts([pid])).to.deep.equal([port]);
    const server = createServer().listen(0, "127.0.0.1");
    await once(server, "listening");
    const own = (server.address() as { port: number }).port;
    expect(listeningPorts([process.pid])).to.include(own);
    server.close();
    await once(server, "close");
    expect(listeningPorts([process.pid])).to.not.include(own);
  });
});
