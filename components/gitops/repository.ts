import { createHash } from "node:crypto";
import { readdirSync, readFileSync } from "node:fs";
import * as path from "node:path";
import * as command from "@pulumi/command";
import * as github from "@pulumi/github";
import * as pulumi from "@pulumi/pulumi";
import type { Settings } from "../../settings/schema.ts";

const projectRoot = path.resolve(import.meta.dirname, "../..");

/** What Flux syncs, and the pages that its alerts lead to. */
const seededFolders = ["flux-repo", "docs/runbooks"];

export interface RepositoryArgs {
  readonly settings: Settings["repository"];
  readonly owner: string;
  /** GitHub token for the seeding script; without it the script uses GITHUB_TOKEN of its environment. */
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
 * The repository that Flux syncs: it exists, or it is created; and the files of `flux-repo/` and `docs/runbooks/` that it
 * lacks can be added to it. Created repositories are archived and not deleted when the environment goes: people's work may be in them.
 */
export class Repository extends pulumi.ComponentResource {
  /** Name on GitHub, without its owner; known when the repository is there. */
  readonly repository: pulumi.Output<string>;
  /** What has to be there before Flux can find content. */
  readonly ready: readonly pulumi.Resource[];

  constructor(name: string, args: RepositoryArgs, opts?: pulumi.ComponentResourceOptions) {
    super("observability:gitops:Repository", name, {}, opts);
    const { settings } = args;
    const created = settings.create
      ? new github.Repository(
          `${name}-github`,
          {
            name: settings.name,
            visibility: settings.visibility,
            description: "What Flux syncs into the observability environment",
            autoInit: true,
            archiveOnDestroy: true,
          },
          { parent: this, ignoreChanges: ["description"] },
        )
      : undefined;
    this.repository = created?.name ?? pulumi.output(settings.name);
    const ready: pulumi.Resource[] = created === undefined ? [] : [created];
    if (settings.seed) {
      ready.push(
        new command.local.Command(
          `${name}-seed`,
          {
            dir: projectRoot,
            create: "exec node components/gitops/seed.ts",
            update: "exec node components/gitops/seed.ts",
            environment: {
              SEED_API_URL: settings.apiUrl,
              SEED_REPOSITORY: pulumi.interpolate`${args.owner}/${this.repository}`,
              SEED_BRANCH: settings.branch,
              SEED_FOLDERS: seededFolders.join(" "),
              SEED_HASH: seededFolders.map((folder) => folderHash(path.join(projectRoot, folder))).join("-"),
              ...(args.token === undefined ? {} : { GITHUB_TOKEN: args.token }),
            },
            addPreviousOutputInEnv: false,
          },
          { parent: this, dependsOn: ready },
        ),
      );
    }
    this.ready = ready;
    this.registerOutputs({ repository: this.repository });
  }
}
