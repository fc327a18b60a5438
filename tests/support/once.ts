/** What takes long to make and is the same for all processes of a test run: the first makes it, the others read it. */
import { closeSync, existsSync, mkdirSync, openSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { deserialize, serialize } from "node:v8";
import { zstdCompressSync, zstdDecompressSync } from "node:zlib";

/**
 * @param file in a folder of the run; what is made has to be plain data
 * @throws what `make` throws; the next process tries again then
 */
export async function oncePerRun<T>(file: string, make: () => Promise<T>): Promise<T> {
  const lock = `${file}.lock`;
  for (;;) {
    if (existsSync(file)) return deserialize(readFileSync(file)) as T;
    try {
      closeSync(openSync(lock, "wx"));
      break;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
      await sleep(50);
    }
  }
  try {
    const made = await make();
    writeFileSync(`${file}.new`, serialize(made));
    renameSync(`${file}.new`, file);
    return made;
  } finally {
    rmSync(lock);
  }
}

/**
 * What was made before, by whatever run, of the same things.
 *
 * @param file in the cache folder; holds what was made last
 * @param digest of all that it is made of
 * @param make makes plain data
 */
export async function keptWith<T>(file: string, digest: string, make: () => Promise<T>): Promise<T> {
  const head = Buffer.from(`${digest}\n`);
  const before = existsSync(file) ? readFileSync(file) : head;
  if (before.length > head.length && before.subarray(0, head.length).equals(head))
    return deserialize(zstdDecompressSync(before.subarray(head.length))) as T;
  const made = await make();
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(`${file}.${process.pid}`, Buffer.concat([head, zstdCompressSync(serialize(made))]));
  renameSync(`${file}.${process.pid}`, file);
  return made;
}

/**
 * The same plain data, with one object in place of all that are equal: so it is kept and read in a tenth of the time, and
 * what is made of an object is made once (components/remembered.ts).
 */
export function shared<T>(data: T): T {
  const known = new Map<string, object>();
  const done = new Map<object, object>();
  const numbers = new Map<object, number>();
  const told = (value: unknown) =>
    typeof value === "object" && value !== null ? [numbers.get(value)] : value === undefined ? [] : value;
  const same = (key: string, made: object) => {
    const found = known.get(key) ?? made;
    known.set(key, found);
    return found;
  };
  const one = (value: unknown): unknown => {
    if (typeof value !== "object" || value === null) return value;
    const before = done.get(value);
    if (before !== undefined) return before;
    let found: object = value;
    if (Array.isArray(value)) {
      const list = value.map(one);
      found = same(`list ${JSON.stringify(list.map(told))}`, list);
    } else if (Object.getPrototypeOf(value) === Object.prototype) {
      const entries = Object.entries(value).map(([key, member]) => [key, one(member)] as const);
      found = same(JSON.stringify(entries.map(([key, member]) => [key, told(member)])), Object.fromEntries(entries));
    }
    done.set(value, found);
    if (!numbers.has(found)) numbers.set(found, numbers.size);
    return found;
  };
  return one(data) as T;
}
