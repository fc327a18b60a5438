import { createHmac } from "node:crypto";
import { expect } from "chai";
import type { z } from "zod";
import { githubKnownHosts } from "../../../components/gitops/known-hosts.ts";
import * as formats from "../../../settings/formats.ts";
import { hasKeyFor, hostKeys, sshServer } from "../../../settings/host-keys.ts";
import { fingerprint, githubFingerprints } from "../../../contract/pinned.ts";

const ed25519 = `ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAI${"A".repeat(43)}`;

/** What each form takes and refuses; the readers themselves are asked in tests/contract/settings-readers.test.ts. */
const table: readonly [string, z.ZodType, readonly string[], readonly string[]][] = [
  [
    "Go's durations",
    formats.goDuration,
    ["30s", "1h30m", "0.5h", "1m1h", "500ms"],
    ["1d", "1w", "30", "0s", "0h0m", "-5m", "1 h", "", "5M", "999999999h", "0.0000001ms"],
  ],
  [
    "Prometheus's durations",
    formats.prometheusDuration,
    ["30s", "1d12h", "1y2w3d4h5m6s7ms", "90m"],
    ["12h1d", "1.5h", "0", "0s", "1d 12h", "", "5", "1h1h", "-1h", "300y"],
  ],
  ["Prometheus's durations that may be zero", formats.prometheusDurationOrZero, ["0s"], ["", "0.5s"]],
  ["CPU", formats.cpu, ["50m", "0.5", "2", "0"], ["0.5m", "1,5", "50 m", "-1", "0.0001", "1Gi"]],
  [
    "memory and volumes",
    formats.bytes,
    ["128Mi", "1.5Gi", "50G", "1073741824", "2Ti", "1500k"],
    ["512", "512m", "5GB", "5gi", "-1Gi", "1e9Gi", "0Gi", "5000Ti", ""],
  ],
  ["sizes of Prometheus", formats.prometheusSize, ["5GB", "512MiB", "1.5TB"], ["5G", "0GB", "5Gi", "0.0GB", "GB"]],
  ["sizes of Fluent Bit", formats.fluentBitSize, ["5MB", "5M", "1G"], ["5", "5MiB", "0MB", "5 MB"]],
  [
    "images",
    formats.pinnedImage,
    ["kindest/node:v1.36.1", "localhost:5001/a/b:1", `a@sha256:${"0".repeat(64)}`, "reg.io/a/b-c_d:v1-rc"],
    ["kindest/node", "kindest/node:latest", "a:5000/b", "A/b:1", "a b:1", "a:v1 ", "a@sha256:00", "a:1#x"],
  ],
  ["tags", formats.imageTag, ["1.10", "1234567", "v1.0.0", "main"], ["latest", "a b", "-a", ""]],
  [
    "ssh addresses",
    formats.sshAddress,
    ["ssh://git@github.com/a/b.git", "ssh://git@ssh.github.com:443/a/b.git", "ssh://git@[::1]:22/a"],
    [
      "git@github.com:a/b.git",
      "ssh://git@github.com:a/b.git",
      "ssh://git@github.com",
      "ssh://git@h:022/a",
      "ssh://git@h:/a",
      "ssh://h:70000/a",
      "ssh://git:secret@h/a",
      "ssh://h/a b",
      "https://github.com/a/b",
    ],
  ],
  [
    "http addresses",
    formats.httpAddress,
    ["https://api.github.com/", "http://127.0.0.1:5000", "https://h/v2/x"],
    [
      "https://",
      "http://h:0/",
      "https://h?x=1",
      "https://h/#a",
      "ftp://h",
      'http://h/"',
      "http://u:p@h/",
      "https://h/%zz",
    ],
  ],
  [
    "OCI prefixes",
    formats.ociPrefix,
    ["oci://registry.example.com/charts", "oci://127.0.0.1:5001/charts", "oci://r.io"],
    ["oci://r.io/charts/", "oci://r.io/Charts", "oci://", "oci://r.io:99999/a", "https://r.io/a"],
  ],
  [
    "branches",
    formats.branchName,
    ["main", "1.0", "feature/x", "release-2026#1"],
    ["", "a b", "/a", "a/", "a..b", "a.lock", "-a", "@", "a~1", "a:b", "a'b"],
  ],
  ["folders", formats.repositoryFolder, ["flux-repo/clusters/dev", "."], ["/a", "../a", "a/../b", ""]],
  [
    "mail servers",
    formats.hostPort,
    ["smtp.example.com:587", "[::1]:25"],
    ["smtp", "a:b:1", "a:0", "a:70000", "a:", "a:025"],
  ],
  ["buckets", formats.bucketName, ["observability-logs"], ["A", "ab", "a..b", "${AWS_ACCESS_KEY_ID}", "a_b"]],
  [
    "S3 endpoints",
    formats.s3Endpoint,
    ["https://s.example.com:9000", "minio:9000"],
    ["https://", "a b", "${X}", "https://h/x"],
  ],
  ["keys of Secrets", formats.secretKey, ["my.bot", "ops-slack"], [".", "..", "..a", "a/b", ""]],
  [
    "registry hosts",
    formats.registryHost,
    ["docker.io", "localhost:5000", "_default"],
    ["../x", "https://docker.io", "a b", ""],
  ],
  [
    "host keys",
    hostKeys,
    [`h ${ed25519}`, `# comment\n\n@cert-authority *.h ${ed25519} somebody\n`, githubKnownHosts("github.com")],
    [
      "",
      "# nothing",
      "h ssh-ed25519",
      "h ssh-ed25519 AAAA",
      `h ssh-rsa ${ed25519.split(" ")[1] ?? ""}`,
      `h ${ed25519}A`,
      "h",
    ],
  ],
];

