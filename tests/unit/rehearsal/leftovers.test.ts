import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { createServer } from "node:net";
import { existsSync } from "node:fs";
import { expect } from "chai";
import { listeningPorts, processesOf } from "../../../rehearsal/leftovers.ts";

describe("what a rehearsal leaves on this machine", () => {
  const children: ChildProcess[] = [];
  /** A program that listens and prints its port. */
  const listen = `const s = require("node:net").createServer().listen(0, "127.0.0.1", () => console.log(s.address().port))`;
  const start = async (args: readonly string[], env: Record<string, string>, detached: boolean) => {
    const child = spawn(process.execPath, ["-e", listen, ...args], {
      env: { ...process.env, ...env },
      stdio: ["ignore", "pipe", "ignore"],
      detached,
    });
    children.push(child);
    const [port] = (await once(child.stdout, "data")) as [Buffer];
    return { pid: child.pid ?? 0, port: Number(port.toString()) };
  };
  afterEach(async () => {
    for (const child of children.splice(0)) {
      const gone = once(child, "exit");
      child.kill("SIGKILL");
      await gone;
    }
  });

  it("is found: a child, and a process that names the folder, until they end", async () => {
    const folder = `/nowhere/rehearsal-${process.pid}`;
    const child = await start([], {}, false);
    const named = await start([`${folder}/data`], {}, true);
    const found = await processesOf(folder);
    expect(found.map(({ pid }) => pid)).to.include.members([child.pid, named.pid]);
    expect(found.find(({ pid }) => pid === named.pid)?.command).to.include(folder);
    for (const one of children.splice(0)) {
      const gone = once(one, "exit");
      one.kill("SIGKILL");
      await gone;
    }
    const pids = (await processesOf(folder)).map(({ pid }) => pid);
    expect(pids).to.not.include(child.pid).and.not.include(named.pid);
  });

  it("is found by its environment, and by its port", async function () {
    if (!existsSync("/proc/net/tcp")) this.skip();
    const folder = `/nowhere/rehearsal-${process.pid}-environment`;
    const { pid, port } = await start([], { TMPDIR: folder }, true);
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
