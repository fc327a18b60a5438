/**
 * The command-line tools the project runs, and where each comes from. A version is pinned once, in the go.mod of the
 * tool's set (toolchain/<set>/go.mod): the download, the version that is accepted from PATH and the link flags follow it.
 *
 * A new tool: `go get -tool <package>@<version>` in a set (or in a new folder with its own go.mod), and one entry here.
 */

/** Module path to the version that the set's go.mod requires (`v1.36.3`). */
export type ModuleVersion = (module: string) => string;

/** One Go module under toolchain/; its tools share one dependency graph and are compiled in one go. */
export interface ToolSet {
  /** What the Go linker stamps into the programs besides `-s -w`: variable to value. */
  readonly stamp?: (version: ModuleVersion) => Readonly<Record<string, string>>;
  /** Build tags, comma separated. @default those of GOFLAGS */
  readonly tags?: string;
}

/** How the publisher offers a tool: as a file, or in an image. */
export type Download = FileDownload | ImageDownload;

interface Published {
  /** For which platforms, as Go names them. */
  readonly platforms: readonly `${"linux" | "darwin"}/${"amd64" | "arm64"}`[];
}

/** A file with a published checksum. `{version}` (without its `v`), `{os}` and `{arch}` are filled in. */
export interface FileDownload extends Published {
  /** The file: a program, or a `.tar.gz` whose one top folder holds the program. */
  readonly url: string;
  /** The publisher's SHA-256 checksums: a bare digest, or lines of `digest  file name`. */
  readonly checksums: string;
  /** The publisher's word for amd64. @default "amd64" */
  readonly amd64?: string;
  /** Files to take from the archive. @default all */
  readonly only?: readonly string[];
}

/** An image with the program in it, static. It is taken by the digest that settings/digests.json has of it, and only so. */
export interface ImageDownload extends Published {
  /** The image without its tag, which is the tool's version. */
  readonly image: string;
  /** The program's path in the image, without a slash in front. */
  readonly program: string;
}

/** How an installed tool says its version, and which ones will do. */
export interface OnPath {
  readonly args: readonly string[];
  /** Its first group is the version. */
  readonly version: RegExp;
  /**
   * `newer-minor`: the same major version, the pinned minor version or a newer one.
   * `same-minor`: the same major and minor version, any patch.
   */
  readonly fits: "newer-minor" | "same-minor";
}

export interface Tool {
  readonly set: string;
  /** The Go module whose version is the tool's version. */
  readonly module: string;
  /** The Go package that is built. */
  readonly package: string;
  /** The file that `go build` makes of the package. @default the tool's name */
  readonly built?: string;
  /** Left out: never taken from PATH, because the program cannot say its version. */
  readonly onPath?: OnPath;
  /** Left out: the publisher offers no program with a checksum. */
  readonly download?: Download;
  /** Where a person reads how to install it. */
  readonly install?: string;
}

/** Without them Kubernetes reports an empty version and clients misjudge what it can do. */
function kubernetesVersion(version: ModuleVersion) {
  const kubernetes = version("k8s.io/kubernetes");
  const [major = "", minor = ""] = kubernetes.slice(1).split(".");
  return {
    "k8s.io/component-base/version.gitVersion": kubernetes,
    "k8s.io/component-base/version.gitMajor": major,
    "k8s.io/component-base/version.gitMinor": minor,
  };
}

export const sets = {
  pulumi: {
    stamp: (version) => ({
      "github.com/pulumi/pulumi/sdk/v3/go/common/version.Version": version("github.com/pulumi/pulumi/pkg/v3"),
    }),
  },
  "control-plane": { stamp: kubernetesVersion },
  "kind-tier": { stamp: kubernetesVersion },
  registry: {},
} as const satisfies Record<string, ToolSet>;

/** A part of Kubernetes: all are published and versioned alike (there are no programs for macOS). */
function kubernetes(name: string) {
  return {
    set: "control-plane",
    module: "k8s.io/kubernetes",
    package: `k8s.io/kubernetes/cmd/${name}`,
    onPath: { args: ["--version"], version: /Kubernetes v(\S+)/, fits: "same-minor" },
    download: {
      platforms: ["linux/amd64", "linux/arm64"],
      url: `https://dl.k8s.io/v{version}/bin/{os}/{arch}/${name}`,
      checksums: `https://dl.k8s.io/v{version}/bin/{os}/{arch}/${name}.sha256`,
    },
  } as const satisfies Tool;
}

