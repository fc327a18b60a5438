/**
 * What the Kind tier's tests run on: a container engine, a node image in it, and kind.
 *
 * Online the node image is the released one; where no image registry can be reached it is built (node-image.ts).
 */
import { mkdtempSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { settingsSchema } from "../../settings/schema.ts";
import { obtainEngine, NoEngine, type Engine, type Say } from "./docker.ts";
import { buildNodeImage, NotBuildable } from "./node-image.ts";
import { obtainPrograms } from "./programs.ts";

/** Kind cannot run on this machine; the message says why and what to do. */
export class NoKindTier extends Error {
  override readonly name = "NoKindTier";
}

export interface KindTier {
  readonly engine: Engine;
  /** Environment in which `docker` and `kind` are found and reach the engine. */
  readonly env: NodeJS.ProcessEnv;
  /** For `cluster.kind.nodeImage`. */
  readonly nodeImage: string;
  /** Whether it is the released image; the one that is built here enforces no NetworkPolicy. */
  readonly released: boolean;
  /** Gives everything back that was started. */
  close(): Promise<void>;
}

/** The node image that the settings name when they say nothing else. */
export const releasedImage = settingsSchema.parse({}).cluster.kind.nodeImage;

/**
 * Starts or finds everything. The first time this can take a quarter of an hour, and says what it does.
 *
 * @throws NoKindTier when this machine can have no container engine, or neither pull nor build a node image
 */
export async function prepareKindTier(say: Say): Promise<KindTier> {
  const engine = await obtainEngine(say).catch((error: unknown) => {
    throw error instanceof NoEngine ? new NoKindTier(error.message) : error;
  });
  const bin = mkdtempSync(join(tmpdir(), "kind-tier-"));
  const removeBin = () => {
    rmSync(bin, { recursive: true, force: true });
  };
  process.once("exit", removeBin);
  const close = async () => {
    process.off("exit", removeBin);
    removeBin();
    await engine.stop();
  };
  try {
    const { kind } = await obtainPrograms(["kind"], { onProgress: say });
    symlinkSync(kind, join(bin, "kind"));
    const env = { ...process.env, ...engine.env, PATH: [bin, process.env["PATH"] ?? ""].join(delimiter) };
    const released = await hasReleasedImage(engine, say);
    const name = released ? releasedImage : await loadBuiltImage(engine, say);
    return { engine, env, nodeImage: name, released, close };
  } catch (error) {
    await close();
    throw error;
  }
}

async function hasImage(engine: Engine, name: string): Promise<boolean> {
  return engine.docker(["image", "inspect", name]).then(
    () => true,
    () => false,
  );
}

async function hasReleasedImage(engine: Engine, say: Say): Promise<boolean> {
  if (await hasImage(engine, releasedImage)) return true;
  if (!(await registryAnswers())) return false;
  say(`pulling ${releasedImage}`);
  try {
    await engine.docker(["pull", "--quiet", releasedImage]);
    return true;
  } catch (error) {
    say(error instanceof Error ? error.message : String(error));
    return false;
  }
}

/** Asked first, because Docker itself tries for minutes. */
async function registryAnswers(): Promise<boolean> {
  try {
    const response = await fetch("https://registry-1.docker.io/v2/", { signal: AbortSignal.timeout(5_000) });
    return response.status === 200 || response.status === 401;
  } catch {
    return false;
  }
}

async function loadBuiltImage(engine: Engine, say: Say): Promise<string> {
  const { name, archive } = await buildNodeImage(say).catch((error: unknown) => {
    throw error instanceof NotBuildable
      ? new NoKindTier(`${releasedImage} cannot be pulled, and ${error.message}`)
      : error;
  });
  if (!(await hasImage(engine, name))) {
    say(`loading ${name} into Docker`);
    await engine.docker(["load", "--quiet", "--input", archive]);
  }
  return name;
}
