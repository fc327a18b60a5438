import { expect } from "chai";
import { existsSync, globSync, readdirSync, readFileSync, statSync } from "node:fs";
import { join, relative } from "node:path";
import { parse, parseAllDocuments, stringify } from "yaml";
import { contentFolders } from "../../components/gitops/content.ts";
import { yamlScalars } from "../../components/gitops/source.ts";
import { type Manifest, manifestId } from "../../components/kubernetes/manifest.ts";
import { remembered } from "../../components/remembered.ts";
import { assemble, substitute, substituteText } from "../../contract/flux-repo.ts";
import { programSaid } from "../../contract/said.ts";
import { customResourceSchema, validate } from "../../contract/schemas.ts";
import { which } from "../../toolchain/run.ts";
import { projectFolder } from "./support/content.ts";

/** Folders that Flux applies: one for each environment, and the demos'; each with all the content that may go with it. */
const folders = ["clusters/dev", "clusters/local", "clusters/production", "demo/kbot", "demo/podinfo"] as const;

const demos = ["kbot", "podinfo"];

/** Folders of content in a language that no store of the defaults knows. */
const otherLanguages = ["logs.victoriametrics-logs-datasource", "logs.elasticsearch"];

/** Components of kustomize that go with a folder where every component is there, relative to it. */
function componentsOf(folder: string): string[] {
  const content = readdirSync(join(projectFolder, "flux-repo/content"));
  const own = folder.startsWith("demo/")
    ? content.filter((name) => folder.endsWith(name))
    : content.filter((name) => !demos.includes(name) && !otherLanguages.includes(name));
  return own
    .flatMap((name) => contentFolders(name, (need) => !otherLanguages.includes(need)))
    .map((path) => relative(folderOf(folder), join(projectFolder, path)));
}

/** Content that takes the place of such in a language of the defaults, relative to a folder. */
const inOtherLanguages = (folder: string): string[] =>
  readdirSync(join(projectFolder, "flux-repo/content"))
    .flatMap((name) => contentFolders(name, () => true))
    .filter((path) => otherLanguages.some((language) => path.split(/[/+]/).includes(language)))
    .map((path) => relative(folderOf(folder), join(projectFolder, path)));

/** Values as awkward as settings allow: numbers and booleans that must stay text, and text that must become one. */
const values = {
  ...yamlScalars({
    CLUSTER_NAME: "team: 1e3 #1 'x'",
    DEMO_REPOSITORY: "https://github.com/acme/kbot",
    DEMO_REF_BRANCH: "1.0",
    DEMO_IMAGE: "ghcr.io/acme/kbot:1.10",
    PODINFO_IMAGE: "ghcr.io/stefanprodan/podinfo:6.14.1",
    COLLECTOR_OTLP_GRPC: "http://otel-collector.monitoring:4317",
    COLLECTOR_OTLP_HTTP: "http://otel-collector.monitoring:4318",
  }),
  RUNBOOK_BASE_URL: "https://github.com/acme/platform/blob/main/docs/runbooks",
  GRAFANA_URL: "http://localhost:3000",
};

function folderOf(folder: string): string {
  return join(projectFolder, "flux-repo", folder);
}

const objectsOf = remembered((folder: string): readonly Manifest[] =>
  assemble(folderOf(folder), componentsOf(folder)).map((object) => substitute(object, values)),
);

/** What its CRD has against a custom resource; clusters have most in common. */
const complaints = remembered((object: Manifest) => {
  const schema = customResourceSchema(object.apiVersion, object.kind);
  return schema === undefined ? `no CRD for ${object.apiVersion} ${object.kind}` : validate(schema, object);
}, new WeakMap<Manifest, unknown>());

function find(objects: readonly Manifest[], kind: string): Manifest & { readonly spec: Record<string, unknown> } {
  const found = objects.filter((object) => object.kind === kind);
  expect(found, kind).to.have.length(1);
  return found[0] as Manifest & { readonly spec: Record<string, unknown> };
}

/** Files that a folder's kustomization reaches, itself included. */
const reached = remembered((folder: string): readonly string[] => {
  const file = join(folder, "kustomization.yaml");
  const { resources = [], configMapGenerator = [] } = (parse(readFileSync(file, "utf8")) ?? {}) as {
    resources?: string[];
    configMapGenerator?: { files: string[] }[];
  };
  return [
    file,
    ...resources.flatMap((name) => {
      const target = join(folder, name);
      expect(existsSync(target), `${file} names ${name}`).to.equal(true);
      return statSync(target).isDirectory() ? reached(target) : [target];
    }),
    ...configMapGenerator.flatMap(({ files }) => files.map((name) => join(folder, name))),
  ];
});

