import { expect } from "chai";
import { existsSync, globSync, readdirSync, readFileSync } from "node:fs";
import { homedir } from "node:os";
import { delimiter, join } from "node:path";
import { projectRoot } from "../../../contract/rendered.ts";

/**
 * Programs under the AGPL or a vendor's own terms, by their modules. Clients and protocols of the same vendors are other
 * modules (`consul/api`, `minio-go`) under other licences.
 */
const refusedModule =
  /^github\.com\/(?:grafana\/(?:agent|alloy|beyla|grafana|k6|loki|mimir|oncall|pyroscope|tempo)|minio\/(?:console|kes|mc|minio|operator)|elastic\/(?:apm-server|beats|cloud-on-k8s|elastic-agent|elasticsearch)|hashicorp\/(?:boundary|consul|nomad|packer|terraform|vault|waypoint)|cockroachdb\/cockroach|getsentry\/sentry|mongodb\/mongo|redis\/redis|timescale\/timescaledb)(?:\/v\d+)?$/;

/** Titles of such licences. The MPL and the GPL name the AGPL too, but in other letters. */
const refusedLicence =
  /^\s*(?:GNU AFFERO GENERAL PUBLIC LICENSE|Business Source License|Server Side Public License|E(?:lastic|LASTIC) L(?:icense|ICENSE)|Functional Source License|"?Commons Clause)/m;

/** Licences of npm packages that may be used; any other is looked at before it gets in. */
const openLicence =
  /^\(?(?:MIT|Apache-2\.0|BSD-[23]-Clause|ISC|MPL-2\.0|BlueOak-1\.0\.0|OFL-1\.1|Python-2\.0|PSF-2\.0|CC0-1\.0|CC-BY-[34]\.0|Unlicense|0BSD)(?: (?:AND|OR) (?:MIT|Apache-2\.0|OFL-1\.1|BSD-[23]-Clause))*\)?$/;

interface Module {
  readonly path: string;
  readonly version: string;
  /** The folder of the go.mod that needs it. */
  readonly set: string;
}

/** Every module whose content a build of a set may need: go.sum has the checksum of its files. */
function modules(): Module[] {
  const sets = globSync("{contract,tests,toolchain}/**/go.mod", { cwd: projectRoot, exclude: ["**/node_modules"] });
  return sets.flatMap((file) => {
    const set = file.replace(/\/go\.mod$/, "");
    const sum = join(projectRoot, set, "go.sum");
    const known = existsSync(sum) ? readFileSync(sum, "utf8") : "";
    const text = readFileSync(join(projectRoot, file), "utf8");
    return [...known.matchAll(/^(\S+) (v[^\s/]+) h1:/gm), ...text.matchAll(/(\S+) (v\d\S*)/g)].map(
      ([, path = "", version = ""]) => ({ path, version, set }),
    );
  });
}

/** Where Go keeps a module, which it does once it was needed. */
function folderOf({ path, version }: Module): string {
  const goPath = process.env["GOPATH"]?.split(delimiter)[0] ?? join(homedir(), "go");
  const escaped = (text: string) => text.replaceAll(/[A-Z]/g, (letter) => `!${letter.toLowerCase()}`);
  const cache = process.env["GOMODCACHE"] ?? join(goPath, "pkg/mod");
  return join(cache, `${escaped(path)}@${escaped(version)}`);
}

function licences(folder: string): string[] {
  return readdirSync(folder, { withFileTypes: true })
    .filter((entry) => entry.isFile() && /^(licen[cs]e|copying)/i.test(entry.name))
    .map(({ name }) => readFileSync(join(folder, name), "utf8"));
}

describe("licences of what is built, linked or installed", () => {
  it("are told apart (the check itself)", () => {
    for (const path of ["grafana/loki/v3", "grafana/tempo", "minio/minio", "elastic/cloud-on-k8s", "hashicorp/vault"])
      expect(path).to.satisfy(() => refusedModule.test(`github.com/${path}`));
    for (const path of ["grafana/regexp", "minio/minio-go/v7", "hashicorp/consul/api", "elastic/go-elasticsearch/v9"])
      expect(path).to.satisfy(() => !refusedModule.test(`github.com/${path}`));
    expect("  GNU AFFERO GENERAL PUBLIC LICENSE\n  Version 3").to.match(refusedLicence);
    expect("means either the GNU General Public License, or\nthe GNU Affero General Public License").not.to.match(
      refusedLicence,
    );
    expect("AGPL-3.0-only").not.to.match(openLicence);
    expect("BUSL-1.1").not.to.match(openLicence);
  });

  it("of Go modules are none of the AGPL and no vendor's terms", () => {
    const all = modules();
    expect(all).to.have.length.greaterThan(1000);
    const refused = all.filter(({ path }) => refusedModule.test(path));
    expect(refused.map(({ path, set }) => `${set} needs ${path}`)).to.deep.equal([]);
  });

  it("of Go modules say so in the files that are at hand", () => {
    const found = new Set<string>();
    let read = 0;
    for (const module of new Map(modules().map((one) => [folderOf(one), one])).values()) {
      const folder = folderOf(module);
      if (!existsSync(folder)) continue;
      const texts = licences(folder);
      if (texts.length > 0) read++;
      if (texts.some((text) => refusedLicence.test(text))) found.add(`${module.set} needs ${module.path}`);
    }
    expect([...found]).to.deep.equal([]);
    console.log(`      ${read} licences of Go modules read`);
  });

  it("of npm packages are open ones", () => {
    const { packages } = JSON.parse(readFileSync(join(projectRoot, "package-lock.json"), "utf8")) as {
      readonly packages: Readonly<Record<string, { readonly license?: string; readonly optional?: boolean }>>;
    };
    const closed = Object.entries(packages).filter(([path, { license = "", optional = false }]) => {
      if (license !== "" && !license.startsWith("SEE LICENSE")) return !openLicence.test(license);
      // An older package.json names no licence that npm knows; its file does.
      const folder = join(projectRoot, path);
      if (!existsSync(folder)) return !optional;
      return !licences(folder).some((text) => text.includes("Permission is hereby granted"));
    });
    expect(closed.map(([path]) => path)).to.deep.equal([]);
  });
});
