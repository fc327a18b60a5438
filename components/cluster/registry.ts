/**
 * The registry container beside a Kind cluster, into which the content that Flux syncs is pushed. It holds nothing that this
 * project does not have: it can be thrown away, and is made and filled again.
 *
 * It is on Docker's network `kind`, where the nodes, and pods through the cluster's DNS, find it by its name. On the host it
 * listens on 127.0.0.1, on a port of Docker's choice: nobody has to keep one free, and it is asked for each time.
 */
import { createHash, randomBytes } from "node:crypto";
import { docker } from "./containers.ts";
import { describeOwner, type Identity, labelOf, labelsOf } from "./identity.ts";
import { UserError } from "./kind.ts";

/** Where the registry listens inside its container (the image's own configuration). */
const port = 5000;

/** Tells the registry from all other containers. */
const roleLabel = "observability.dev/role=registry";

/** Name of the registry's container, which is its host name in the cluster's network. */
export function registryName(cluster: string): string {
  return `${cluster}-registry`;
}

/** Host and port of the registry, for the cluster. */
export function registryInCluster(cluster: string): string {
  return `${registryName(cluster)}:${port}`;
}

/** A registry that is there. */
export interface Registry {
  readonly name: string;
  readonly identity: Identity;
  readonly running: boolean;
  /** `127.0.0.1:<port>` on this host; undefined while it does not run. */
  readonly address: string | undefined;
}

interface Inspected {
  readonly State: { readonly Running: boolean };
  readonly Config: { readonly Labels: Readonly<Record<string, string>> | null };
  readonly NetworkSettings: {
    readonly Ports: Readonly<Record<string, readonly { readonly HostPort: string }[] | null>> | null;
  };
}

/**
 * The container of that name, in whatever state.
 * @throws EngineError when Docker is absent or does not answer
 */
export async function findRegistry(cluster: string): Promise<Registry | undefined> {
  const name = registryName(cluster);
  const list = ["ps", "-a", "--filter", `name=^${name}$`, "--format", "{{.Names}}"];
  const named = await docker(list, `cannot ask Docker for the container "${name}"`);
  if (!named.split("\n").includes(name)) return undefined;
  const text = await docker(["inspect", "--type", "container", name], `cannot look at the container "${name}"`);
  const [{ State, Config, NetworkSettings }] = JSON.parse(text) as [Inspected];
  const labels = Config.Labels ?? {};
  const hostPort = NetworkSettings.Ports?.[`${port}/tcp`]?.[0]?.HostPort;
  const fields = Object.entries(labelOf).flatMap(([field, label]) => {
    const value = labels[label];
    return value === undefined ? [] : [[field, value]];
  });
  return {
    name,
    identity: Object.fromEntries(fields) as Identity,
    running: State.Running,
    address: State.Running && hostPort !== undefined ? `127.0.0.1:${hostPort}` : undefined,
  };
}

/** What a registry is made of, as a label. The digest that is pinned for a tag makes no other registry. */
function hashOf(image: string): string {
  return createHash("sha256")
    .update(image.replace(/(:[^@/]+)@.*$/, "$1"))
    .digest("hex")
    .slice(0, 12);
}

/** Which registry is wanted: the one that is there, or a new one, which has to be filled. */
export interface WantedRegistry {
  /** Tells it from earlier ones; undefined when Docker cannot be asked. */
  readonly generation: string | undefined;
  /** It is there and has only to be started. */
  readonly stopped: boolean;
}

/** Looks what has become of the registry that the last run made: nothing in the state tells. */
export async function registryGeneration(cluster: string, image: string): Promise<WantedRegistry> {
  try {
    const found = await findRegistry(cluster);
    const { generation, hash } = found?.identity ?? {};
    return found !== undefined && generation !== undefined && hash === hashOf(image)
      ? { generation, stopped: !found.running }
      : { generation: randomBytes(4).toString("hex"), stopped: false };
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    return { generation: undefined, stopped: false };
  }
}

/** Starts a registry that is stopped; what was pushed is still in it. */
export async function startRegistry(cluster: string): Promise<void> {
  await docker(["start", registryName(cluster)], `cannot start the registry "${registryName(cluster)}"`);
}

/** Why a container of the registry's name is left alone, and what can be done. */
export function registryOfOther({ name, identity }: Registry): string {
  const whose = identity.hash === undefined ? "somebody who did not use this project" : describeOwner(identity);
  return (
    `the container "${name}" belongs to ${whose}, not to this environment. It is left alone. Give the stack another ` +
    `name; or, if nobody needs that container: docker rm -fv ${name}`
  );
}

/** A registry of an environment. */
export interface RegistryArgs {
  readonly cluster: string;
  readonly image: string;
  readonly identity: Identity & { readonly owner: string };
}

/** How long Docker may take to pull the image and start it, in milliseconds. */
const pullPatience = 10 * 60_000;

/**
 * Makes sure that the environment's registry runs: it is adopted, started, or made; one of another generation or image goes.
 * @returns where it is on this host
 * @throws UserError for a container of that name that is not this environment's
 */
export async function ensureRegistry({ cluster, image, identity }: RegistryArgs): Promise<string> {
  const name = registryName(cluster);
  const wanted: Identity = { ...identity, hash: hashOf(image) };
  let found = await findRegistry(cluster);
  if (found !== undefined && found.identity.owner !== identity.owner) {
    throw new UserError(registryOfOther(found));
  }
  if (found !== undefined && (found.identity.hash !== wanted.hash || found.identity.generation !== wanted.generation)) {
    await removeRegistry(identity.owner);
    found = undefined;
  }
  if (found === undefined) {
    const labels = Object.entries(labelsOf(wanted)).map(([label, value]) => `${label}=${value}`);
    const args = [
      ...["run", "--detach", "--name", name, "--network", "kind", "--restart", "unless-stopped"],
      ...["--publish", `127.0.0.1::${port}`],
      ...[...labels, roleLabel].flatMap((label) => ["--label", label]),
      image,
    ];
    await docker(args, `cannot start the registry "${name}" from ${image} (source.registryImage)`, pullPatience);
  } else if (!found.running) await startRegistry(cluster);
  const address = (await findRegistry(cluster))?.address;
  if (address === undefined)
    throw new UserError(`the registry "${name}" ended right after it was started. See: docker logs ${name}`);
  return address;
}

/** Removes the registries of an owner, with what is in them: by their label, whatever they are called. */
export async function removeRegistry(owner: string): Promise<readonly string[]> {
  // An empty one would be a filter for any.
  if (owner === "") throw new UserError("whose registry is to be removed is not known: its owner is empty");
  const filters = [`label=${labelOf.owner}=${owner}`, `label=${roleLabel}`].flatMap((filter) => ["--filter", filter]);
  const listed = await docker(["ps", "-a", ...filters, "--format", "{{.Names}}"], "cannot ask Docker for the registry");
  const names = listed.split("\n").filter((name) => name !== "");
  if (names.length > 0) await docker(["rm", "--force", "--volumes", ...names], "cannot remove the registry");
  return names;
}
