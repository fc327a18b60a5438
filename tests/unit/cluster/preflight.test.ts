import * as dgram from "node:dgram";
import * as net from "node:net";

import { expect } from "chai";

import {
  type Finding,
  type PreflightRequest,
  type Probes,
  hostProbes,
  preflight,
  readKindConfig,
} from "../../../components/cluster/preflight.ts";
import { parseSettings } from "../../../settings/parse.ts";
import { requestedResources } from "../../../components/requests.ts";
import { configOf } from "../../support/fake-kind/host.ts";

const GiB = 1024 ** 3;

describe("cluster script: preflight", () => {
  const wellInfo = { NCPU: 4, MemTotal: 16 * GiB, CgroupVersion: "2", DockerRootDir: "/var/lib/docker" };
  const well: Probes = {
    docker: () => Promise.resolve({ info: wellInfo }),
    engineAddress: () => Promise.resolve("unix:///var/run/docker.sock"),
    ownNetwork: () => Promise.resolve(undefined),
    portIsFree: () => Promise.resolve(true),
    kernel: () => "6.8.0",
    sysctl: (name) => (name.endsWith("watches") ? 524_288 : 512),
    freeBytes: () => 100 * GiB,
  };
  const request: PreflightRequest = {
    kindVersion: "kind v0.33.0 go1.26.0 linux/amd64",
    config: readKindConfig(configOf({ hostPort: 3000 })),
    requestedCpuMillicores: 2_000,
    requestedMemoryMiB: 4_000,
  };
  const look = async (more: Partial<PreflightRequest>, probes: Partial<Probes> = {}): Promise<Finding[]> =>
    await preflight({ ...request, ...more }, { ...well, ...probes });
  const only = (findings: readonly Finding[], level: Finding["level"], check: string, message: RegExp): void => {
    expect(findings).to.have.length(1);
    expect(findings[0]).to.include({ level, check });
    expect(findings[0]?.message).to.match(message);
  };
  const withInfo = (info: Readonly<Record<string, unknown>>): Partial<Probes> => ({
    docker: () => Promise.resolve({ info: { ...wellInfo, ...info } }),
  });

  it("finds nothing on a host that is fine", async () => {
    expect(await look({})).to.deep.equal([]);
  });

  it("kind: too old stops, older than advised warns", async () => {
    only(
      await look({ kindVersion: "kind v0.29.0 go1.24" }),
      "error",
      "kind",
      /0\.29\.0 is too old.*Install 0\.32 or later/,
    );
    only(await look({ kindVersion: "kind v0.31.0 go1.25" }), "warning", "kind", /Update/);
    only(await look({ kindVersion: "kind (devel)" }), "warning", "kind", /cannot be read/);
    expect(await look({ kindVersion: "kind v1.0.0" })).to.deep.equal([]);
  });

  it("docker: missing, down and forbidden each have their remedy, and hide the rest", async () => {
    const failing = (failure: string, notFound = false): Partial<Probes> => ({
      docker: () => Promise.resolve({ failure, notFound }),
      sysctl: () => 1,
    });
    only(await look({}, failing("", true)), "error", "docker", /not installed.*https:/);
    only(
      await look({}, failing("Cannot connect to the Docker daemon at x")),
      "error",
      "docker",
      /systemctl start docker/,
    );
    only(
      await look(
        {},
        failing("permission denied while trying to connect to the docker API at unix:///var/run/docker.sock"),
      ),
      "error",
      "docker",
      /usermod/,
    );
    only(await look({}, failing("odd")), "error", "docker", /does not answer: odd.*Start it/);
  });

  it("docker: one of another machine is refused at once, and hides what would be said of this one", async () => {
    for (const address of ["tcp://10.0.0.5:2376", "ssh://me@builder", "tcp://docker:2375"]) {
      only(
        await look({}, { engineAddress: () => Promise.resolve(address), freeBytes: () => 0 }),
        "error",
        "docker",
        new RegExp(`another machine \\(${address}\\).*127\\.0\\.0\\.1.*unset DOCKER_HOST`),
      );
    }
    for (const address of [
      undefined,
      "unix:///run/user/1000/docker.sock",
      "npipe:////./pipe/docker_engine",
      "/var/run/docker.sock",
      "tcp://127.0.0.1:2375",
      "tcp://localhost:2375",
      "tcp://[::1]:2375",
    ]) {
      expect(await look({}, { engineAddress: () => Promise.resolve(address) }), address).to.deep.equal([]);
    }
  });

  it("docker: a container beside the nodes needs the host's network", async () => {
    only(
      await look({}, { ownNetwork: () => Promise.resolve("bridge") }),
      "error",
      "docker",
      /in a container \(network bridge\).*--network=host.*docker-in-docker/,
    );
    expect(await look({}, { ownNetwork: () => Promise.resolve("host") })).to.deep.equal([]);
  });

  it("ports: a taken one names itself and the setting", async () => {
    only(
      await look({}, { portIsFree: ({ port }) => Promise.resolve(port !== 3000) }),
      "error",
      "ports",
      /port 3000 is already in use.*cluster\.kind\.ports/,
    );
  });

  it("ports: a listener beyond 127.0.0.1 stops, also by kind's default", async () => {
    const yaml = (address: string): string =>
      `nodes: [{role: control-plane, extraPortMappings: [{containerPort: 1, hostPort: 8080${address}}]}]`;
    only(
      await look({ config: readKindConfig(yaml("")) }),
      "error",
      "ports",
      /8080 would listen on 0\.0\.0\.0.*127\.0\.0\.1/,
    );
    only(
      await look({ config: readKindConfig(yaml(', listenAddress: "192.168.1.2"')) }),
      "error",
      "ports",
      /192\.168\.1\.2/,
    );
    expect(await look({ config: readKindConfig(yaml(', listenAddress: "::1"')) })).to.deep.equal([]);
  });

  it("inotify: low limits warn with the sysctl line; macOS has none", async () => {
    const kernelDefault = (name: string): number => (name.endsWith("watches") ? 8_192 : 128);
    only(
      await look({}, { sysctl: kernelDefault }),
      "warning",
      "inotify",
      /8192.*128.*sysctl -w fs\.inotify\.max_user_watches=524288 fs\.inotify\.max_user_instances=512/,
    );
    expect(await look({}, { sysctl: () => undefined })).to.deep.equal([]);
    // Docker Desktop's machine, on Linux too, is another than the one whose limits can be read.
    const desktop = withInfo({ KernelVersion: "6.10.14-linuxkit" });
    expect(await look({}, { sysctl: kernelDefault, ...desktop })).to.deep.equal([]);
    expect(await look({}, { sysctl: kernelDefault, ...withInfo({ KernelVersion: "6.8.0" }) })).to.have.length(1);
  });

  it("cgroup v1: stops where the kubelet would refuse, else warns", async () => {
    const v1 = withInfo({ CgroupVersion: "1" });
    only(await look({}, v1), "error", "cgroup", /1\.35.*failCgroupV1/);
    const older = readKindConfig("nodes: [{role: control-plane, image: 'kindest/node:v1.34.2@sha256:0123'}]");
    only(await look({ config: older }, v1), "warning", "cgroup", /failCgroupV1/);
    const patched = readKindConfig(
      `${configOf()}kubeadmConfigPatches: ["kind: KubeletConfiguration\\nfailCgroupV1: false\\n"]\n`,
    );
    only(await look({ config: patched }, v1), "warning", "cgroup", /allows/);
  });

  it("cpu: more than the schedulable nodes have stops, more than the host has warns", async () => {
    only(await look({ requestedCpuMillicores: 3_100 }), "error", "cpu", /3100m.*950m.*4000m.*Pending.*stack file/);
    only(
      await look({ requestedCpuMillicores: 3_100, config: readKindConfig(configOf({ workers: 2 })) }),
      "warning",
      "cpu",
      /slow/,
    );
    expect(await look({ requestedCpuMillicores: 3_050 })).to.deep.equal([]);
  });

  it("cpu and memory: the environment of the default settings fits a host of 2 CPUs and 4 GiB", async () => {
    const settings = parseSettings({}, { file: "Pulumi.dev.yaml", secrets: ["telegramToken"] });
    const { cpuMillicores, memoryMiB } = requestedResources(settings);
    const wanted = { requestedCpuMillicores: cpuMillicores, requestedMemoryMiB: memoryMiB };
    expect(await look(wanted, withInfo({ NCPU: 2, MemTotal: 4 * GiB }))).to.deep.equal([]);
  });

  it("memory: what limits allow beyond what is there is a note, where requests fit", async () => {
    only(await look({ memoryLimitMiB: 20_000 }), "note", "memory", /add up to 20000 MiB.*16384 MiB/);
    expect(await look({ memoryLimitMiB: 16_000 })).to.deep.equal([]);
    only(await look({ memoryLimitMiB: 20_000, requestedMemoryMiB: 17_000 }), "error", "memory", /17000 MiB/);
  });

  it("memory and disk: too little stops, little disk warns", async () => {
    only(
      await look({ requestedMemoryMiB: 8_000 }, withInfo({ MemTotal: 8 * GiB })),
      "error",
      "memory",
      /8000 MiB.*8192 MiB.*stack file/,
    );
    only(
      await look({}, { freeBytes: () => 2 * GiB }),
      "error",
      "disk",
      /2\.0 GiB are free in \/var\/lib\/docker.*prune/,
    );
    only(await look({}, { freeBytes: () => 8 * GiB }), "warning", "disk", /8\.0 GiB/);
    expect(await look({}, { freeBytes: () => undefined })).to.deep.equal([]);
  });

  it("does not check sums that are not given", async () => {
    const without = { kindVersion: request.kindVersion, config: request.config };
    expect(await preflight(without, { ...well, ...withInfo({ NCPU: 1, MemTotal: 1 }) })).to.deep.equal([]);
  });

  it("a stand-in for kind: Docker is not asked, ports are still checked, and it is said", async () => {
    const findings = await look(
      { kindVersion: "kind v0.33.0 linux/amd64 (stand-in of the rehearsal)" },
      { docker: () => Promise.reject(new Error("asked")), portIsFree: () => Promise.resolve(false) },
    );
    expect(findings.map(({ level, check }) => `${level} ${check}`)).to.deep.equal(["note kind", "error ports"]);
    expect(findings[0]?.message).to.include("stand-in");
  });

  it("the host's probe sees taken TCP and UDP ports, and a free one", async () => {
    const server = net.createServer();
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const socket = dgram.createSocket("udp4");
    await new Promise<void>((resolve) => {
      socket.bind(0, "127.0.0.1", resolve);
    });
    const tcp = (server.address() as net.AddressInfo).port;
    const udp = socket.address().port;
    const address = "127.0.0.1";
    expect(await hostProbes.portIsFree({ port: tcp, address, protocol: "TCP" })).to.equal(false);
    expect(await hostProbes.portIsFree({ port: udp, address, protocol: "UDP" })).to.equal(false);
    // Not an address of this host: that says nothing about the port.
    expect(await hostProbes.portIsFree({ port: tcp, address: "203.0.113.1", protocol: "TCP" })).to.equal(true);
    await new Promise((resolve) => server.close(resolve));
    await new Promise<void>((resolve) => {
      socket.close(resolve);
    });
    expect(await hostProbes.portIsFree({ port: tcp, address, protocol: "TCP" })).to.equal(true);
    expect(await hostProbes.portIsFree({ port: udp, address, protocol: "UDP" })).to.equal(true);
  });
});
