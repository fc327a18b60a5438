/**
 * A Kind node image made of Debian packages and Go modules, for machines that reach those and no image registry.
 *
 * kind's own files come from its Go module; the images that kubeadm expects are made of programs that are built here, under
 * the names that kubeadm says. What differs from the released image: the pod network is `podnet` (no NetworkPolicy), storage
 * is local-path-provisioner as released, containerd is Debian's.
 */
import { createHash } from "node:crypto";
import {
  chmodSync,
  copyFileSync,
  existsSync,
  globSync,
  mkdirSync,
  readFileSync,
  readdirSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { basename, dirname, join } from "node:path";
import { cacheFolder, withLock, withTemporaryFolder } from "../../toolchain/cache.ts";
import { run, which } from "../../toolchain/run.ts";
import { moduleDir, setsFolder } from "../../toolchain/obtain.ts";
import { ensureCommands } from "./apt.ts";
import { pack, writeImage, type ImageConfig } from "./archive.ts";
import { kindVersion, kubernetesVersion, obtainPrograms, programNames } from "./programs.ts";

/** Debian release of the node; its packages are what kind's image installs, with the container runtime as packages too. */
const suite = "bookworm";
const packages = [
  ...["systemd", "systemd-sysv", "dbus"],
  ...["containerd", "runc", "containernetworking-plugins"],
  ...["conntrack", "iptables", "nftables", "iproute2", "ethtool", "socat", "kmod", "libseccomp2"],
  ...["util-linux", "mount", "pigz", "e2fsprogs"],
  ...["bash", "ca-certificates", "curl", "jq", "procps", "gawk", "findutils", "hostname"],
];

/** CNI plugins that podnet's configuration names, and the loopback that every pod has. */
const cniPlugins = ["ptp", "host-local", "portmap", "loopback"];

const kindTier = import.meta.dirname;

export interface NodeImage {
  /** Name with tag, as in `cluster.kind.nodeImage`. */
  readonly name: string;
  /** Archive for `docker load`. */
  readonly archive: string;
}

/** Whether the host withholds CAP_SYS_RESOURCE: a container then cannot protect itself from the memory killer. */
export function lacksSysResource(): boolean {
  const bounding = /^CapBnd:\s*([0-9a-f]+)$/m.exec(readFileSync("/proc/1/status", "utf8"))?.[1];
  return bounding !== undefined && (BigInt(`0x${bounding}`) & (1n << 24n)) === 0n;
}

/** The image that these sources make on this machine; its archive may not be there yet. */
export function nodeImage(): NodeImage {
  // All that decides what is in it. Debian's packages are those of the day it is built.
  const built = ["kind-tier/*.{mod,sum}", "kind-tier/*/*.{mod,sum,go}", "control-plane/go.{mod,sum}"];
  const inputs = [
    ...globSync(built, { cwd: setsFolder }).map((file) => join(setsFolder, file)),
    ...globSync(["manifests/*", "node-image.ts", "archive.ts"], { cwd: kindTier }).map((file) => join(kindTier, file)),
  ].sort();
  const hash = createHash("sha256").update(JSON.stringify([process.arch, lacksSysResource()]));
  for (const file of inputs) hash.update(`${basename(file)}\n`).update(readFileSync(file));
  const key = hash.digest("hex").slice(0, 12);
  return {
    name: `observability.local/kind-node:${kubernetesVersion}-${key}`,
    archive: join(cacheFolder(), "kind-tier", `node-${key}.tar`),
  };
}

/** A node image cannot be built on this machine; the message says why. */
export class NotBuildable extends Error {
  override readonly name = "NotBuildable";
}

async function requireBuildable(say: (line: string) => void): Promise<void> {
  const why = async () => {
    if (process.platform !== "linux") return `that needs Linux; this is ${process.platform}`;
    if (process.getuid?.() !== 0) return "that needs root (mmdebstrap, chroot)";
    if (!which("go", process.env)) return "that needs Go 1.26 or newer (https://go.dev/dl/)";
    return ensureCommands({ mmdebstrap: "mmdebstrap", tar: "tar", unshare: "util-linux" }, say);
  };
  const reason = await why();
  if (reason !== undefined) throw new NotBuildable(`a Kind node image cannot be built here: ${reason}.`);
}

/**
 * Builds the image unless its archive is in the user's cache folder. The first time takes about a quarter of an hour on
 * two cores, nearly all of it Go's compiler.
 *
 * @throws NotBuildable when this machine cannot
 * @throws Error that says what could not be built, and why
 */
export async function buildNodeImage(say: (line: string) => void): Promise<NodeImage> {
  const image = nodeImage();
  const work = async () => {
    if (existsSync(image.archive)) {
      utimesSync(image.archive, new Date(), new Date());
      return image;
    }
    await requireBuildable(say);
    const started = Date.now();
    const step = (text: string) => {
      say(`node image: ${text} (after ${Math.round((Date.now() - started) / 1000)} s)`);
    };
    step(`building ${image.name} from Debian packages and Go modules`);
    const programs = await obtainPrograms(programNames, { onProgress: say });
    step("Debian packages");
    const base = await debianBase(say);
    await withTemporaryFolder(image.archive, async (folder) => {
      const root = join(folder, "root");
      mkdirSync(root);
      step("unpacking");
      await must("tar", ["-C", root, "--numeric-owner", "-xf", base]);
      await addKindFiles(root);
      for (const name of ["kubelet", "kubeadm", "kubectl"] as const) {
        install(programs[name], join(root, "usr/bin", name));
      }
      install(programs.crictl, join(root, "usr/local/bin/crictl"));
      step("images of the control plane");
      const images = join(folder, "images");
      mkdirSync(images);
      await makePodImages(images, root, programs);
      await importImages(root, images);
      step("packing");
      const layer = join(folder, "node.tar");
      await pack(root, layer, ["."], ["--xattrs"]);
      rmSync(root, { recursive: true, force: true });
      await writeImage(image.archive, [image.name], layer, nodeConfig);
    });
    step(`done, ${Math.round(statSync(image.archive).size / 1e6)} MB in ${image.archive}`);
    removeUnused(image.archive);
    return image;
  };
  return withLock(`${image.archive}.lock`, work, {
    onWait: () => {
      say("node image: another process is building it; waiting");
    },
  });
}

const nodeConfig: ImageConfig = {
  Entrypoint: ["/usr/local/bin/entrypoint", "/sbin/init"],
  // systemd is told that it is in a container, and ends on SIGRTMIN+3 only.
  Env: ["PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "container=docker"],
  StopSignal: "SIGRTMIN+3",
};

/** Removes archives of other contents that nobody has used for a week: another checkout may still want its own. */
function removeUnused(archive: string): void {
  const weekAgo = Date.now() - 7 * 24 * 3_600_000;
  for (const entry of readdirSync(dirname(archive))) {
    const file = join(dirname(archive), entry);
    if (!/^(node|debian-\w+)-[0-9a-f]+\.tar$/.test(entry) || entry === basename(archive)) continue;
    if (statSync(file).mtimeMs < weekAgo) for (const path of [file, `${file}.lock`]) rmSync(path, { force: true });
  }
}

/** The Debian part, kept by its list of packages: it outlives a change of what is put on top. */
async function debianBase(say: (line: string) => void): Promise<string> {
  const excluded = ["man", "doc", "locale", "info"].map((name) => `--dpkgopt=path-exclude=/usr/share/${name}/*`);
  const options = ["--mode=root", "--variant=minbase", ...excluded, `--include=${packages.join(",")}`, suite];
  const key = createHash("sha256")
    .update(JSON.stringify([options, process.arch]))
    .digest("hex")
    .slice(0, 12);
  const file = join(cacheFolder(), "kind-tier", `debian-${suite}-${key}.tar`);
  const work = async () => {
    if (existsSync(file)) {
      utimesSync(file, new Date(), new Date());
      return file;
    }
    await withTemporaryFolder(file, async (folder) => {
      const tar = join(folder, "base.tar");
      let last = Date.now();
      const result = await run("mmdebstrap", [...options, tar], {
        onErrorLine(line) {
          if (Date.now() - last < 10_000 || !line.startsWith("I: ")) return;
          last = Date.now();
          say(`node image: mmdebstrap: ${line.slice(3)}`);
        },
      });
      if (result.code !== 0) {
        throw new Error(
          `mmdebstrap could not make a Debian ${suite}:\n${result.stderr.split("\n").slice(-12).join("\n")}\n` +
            `It needs a Debian mirror and debian-archive-keyring.`,
        );
      }
      renameSync(tar, file);
    });
    return file;
  };
  return withLock(`${file}.lock`, work);
}

/** What kind's own images/base/Dockerfile does, with the files of its module. */
async function addKindFiles(root: string): Promise<void> {
  const files = join(await moduleDir("sigs.k8s.io/kind", kindVersion), "images/base/files");
  for (const file of globSync("**", { cwd: files, withFileTypes: true })) {
    if (!file.isFile()) continue;
    const source = join(file.parentPath, file.name);
    const target = join(root, source.slice(files.length));
    // The module cache keeps no modes: programs are what lies in the folders of programs.
    install(source, target, /\/(kind|usr\/local)\/bin\//.test(target) ? 0o755 : 0o644);
  }
  const inRoot = (...args: string[]) => must("chroot", [root, ...args]);
  for (const pattern of [
    "lib/systemd/system/sysinit.target.wants/systemd-tmpfiles-setup.service",
    "lib/systemd/system/multi-user.target.wants/*",
    "etc/systemd/system/*.wants/*",
    "lib/systemd/system/local-fs.target.wants/*",
    "lib/systemd/system/sockets.target.wants/*{udev,initctl}*",
    "lib/systemd/system/basic.target.wants/*",
  ]) {
    for (const file of globSync(pattern, { cwd: root })) rmSync(join(root, file));
  }
  writeFileSync(join(root, "etc/systemd/journald.conf"), "[Journal]\nReadKMsg=no\n");
  await inRoot("systemctl", "enable", "kubelet.service", "containerd.service", "undo-mount-hacks.service");
  // It would register formats in the host's kernel.
  await inRoot("systemctl", "mask", "systemd-binfmt.service");
  // kind's unit starts containerd from there; the distribution's package has it in /usr/bin.
  symlinkSync("/usr/bin/containerd", join(root, "usr/local/bin/containerd"));
  mkdirSync(join(root, "opt/cni/bin"), { recursive: true });
  for (const plugin of cniPlugins) install(join(root, "usr/lib/cni", plugin), join(root, "opt/cni/bin", plugin));
  mkdirSync(join(root, "etc/kubernetes/manifests"), { recursive: true });

  const config = join(root, "etc/containerd/config.toml");
  let text = readFileSync(config, "utf8");
  // Newer releases of containerd look for mirrors there by themselves.
  text += '\n[plugins."io.containerd.grpc.v1.cri".registry]\n  config_path = "/etc/containerd/certs.d"\n';
  // Else containerd fails to lower a pod's oom_score_adj below its own.
  if (lacksSysResource()) text = text.replace("restrict_oom_score_adj = false", "restrict_oom_score_adj = true");
  writeFileSync(config, text);
  const spec = JSON.parse(await inRoot("ctr", "oci", "spec")) as {
    hooks?: Record<string, unknown[]>;
    process: { rlimits?: unknown };
  };
  delete spec.process.rlimits;
  spec.hooks = { ...spec.hooks, createContainer: [{ path: "/kind/bin/mount-product-files.sh" }] };
  writeFileSync(join(root, "etc/containerd/cri-base.json"), JSON.stringify(spec));

  writeFileSync(join(root, "kind/version"), kubernetesVersion);
  for (const file of globSync("*.yaml", { cwd: join(kindTier, "manifests") })) {
    install(join(kindTier, "manifests", file), join(root, "kind/manifests", file), 0o644);
  }
}

type Programs = Awaited<ReturnType<typeof obtainPrograms<(typeof programNames)[number]>>>;

/** One archive per image that a fresh cluster runs. */
async function makePodImages(folder: string, root: string, programs: Programs): Promise<void> {
  const listed = await must(programs.kubeadm, ["config", "images", "list", "--kubernetes-version", kubernetesVersion]);
  const names = new Map(listed.split("\n").map((name) => [/([^/:]+):[^:]*$/.exec(name)?.[1] ?? "", name]));
  const nameOf = (image: string): string => {
    const name = names.get(image);
    if (name === undefined) throw new Error(`kubeadm ${kubernetesVersion} names no image ${image}:\n${listed}`);
    return name;
  };
  // The sandbox image is containerd's to say, not kubeadm's.
  const config = readFileSync(join(root, "etc/containerd/config.toml"), "utf8");
  const sandbox = /sandbox_image = "([^"]+)"/.exec(config)?.[1];
  if (sandbox === undefined)
    throw new Error(`kind ${kindVersion} names no sandbox_image in its containerd/config.toml.`);

  const scratch = async (name: string, program: keyof Programs, path: string) => {
    const files = join(folder, "files");
    install(programs[program], join(files, path));
    // What a program that speaks TLS to the outside, or asks for a temporary file, would miss.
    install(join(root, "etc/ssl/certs/ca-certificates.crt"), join(files, "etc/ssl/certs/ca-certificates.crt"), 0o644);
    mkdirSync(join(files, "tmp"), { mode: 0o1777 });
    await oneImage(folder, program, [name], files, { Entrypoint: [path] });
  };
  for (const name of ["kube-apiserver", "kube-controller-manager", "kube-scheduler"] as const) {
    // kubeadm's manifests call them by their names, from PATH.
    await scratch(nameOf(name), name, `/usr/local/bin/${name}`);
  }
  await scratch(nameOf("etcd"), "etcd", "/usr/local/bin/etcd");
  await scratch(nameOf("coredns"), "coredns", "/coredns");
  await scratch(sandbox, "pause", "/pause");
  await scratch(
    "observability.local/local-path-provisioner:built",
    "local-path-provisioner",
    "/local-path-provisioner",
  );

  // What needs iptables or a shell shares the node's files, without the container runtime, systemd and what no one runs.
  const files = join(folder, "files");
  mkdirSync(files);
  const without = [
    "bin/containerd*",
    "bin/ctr",
    "bin/kube*",
    "bin/perl*",
    "sbin/runc",
    "lib/systemd",
    "lib/cni",
    "local",
  ];
  const exclude = ["opt", "var", "kind", ...without.map((path) => `usr/${path}`), "usr/share", "usr/lib/*/perl*"];
  const rest = join(folder, "rest.tar");
  await pack(
    root,
    rest,
    ["."],
    exclude.map((path) => `--exclude=./${path}`),
  );
  await must("tar", ["-C", files, "--numeric-owner", "-xf", rest]);
  rmSync(rest);
  mkdirSync(join(files, "var/lib"), { recursive: true });
  mkdirSync(join(files, "run"), { recursive: true });
  install(programs["kube-proxy"], join(files, "usr/local/bin/kube-proxy"));
  install(programs.podnet, join(files, "usr/local/bin/podnet"));
  const shared = ["observability.local/podnet:built", "observability.local/local-path-helper:built"];
  await oneImage(folder, "kube-proxy", [nameOf("kube-proxy"), ...shared], files, { Entrypoint: [] });
}

const containerPath = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/** Packs the files, which are gone afterwards, as one image. */
async function oneImage(
  folder: string,
  file: string,
  names: readonly string[],
  files: string,
  config: ImageConfig,
): Promise<void> {
  const layer = join(folder, "layer.tar");
  await pack(files, layer, ["."], ["--owner=0", "--group=0"]);
  rmSync(files, { recursive: true, force: true });
  await writeImage(join(folder, `${file}.tar`), names, layer, { ...config, Env: [containerPath] });
  rmSync(layer);
}

/** Puts the images into the store of the node's containerd, by that containerd itself. */
async function importImages(root: string, images: string): Promise<void> {
  const config = join(root, "run", "import.toml");
  const text = 'version = 2\ndisabled_plugins = ["io.containerd.grpc.v1.cri", "io.containerd.internal.v1.opt"]\n';
  mkdirSync(join(root, "run"), { recursive: true });
  mkdirSync(join(root, "mnt/images"), { recursive: true });
  writeFileSync(config, text);
  const script = `
set -eu
mount -t proc proc "$1/proc"
mount --bind "$2" "$1/mnt/images"
exec chroot "$1" /bin/sh -euc '
  containerd --config /run/import.toml >/run/containerd.log 2>&1 &
  daemon=$!
  tries=0
  until ctr version >/dev/null 2>&1; do
    tries=$((tries + 1))
    if [ $tries -gt 300 ]; then cat /run/containerd.log >&2; exit 1; fi
    sleep 0.1
  done
  for image in /mnt/images/*.tar; do ctr --namespace k8s.io images import --no-unpack "$image" >&2; done
  kill $daemon
  wait $daemon || true
'`;
  // A process and mount namespace of its own: whatever happens, nothing runs and nothing is mounted afterwards.
  await must("unshare", ["--mount", "--pid", "--fork", "--kill-child", "sh", "-c", script, "sh", root, images]);
  for (const entry of readdirSync(join(root, "run"))) rmSync(join(root, "run", entry), { recursive: true });
  rmSync(join(root, "mnt/images"), { recursive: true });
}

/** Copies a file, with the folders it goes to. */
function install(source: string, target: string, mode = 0o755): void {
  mkdirSync(dirname(target), { recursive: true });
  rmSync(target, { force: true });
  copyFileSync(source, target);
  chmodSync(target, mode);
}

/** The standard output of a program that must succeed. */
async function must(command: string, args: readonly string[]): Promise<string> {
  const result = await run(command, args);
  if (result.code !== 0) {
    throw new Error(`${command} ${args.slice(0, 6).join(" ")} failed:\n${result.stderr.slice(-2000)}`);
  }
  return result.stdout;
}
