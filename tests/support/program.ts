import type { Context } from "mocha";
import { obtainProgram } from "../../contract/readers.ts";

/** The first build of a program on a busy machine. */
const buildTimeout = 30 * 60_000;

/**
 * A program that judges what the project writes. Where it cannot be had (no Go, no network), the tests of the suite are
 * skipped and the reason is printed. To be called in a `before` hook.
 */
export async function programOrSkip(context: Context, name: Parameters<typeof obtainProgram>[0]): Promise<string> {
  context.timeout(buildTimeout);
  try {
    return await obtainProgram(name);
  } catch (error) {
    console.warn(`Skipped, ${name} cannot be had: ${error instanceof Error ? error.message : String(error)}`);
    return context.skip();
  }
}
