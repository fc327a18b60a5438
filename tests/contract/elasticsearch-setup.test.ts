/**
 * What the declared Job does to Elasticsearch, by its own shell and curl. Elasticsearch, whose licence keeps it out, is a stand-in that keeps what it is
 * sent; whether its script compiles and its templates do what they should is seen nowhere here.
 */
import { expect } from "chai";
import { execFile } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { createServer, type Server } from "node:https";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import type { Manifest } from "../../components/kubernetes/manifest.ts";
import { at, textAt } from "../../contract/finding.ts";
import { render } from "../../contract/rendered.ts";
import { type Authority, makeAuthority } from "../support/authority.ts";

interface Asked {
  readonly what: string;
  readonly body: string;
}

const password = "Secret24LettersAndDigits";

describe("Elasticsearch is told by a Job", function () {
  let folder: string;
  let authority: Authority;
  let job: Manifest | undefined;
  let server: Server;
  let asked: Asked[];
  /** Answers of 503 before it is ready, and a path that it refuses. */
  let starting: number;
  let refused: string | undefined;

  before(async () => {
    folder = mkdtempSync(join(tmpdir(), "elasticsearch-"));
    authority = makeAuthority(folder);
    const { declared } = await render({
      settings: {
        logs: "elasticsearch",
        objectStorage: "seaweedfs",
        elasticsearch: { snapshots: { bucket: "nightly" } },
      },
    });
    job = declared.find(({ kind, metadata }) => kind === "Job" && metadata.name.startsWith("elasticsearch-setup"));
  });
  beforeEach(async () => {
    [asked, starting, refused] = [[], 2, undefined];
    server = createServer({ key: authority.key, cert: authority.cert }, (request, response) => {
      let body = "";
      request.setEncoding("utf8").on("data", (part: string) => (body += part));
      request.on("end", () => {
        const { method = "", url = "", headers } = request;
        const known = headers.authorization === `Basic ${Buffer.from(`setup:${password}`).toString("base64")}`;
        const health = url.startsWith("/_cluster/health");
        if (!health) asked.push({ what: `${method} ${url}`, body });
        const code = !known ? 401 : health && starting-- > 0 ? 503 : url === refused ? 400 : 200;
        response
          .writeHead(code, { "content-type": "application/json" })
          .end(JSON.stringify({ said: `${code} by the stand-in` }));
      });
    });
    await new Promise<void>((listening) => server.listen(0, "127.0.0.1", listening));
  });
  afterEach(() => server.close());
  after(() => {
    rmSync(folder, { recursive: true, force: true });
  });

  /** Runs the Job's container. Its address, its folder and its pause are other ones here. */
  async function run(): Promise<{ readonly code: number; readonly said: string; readonly args: string[] }> {
    const container = at(job, "spec", "template", "spec", "containers", 0);
    const [program = "", ...first] = at(container, "command") as string[];
    const args = at(container, "args") as string[];
    const mount = textAt(container, "volumeMounts", 0, "mountPath") ?? "";
    const line = first.map((text) => text.replaceAll(mount, dirname(authority.ca)).replaceAll("sleep 5", "sleep 0.05"));
    expect(line.join(" ")).to.include(authority.ca);
    const env = {
      PATH: process.env["PATH"],
      ADDRESS: `https://127.0.0.1:${(server.address() as AddressInfo).port}`,
      PASSWORD: password,
    };
    return await new Promise((resolve) => {
      execFile(program, [...line, ...args], { env, timeout: 600_000 }, (error, stdout, stderr) => {
        resolve({ code: error === null ? 0 : Number(error.code ?? 1), said: `${stdout}${stderr}`, args });
      });
    });
  }

  it("once it is ready, in order, as JSON", async () => {
    const { code, said, args } = await run();
    expect(code, said).to.equal(0);
    expect(starting).to.equal(-1);
    expect(asked.map(({ what }) => what)).to.deep.equal([
      "PUT /_ilm/policy/observability-logs",
      "PUT /_ingest/pipeline/observability-fluent-bit",
      "PUT /_ingest/pipeline/logs@custom",
      "PUT /_component_template/logs@custom",
      "PUT /_snapshot/observability",
      "PUT /_slm/policy/observability",
    ]);
    const bodies = args.filter((_, index) => index % 2 === 1);
    expect(asked.map(({ body }) => body)).to.deep.equal(bodies);
    for (const body of bodies) expect(JSON.parse(body)).to.be.an("object");
    // Kubernetes would fill these in.
    expect(args.join(" ")).to.not.include("$(");
    expect(said).to.not.include(password);
  });

  it("and says why where it refuses something: the Job fails, and what comes after is not sent", async () => {
    refused = "/_component_template/logs@custom";
    const { code, said } = await run();
    expect(code).to.not.equal(0);
    expect(said).to.include("400 by the stand-in");
    expect(asked.at(-1)?.what).to.equal(`PUT ${refused}`);
  });
});
