import { type ChildProcess, spawn } from "node:child_process";
import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";

import { expect } from "chai";

import {
  type AcquireOptions,
  LockError,
  type LockRecord,
  acquireLock,
  isAlive,
  lockFolder,
  processMark,
} from "../../../components/cluster/lock.ts";

import { until } from "../../support/until.ts";

const contender = path.resolve(import.meta.dirname, "../../support/fake-kind/lock-contender.ts");

describe("cluster script: lock", () => {
  let root: string;
  let folder: string;
  let file: string;
  let said: string[];
  const contenders: ChildProcess[] = [];
  beforeEach(() => {
    root = fs.mkdtempSync(path.join(os.tmpdir(), "cluster-lock-"));
    folder = path.join(root, "lock");
    file = path.join(folder, "lock");
    said = [];
  });
  afterEach(() => {
    for (const child of contenders.splice(0)) child.kill("SIGKILL");
    fs.rmSync(root, { recursive: true, force: true });
  });

  const options = (more: Partial<AcquireOptions> = {}): AcquireOptions => ({
    folder,
    verb: "ensure",
    cluster: "dev",
    say: (message) => said.push(message),
    ...more,
  });
  const own = (): { pid: number; start: string } => {
    const mark = processMark(process.pid);
    if (mark === undefined) throw new Error("this process has no mark");
    return mark;
  };
  const dead = { pid: process.pid, start: "another boot/1" }; // the pid came back as another process
  const put = (record: Partial<LockRecord>, name = "lock"): void => {
    fs.mkdirSync(folder, { recursive: true, mode: 0o700 });
    const whole = {
      token: "t1",
      holder: dead,
      verb: "ensure",
      cluster: "other",
      since: "2026-01-02T03:04:05.000Z",
      ...record,
    };
    fs.writeFileSync(path.join(folder, name), JSON.stringify(whole));
  };

  it("is a private file that says who holds it, and is gone after its release", async () => {
    const lock = await acquireLock(options());
    const record = JSON.parse(fs.readFileSync(file, "utf8")) as LockRecord;
    expect(record).to.include({ verb: "ensure", cluster: "dev" });
    expect(record.holder).to.deep.equal(own());
    expect(fs.statSync(folder).mode & 0o777).to.equal(0o700);
    lock.setChild({ ...own(), command: "kind create" });
    expect((JSON.parse(fs.readFileSync(file, "utf8")) as LockRecord).child?.command).to.equal("kind create");
    lock.setChild(undefined);
    expect(JSON.parse(fs.readFileSync(file, "utf8"))).to.deep.equal(record);
    lock.release();
    lock.release();
    expect(fs.existsSync(folder)).to.equal(false);
    expect(said).to.deep.equal([]);
  });

  it("takes over a lock whose processes are dead, also when the pid runs again as something else", async () => {
    put({ holder: dead, child: { ...dead, command: "kind create" } });
    const lock = await acquireLock(options());
    expect((JSON.parse(fs.readFileSync(file, "utf8")) as LockRecord).cluster).to.equal("dev");
    lock.release();
    expect(fs.existsSync(folder)).to.equal(false);
  });

  it("takes over when the one that was about to take over died too", async () => {
    put({ token: "t1" });
    put({ token: "t2" }, "lock.t1");
    put({ token: "t3" }, "lock.t1.t2");
    const lock = await acquireLock(options());
    lock.release();
    expect(fs.existsSync(folder)).to.equal(false);
  });

  it("takes over a lock that cannot be read", async () => {
    fs.mkdirSync(folder);
    fs.writeFileSync(file, "");
    const lock = await acquireLock(options());
    lock.release();
    expect(fs.existsSync(folder)).to.equal(false);
  });

  it("waits for a living child of a dead holder, and says whom to end", async () => {
    put({ holder: dead, child: { ...own(), command: "kind create cluster --name other" } });
    const stop = new AbortController();
    const taken: LockRecord[] = [];
    const wait = acquireLock(
      options({
        signal: stop.signal,
        sayEveryMs: 1,
        whileTaken: (record) => {
          if (taken.push(record) === 3) stop.abort("enough");
        },
      }),
    );
    await wait.then(
      () => expect.fail("it must not get the lock"),
      () => undefined,
    );
    expect(said.length).to.be.greaterThan(1);
    expect(said[0]).to.include('cluster "other"').and.to.include(`kill ${process.pid}`);
    expect(said[0]).to.include("since 2026-01-02T03:04:05.000Z");
    expect(fs.existsSync(file)).to.equal(true);
  });

  it("names a living holder, since when it holds, and what to do", async () => {
    put({ holder: own() });
    const stop = new AbortController();
    const wait = acquireLock(
      options({
        signal: stop.signal,
        whileTaken: () => {
          stop.abort("enough");
        },
      }),
    );
    await wait.then(
      () => expect.fail("it must not get the lock"),
      () => undefined,
    );
    expect(said).to.have.length(1);
    expect(said[0]).to.match(/another run holds the lock .*"ensure" of cluster "other", pid \d+, since .*kill \d+/);
  });

  /** Another process that takes the lock; see lock-contender.ts. */
  const contend = (...args: readonly string[]) => {
    const child = spawn(process.execPath, [contender, folder, ...args], { stdio: ["ignore", "pipe", "inherit"] });
    contenders.push(child);
    let output = "";
    child.stdout.on("data", (text) => (output += String(text)));
    const ended = new Promise<number | null>((resolve) => child.on("close", resolve));
    return { ended, said: () => output };
  };
  const mark = (name: string): void => {
    fs.writeFileSync(path.join(root, name), "");
  };
  const there = (name: string): boolean => fs.existsSync(path.join(root, name));

  it("a waiter that is late to remove a stale lock leaves the new one alone", async () => {
    put({ token: "t1" });
    const late = contend("1", "pauses-at-link");
    await until("the late one to stand before the removal", () => there("paused"));
    const lock = await acquireLock(options());
    const held = fs.readFileSync(file, "utf8");
    mark("inside"); // the late one would find it and fail
    mark("go");
    await until("the late one to wait", () => late.said().includes("another run holds the lock"));
    expect(fs.readFileSync(file, "utf8")).to.equal(held);
    fs.rmSync(path.join(root, "inside"));
    lock.release();
    expect(await late.ended).to.equal(0);
  });

  it("only one at a time removes a stale lock", async () => {
    put({ token: "t1" });
    const first = contend("1", "pauses-at-remove");
    await until("the first to stand before the removal", () => there("paused"));
    let got = false;
    const second = acquireLock(options()).then((lock) => {
      got = true;
      return lock;
    });
    await new Promise((resolve) => setTimeout(resolve, 700)); // some polls of the second
    expect(got, "the second got the lock that the first is about to remove").to.equal(false);
    mark("go");
    (await second).release();
    expect(await first.ended).to.equal(0);
  });

  it("is never held by two, with waiters that race for stale locks", async () => {
    const runs = [
      ...Array.from({ length: 4 }, () => contend("8")),
      ...Array.from({ length: 3 }, () => contend("1", "dies")), // the others fight over what these leave
    ];
    const codes = await Promise.all(runs.map(({ ended }) => ended));
    expect(codes).to.deep.equal([0, 0, 0, 0, null, null, null]);
    const last = await acquireLock(options());
    last.release();
    expect(fs.existsSync(folder) ? fs.readdirSync(folder) : []).to.deep.equal([]);
  });

  it("does not trust a folder that is a link", async () => {
    fs.mkdirSync(path.join(root, "elsewhere"));
    fs.symlinkSync(path.join(root, "elsewhere"), folder);
    const error: unknown = await acquireLock(options()).catch((caught: unknown) => caught);
    expect(error).to.be.instanceOf(LockError);
    expect(String(error)).to.include("KIND_LOCK_DIR");
  });

  it("is at the same place whatever the home and temporary folder are", () => {
    expect(lockFolder({ HOME: "/a", TMPDIR: "/b" })).to.equal(lockFolder({ HOME: "/c" }));
    expect(lockFolder({ KIND_LOCK_DIR: "/d" })).to.equal("/d");
  });

  it("takes a zombie for dead", async () => {
    // The child ends when the shell has become "sleep 30", which never waits for it; the shell itself might.
    const parent = spawn("/bin/sh", ["-c", "sleep 1 & echo $!; exec sleep 600"], {
      stdio: ["ignore", "pipe", "ignore"],
    });
    try {
      const pid = await new Promise<number>((resolve) =>
        parent.stdout.once("data", (text) => {
          resolve(Number(String(text)));
        }),
      );
      const deadline = Date.now() + 120_000;
      while (processMark(pid) !== undefined && Date.now() < deadline)
        await new Promise((resolve) => setTimeout(resolve, 20));
      expect(() => process.kill(pid, 0), "the pid is still taken").not.to.throw();
      expect(processMark(pid)).to.equal(undefined);
      expect(isAlive({ pid: process.pid, start: own().start })).to.equal(true);
    } finally {
      parent.kill("SIGKILL");
    }
  });
});
