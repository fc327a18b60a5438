/** Secrets that several components know: made once, whoever asks first, and kept in the state. */
import type * as pulumi from "@pulumi/pulumi";
import * as random from "@pulumi/random";
import * as tls from "@pulumi/tls";

const year = 365 * 24;

interface Authority {
  readonly certificate: pulumi.Output<string>;
  readonly key: pulumi.Output<string>;
}

export class SharedSecrets {
  private readonly passwords = new Map<string, pulumi.Output<string>>();
  private readonly authorities = new Map<string, Authority>();
  private readonly opts: pulumi.CustomResourceOptions;

  constructor(opts: pulumi.CustomResourceOptions) {
    this.opts = opts;
  }

  /** A password of 24 letters and digits. */
  password(name: string): pulumi.Output<string> {
    const known = this.passwords.get(name);
    if (known !== undefined) return known;
    const { result } = new random.RandomPassword(name, { length: 24, special: false }, this.opts);
    this.passwords.set(name, result);
    return result;
  }

  /**
   * A certificate authority, PEM. It is valid for ten years, and an `up` in the last of these makes another: whoever trusts it is given it by
   * the same run.
   */
  authority(name: string): Authority {
    const known = this.authorities.get(name);
    if (known !== undefined) return known;
    const { privateKeyPem } = new tls.PrivateKey(name, { algorithm: "ECDSA", ecdsaCurve: "P256" }, this.opts);
    const { certPem } = new tls.SelfSignedCert(
      name,
      {
        privateKeyPem,
        isCaCertificate: true,
        subject: { commonName: name },
        allowedUses: ["cert_signing", "crl_signing", "digital_signature"],
        validityPeriodHours: 10 * year,
        earlyRenewalHours: year,
      },
      this.opts,
    );
    const made = { certificate: certPem, key: privateKeyPem };
    this.authorities.set(name, made);
    return made;
  }
}
