import * as fs from "node:fs";
import * as path from "node:path";
import { UserError } from "./kind.ts";

/** Makes the folder of a kubeconfig, which has to take files before a cluster is made for it. */
export function makePrivateFolder(folder: string): void {
  try {
    fs.mkdirSync(folder, { recursive: true, mode: 0o700 });
    fs.accessSync(folder, fs.constants.W_OK | fs.constants.X_OK);
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    throw new UserError(
      `the folder of the kubeconfig, ${folder}, cannot be written (${code ?? message}). ` +
        "Set cluster.kind.kubeconfigFolder to one that is yours.",
    );
  }
}

/** Writes a kubeconfig whole or not at all, never readable by others; makes its folder, as private. */
export function writeKubeconfig(file: string, text: string): void {
  makePrivateFolder(path.dirname(file));
  const temporary = `${file}.tmp`;
  fs.rmSync(temporary, { force: true });
  const descriptor = fs.openSync(temporary, "wx", 0o600);
  try {
    fs.writeFileSync(descriptor, text);
    fs.fsyncSync(descriptor);
  } finally {
    fs.closeSync(descriptor);
  }
  fs.renameSync(temporary, file);
}
