import { expect } from "chai";
import { execFile, spawn } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { createServer as createBucket, type Server } from "node:http";
import { createServer } from "node:tls";
import * as path from "node:path";
import { promisify } from "node:util";
import { stringify } from "yaml";
import { at } from "../../contract/finding.ts";
import type { Manifest } from "../../components/kubernetes/manifest.ts";
import { releases, render, type Rendered } from "../../contract/rendered.ts";
import { masked, usualSecrets } from "../../contract/run-program.ts";
import { programSaid } from "../../contract/said.ts";
import { freePorts } from "../../rehearsal/control-plane/processes.ts";
import { makeAuthority } from "../support/authority.ts";
import { Running } from "../support/running.ts";
import { alone, variants } from "../../components/metrics/thanos/variants.ts";
import { programOrSkip } from "../support/program.ts";
import { environmentOf } from "../support/rendered.ts";

const run = promisify(execFile);

describe("Thanos' own programs on what they are given", function () {
  let thanos: string;
  let folder = "";

  /** Nobody may do anything there, which ends a program once it has read everything; of an address where nobody is it would ask again and again. */
  let bucket: Server;

  before(async function () {
    thanos = await programOrSkip(this, "thanos");
    folder = mkdtempSync(path.join(tmpdir(), "thanos-"));
    bucket = createBucket((_, response) =>
      response.writeHead(403, { "content-type": "application/xml" }).end("<Error><Code>AccessDenied</Code></Error>"),
    ).listen(0, "127.0.0.1");
    await once(bucket, "listening");
  });
  after(() => {
    bucket.close();
    rmSync(folder, { recursive: true, force: true });
  });

  const write = (name: string, text: string) => {
    const file = path.join(folder, name);
    writeFileSync(file, text);
    return file;
  };
  /** The configuration of the bucket, at the address of the one here. */
  const bucketOf = ({ declared }: Rendered): string => {
    const secret = declared.find(
      ({ kind, metadata }) => kind === "Secret" && metadata.name.startsWith("thanos-bucket-"),
    );
    const text = String(Object.values(secret?.["stringData"] as object)[0]);
    return text.replace(/endpoint: .*/, `endpoint: 127.0.0.1:${(bucket.address() as AddressInfo).port}`);
  };
  const argsOf = ({ declared }: Rendered, part: string): string[] =>
    (at(releases(declared).find(({ name }) => name === "thanos")?.values, part, "extraArgs") ?? []) as string[];
  /** What it says in the end. */
  const said = (args: readonly string[]): Promise<string> =>
    run(thanos, args, { env: { AWS_ACCESS_KEY_ID: "a", AWS_SECRET_ACCESS_KEY: "b" }, timeout: 300_000 }).then(
      () => "nothing",
      (error: unknown) => (error as { readonly stderr: string }).stderr,
    );
  const ls = (text: string) =>
    said(["tools", "bucket", "ls", `--objstore.config-file=${write("bucket.yaml", text)}`, "--timeout=10s"]);

  it("read the configuration of the bucket, and refuse a key that they do not know (the check itself)", async () => {
    const { "in the cluster": usual } = variants;
    const text = bucketOf(await environmentOf(usual));
    expect(await ls(text)).to.match(/Access ?Denied/);
    expect(await ls(text.replace("insecure:", "unsafe:"))).to.match(/field unsafe not found/);
  });

  /** Whether one that serves gets so far as to listen, by its arguments: those of several variants are the same. */
  const listened = new Map<string, Promise<string>>();
  const listening = (args: readonly string[]) => {
    const key = args.join(" ");
    const log = listened.get(key) ?? listen([...args, "--http-address=127.0.0.1:0"]);
    listened.set(key, log);
    return log;
  };
  const listen = async (args: readonly string[]): Promise<string> => {
    const child = spawn(thanos, args);
    let log = "";
    child.stderr.on("data", (chunk: Buffer) => {
      log += chunk.toString();
      if (log.includes("listening for requests")) child.kill("SIGKILL");
    });
    await once(child, "close");
    return log;
  };

  for (const [title, settings] of Object.entries({ ...variants, ...alone })) {
    it(`take what is declared for Thanos ${title}`, async () => {
      const rendered = await environmentOf(settings);
      // The CA is a file of the pod. An empty one holds no certificate, and it is the file that is read.
      const text = bucketOf(rendered).replace("/etc/object-storage/ca.crt", write("ca.crt", ""));
      const wanted = text.includes("ca_file")
        ? /unable to use specified CA cert/
        : text.includes("insecure: true")
          ? /Access ?Denied/
          : /HTTP response to HTTPS client/;
      const [compact, ...logs] = await Promise.all([
        said([
          ...["compact", "--http-address=127.0.0.1:0", `--data-dir=${path.join(folder, "compact")}`],
          ...[`--objstore.config-file=${write("compact.yaml", text)}`, ...argsOf(rendered, "compact")],
        ]),
        listening(["query", "--grpc-address=127.0.0.1:0", ...argsOf(rendered, "query")]),
        listening([
          ...["query-frontend", "--query-frontend.downstream-url=http://127.0.0.1:1"],
          ...argsOf(rendered, "queryFrontend"),
        ]),
      ]);
      expect(compact).to.match(wanted);
      for (const log of logs) expect(log).to.include("listening for requests");
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
      await running.soon(
        "the other cluster listens",
        () => running.said.includes("listening for serving gRPC") || undefined,
      );
      running.start(
        thanos,
        [
          ...["query", `--http-address=127.0.0.1:${http}`, "--grpc-address=127.0.0.1:0"],
          // Until then nothing is told of anybody, because of the one that is refused.
          "--endpoint.info-timeout=2s",
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
    const { content } = await environmentOf(settings);
    const rules = content.filter(({ kind }) => kind === "PrometheusRule");
    expect(rules).to.have.length.greaterThan(5);
    const check = (objects: readonly Manifest[]) => {
      const files = Object.fromEntries(
        objects.map(({ metadata, spec }) => [`${metadata.name}.rules.yaml`, stringify(spec)]),
      );
      const args = Object.keys(files).map((file) => `--rules=${file}`);
      return programSaid(thanos, { files, args: ["tools", "rules-check", ...args] });
    };
    const { status, stderr } = check(rules);
    expect(status, stderr).to.equal(0);
    const [first] = rules;
    const groups = [{ name: "a", rules: [{ record: "b", expr: "sum(" }] }];
    const broken = check([{ ...first, spec: { groups } } as unknown as Manifest]);
    expect(broken.status).not.to.equal(0);
    expect(broken.stderr).to.match(/could not parse expression/);
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
    const { declared } = await environmentOf(variants["in the cluster"]);
    const secret = declared.find(({ kind, metadata }) => kind === "Secret" && metadata.name === "seaweedfs-users-1");
    const { identities } = JSON.parse(
      String((secret?.["stringData"] as Readonly<Record<string, string>>)["seaweedfs_s3_config"]),
    ) as { readonly identities: readonly { readonly name: string; readonly actions: readonly string[] }[] };
    expect(identities.map(({ name, actions }) => [name, ...actions])).to.deep.equal([
      ["thanos", "Read:thanos", "Write:thanos", "List:thanos", "Tagging:thanos"],
    ]);
  });
});