describe("what Flux syncs", () => {
  it("has no file that nothing uses", () => {
    const used = new Set(
      folders.flatMap((folder) =>
        [".", ...componentsOf(folder), ...inOtherLanguages(folder)].flatMap((component) =>
          reached(join(folderOf(folder), component)),
        ),
      ),
    );
    const present = globSync("flux-repo/**/*", { cwd: projectFolder })
      .map((file) => join(projectFolder, file))
      .filter((file) => statSync(file).isFile() && !file.endsWith(".md"));
    const unused = present.filter((file) => !used.has(file));
    expect(unused.map((file) => relative(projectFolder, file))).to.deep.equal([]);
  });

  it("is YAML without duplicate keys", () => {
    for (const file of globSync("flux-repo/**/*.yaml", { cwd: projectFolder })) {
      for (const document of parseAllDocuments(readFileSync(join(projectFolder, file), "utf8"))) {
        expect([...document.errors, ...document.warnings], file).to.deep.equal([]);
      }
    }
  });

  for (const folder of folders) {
    describe(folder, () => {
      it("declares each object once, in a namespace that the environment has", () => {
        const objects = objectsOf(folder);
        const ids = objects.map(manifestId);
        expect(new Set(ids)).to.have.length(ids.length);
        for (const { metadata } of objects) expect(metadata.namespace).to.be.oneOf(["monitoring", "demo"]);
      });

      it(`has ${folder.startsWith("demo/") ? "one demo alone" : "no demo"}`, () => {
        const demo = objectsOf(folder).filter(({ metadata }) => /kbot|podinfo/.test(metadata.name));
        const kinds: Readonly<Record<string, readonly string[]>> = {
          "demo/kbot": [
            ...["ConfigMap", "GitRepository", "HelmRelease", "PrometheusRule", "PrometheusRule"],
            ...["Service", "ServiceMonitor"],
          ],
          "demo/podinfo": ["ConfigMap", "Deployment", "PrometheusRule", "PrometheusRule"],
        };
        expect(demo.map(({ kind }) => kind).sort()).to.deep.equal(kinds[folder] ?? []);
        for (const { metadata } of demo) expect(metadata.name).to.include(folder.replace("demo/", ""));
      });

      it("keeps Grafana's variables from Flux, and Prometheus's rules for it", () => {
        for (const { kind, metadata } of objectsOf(folder)) {
          const disabled = metadata.annotations?.["kustomize.toolkit.fluxcd.io/substitute"] === "disabled";
          expect(disabled, `${kind} ${metadata.name}`).to.equal(kind === "ConfigMap");
        }
      });

      it("holds custom resources that their CRDs accept", () => {
        const custom = objectsOf(folder).filter(({ apiVersion }) => apiVersion.includes("."));
        expect(custom).to.have.length.greaterThan(0);
        for (const object of custom) expect(complaints(object), manifestId(object)).to.deep.equal([]);
      });
    });
  }

  describe("substitution", () => {
    it("keeps numbers that are text", () => {
      const objects = objectsOf("demo/kbot");
      expect(find(objects, "GitRepository").spec["ref"]).to.deep.equal({ branch: "1.0" });
      const release = find(objects, "HelmRelease").spec as {
        postRenderers: { kustomize: { patches: { patch: string }[] } }[];
      };
      const patch = parse(release.postRenderers[0]?.kustomize.patches[0]?.patch ?? "") as Manifest & {
        spec: { template: { spec: { containers: unknown[] } } };
      };
      expect(patch.spec.template.spec.containers[0]).to.include({ name: "kbot", image: "ghcr.io/acme/kbot:1.10" });
    });

    it("fills the alerts' links and leaves their templates alone", () => {
      const text = JSON.stringify(objectsOf("clusters/dev").filter(({ kind }) => kind === "PrometheusRule"));
      expect(text).to.include("https://github.com/acme/platform/blob/main/docs/runbooks/NodeMemoryNearEviction.md");
      expect(text).to.include("http://localhost:3000/d/cluster?var-node={{ $labels.node }}");
      expect(text).to.include('\\"metric\\", \\"$1\\"').and.not.include("${");
    });

    it("gives the same in the text that kustomize writes", function () {
      // The text decides: a plain scalar would become a number, one in quotes stays text.
      const kubectl = which("kubectl", process.env);
      if (kubectl === undefined) {
        console.warn("Skipped, kubectl (kustomize) is not on PATH.");
        return this.skip();
      }
      const parsed = remembered((text: string) => parse(text) as Manifest);
      for (const folder of folders) {
        const components = componentsOf(folder);
        const used = [".", ...components].flatMap((component) => reached(join(folderOf(folder), component)));
        const files = Object.fromEntries(
          used.map((file) => [relative(projectFolder, file), readFileSync(file, "utf8")]),
        );
        // As Flux does it: the components are added to the folder's kustomization.
        const file = join("flux-repo", folder, "kustomization.yaml");
        files[file] = stringify({ ...(parse(files[file] ?? "") as object), components });
        const args = ["kustomize", join("flux-repo", folder)];
        const { status, stdout, stderr } = programSaid(kubectl, { files, args });
        expect(status, stderr).to.equal(0);
        const written = stdout.split(/^---\n/m).map((text) => {
          const disabled = text.includes("kustomize.toolkit.fluxcd.io/substitute: disabled");
          return parsed(disabled ? text : substituteText(text, values, folder));
        });
        const byId = (a: Manifest, b: Manifest) => manifestId(a).localeCompare(manifestId(b));
        expect(written.sort(byId)).to.deep.equal(objectsOf(folder).toSorted(byId));
      }
    });
  });
});
