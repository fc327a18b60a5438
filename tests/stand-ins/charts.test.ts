import { Ajv } from "ajv";
import { expect } from "chai";
import { createHash } from "node:crypto";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { list } from "tar";
import { parse, parseAllDocuments } from "yaml";
import {
  fixtureFiles,
  fixtures,
  packBroken,
  packChart,
  packFixture,
  startChartRegistry,
  startRegistry,
  type ChartArchive,
  type ChartFiles,
  type ChartRegistry,
} from "../../rehearsal/charts/index.ts";
import { chartNamed, charts as pins } from "../../components/catalogue.ts";
import { loadChart } from "../../contract/charts.ts";

/** The files of a packed chart. */
async function unpack({ content }: Pick<ChartArchive, "content">): Promise<Record<string, string>> {
  const files: Record<string, string> = {};
  const parser = list({
    onReadEntry(entry) {
      files[entry.path] = "";
      entry.on("data", (chunk) => (files[entry.path] = `${files[entry.path] ?? ""}${chunk.toString()}`));
    },
  });
  await new Promise<void>((resolve, reject) => {
    parser.on("end", resolve);
    parser.on("error", reject);
    parser.end(content);
  });
  return files;
}

/** Skip a test, with the reason in the report. */
function skip(context: Mocha.Context, reason: string): never {
  if (context.test) context.test.title += ` (skipped: ${reason})`;
  return context.skip();
}

const sha256 = (content: Uint8Array): string => `sha256:${createHash("sha256").update(content).digest("hex")}`;

