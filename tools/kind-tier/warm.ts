/**
 * Whether `npm run test:kind` would start at once: exit code 0 when the node image (built or released) and kind are there,
 * else 1. It starts, downloads and builds nothing.
 */
import { existsSync } from "node:fs";
import { run, which } from "../run.ts";
import { nodeImage } from "./node-image.ts";
import { releasedImage } from "./prepare.ts";

async function releasedImageIsThere(): Promise<boolean> {
  if (!which("docker", process.env)) return false;
  const inspect = ["image", "inspect", "--format", "{{.Id}}", releasedImage];
  const found = await run("docker", inspect, { signal: AbortSignal.timeout(5_000) }).catch(() => undefined);
  return found?.code === 0;
}

const archive = nodeImage().archive;
if (existsSync(archive)) {
  process.stdout.write(`warm: ${archive}\n`);
} else if (await releasedImageIsThere()) {
  process.stdout.write(`warm: Docker has ${releasedImage}\n`);
} else {
  process.stdout.write(`cold: neither ${archive} nor ${releasedImage} in Docker; npm run test:kind makes one\n`);
  process.exitCode = 1;
}
