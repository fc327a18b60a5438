import { execFileSync } from "node:child_process";
import { createHash, generateKeyPair, randomBytes, type KeyObject } from "node:crypto";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { compare, unsupported, type ResourceRequest, type StandIn } from "./server.ts";
import { Secret, text, unknown, type Properties, type Value } from "./values.ts";

const privateKeyType = "tls:index/privateKey:PrivateKey";
const certificateType = "tls:index/selfSignedCert:SelfSignedCert";
const outputs = [
  "privateKeyOpenssh",
  "privateKeyPem",
  "privateKeyPemPkcs8",
  "publicKeyFingerprintMd5",
  "publicKeyFingerprintSha256",
  "publicKeyOpenssh",
  "publicKeyPem",
] as const;
const secretOutputs: ReadonlySet<string> = new Set(["privateKeyOpenssh", "privateKeyPem", "privateKeyPemPkcs8"]);

const generate = promisify(generateKeyPair);

/** The curves by the name that the provider takes: Node's name, and the one of OpenSSH. */
const curves: Readonly<Record<string, readonly [node: string, openssh: string] | undefined>> = {
  P224: ["secp224r1", ""],
  P256: ["prime256v1", "nistp256"],
  P384: ["secp384r1", "nistp384"],
  P521: ["secp521r1", "nistp521"],
};

/** Stand-in for the tls provider: `PrivateKey` with real keys, and `SelfSignedCert` of an authority, by `openssl`. */
export function tlsStandIn(): StandIn {
  return {
    check(request) {
      assertKnown(request);
      if (request.type === certificateType) return { inputs: request.inputs };
      const { algorithm, ecdsaCurve, rsaBits } = request.inputs;
      const inputs = { algorithm: algorithm ?? null, ecdsaCurve: ecdsaCurve ?? "P224", rsaBits: rsaBits ?? 2048 };
      if (algorithm !== unknown && !["ED25519", "ECDSA", "RSA"].includes(text(algorithm))) {
        const reason = `expected algorithm to be one of RSA, ECDSA or ED25519, got ${text(algorithm)}`;
        return { inputs, failures: [{ property: "algorithm", reason }] };
      }
      return { inputs };
    },
    diff(request) {
      return { changes: compare(request.oldInputs, request.inputs, "all") };
    },
    async create(request) {
      assertKnown(request);
      const id = createHash("sha1").update(randomBytes(20)).digest("hex");
      if (request.type === certificateType) {
        const certPem = request.preview ? unknown : certificate(request.inputs);
        return { id, properties: { ...request.inputs, certPem } };
      }
      const key = request.preview ? undefined : await newKey(request.inputs);
      const properties: Record<string, Value> = {};
      for (const name of outputs) {
        const value = key?.[name] ?? unknown;
        properties[name] = secretOutputs.has(name) ? new Secret(value) : value;
      }
      return { id, properties: { ...request.inputs, ...properties } };
    },
    update(request) {
      return { properties: { ...request.old, ...request.inputs } };
    },
    delete() {
      // The key lives nowhere but in the state.
    },
  };
}

function assertKnown(request: ResourceRequest): void {
  if (![privateKeyType, certificateType].includes(request.type)) throw unsupported("tls", request.type);
}

/** A certificate of an authority for its own key, PEM. */
function certificate({ privateKeyPem, subject, validityPeriodHours, isCaCertificate }: Properties): string {
  if (isCaCertificate !== true) throw new Error("the stand-in makes certificates of authorities only");
  const days = Math.floor(Number(validityPeriodHours) / 24);
  const name = text((subject as Properties)["commonName"]);
  const key = privateKeyPem instanceof Secret ? privateKeyPem.value : privateKeyPem;
  const folder = mkdtempSync(join(tmpdir(), "authority-"));
  try {
    const file = join(folder, "key");
    writeFileSync(file, text(key), { mode: 0o600 });
    const args = ["req", "-x509", "-new", "-key", file, "-subj", `/CN=${name}`, "-days", String(days)];
    return execFileSync("openssl", args, { encoding: "utf8", stdio: "pipe" });
  } finally {
    rmSync(folder, { recursive: true });
  }
}

async function newKey(inputs: Properties): Promise<Record<(typeof outputs)[number], string>> {
  const curve = text(inputs["ecdsaCurve"]);
  const { privateKey, publicKey } = await keyPair(text(inputs["algorithm"]), curve, Number(inputs["rsaBits"]));
  const { type, blob } = sshPublicKey(publicKey, curve);
  const pkcs8 = privateKey.export({ type: "pkcs8", format: "pem" }).toString();
  const traditional = {
    RSA: () => privateKey.export({ type: "pkcs1", format: "pem" }).toString(),
    ECDSA: () => privateKey.export({ type: "sec1", format: "pem" }).toString(),
  }[text(inputs["algorithm"])];
  const openssh = type !== "";
  const md5 = createHash("md5").update(blob).digest("hex");
  return {
    privateKeyOpenssh: openssh ? opensshPrivateKey(privateKey, type, blob) : "",
    privateKeyPem: traditional?.() ?? pkcs8,
    privateKeyPemPkcs8: pkcs8,
    publicKeyFingerprintMd5: openssh ? (md5.match(/../g) ?? []).join(":") : "",
    publicKeyFingerprintSha256: openssh
      ? `SHA256:${createHash("sha256").update(blob).digest("base64").replace(/=+$/, "")}`
      : "",
    // OpenSSH's format: the line ends in a newline.
    publicKeyOpenssh: openssh ? `${type} ${blob.toString("base64")}\n` : "",
    publicKeyPem: publicKey.export({ type: "spki", format: "pem" }).toString(),
  };
}

