/**
 * Whether the cluster that the last run made is still there. Nothing in the state tells: its resource is unchanged, so an
 * `up` would find nothing to do, whatever became of the cluster.
 */
import { existsSync, readFileSync } from "node:fs";
import * as path from "node:path";
import type { Settings } from "../../settings/schema.ts";
import { clusterFiles, clusterName, generationFile } from "./kind-config.ts";
import { ApiClient, KubeconfigError, readKubeconfig } from "./readiness.ts";

/** Which cluster of this name is wanted. */
export interface Generation {
  /** How many clusters of this name vanished before; part of the configuration's hash, so that the next one is another. */
  readonly generation: number;
  /** What people are told of it: one line. */
  readonly message?: string;
}

/** Root of the project: relative paths start there, wherever Pulumi was started. */
const projectRoot = path.resolve(import.meta.dirname, "../..");

/** Nobody listens there, or it is somebody else: a certificate of another authority, or no TLS at all. */
const gone = new Set([
  "ECONNREFUSED",
  "EPROTO",
  "ERR_SSL_WRONG_VERSION_NUMBER",
  "UNABLE_TO_VERIFY_LEAF_SIGNATURE",
  "SELF_SIGNED_CERT_IN_CHAIN",
  "DEPTH_ZERO_SELF_SIGNED_CERT",
  "CERT_SIGNATURE_FAILURE",
]);

/**
 * Looks at the kubeconfig that the last run wrote, if there is one, and asks its API server for a sign of life. Only that
 * file is read, and only the address in it is asked.
 *
 * A cluster that vanished counts as another one from now on, which replaces it and what was in it. One that does not answer
 * in time is no such case: it is only told.
 */
export async function clusterGeneration(stack: string, settings: Settings["cluster"]["kind"]): Promise<Generation> {
  const name = clusterName(stack);
  const file = path.resolve(projectRoot, clusterFiles(settings, name).kubeconfig);
  const generation = readGeneration(generationFile(file));
  // Nothing was made here yet, or it was destroyed.
  if (!existsSync(file)) return { generation };
  let client: ApiClient;
  let server: string;
  try {
    const access = readKubeconfig(readFileSync(file, "utf8"));
    server = access.server;
    client = new ApiClient(access);
  } catch (error) {
    if (!(error instanceof KubeconfigError)) throw error;
    return {
      generation,
      message: `${file} cannot be used: ${error.message}. The state has a copy; this file is not needed.`,
    };
  }
  try {
    await client.get("/readyz");
    return { generation };
  } catch (error) {
    const { code = "", message } = error as NodeJS.ErrnoException;
    if (gone.has(code)) {
      return {
        generation: generation + 1,
        message:
          `Cluster "${name}" is gone: nothing of it answers at ${server} (${code}). It is made anew, with all that was in it. ` +
          `If it was only stopped, start it first: docker start ${name}-control-plane.`,
      };
    }
    return {
      generation,
      message: `Cluster "${name}" does not answer as it should (${message}): look at docker logs ${name}-control-plane.`,
    };
  } finally {
    client.close();
  }
}

function readGeneration(file: string): number {
  const value = existsSync(file) ? Number(readFileSync(file, "utf8").trim()) : 0;
  return Number.isSafeInteger(value) && value > 0 ? value : 0;
}
