import * as github from "@pulumi/github";
import * as pulumi from "@pulumi/pulumi";
import * as tls from "@pulumi/tls";
import { callGitHub } from "./github-api.ts";

export interface DeployKeyArgs {
  /** Repository (without its owner) on which the key is registered. */
  readonly repository: string;
  /** Title on GitHub; it names project and stack, so that a person sees whose key it is. */
  readonly title: string;
  /** Counts rotations: another number is another key. */
  readonly rotation: number;
  /** Where the key is registered, for taking back a registration that a killed run left behind. */
  readonly github: {
    readonly owner: string;
    readonly apiUrl: string;
    /** Of the configuration; without it GITHUB_TOKEN is used. */
    readonly token: pulumi.Output<string> | undefined;
  };
  /** What has to be there first: the repository. */
  readonly prerequisites: readonly pulumi.Resource[];
}

/**
 * Tries the registration again after a run that was killed between GitHub's answer and its record: the state knows the
 * key, but not that GitHub has it, and GitHub takes no key twice. The registration left behind carries our title.
 */
function retakeRegistration({ github: account, title }: DeployKeyArgs): pulumi.ErrorHook {
  return new pulumi.ErrorHook("retake-deploy-key", async ({ errors, newInputs }) => {
    const { apiUrl, owner, token: configured } = account;
    const token =
      configured === undefined
        ? process.env["GITHUB_TOKEN"]
        : await new Promise<string>((resolve) => void configured.apply(resolve));
    if (token === undefined || errors.length > 1 || !/already in use/i.test(errors[0] ?? "")) return false;
    const access = { apiUrl, token };
    const path = `repos/${owner}/${String(newInputs?.["repository"])}/keys`;
    const listed = await callGitHub(access, "GET", `${path}?per_page=100`);
    if (listed.status !== 200) return false;
    const keys = listed.data as readonly { readonly id: number; readonly title: string; readonly key: string }[];
    const left = keys.filter((key) => key.title.startsWith(title) && key.key === newInputs?.["key"]);
    for (const { id } of left) await callGitHub(access, "DELETE", `${path}/${id}`);
    return left.length > 0;
  });
}

/**
 * A read-only ED25519 deploy key. It belongs to GitHub and not to the cluster: it has no `deletedWith`, so that
 * `destroy` removes it whatever became of the cluster.
 *
 * The number of the rotation is part of the resources' names. Raising it makes a new key, and the old one is deleted at
 * the end of the update, after everything that uses the key has the new one.
 */
export class DeployKey extends pulumi.ComponentResource {
  /** OpenSSH private key; secret. */
  readonly privateKey: pulumi.Output<string>;
  /** OpenSSH public key, one line. */
  readonly publicKey: pulumi.Output<string>;
  /** `SHA256:...` */
  readonly fingerprint: pulumi.Output<string>;
  /** The key's registration at GitHub: until then nothing can be fetched with it. */
  readonly registration: pulumi.Resource;

  constructor(name: string, args: DeployKeyArgs, opts?: pulumi.ComponentResourceOptions) {
    super("observability:gitops:DeployKey", name, {}, opts);
    const key = new tls.PrivateKey(`${name}-${args.rotation}`, { algorithm: "ED25519" }, { parent: this });
    // GitHub does not keep the newline that ends an OpenSSH public key: with it, every refresh would find a change.
    this.publicKey = key.publicKeyOpenssh.apply((text) => text.trim());
    this.registration = new github.RepositoryDeployKey(
      `${name}-github-${args.rotation}`,
      { repository: args.repository, title: `${args.title} #${args.rotation}`, key: this.publicKey, readOnly: true },
      { parent: this, dependsOn: [...args.prerequisites], hooks: { onError: [retakeRegistration(args)] } },
    );
    this.privateKey = key.privateKeyOpenssh;
    this.fingerprint = key.publicKeyFingerprintSha256;
    this.registerOutputs({ fingerprint: this.fingerprint });
  }
}
