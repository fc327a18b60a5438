/** From where Flux fetches: GitHub, or a registry beside the cluster. */
import * as path from "node:path";
import { pathToFileURL } from "node:url";
import * as github from "@pulumi/github";
import * as pulumi from "@pulumi/pulumi";
import { imageNames } from "../../settings/digests.ts";
import { githubAddresses } from "../../settings/github.ts";
import { sshServer } from "../../settings/host-keys.ts";
import type { Stack } from "../../settings/read.ts";
import type { Cluster } from "../cluster/cluster.ts";
import { KindCluster } from "../cluster/kind-cluster.ts";
import { registryName, type WantedRegistry } from "../cluster/registry.ts";
import type { Outputs } from "../outputs.ts";
import { DeployKey } from "./deploy-key.ts";
import { githubKnownHosts } from "./known-hosts.ts";
import { type LocalContent, LocalRegistry } from "./local-registry.ts";
import { environmentFolder } from "./names.ts";
import { Repository } from "./repository.ts";
import type { Source } from "./source.ts";

/**
 * Where the runbooks are: at GitHub beside the content that Flux syncs, else in this clone. A browser follows no link from a page
 * to a file, but opens it when the address is pasted; nothing else has them for certain.
 */
export function runbooks({ settings: { repository, source }, github: { owner } }: Stack): string {
  if (source.type === "local-registry")
    return pathToFileURL(path.resolve(import.meta.dirname, "../../docs/runbooks")).href;
  const branch = repository.branch.split("/").map(encodeURIComponent).join("/");
  return `${githubAddresses(repository.apiUrl).web}/${owner}/${repository.name}/blob/${branch}/docs/runbooks`;
}

/** From where Flux fetches, and what has to be there first. */
export interface Delivery {
  readonly origin: ConstructorParameters<typeof Source>[1]["origin"];
  readonly prerequisites: readonly pulumi.Resource[];
  readonly outputs: Pick<Outputs, "deployKeyFingerprint" | "repository">;
  /** Hosts that Flux never asks through a proxy. @default none */
  readonly direct?: readonly string[];
  /** Told the folders that Flux applies. */
  readonly end?: (folders: readonly pulumi.Resource[]) => void;
}

/** Makes it. @param content what is pushed into a registry; undefined where Flux fetches from GitHub */
export function deliver(
  { stack, registry }: { readonly stack: Stack; readonly registry?: WantedRegistry },
  cluster: Cluster,
  content: LocalContent | undefined,
  parent: pulumi.Resource,
): Delivery {
  if (content === undefined || !(cluster instanceof KindCluster)) return fromGitHub(stack, parent);
  const local = new LocalRegistry(
    "registry",
    {
      project: stack.project,
      stack: stack.name,
      cluster,
      image: imageNames(stack.settings.network.imagesByDigest)(stack.settings.source.registryImage),
      content,
      ...(registry === undefined ? {} : { registry }),
    },
    { parent },
  );
  const end = (folders: readonly pulumi.Resource[]) => {
    local.awaitApplied(folders);
  };
  const outputs = { deployKeyFingerprint: null, repository: null };
  const direct = [registryName(cluster.name)];
  return { origin: local.origin, prerequisites: [local.pushed], outputs, direct, end };
}

function fromGitHub(stack: Stack, parent: pulumi.Resource): Delivery {
  const { settings, github: account } = stack;
  const provider = new github.Provider(
    "github",
    {
      owner: account.owner,
      baseUrl: settings.repository.apiUrl,
      ...(account.token === undefined ? {} : { token: account.token }),
    },
    {
      parent,
      // The SDK would take GITHUB_TOKEN for an input, so that each new token of a CI run is a change of the stack, kept in
      // its state. The plugin reads the variable by itself.
      transformations: [
        ({ props, opts }) => ({
          props: account.token === undefined ? { ...(props as object), token: undefined } : props,
          opts,
        }),
      ],
    },
  );
  const options = { parent, providers: [provider] };
  const repository = new Repository(
    "repository",
    {
      settings: settings.repository,
      ca: settings.network.ca,
      stack: stack.name,
      folder: environmentFolder(stack.name, settings),
      ...account,
    },
    options,
  );
  const deployKey = new DeployKey(
    "deploy-key",
    {
      repository: settings.repository.name,
      title: `flux ${stack.project}/${stack.name}`,
      rotation: settings.deployKey.rotation,
      github: { ...account, apiUrl: settings.repository.apiUrl },
      prerequisites: repository.ready,
    },
    options,
  );
  const gitUrl =
    settings.repository.sshUrl ??
    `${githubAddresses(settings.repository.apiUrl).ssh ?? ""}/${account.owner}/${settings.repository.name}.git`;
  return {
    origin: {
      url: gitUrl,
      branch: settings.repository.branch,
      privateKey: deployKey.privateKey,
      publicKey: deployKey.publicKey,
      keyVersion: String(settings.deployKey.rotation),
      knownHosts: settings.repository.knownHosts ?? githubKnownHosts(sshServer(gitUrl)),
    },
    prerequisites: [deployKey.registration, ...repository.ready],
    outputs: {
      deployKeyFingerprint: deployKey.fingerprint,
      repository: pulumi.output(`${account.owner}/${settings.repository.name}`),
    },
  };
}
