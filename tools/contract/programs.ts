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
  /** Without its user interface's assets, which the module has not. */
  prometheus: {
    set: "prometheus",
    module: "github.com/prometheus/prometheus",
    package: "github.com/prometheus/prometheus/cmd/prometheus",
  },
  /** Parses LogQL (loki/logql). */
  logql: {
    set: "loki",
    module: "github.com/grafana/loki/v3",
    package: "observability-environment/tools/contract/loki/logql",
  },
  loki: {
    set: "loki",
    module: "github.com/grafana/loki/v3",
    package: "github.com/grafana/loki/v3/cmd/loki",
  },
  /** A collector of the components that the environment uses (collector/otelcol). */
  otelcol: {
    set: "collector",
    module: "go.opentelemetry.io/collector/otelcol",
    package: "observability-environment/tools/contract/collector/otelcol",
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
    loki: {
      stamp: (version) => ({
        "main.source": sourceDigest("loki/logql/main.go"),
        "github.com/grafana/loki/v3/pkg/util/build.Version": version("github.com/grafana/loki/v3").slice(1),
      }),
    },
    collector: {
      stamp: (version) => ({
        "main.version": version("go.opentelemetry.io/collector/otelcol").slice(1),
        "main.source": sourceDigest("collector/otelcol/main.go"),
      }),
    },
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
