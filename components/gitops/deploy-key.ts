import * as github from "@pulumi/github";
import * as pulumi from "@pulumi/pulumi";
import * as tls from "@pulumi/tls";

export interface DeployKeyArgs {
  /** Repository (without its owner) on which the key is registered. */
  readonly repository: pulumi.Input<string>;
  /** Title on GitHub; it names project and stack, so that a person sees whose key it is. */
  readonly title: string;
  /** Counts rotations: another number is another key. */
  readonly rotation: number;
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
      { parent: this },
    );
    this.privateKey = key.privateKeyOpenssh;
    this.fingerprint = key.publicKeyFingerprintSha256;
    this.registerOutputs({ fingerprint: this.fingerprint });
  }
}
