/**
 * What the declared Job does to Elasticsearch and Kibana, by its own shell and curl. Both, whose licence keeps them out, are stand-ins that keep what they are
 * sent; whether a script compiles, templates do what they should and Kibana shows what it is given is seen nowhere here.
 */
import { expect } from "chai";
import { execFile } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { createServer as createPlainServer, type Server as PlainServer } from "node:http";
import { createServer, type Server } from "node:https";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import type { Manifest } from "../../components/kubernetes/manifest.ts";
import { at, textAt } from "../../contract/finding.ts";
import { render } from "../../contract/rendered.ts";
import { validate } from "../../contract/schemas.ts";
import { type Authority, makeAuthority } from "../support/authority.ts";
import { readSavedObjects, savedObjectsSchema } from "./support/kibana-objects.ts";
import { misspellings } from "./support/verdict.ts";

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
  let kibana: PlainServer;
  /** What it has, by type and id. */
  let known: Map<string, unknown>;
  /** An error of an object, instead of taking it. */
  let wrong: string | undefined;

  before(async () => {
    folder = mkdtempSync(join(tmpdir(), "elasticsearch-"));
    authority = makeAuthority(folder);
    const { declared } = await render({
      settings: {
        logs: "elasticsearch",
        objectStorage: "seaweedfs",
        elasticsearch: { snapshots: { bucket: "nightly" } },
        metricbeat: { enabled: true },
      },
    });
    job = declared.find(({ kind, metadata }) => kind === "Job" && metadata.name.startsWith("elasticsearch-setup"));
  });
  beforeEach(async () => {
    [asked, starting, refused, wrong] = [[], 2, undefined, undefined];
    known = new Map();
    let notReady = 1;
    kibana = createPlainServer((request, response) => {
      let body = "";
      request.setEncoding("utf8").on("data", (part: string) => (body += part));
      request.on("end", () => {
        const { method = "", url = "", headers } = request;
        const answer = (code: number, said: object) =>
          response.writeHead(code, { "content-type": "application/json" }).end(JSON.stringify(said));
        if (headers.authorization !== `Basic ${Buffer.from(`setup:${password}`).toString("base64")}`) answer(401, {});
        else if (url === "/api/status") answer(notReady-- > 0 ? 503 : 200, {});
        else if (`${method} ${url}` !== "POST /api/saved_objects/_import" || headers["kbn-xsrf"] === undefined)
          answer(400, { message: "the stand-in does not know this" });
        else {
          // A part of a form: its headers, an empty line, the file and the boundary.
          const file = body.split("\r\n\r\n")[1]?.split("\r\n--")[0] ?? "";
          const errors = readSavedObjects(file).flatMap((object) => {
            const id = `${object.type} ${object.id}`;
            const type = wrong ?? (known.has(id) ? "conflict" : undefined);
            if (type === undefined) known.set(id, object);
            return type === undefined ? [] : [{ id: object.id, type: object.type, error: { type } }];
          });
          answer(200, { success: errors.length === 0, ...(errors.length === 0 ? {} : { errors }) });
        }
      });
    });
    await new Promise<void>((listening) => kibana.listen(0, "127.0.0.1", listening));
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
  afterEach(() => {
    server.close();
    kibana.close();
  });
  after(() => {
    rmSync(folder, { recursive: true, force: true });
  });

  const objects = () => {
    const env = at(job, "spec", "template", "spec", "containers", 0, "env") as { name: string; value?: string }[];
    return env.find(({ name }) => name === "KIBANA_OBJECTS")?.value ?? expect.fail("no objects");
  };

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
      KIBANA: `http://127.0.0.1:${(kibana.address() as AddressInfo).port}`,
      KIBANA_OBJECTS: objects(),
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
      "PUT /_ilm/policy/observability-metrics",
      "PUT /_index_template/observability-metrics",
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

  it("and Kibana is given what people find there: once, and what they have changed stays", async () => {
    expect((await run()).code).to.equal(0);
    const ids = [
      ...["index-pattern observability-logs", "search observability-log-lines", "dashboard observability-logs"],
      ...["index-pattern observability-metrics", "dashboard observability-metrics"],
    ];
    expect([...known.keys()]).to.deep.equal(ids);
    known.set(ids[2] ?? "", "changed");
    known.delete(ids[1] ?? "");
    const { code, said } = await run();
    expect(code, said).to.equal(0);
    expect([...known.keys()]).to.have.members(ids);
    expect(known.get(ids[2] ?? "")).to.equal("changed");
    wrong = "missing_references";
    const failed = await run();
    expect(failed.code, failed.said).to.equal(1);
    expect(failed.said).to.include("missing_references");
  });

  it("in the form that a strict reader of Kibana's saved objects takes, which refuses any key that is misspelt", () => {
    const read = readSavedObjects(objects());
    const faults = (value: unknown) => validate(savedObjectsSchema, value);
    expect(faults(read)).to.deep.equal([]);
    // One object at a time, and one panel of it: the whole is looked at above.
    const alone = read.flatMap((object) => {
      const panels = (object.attributes["panelsJSON"] ?? [undefined]) as unknown[];
      return panels.map((panel) =>
        panel === undefined ? object : { ...object, attributes: { ...object.attributes, panelsJSON: [panel] } },
      );
    });
    const all = alone.flatMap((object) => [...misspellings([object])]);
    expect(all.length).to.be.greaterThan(100);
    // Names of its own: of layers and columns; others lead there, which the reader holds.
    const free = /\.(layers\.lines|columns\.(time|by|value))$/;
    expect(
      all.filter(({ path, config }) => !free.test(path) && faults(config).length === 0).map(({ path }) => path),
    ).to.deep.equal([]);
  });
});