/** An image as it is built for a program: for Linux, with the program where Alpine has those of its administrator. */
function inImage(image: string, name: string) {
  return { platforms: ["linux/amd64", "linux/arm64"], image, program: `usr/local/bin/${name}` } as const;
}

/** A Flux controller: published as an image only, and it cannot say its version. */
function fluxController(name: string) {
  return {
    set: "control-plane",
    module: `github.com/fluxcd/${name}`,
    package: `github.com/fluxcd/${name}`,
    download: inImage(`ghcr.io/fluxcd/${name}`, name),
  } as const satisfies Tool;
}

export const tools = {
  pulumi: {
    set: "pulumi",
    module: "github.com/pulumi/pulumi/pkg/v3",
    package: "github.com/pulumi/pulumi/pkg/v3/cmd/pulumi",
    onPath: { args: ["version"], version: /^v?(\d\S*)/m, fits: "newer-minor" },
    download: {
      platforms: ["linux/amd64", "linux/arm64", "darwin/amd64", "darwin/arm64"],
      url: "https://github.com/pulumi/pulumi/releases/download/v{version}/pulumi-v{version}-{os}-{arch}.tar.gz",
      checksums: "https://github.com/pulumi/pulumi/releases/download/v{version}/pulumi-{version}-checksums.txt",
      amd64: "x64",
    },
    install: "https://www.pulumi.com/docs/install/",
  },
  kind: {
    set: "kind-tier",
    module: "sigs.k8s.io/kind",
    package: "sigs.k8s.io/kind",
    onPath: { args: ["version"], version: /kind v(\S+)/, fits: "newer-minor" },
    download: {
      platforms: ["linux/amd64", "linux/arm64", "darwin/amd64", "darwin/arm64"],
      url: "https://github.com/kubernetes-sigs/kind/releases/download/v{version}/kind-{os}-{arch}",
      checksums: "https://github.com/kubernetes-sigs/kind/releases/download/v{version}/kind-{os}-{arch}.sha256sum",
    },
    install: "https://kind.sigs.k8s.io/docs/user/quick-start/#installation",
  },
  etcd: {
    set: "control-plane",
    module: "go.etcd.io/etcd/server/v3",
    package: "go.etcd.io/etcd/server/v3",
    built: "server",
    onPath: { args: ["--version"], version: /etcd Version: (\S+)/, fits: "same-minor" },
    download: {
      // For macOS there is a .zip, which nothing here unpacks: it is built there.
      platforms: ["linux/amd64", "linux/arm64"],
      url: "https://github.com/etcd-io/etcd/releases/download/v{version}/etcd-v{version}-{os}-{arch}.tar.gz",
      checksums: "https://github.com/etcd-io/etcd/releases/download/v{version}/SHA256SUMS",
      only: ["etcd"],
    },
  },
  "kube-apiserver": kubernetes("kube-apiserver"),
  "kube-controller-manager": kubernetes("kube-controller-manager"),
  "kube-scheduler": kubernetes("kube-scheduler"),
  kwok: {
    set: "control-plane",
    module: "sigs.k8s.io/kwok",
    package: "sigs.k8s.io/kwok/cmd/kwok",
    onPath: { args: ["--version"], version: /version v?(\d\S*)/, fits: "same-minor" },
    // Its release has programs, too, and no checksums of them.
    download: inImage("registry.k8s.io/kwok/kwok", "kwok"),
  },
  "source-controller": fluxController("source-controller"),
  "kustomize-controller": fluxController("kustomize-controller"),
  "helm-controller": fluxController("helm-controller"),
  "notification-controller": fluxController("notification-controller"),
  /** An OCI registry. Not taken from PATH: its name is anybody's. */
  registry: {
    set: "registry",
    module: "github.com/distribution/distribution/v3",
    package: "github.com/distribution/distribution/v3/cmd/registry",
  },
} as const satisfies Record<string, Tool>;

export type ToolName = keyof typeof tools;