describe("forms of settings", () => {
  for (const [what, form, good, bad] of table) {
    it(`take ${what} and nothing near`, () => {
      for (const text of good) expect(form.safeParse(text).error?.issues, JSON.stringify(text)).to.equal(undefined);
      for (const text of bad) expect(form.safeParse(text).success, JSON.stringify(text)).to.equal(false);
    });
  }

  it("know what a duration and an amount are worth", () => {
    expect(formats.durationSeconds("1d12h")).to.equal(36 * 3600);
    expect(formats.durationSeconds("1m500ms")).to.equal(60.5);
    expect(formats.byteCount("1.5Gi")).to.equal(1.5 * 1024 ** 3);
    expect(formats.byteCount("50G")).to.equal(5e10);
  });
});

describe("Host keys", () => {
  it("of GitHub have the fingerprints that GitHub publishes", () => {
    for (const server of ["github.com", "[ssh.github.com]:443"]) {
      const lines = githubKnownHosts(server)
        .split("\n")
        .map((line) => line.split(" "));
      const fingerprints = lines.map(([, type = "", key = ""]) => [type, fingerprint(key)]);
      expect(lines.map(([host]) => host)).to.deep.equal([server, server, server]);
      expect(fingerprints).to.deep.equal(Object.entries(githubFingerprints));
      expect(hostKeys.safeParse(githubKnownHosts(server)).success).to.equal(true);
    }
  });

  it("are found by host and port, as known_hosts names them", () => {
    const server = sshServer("ssh://git@ssh.github.com:443/a/b.git");
    expect(server).to.equal("[ssh.github.com]:443");
    expect(sshServer("ssh://git@github.com:22/a/b.git")).to.equal("github.com");
    const salt = Buffer.from("12345678901234567890").toString("base64");
    const hash = createHmac("sha1", Buffer.from(salt, "base64")).update(server).digest("base64");
    for (const hosts of [
      server,
      "github.com,[ssh.github.com]:443",
      "[*.github.com]:443",
      "[ssh.github.???]:443",
      `|1|${salt}|${hash}`,
    ]) {
      expect(hasKeyFor(`${hosts} ${ed25519}`, server), hosts).to.equal(true);
    }
    for (const hosts of [
      "ssh.github.com",
      "[ssh.github.com]:22",
      "*",
      "[*]:443,![ssh.github.com]:443",
      `|1|${salt}|${salt}`,
    ]) {
      expect(hasKeyFor(`${hosts} ${ed25519}`, server), hosts).to.equal(false);
    }
    expect(hasKeyFor(`@revoked ${server} ${ed25519}`, server)).to.equal(false);
    expect(hasKeyFor(`[github.com]:22 ${ed25519}`, "github.com")).to.equal(true);
  });
});
