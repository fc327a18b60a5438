/** What people do behind Pulumi's back. */
import { execFile } from "node:child_process";
import { promisify } from "node:util";
import type { Rehearsal } from "../../../rehearsal/rehearsal.ts";

/** Deletes the cluster of the stack `dev`. */
export async function removeByHand({ surroundings }: Rehearsal): Promise<void> {
  const env = { ...process.env, ...surroundings.env };
  await promisify(execFile)("kind", ["delete", "cluster", "--name", "dev"], { env });
}
