import { expect } from "chai";
import { execFile, spawn } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { createServer } from "node:tls";
import * as path from "node:path";
import { promisify } from "node:util";
import { stringify } from "yaml";
import { at } from "../../contract/finding.ts";
import { releases, render, type Rendered } from "../../contract/rendered.ts";
import { masked, usualSecrets } from "../../contract/run-program.ts";
import { freePorts } from "../../rehearsal/control-plane/processes.ts";
import { makeAuthority } from "../support/authority.ts";
import { Running } from "../support/running.ts";
import { alone, variants } from "../../components/metrics/thanos/variants.ts";
import { programOrSkip } from "../support/program.ts";

const run = promisify(execFile);

describe("Thanos' own programs on what they are given", function () {
  let thanos: string;
  let folder = "";

  before(async function () {
    thanos = await programOrSkip(this, "thanos");
    folder = mkdtempSync(path.join(tmpdir(), "thanos-"));
  });
  after(() => {
    rmSync(folder, { recursive: true, force: true });
  });

  const write = (name: string, text: string) => {
    const file = path.join(folder, name);
    writeFileSync(file, text);
    return file;
  };
  /** The configuration of the bucket, with nobody at the address. */
  const bucketOf = ({ declared }: Rendered): string => {
    const secret = declared.find(
      ({ kind, metadata }) => kind === "Secret" && metadata.name.startsWith("thanos-bucket-"),
    );
    return String(Object.values(secret?.["stringData"] as object)[0]).replace(/endpoint: .*/, "endpoint: 127.0.0.1:1");
  };
  const argsOf = ({ declared }: Rendered, part: string): string[] =>
    (at(releases(declared).find(({ name }) => name === "thanos")?.values, part, "extraArgs") ?? []) as string[];
  /** What it says in the end; a bucket that is not there ends it once it has read everything. */
  const said = (args: readonly string[]): Promise<string> =>
    run(thanos, args, { env: { AWS_ACCESS_KEY_ID: "a", AWS_SECRET_ACCESS_KEY: "b" }, timeout: 300_000 }).then(
      () => "nothing",
      (error: unknown) => (error as { readonly stderr: string }).stderr,
    );
  const ls = (text: string) =>
    said(["tools", "bucket", "ls", `--objstore.config-file=${write("bucket.yaml", text)}`, "--timeout=10s"]);

  /** The CA is a file of the pod. */
  const readable = (text: string) => text.replace("/etc/object-storage/ca.crt", write("ca.crt", ""));

  it("read the configuration of the bucket, and refuse a key that they do not know (the check itself)", async () => {
    const { "in the cluster": usual } = variants;
    const text = bucketOf(await render({ settings: usual }));
    expect(await ls(text)).to.match(/connection refused/);
    expect(await ls(text.replace("insecure:", "unsafe:"))).to.match(/field unsafe not found/);
  });

  for (const [title, settings] of Object.entries({ ...variants, ...alone })) {
    it(`take what is declared for Thanos ${title}`, async () => {
      const rendered = await render({ settings });
      const text = readable(bucketOf(rendered));
      // An empty file holds no certificate, and it is the file that is read.
      const wanted = text.includes("ca_file")
        ? /unable to use specified CA cert|connection refused/
        : /connection refused/;
      expect(await ls(text)).to.match(wanted);
      const file = write("compact.yaml", text);
      const compact = ["compact", "--http-address=127.0.0.1:0", `--data-dir=${path.join(folder, "compact")}`];
      expect(await said([...compact, `--objstore.config-file=${file}`, ...argsOf(rendered, "compact")])).to.match(
        wanted,
      );
      for (const [part, words] of [
        ["query", ["query", "--grpc-address=127.0.0.1:0"]],
        ["queryFrontend", ["query-frontend", "--query-frontend.downstream-url=http://127.0.0.1:1"]],
      ] as const) {
        const child = spawn(thanos, [...words, "--http-address=127.0.0.1:0", ...argsOf(rendered, part)]);
        let log = "";
        const listening = await new Promise((resolve) => {
          child.stderr.on("data", (chunk: Buffer) => {
            log += chunk.toString();
            if (log.includes("listening for requests")) resolve(true);
          });
          child.once("exit", () => {
            resolve(false);
          });
        });
        child.kill("SIGKILL");
        expect(listening, log).to.equal(true);
      }
    });
  }

  it("ask another cluster by TLS, by the company's certificates, and nobody who shows others", async () => {
    const { ca, key, cert } = makeAuthority(folder);
    const [other = 0, http = 0] = await freePorts(2);
    const strange = createServer({ key, cert }).listen(0, "127.0.0.1");
    await once(strange, "listening");
    const { declared } = await render({
      settings: {
        ...variants["in the cluster"],
        network: { ca: "company.pem" },
        thanos: {
          enabled: true,
          stores: [
            { address: `127.0.0.1:${other}`, ca: "company" },
            { address: `127.0.0.1:${(strange.address() as AddressInfo).port}` },
          ],
        },
      },
    });
    const { query } = releases(declared).find(({ name }) => name === "thanos")?.values as {
      readonly query: { readonly extraArgs: readonly string[]; readonly extraVolumeMounts: { mountPath: string }[] };
    };
    const mounted = `${query.extraVolumeMounts[0]?.mountPath ?? ""}/ca.crt`;
    const held = declared.find(({ kind, metadata }) => kind === "Secret" && metadata.name === "thanos-stores-ca");
    expect(held?.["stringData"]).to.deep.equal({ "ca.crt": masked("company.pem") });
    const running = new Running();
    try {
      running.start(
        thanos,
        [
          ...["query", "--http-address=127.0.0.1:0", `--grpc-address=127.0.0.1:${other}`],
          ...["--grpc-server-tls-cert=server.crt", "--grpc-server-tls-key=server.key"],
        ],
        folder,
      );
      running.start(
        thanos,
        [
          ...["query", `--http-address=127.0.0.1:${http}`, "--grpc-address=127.0.0.1:0"],
          ...query.extraArgs.map((arg) => arg.replaceAll(mounted, ca)),
        ],
        folder,
      );
      interface Answer {
        readonly data?: { readonly query?: readonly { readonly name: string; readonly lastError: string | null }[] };
      }
      const asked = await running.soon("the other cluster", async () => {
        const response = await fetch(`http://127.0.0.1:${http}/prometheus/api/v1/stores`).catch(() => undefined);
        const { data } = ((response?.ok === true ? await response.json() : undefined) ?? {}) as Answer;
        return data?.query;
      });
      expect(asked.map(({ name, lastError }) => [name, lastError])).to.deep.equal([[`127.0.0.1:${other}`, null]]);
      await running.soon(
        "the refusal",
        () => /certificate signed by unknown authority/.test(running.said) || undefined,
      );
    } finally {
      running.end();
      strange.close();
    }
  }).timeout("3m");

  it("take every rule of the environment", async () => {
    const { "in the cluster": settings } = variants;
    const { content } = await render({ settings });
    const files = content
      .filter(({ kind }) => kind === "PrometheusRule")
      .map((object) => write(`${object.metadata.name}.rules.yaml`, stringify(object["spec"])));
    expect(files).to.have.length.greaterThan(5);
    await run(thanos, ["tools", "rules-check", ...files.map((file) => `--rules=${file}`)]);
    const broken = write("broken.yaml", stringify({ groups: [{ name: "a", rules: [{ record: "b", expr: "sum(" }] }] }));
    expect(await said(["tools", "rules-check", `--rules=${broken}`])).to.match(/could not parse expression/);
  });
});

