/** Debian packages that bring a command which is missing. */
import { existsSync, rmSync, writeFileSync } from "node:fs";
import { run, which } from "../../toolchain/run.ts";

/**
 * Installs the packages whose commands are not on PATH; they stay installed.
 *
 * @param wanted command to package
 * @returns why that cannot be done here, or undefined when all commands are there
 */
export async function ensureCommands(
  wanted: Readonly<Record<string, string>>,
  say: (line: string) => void,
): Promise<string | undefined> {
  const packages = Object.entries(wanted).flatMap(([command, name]) => (which(command, process.env) ? [] : [name]));
  if (packages.length === 0) return undefined;
  const names = packages.join(", ");
  if (process.getuid?.() !== 0) return `${names} must be installed, and that needs root`;
  if (!which("apt-get", process.env)) return `${names} must be installed, and there is no apt-get`;
  say(`installing ${names} with apt-get; they stay installed`);
  // A package that brings a service starts it, unless this file forbids it (invoke-rc.d).
  const policy = "/usr/sbin/policy-rc.d";
  const forbidden = existsSync(policy);
  if (!forbidden) writeFileSync(policy, "#!/bin/sh\nexit 101\n", { mode: 0o755 });
  try {
    const env = { ...process.env, DEBIAN_FRONTEND: "noninteractive" };
    const apt = (...args: string[]) => run("apt-get", ["-q", "-o", "DPkg::Lock::Timeout=300", ...args], { env });
    await apt("update");
    const installed = await apt("install", "-y", "--no-install-recommends", ...packages);
    if (installed.code === 0) return undefined;
    return `apt-get could not install ${names}: ${installed.stderr.trim().split("\n").slice(-3).join("; ")}`;
  } finally {
    if (!forbidden) rmSync(policy, { force: true });
  }
}
