/** Images of one program, under the name that a manifest asks for: what `kind load image-archive` takes. */
import { chmodSync, copyFileSync, existsSync, mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { dirname, join } from "node:path";
import { pack, writeImage } from "../kind-tier/archive.ts";

/** Where the certificates that a machine trusts are kept: Debian and its kin, Red Hat and its kin. */
const certificates = ["/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/certs/ca-bundle.crt"];

/**
 * Writes an image `FROM scratch` with one static program that runs as nobody.
 *
 * @param file where the archive goes
 * @param name `registry/repository:tag`
 * @param path of the program in the image, for pods that name it; they may name it from its folder, too
 * @param others further programs and files by their paths
 * @param command arguments of the program that a container without any gets
 */
export async function programImage(
  file: string,
  name: string,
  program: string,
  path = "/program",
  others: Readonly<Record<string, string>> = {},
  command: readonly string[] = [],
): Promise<void> {
  const folder = mkdtempSync(join(dirname(file), "program-"));
  try {
    const files = join(folder, "files");
    mkdirSync(join(files, "etc/ssl/certs"), { recursive: true });
    mkdirSync(join(files, "tmp"));
    chmodSync(join(files, "tmp"), 0o1777);
    for (const [place, source] of Object.entries({ [path]: program, ...others })) {
      mkdirSync(dirname(join(files, place)), { recursive: true });
      copyFileSync(source, join(files, place));
      chmodSync(join(files, place), 0o755);
    }
    const found = certificates.find((path) => existsSync(path));
    if (found !== undefined) copyFileSync(found, join(files, "etc/ssl/certs/ca-certificates.crt"));
    await pack(files, join(folder, "layer.tar"), ["."], ["--owner=0", "--group=0"]);
    await writeImage(file, [name], join(folder, "layer.tar"), {
      Entrypoint: [path],
      ...(command.length === 0 ? {} : { Cmd: command }),
      WorkingDir: dirname(path),
      Env: ["PATH=/usr/local/bin:/usr/bin:/bin"],
      User: "65534:65534",
    });
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
