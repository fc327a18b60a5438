import * as path from "node:path";
import * as command from "@pulumi/command";
import * as pulumi from "@pulumi/pulumi";
import type { Settings } from "../../settings/schema.ts";
import type { KindCluster } from "../cluster/kind-cluster.ts";
import { registryInCluster, type WantedRegistry } from "../cluster/registry.ts";
import { labelValue } from "../kubernetes/labels.ts";
import { UserError } from "../cluster/kind.ts";
import { type Artifact, artifactName, artifactOf, artifactTag, NotPushed } from "./artifact.ts";
import { contentFiles, type WantedContent } from "./content.ts";
import type { WantedApplied, WantedPush } from "./local-registry-script.ts";
import { environmentFolder } from "./names.ts";
import { pushTo } from "./push.ts";
import type { RegistryOrigin } from "./source.ts";

const projectRoot = path.resolve(import.meta.dirname, "../..");

/** The content of an environment in this clone, and what is pushed of it. */
export interface LocalContent {
  readonly wanted: WantedContent;
  readonly files: ReadonlyMap<string, Buffer>;
  readonly artifact: Artifact;
}

/** Reads the content that a stack would push. */
export function localContent(stack: string, settings: Settings): LocalContent {
  const environment = { folder: environmentFolder(stack, settings), stack };
  const wanted = { folders: [artifactName], environment };
  const files = contentFiles(wanted, projectRoot);
  return { wanted, files, artifact: artifactOf(files) };
}

export interface LocalRegistryArgs {
  readonly project: string;
  readonly stack: string;
  readonly cluster: KindCluster;
  readonly image: string;
  readonly content: LocalContent;
  /** Which registry of this name is wanted (`registryGeneration`).
   * @default one without a generation: nobody has looked */
  readonly registry?: WantedRegistry;
}

/**
 * A registry beside the Kind cluster, with the content of this clone in it. As with the cluster, a claim that exists before the
 * container does removes it, by the owner that the state keeps.
 */
export class LocalRegistry extends pulumi.ComponentResource {
  /** Where Flux finds the content. */
  readonly origin: RegistryOrigin;
  /** Until then there is nothing to fetch. */
  readonly pushed: pulumi.Resource;
  readonly #name: string;
  readonly #applied: pulumi.Output<WantedApplied>;

  constructor(name: string, args: LocalRegistryArgs, opts?: pulumi.ComponentResourceOptions) {
    super("observability:gitops:LocalRegistry", name, {}, opts);
    const { cluster, content, image, registry = { generation: "", stopped: false } } = args;
    const { owner } = cluster;
    const { digest } = content.artifact;
    const claim = new command.local.Command(
      `${name}-claim`,
      {
        dir: projectRoot,
        delete: script("delete"),
        environment: { REGISTRY_OWNER: owner },
        addPreviousOutputInEnv: false,
      },
      // It goes before the cluster does, whose network it is in.
      { parent: this, dependsOn: [cluster.claim], customTimeouts: { delete: "5m" } },
    );
    const wanted = owner.apply((id): WantedPush => ({
      cluster: cluster.name,
      image,
      identity: {
        owner: id,
        project: labelValue(args.project),
        stack: labelValue(args.stack),
        generation: registry.generation ?? "",
      },
      content: content.wanted,
      digest,
      kubeconfig: cluster.kubeconfigPath,
    }));
    const pushed = new command.local.Command(
      `${name}-content`,
      {
        dir: projectRoot,
        create: script("push"),
        update: script("push"),
        stdin: pulumi.jsonStringify(wanted),
        logging: "stderr",
        addPreviousOutputInEnv: false,
      },
      {
        parent: this,
        dependsOn: [claim, cluster.lifetime],
        customTimeouts: { create: "15m", update: "15m" },
        // Docker cannot be asked: the preflight says so, and nothing is planned.
        ...(registry.generation === undefined ? { ignoreChanges: ["stdin"] } : {}),
      },
    );
    this.pushed = pushed;
    this.origin = { url: `oci://${registryInCluster(cluster.name)}/${artifactName}`, tag: artifactTag };
    this.#name = name;
    this.#applied = pushed.stdout.apply(async (): Promise<WantedApplied> => {
      const looked = registry.generation !== undefined && registry.generation !== "";
      if (looked && !pulumi.runtime.isDryRun()) await this.#resume(cluster.name, content.artifact);
      return { kubeconfig: cluster.kubeconfigPath, digest };
    });
    this.registerOutputs();
  }

  /** What an `up` that has nothing to do does all the same: it starts a registry that is stopped, and puts back what it lacks. */
  async #resume(cluster: string, artifact: Artifact): Promise<void> {
    try {
      await pushTo(cluster, artifact);
    } catch (error) {
      if (error instanceof UserError || error instanceof NotPushed) throw new pulumi.RunError(error.message);
      throw error;
    }
  }

  /** Waits at the end of an `up` until Flux has applied what was pushed, or says why it does not. */
  awaitApplied(prerequisites: readonly pulumi.Resource[]): void {
    new command.local.Command(
      `${this.#name}-applied`,
      {
        dir: projectRoot,
        create: script("applied"),
        update: script("applied"),
        stdin: pulumi.jsonStringify(this.#applied),
        logging: "stderr",
        addPreviousOutputInEnv: false,
      },
      { parent: this, dependsOn: [...prerequisites] },
    );
  }
}

const script = (verb: string) => `exec node components/gitops/local-registry-script.ts ${verb}`;
