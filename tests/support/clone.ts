/** Another clone of the project, in which a person edits content and pushes it. */
import { cpSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { run, type RunResult } from "../../toolchain/run.ts";

const project = resolve(import.meta.dirname, "../..");

export interface Clone {
  /** Writes a file anew, from what the project has there. */
  edit(file: string, change: (text: string) => string): void;
  /** `npm run push -- <stack>`. */
  push(env: NodeJS.ProcessEnv): Promise<RunResult>;
}

/** @param kubeconfigFolder where the environment that is up has its kubeconfig */
export function makeClone(folder: string, stack: string, kubeconfigFolder: string): Clone {
  for (const name of ["commands", "components", "flux-repo", "settings", "toolchain", "package.json", "Pulumi.yaml"])
    cpSync(join(project, name), join(folder, name), { recursive: true });
  symlinkSync(join(project, "node_modules"), join(folder, "node_modules"));
  const config = {
    "observability:source": { type: "local-registry" },
    "observability:cluster": { kind: { kubeconfigFolder } },
  };
  writeFileSync(join(folder, `Pulumi.${stack}.yaml`), JSON.stringify({ config }));
  return {
    edit(file, change) {
      writeFileSync(join(folder, file), change(readFileSync(join(project, file), "utf8")));
    },
    push: (env) => run(process.execPath, [join(folder, "commands/pulumi.ts"), "push", stack], { cwd: folder, env }),
  };
}
