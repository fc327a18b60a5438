import { z } from "zod";
import { goDuration, path } from "../../settings/formats.ts";
import { flux as version } from "../../settings/versions.ts";

export const flux = z
  .strictObject({
    manifests: path
      .default(`https://github.com/fluxcd/flux2/releases/download/${version}/install.yaml`)
      .describe("The release's install.yaml: an address, or a path on this machine."),
    sha256: z
      .string()
      .regex(/^[0-9a-f]{64}$/, "must be a SHA-256 in hexadecimal")
      .optional()
      .describe("Checksum that the manifests must have."),
    interval: goDuration.default("1m").describe("How often Git is looked at."),
    concurrent: z.int().min(1).max(50).default(10).describe("Releases and kustomizations worked on at once."),
    requeueDependency: goDuration.default("5s").describe("How often a waiting object looks at its dependency."),
    logLevel: z.enum(["debug", "info", "error"]).default("info").describe("Log level of the controllers."),
  })
  .prefault({})
  .describe("The Flux controllers.");
