import { expect } from "chai";

import { explain } from "../../../components/cluster/explain.ts";

// Messages as Docker, Docker Desktop and kind print them.
const portMessages: readonly (readonly [string, number])[] = [
  [
    "docker: Error response from daemon: driver failed programming external connectivity on endpoint dev-control-plane (0f3a5c): Bind for 127.0.0.1:3000 failed: port is already allocated.",
    3000,
  ],
  [
    "docker: Error response from daemon: failed to set up container networking: driver failed programming external connectivity on endpoint dev-control-plane (5dff): failed to bind host port for 127.0.0.1:9090:172.18.0.2:30900/tcp: address already in use",
    9090,
  ],
  [
    "docker: Error response from daemon: driver failed programming external connectivity on endpoint dev-control-plane (77a0): Error starting userland proxy: listen tcp4 127.0.0.1:16686: bind: address already in use.",
    16686,
  ],
  [
    "docker: Error response from daemon: Ports are not available: exposing port TCP 127.0.0.1:3000 -> 0.0.0.0:0: listen tcp 127.0.0.1:3000: bind: address already in use.",
    3000,
  ],
  ["docker: Error response from daemon: failed to bind host port 127.0.0.1:9093/tcp: address already in use", 9093],
];

const others: readonly (readonly [name: string, text: string, expected: RegExp])[] = [
  [
    "no permission for the socket",
    'permission denied while trying to connect to the Docker daemon socket at unix:///var/run/docker.sock: Get "http://%2Fvar%2Frun%2Fdocker.sock/v1.50/containers/json": dial unix /var/run/docker.sock: connect: permission denied',
    /may not use it.*usermod -aG docker/,
  ],
  [
    "no permission for the API of newer clients",
    "permission denied while trying to connect to the docker API at unix:///var/run/docker.sock",
    /may not use it/,
  ],
  [
    "daemon down",
    "Cannot connect to the Docker daemon at unix:///var/run/docker.sock. Is the docker daemon running?",
    /does not run.*systemctl/,
  ],
  [
    "newer client, daemon down",
    "failed to connect to the docker API at unix:///var/run/docker.sock; check if the path is correct and if the daemon is running: dial unix /var/run/docker.sock: connect: no such file or directory",
    /does not run.*systemctl/,
  ],
  [
    "no docker",
    'failed to list clusters: command "docker ps" failed with error: exec: "docker": executable file not found in $PATH',
    /not installed/,
  ],
  [
    "inotify",
    "Failed to create control group inotify object: Too many open files",
    /sysctl -w fs\.inotify\.max_user_watches=524288 fs\.inotify\.max_user_instances=512/,
  ],
  [
    "node did not start",
    'could not find a log line that matches "Reached target .*Multi-User System.*|detected cgroup v1"',
    /inotify/,
  ],
  ["name conflict", 'node(s) already exist for a cluster with the name "dev"', /"dev" appeared.*another name/],
  ["disk", "write /var/lib/docker/x: no space left on device", /docker system prune/],
  ["cgroup", "kubelet is configured to not run on a host using cgroup v1", /failCgroupV1/],
  ["rate limit", "toomanyrequests: You have reached your pull rate limit", /docker login/],
  ["pull", 'failed to pull image "kindest/node:v1.36.1": command failed', /docker pull kindest\/node:v1\.36\.1/],
  [
    "privileged port",
    "Error starting userland proxy: error while calling PortManager.AddPort(): cannot expose privileged port 80, listen tcp4 127.0.0.1:80: bind: permission denied",
    /may not listen on port 80/,
  ],
];

describe("cluster script: what messages of kind and Docker mean", () => {
  for (const [text, port] of portMessages) {
    it(`names port ${port} and its setting: ${text.slice(-70)}`, () => {
      expect(explain(text)?.message).to.match(new RegExp(`^port ${port} is already in use.*cluster\\.kind\\.ports`));
    });
  }
  for (const [name, text, expected] of others) {
    it(name, () => {
      expect(explain(text)?.message).to.match(expected);
    });
  }
  it("takes an unknown message for unknown", () => {
    expect(explain("something else")).to.equal(undefined);
  });
  it("knows which messages say nothing about a cluster", () => {
    expect(explain("Is the docker daemon running?")?.engine).to.equal("silent");
    expect(explain('exec: "docker": executable file not found in $PATH')?.engine).to.equal("absent");
    expect(explain("no space left on device")?.engine).to.equal(undefined);
  });
});