describe("rehearsal: chart registry", () => {
  const chart = (version: string) =>
    packChart({
      "Chart.yaml": `apiVersion: v2\nname: demo\nversion: ${version}\ndescription: a demo\n`,
      "values.yaml": "{}\n",
    });
  let registry: ChartRegistry;
  let http: string;

  beforeEach(async () => {
    registry = await startRegistry([await chart("1.2.3"), await chart("1.3.0+build.5")]);
    http = registry.address.replace(/^oci:\/\/([^/]+)\/(.*)$/, "http://$1/v2/$2");
  });

  afterEach(async () => {
    await registry.close();
  });

  interface Descriptor {
    readonly mediaType: string;
    readonly digest: string;
    readonly size: number;
  }

  it("gives a chart away as the OCI artifact that Helm and Flux expect, every digest true", async () => {
    const response = await fetch(`${http}/demo/manifests/1.2.3`);
    expect(response.headers.get("content-type")).to.equal("application/vnd.oci.image.manifest.v1+json");
    const bytes = Buffer.from(await response.arrayBuffer());
    const digest = sha256(bytes);
    expect(response.headers.get("docker-content-digest")).to.equal(digest);
    expect(registry.charts[0]).to.deep.equal({ name: "demo", version: "1.2.3", description: "a demo", digest });
    const byDigest = await fetch(`${http}/demo/manifests/${digest}`);
    expect(Buffer.from(await byDigest.arrayBuffer()).equals(bytes)).to.equal(true);

    const manifest = JSON.parse(bytes.toString()) as { config: Descriptor; layers: Descriptor[] };
    expect(manifest.config.mediaType).to.equal("application/vnd.cncf.helm.config.v1+json");
    expect(manifest.layers.map(({ mediaType }) => mediaType)).to.deep.equal([
      "application/vnd.cncf.helm.chart.content.v1.tar+gzip",
    ]);
    for (const { digest: blob, size } of [manifest.config, ...manifest.layers]) {
      const content = Buffer.from(await (await fetch(`${http}/demo/blobs/${blob}`)).arrayBuffer());
      expect(sha256(content)).to.equal(blob);
      expect(content.length).to.equal(size);
    }
    const config = await fetch(`${http}/demo/blobs/${manifest.config.digest}`);
    expect(await config.json()).to.include({ name: "demo", version: "1.2.3" });
    const layer = Buffer.from(
      await (await fetch(`${http}/demo/blobs/${manifest.layers[0]?.digest ?? ""}`)).arrayBuffer(),
    );
    expect(Object.keys(await unpack({ content: layer }))).to.deep.equal(["demo/Chart.yaml", "demo/values.yaml"]);
  });

  it("answers HEAD with the length and no body, and the ping of the protocol", async () => {
    const head = await fetch(`${http}/demo/manifests/1.2.3`, { method: "HEAD" });
    expect(head.status).to.equal(200);
    expect(Number(head.headers.get("content-length"))).to.be.greaterThan(100);
    expect(await head.text()).to.equal("");
    expect((await fetch(`http://127.0.0.1:${registry.port}/v2/`)).status).to.equal(200);
  });

  it("writes the + of a version as _ in the tag", async () => {
    expect(await (await fetch(`${http}/demo/tags/list`)).json()).to.deep.equal({
      name: "charts/demo",
      tags: ["1.2.3", "1.3.0_build.5"],
    });
    expect((await fetch(`${http}/demo/manifests/1.3.0_build.5`)).status).to.equal(200);
  });

  it("says what is not there, and takes nothing", async () => {
    const missing = await fetch(`${http}/demo/manifests/9.9.9`);
    expect(missing.status).to.equal(404);
    const { errors } = (await missing.json()) as { errors: { code: string; message: string }[] };
    expect(errors[0]?.code).to.equal("MANIFEST_UNKNOWN");
    expect(errors[0]?.message).to.include("9.9.9").and.to.include("1.2.3");
    expect((await fetch(`${http}/other/manifests/1.2.3`)).status).to.equal(404);
    expect((await fetch(`${http}/demo/blobs/sha256:${"0".repeat(64)}`)).status).to.equal(404);
    const push = await fetch(`${http}/demo/blobs/uploads/`, { method: "POST" });
    expect(push.status).to.equal(405);
  });

  it("fails and slows down on demand", async () => {
    registry.fail({ match: /\/demo\/manifests\//, status: 503, times: 2 });
    const path = `${http}/demo/manifests/1.2.3`;
    expect([(await fetch(path)).status, (await fetch(path)).status, (await fetch(path)).status]).to.deep.equal([
      503, 503, 200,
    ]);
  });

  it("puts a chart that fails in the place of another", async () => {
    const before = registry.charts.length;
    const served = registry.add(await packBroken({ how: "image", name: "demo", version: "1.2.3" }));
    expect(registry.charts.length).to.equal(before);
    const response = await fetch(`${http}/demo/manifests/1.2.3`);
    expect(response.headers.get("docker-content-digest")).to.equal(served.digest);
    expect(served.description).to.include("fails: image");
  });
});

describe("rehearsal: stand-in charts", () => {
  it("exist for every pinned chart", () => {
    const names = ["cert-manager", ...fixtures.map(({ pin }) => pin.name)];
    expect(names).to.have.members(Object.values(pins).map(({ name }) => name));
  });

  it("are named in the error for a chart that has none", async () => {
    const error: unknown = await packFixture("unheard-of").catch((reason: unknown) => reason);
    expect(String(error)).to.include("no stand-in for the chart unheard-of").and.to.include("--charts");
  });

  for (const fixture of fixtures) {
    const { name, version } = fixture.pin;

    describe(name, () => {
      let files: Record<string, string>;
      const read = (path: string): string => files[`${name}/${path}`] ?? "";

      before(async function () {
        let archive: ChartArchive;
        try {
          archive = await packFixture(name);
        } catch (error) {
          // Its CRDs come from a Go module, which a machine without Go or without a network does not get.
          if (!/Go is not installed|cannot be had/.test(String(error))) throw error;
          console.warn(`    stand-in chart ${name} is not tested: ${String(error)}`);
          return this.skip();
        }
        expect(archive).to.include({ name, version });
        files = await unpack(archive);
      });

      it("has the real chart's name and version, and says what it is", () => {
        expect(parse(read("Chart.yaml"))).to.include({
          apiVersion: "v2",
          name,
          version,
          appVersion: loadChart(fixture.pin).appVersion,
        });
        expect((parse(read("Chart.yaml")) as { description: string }).description).to.include("stand-in");
        expect(read("templates/stand-in.yaml")).to.include("rehearsal/stand-in");
      });

      it("accepts its own values and rejects a top-level key that the real chart does not have", () => {
        const validate = new Ajv().compile(JSON.parse(read("values.schema.json")) as object);
        const values = parse(read("values.yaml")) as Record<string, unknown>;
        expect(validate(values), JSON.stringify(validate.errors)).to.equal(true);
        expect(validate({ ...values, global: {} })).to.equal(true);
        expect(validate({ ...values, typoOfSomething: 1 })).to.equal(false);
      });

      it("packs to the same bytes each time", async () => {
        const [one, two] = [await packFixture(name), await packFixture(name)];
        expect(sha256(one.content)).to.equal(sha256(two.content));
      });

      it("sets defaults only under paths that the real chart has", () => {
        expect(unknownPaths(parse(read("values.yaml")), loadChart(fixture.pin).values)).to.deep.equal([]);
      });
    });
  }

  it("have the same definitions where they need not be whole, but for the descriptions of fields", async function () {
    const weight = { whole: 0, light: 0 };
    for (const { name } of Object.values(pins)) {
      let files: ChartFiles;
      try {
        files = await fixtureFiles(name);
      } catch (error) {
        if (!/Go is not installed|cannot be had/.test(String(error))) throw error;
        return skip(this, String(error));
      }
      const light = await unpack(await packFixture(name, { whole: false }));
      for (const [path, text] of Object.entries(files)) {
        const other = light[`${name}/${path}`] ?? "";
        if (!text.includes("kind: CustomResourceDefinition")) expect(other, path).to.equal(text);
        else {
          weight.whole += text.length;
          weight.light += other.length;
          expect(definitionsIn(other), path).to.deep.equal(definitionsIn(text));
        }
      }
    }
    // Some have none in any case.
    expect(weight.light).to.be.within(1, weight.whole / 2);
  });

  it("are replaced by real ones from a folder, at the pinned version only", async function () {
    const folder = await mkdtemp(join(tmpdir(), "rehearsal-charts-"));
    try {
      const real = (name: string, version: string) =>
        packChart({ "Chart.yaml": `apiVersion: v2\nname: ${name}\nversion: ${version}\ndescription: real\n` });
      await writeFile(join(folder, "loki.tgz"), (await real("loki", chartNamed("loki").version)).content);
      await writeFile(join(folder, "jaeger.tgz"), (await real("jaeger", "0.0.1")).content);
      const lines: string[] = [];
      let registry: ChartRegistry;
      try {
        registry = await startChartRegistry({ folder, log: (line) => lines.push(line) });
      } catch (error) {
        if (!/Go is not installed|cannot be had/.test(String(error))) throw error;
        return skip(this, String(error));
      }
      await registry.close();
      expect(registry.charts.map(({ name, version }) => ({ name, version }))).to.have.deep.members(
        Object.values(pins).map(({ name, version }) => ({ name, version })),
      );
      expect(lines).to.include(`chart loki ${chartNamed("loki").version}: the real one`);
      expect(lines).to.include(
        `chart jaeger ${chartNamed("jaeger").version}: stand-in (the folder has 0.0.1, not this version)`,
      );
      expect(registry.charts.find(({ name }) => name === "loki")?.description).to.equal("real");
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  });

  it("that fail are charts all the same", async () => {
    const broken = async (how: "template" | "image" | "rejected"): Promise<string> => {
      const files = await unpack(await packBroken({ how, name: "loki", version: "1.0.0" }));
      expect(Object.keys(files)).to.deep.equal(["loki/Chart.yaml", "loki/templates/broken.yaml", "loki/values.yaml"]);
      return files["loki/templates/broken.yaml"] ?? "";
    };
    expect(await broken("template")).to.include("{{ fail ");
    expect(await broken("image"))
      .to.include("image: registry.invalid/does-not-exist")
      .and.not.to.include("hostNetwork");
    expect(await broken("rejected"))
      .to.include("hostNetwork: true")
      .and.not.to.include("does-not-exist");
  });

  it("fail to be read from a folder with something else in it, by the file's name", async () => {
    const folder = await mkdtemp(join(tmpdir(), "rehearsal-charts-"));
    try {
      await writeFile(join(folder, "nonsense.tgz"), "nonsense");
      const error: unknown = await startChartRegistry({ folder }).catch((reason: unknown) => reason);
      expect(String(error)).to.include("nonsense.tgz").and.to.include("not a Helm chart");
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  });
});

/** The documents of a template, without the lines that are for Helm and without texts that are descriptions. */
function definitionsIn(template: string): unknown[] {
  const text = template.replaceAll(/^.*\{\{.*$/gm, (line) => (line.includes('{{ "{{" }}') ? line : ""));
  const undescribed = (key: unknown, value: unknown) =>
    key === "description" && typeof value === "string" ? undefined : value;
  return parseAllDocuments(text).map((document): unknown => document.toJS({ reviver: undescribed }) as unknown);
}

const isMap = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null && !Array.isArray(value);

/** Paths of `ours` that `real` does not have; a map that is empty in `real` takes any key. */
function unknownPaths(ours: unknown, real: unknown, path = ""): string[] {
  if (!isMap(ours) || !isMap(real) || Object.keys(real).length === 0) return [];
  return Object.entries(ours).flatMap(([key, value]) =>
    key in real ? unknownPaths(value, real[key], `${path}/${key}`) : [`${path}/${key}`],
  );
}
