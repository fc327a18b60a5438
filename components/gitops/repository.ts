import { createHash } from "node:crypto";
import { readdirSync, readFileSync } from "node:fs";
import * as path from "node:path";
import * as command from "@pulumi/command";
import * as pulumi from "@pulumi/pulumi";
import type { Settings } from "../../settings/schema.ts";
import type { WantedRepository } from "./ensure-repository.ts";

const projectRoot = path.resolve(import.meta.dirname, "../..");

/** What Flux syncs, and the pages that its alerts lead to. */
const seededFolders = ["flux-repo", "docs/runbooks"];

export interface RepositoryArgs {
  readonly settings: Settings["repository"];
  /** `network.ca`. */
  readonly ca: string | undefined;
  readonly owner: string;
  readonly stack: string;
  /** Folder of this environment in the repository. */
  readonly folder: string;
  /** GitHub token of the configuration; without it GITHUB_TOKEN is used, of which nothing is kept. */
  readonly token: pulumi.Output<string> | undefined;
}

/** Hash of all files below a folder: names and contents. */
function folderHash(folder: string): string {
  const hash = createHash("sha256");
  const files = readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => path.join(entry.parentPath, entry.name))
    .sort();
  for (const file of files)
    hash.update(path.relative(folder, file)).update("\0").update(readFileSync(file)).update("\0");
  return hash.digest("hex").slice(0, 16);
}

/**
 * The repository that Flux syncs: it exists, or it is made; and the files of `flux-repo/` and `docs/runbooks/` that it lacks,
 * the folder of this environment among them, are added to it if that is asked for. `destroy` leaves it: people's work and
 * other environments may be in it, and a new environment of the same name goes on with it.
 */
export class Repository extends pulumi.ComponentResource {
  /** What has to be there before a key can be registered and Flux can find content. */
  readonly ready: readonly pulumi.Resource[];

  constructor(name: string, args: RepositoryArgs, opts?: pulumi.ComponentResourceOptions) {
    super("observability:gitops:Repository", name, {}, opts);
    const { settings, ca, owner, stack, folder, token } = args;
    this.ready = [];
    if (settings.create || settings.seed === true) {
      const wanted: WantedRepository = {
        apiUrl: settings.apiUrl,
        ...(ca === undefined ? {} : { ca }),
        owner,
        name: settings.name,
        branch: settings.branch,
        ...(settings.create ? { create: settings.visibility } : {}),
        folders: seededFolders,
        environment: { folder, stack },
        content: seededFolders.map((seeded) => folderHash(path.join(projectRoot, seeded))).join("-"),
      };
      const ensure = new command.local.Command(
        `${name}-ensure`,
        {
          dir: projectRoot,
          create: "exec node components/gitops/ensure-repository.ts",
          update: "exec node components/gitops/ensure-repository.ts",
          stdin: JSON.stringify(wanted),
          ...(token === undefined ? {} : { environment: { GITHUB_TOKEN: token } }),
          addPreviousOutputInEnv: false,
        },
        { parent: this },
      );
      this.ready = [ensure];
    }
    this.registerOutputs();
  }
}
