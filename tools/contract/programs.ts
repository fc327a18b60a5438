import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { obtainFrom, type Catalogue, type ObtainOptions } from "../tools.ts";

/**
 * Programs that read what the project writes, so that their own parsers judge it: built from the Go modules that
 * tools/contract/<set>/go.mod pins to what the charts deploy. Neither publisher offers them as a download whose version
 * the module's version names (Prometheus v3.14.0 is the module v0.314.0).
 */
const folder = import.meta.dirname;

/** Digest of a program of ours: the build cache knows only go.mod, go.sum and the link flags. */
function sourceDigest(file: string): string {
  return createHash("sha256")
    .update(readFileSync(join(folder, file)))
    .digest("hex")
    .slice(0, 16);
}

const programs = {
  promtool: {
    set: "prometheus",
    module: "github.com/prometheus/prometheus",
    package: "github.com/prometheus/prometheus/cmd/promtool",
  },
  /** Parses LogQL (loki/main.go). */
  logql: {
    set: "loki",
    module: "github.com/grafana/loki/v3",
    package: "observability-environment/tools/contract/loki",
    built: "loki",
  },
} as const satisfies Catalogue["tools"];

const catalogue: Catalogue = {
  tools: programs,
  sets: {
    prometheus: {
      stamp: (version) => ({
        "github.com/prometheus/common/version.Version": version("github.com/prometheus/prometheus"),
      }),
    },
    loki: { stamp: () => ({ "main.source": sourceDigest("loki/main.go") }) },
  },
  folder,
  env: {
    ...process.env,
    // Of Prometheus's service discoveries only Kubernetes' is used here; the clouds' clients would double the build.
    GOFLAGS: [process.env["GOFLAGS"], "-tags=remove_all_sd,enable_kubernetes_sd"].filter(Boolean).join(" "),
  },
};

/** The absolute path of a program, built once if need be. */
export async function obtainProgram(name: keyof typeof programs, options: ObtainOptions = {}): Promise<string> {
  return (await obtainFrom(catalogue, [name], options))[name];
}
