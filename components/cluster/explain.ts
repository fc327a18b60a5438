/** What a message of kind or Docker means for the person who reads it. */
export interface Explanation {
  /** One sentence with the cause, one with the remedy. */
  readonly message: string;
  /** The container engine is not installed, or does not answer: then nothing can be said about any cluster. */
  readonly engine?: "absent" | "silent";
}

type Rule = readonly [pattern: RegExp, explain: (match: RegExpExecArray) => Explanation];

/** How Docker is started, for messages. */
export const startDocker = "Start it (Linux: sudo systemctl start docker; macOS: open -a Docker) and run this again.";

const rules: readonly Rule[] = [
  [
    /permission denied[^\n]*docker[^\n]*(?:socket|\.sock)|docker\.sock[^\n]*permission denied/i,
    () => ({
      engine: "silent",
      message:
        "Docker runs, but this user may not use it. Add the user to the group docker (sudo usermod -aG docker $USER, " +
        "then log in again), or use rootless Docker and set DOCKER_HOST.",
    }),
  ],
  [
    /cannot connect to the docker daemon|failed to connect to the docker api|is the docker daemon running|docker daemon is not running|error during connect/i,
    () => ({
      engine: "silent",
      message: `Docker does not run, or DOCKER_HOST or the Docker context is wrong. ${startDocker}`,
    }),
  ],
  [
    /"docker": executable file not found|failed to detect any supported node provider/i,
    () => ({
      engine: "absent",
      message: "Docker is not installed or not on PATH. Install it: https://docs.docker.com/engine/install/",
    }),
  ],
  [
    // Docker's wordings differ by version and platform; the host's side is always the first address of the line.
    /(?:\d+\.\d+\.\d+\.\d+|\[[\da-f:]*\]):(\d+)\b[^\n]*(?:port is already allocated|address already in use)/i,
    ([, port]) => ({ message: portInUse(Number(port)) }),
  ],
  [
    /(?:\S*:)?(\d+)[^\n]*(?:bind|listen)[^\n]*permission denied/i,
    ([, port]) => ({
      message: `Docker may not listen on port ${port ?? "?"}: rootless Docker cannot open ports below 1024. ${changePort(Number(port))}`,
    }),
  ],
  [
    /too many open files|inotify[^\n]*(?:limit|instances|watches)|could not find a log line that matches/i,
    () => ({
      message:
        'the node could not start, most likely because the host\'s inotify limits are used up ("too many open files"). ' +
        `Raise them: ${inotifyRemedy}`,
    }),
  ],
  [
    /node\(s\) already exist for a cluster with the name "([^"]+)"/,
    ([, name]) => ({
      message:
        `a Kind cluster "${name ?? "?"}" appeared while this one was being made: something else uses the same name. ` +
        `Look at: kind get clusters. Run this again, or give the stack another name.`,
    }),
  ],
  [
    /no space left on device/i,
    () => ({ message: "the disk of Docker is full. Free some: docker system df, then docker system prune." }),
  ],
  [
    /not run on a host using cgroup v1|cgroup v1[^\n]*(?:unsupported|not supported)|failCgroupV1/,
    () => ({ message: cgroupRemedy }),
  ],
  [
    /toomanyrequests|429 Too Many Requests/i,
    () => ({
      message:
        "the registry refuses further pulls (rate limit). Log in (docker login), pull the image by hand later, or name a " +
        "mirror's (cluster.kind.nodeImage, source.registryImage).",
    }),
  ],
  [
    /failed to pull image "([^"]+)"/,
    ([, image]) => ({
      message:
        `the node image ${image ?? ""} cannot be pulled. Try: docker pull ${image ?? ""}. Without a network, load it ` +
        "(docker load) and set network.imagesByDigest to false, or set cluster.kind.nodeImage to an image that is there.",
    }),
  ],
];

/** The lines that raise the inotify limits, now and after a restart. */
export const inotifyRemedy =
  "sudo sysctl -w fs.inotify.max_user_watches=524288 fs.inotify.max_user_instances=512 " +
  "(and the same two settings in /etc/sysctl.d/99-kind.conf so that they last)";

/** What to do without kind. */
export const installKind =
  "is not installed or not on PATH. Install 0.32 or later: https://kind.sigs.k8s.io/docs/user/quick-start/#installation " +
  "(npm run up -- <stack> brings it where it can be downloaded or built)";

/** What to do about a host with cgroup v1. */
export const cgroupRemedy =
  "the host uses cgroup v1, on which the kubelet of Kubernetes 1.35 and later refuses to start (failCgroupV1). Boot the " +
  "host with cgroup v2 (systemd.unified_cgroup_hierarchy=1), or add this to cluster.kind.kubeadmPatches: " +
  "{kind: KubeletConfiguration, failCgroupV1: false}";

function changePort(port: number): string {
  return (
    `Change the one that is ${port} under cluster.kind.ports in the stack file (null maps none), for example: ` +
    `npm run pulumi -- <stack> config set --path 'cluster.kind.ports.<service>' ${port + 10_000 <= 65_535 ? port + 10_000 : port - 10_000}`
  );
}

/** The sentence for a host port that somebody else has. */
export function portInUse(port: number): string {
  return (
    `port ${port} is already in use on this host. See who has it (Linux: ss -ltnp 'sport = :${port}'; macOS: lsof -nP ` +
    `-iTCP:${port} -sTCP:LISTEN; containers: docker ps --filter publish=${port}) and end that, or use another one. ` +
    changePort(port)
  );
}

/** Finds the cause in what kind or Docker said; undefined when it is none of the known ones. */
export function explain(text: string): Explanation | undefined {
  for (const [pattern, make] of rules) {
    const match = pattern.exec(text);
    if (match !== null) return make(match);
  }
  return undefined;
}
