/** What takes long to make and is the same for all processes of a test run: the first makes it, the others read it. */
import { closeSync, existsSync, openSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { deserialize, serialize } from "node:v8";

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
