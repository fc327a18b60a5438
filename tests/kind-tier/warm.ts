/**
 * Whether `npm run test:kind` would start at once: exit code 0 when the node image (built or released) is there, else 1. It
 * starts, downloads and builds nothing.
 */
import { existsSync } from "node:fs";
import { run, which } from "../../toolchain/run.ts";
import { nodeImage } from "./node-image.ts";
import { releasedImage } from "./prepare.ts";

async function releasedImageIsThere(): Promise<boolean> {
  if (!which("docker", process.env)) return false;
  const inspect = ["image", "inspect", "--format", "{{.Id}}", releasedImage];
  const found = await run("docker", inspect, { signal: AbortSignal.timeout(5_000) }).catch(() => undefined);
  return found?.code === 0;
}

/** Whether a node image is there, and in words which one is or is not. */
export async function isWarm(): Promise<{ readonly warm: boolean; readonly why: string }> {
  const { archive } = nodeImage();
  if (existsSync(archive)) return { warm: true, why: archive };
  if (await releasedImageIsThere()) return { warm: true, why: `Docker has ${releasedImage}` };
  return { warm: false, why: `neither ${archive} nor ${releasedImage} in Docker; npm run test:kind makes one` };
}

if (import.meta.main) {
  const { warm, why } = await isWarm();
  process.stdout.write(`${warm ? "warm" : "cold"}: ${why}\n`);
  process.exitCode = warm ? 0 : 1;
}