describe("credentials for buckets", () => {
  it("of the stack file are a Secret by the names that SDKs read, and stand nowhere else", async () => {
    const secrets = [...usualSecrets(), "objectStorageAccessKey", "objectStorageSecretKey"];
    const settings = { thanos: { enabled: true }, objectStorage: "s3" } as const;
    const { declared } = await render({ settings, secrets });
    const holders = declared.filter((object) => JSON.stringify(object).includes("<secret: objectStorage"));
    expect(holders.map(({ kind, metadata }) => `${kind} ${metadata.namespace ?? ""}/${metadata.name}`)).to.deep.equal([
      "Secret monitoring/object-storage",
    ]);
    expect(holders[0]?.["stringData"]).to.deep.equal({
      AWS_ACCESS_KEY_ID: "<secret: objectStorageAccessKey>",
      AWS_SECRET_ACCESS_KEY: "<secret: objectStorageSecretKey>",
    });
  });

  it("that are made are in SeaweedFS' users as JSON, for one bucket each", async () => {
    const { declared } = await render({ settings: variants["in the cluster"] });
    const secret = declared.find(({ kind, metadata }) => kind === "Secret" && metadata.name === "seaweedfs-users-1");
    const { identities } = JSON.parse(
      String((secret?.["stringData"] as Readonly<Record<string, string>>)["seaweedfs_s3_config"]),
    ) as { readonly identities: readonly { readonly name: string; readonly actions: readonly string[] }[] };
    expect(identities.map(({ name, actions }) => [name, ...actions])).to.deep.equal([
      ["thanos", "Read:thanos", "Write:thanos", "List:thanos", "Tagging:thanos"],
    ]);
  });
});