async function keyPair(
  algorithm: string,
  curve: string,
  modulusLength: number,
): Promise<{ privateKey: KeyObject; publicKey: KeyObject }> {
  switch (algorithm) {
    case "ED25519":
      return generate("ed25519");
    case "RSA":
      return generate("rsa", { modulusLength });
    case "ECDSA": {
      const namedCurve = curves[curve]?.[0];
      if (namedCurve === undefined)
        throw new Error(`expected ecdsaCurve to be one of P224, P256, P384 or P521, got ${curve}`);
      return generate("ec", { namedCurve });
    }
    default:
      throw new Error(`unknown key algorithm ${algorithm}`);
  }
}

/** The key as RFC 4253 (RSA), RFC 5656 (ECDSA) and RFC 8709 (Ed25519) put it on the wire; type "" where there is none. */
function sshPublicKey(key: KeyObject, curve: string): { type: string; blob: Buffer } {
  const sshCurve = curves[curve]?.[1] ?? "";
  // Neither OpenSSH nor JWK knows P224.
  if (key.asymmetricKeyType === "ec" && sshCurve === "") return { type: "", blob: Buffer.alloc(0) };
  const jwk = key.export({ format: "jwk" });
  const part = (name: "x" | "y" | "n" | "e"): Buffer => Buffer.from(jwk[name] ?? "", "base64url");
  switch (key.asymmetricKeyType) {
    case "ed25519":
      return { type: "ssh-ed25519", blob: wire("ssh-ed25519", part("x")) };
    case "rsa":
      return { type: "ssh-rsa", blob: wire("ssh-rsa", positive(part("e")), positive(part("n"))) };
    default: {
      const point = Buffer.concat([Buffer.from([4]), part("x"), part("y")]);
      return { type: `ecdsa-sha2-${sshCurve}`, blob: wire(`ecdsa-sha2-${sshCurve}`, sshCurve, point) };
    }
  }
}

/** The format of OpenSSH's own PROTOCOL.key, without a passphrase. */
function opensshPrivateKey(key: KeyObject, type: string, publicBlob: Buffer): string {
  const jwk = key.export({ format: "jwk" });
  const part = (name: "d" | "n" | "e" | "p" | "q" | "qi"): Buffer => Buffer.from(jwk[name] ?? "", "base64url");
  let secret: Buffer;
  if (type === "ssh-ed25519") {
    const seedAndPublic = Buffer.concat([part("d"), publicBlob.subarray(-32)]);
    secret = wire(type, publicBlob.subarray(-32), seedAndPublic);
  } else if (type === "ssh-rsa") {
    secret = wire(type, ...(["n", "e", "d", "qi", "p", "q"] as const).map((name) => positive(part(name))));
  } else {
    secret = Buffer.concat([publicBlob, wire(positive(part("d")))]);
  }
  const check = randomBytes(4);
  const plain = Buffer.concat([check, check, secret, wire("")]);
  const padding = Buffer.from(Array.from({ length: (8 - (plain.length % 8)) % 8 }, (_, index) => index + 1));
  const one = Buffer.from([0, 0, 0, 1]);
  const body = Buffer.concat([
    Buffer.from("openssh-key-v1\0"),
    wire("none", "none", ""),
    one,
    wire(publicBlob, Buffer.concat([plain, padding])),
  ]);
  const lines = body.toString("base64").match(/.{1,70}/g) ?? [];
  return ["-----BEGIN OPENSSH PRIVATE KEY-----", ...lines, "-----END OPENSSH PRIVATE KEY-----", ""].join("\n");
}

function wire(...parts: readonly (string | Buffer)[]): Buffer {
  return Buffer.concat(
    parts.flatMap((part) => {
      const bytes = Buffer.from(part as string);
      const length = Buffer.alloc(4);
      length.writeUInt32BE(bytes.length);
      return [length, bytes];
    }),
  );
}

/** An SSH `mpint` of a positive number: no needless leading zero, one where the top bit is set. */
function positive(bytes: Buffer): Buffer {
  let start = 0;
  while (start < bytes.length - 1 && bytes[start] === 0) start++;
  const digits = bytes.subarray(start);
  return (digits[0] ?? 0) >= 0x80 ? Buffer.concat([Buffer.from([0]), digits]) : digits;
}
