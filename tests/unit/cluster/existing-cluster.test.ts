import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type RequestListener, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect } from "chai";
import { parse, stringify } from "yaml";
import { clusterUid, readKubeconfig, selfContained } from "../../../components/cluster/existing-cluster.ts";
import { openApi } from "../../../components/kubernetes/api.ts";

const refusalOf = (promise: Promise<unknown>) => promise.then(() => expect.fail("it was answered"), String);

/** A kubeconfig with the context `ours` and another one, whose credentials are nobody's business here. */
const kubeconfig = (cluster: object, user: object) => ({
  apiVersion: "v1",
  kind: "Config",
  "current-context": "theirs",
  contexts: ["ours", "theirs"].map((name) => ({ name, context: { cluster: name, user: name } })),
  clusters: [
    { name: "ours", cluster: { server: "https://ours:6443", ...cluster } },
    { name: "theirs", cluster: { server: "https://theirs:6443" } },
  ],
  users: [
    { name: "ours", user },
    { name: "theirs", user: { token: "their-secret" } },
  ],
});

describe("an existing cluster", () => {
  let folder: string;
  let file: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "existing-"));
    mkdirSync(join(folder, "pki"));
    file = join(folder, "config");
  });
  afterEach(() => {
    rmSync(folder, { recursive: true });
  });

  describe("its kubeconfig", () => {
    const contained = (cluster: object, user: object) => {
      const text = selfContained(stringify(kubeconfig(cluster, user)), file, "ours");
      const { clusters, users } = parse(text) as { clusters: [{ cluster: object }]; users: [{ user: object }] };
      return { text, cluster: clusters[0].cluster, user: users[0].user };
    };

    it("holds the files that it names, found from its own folder", () => {
      for (const name of ["ca.crt", "me.crt"]) writeFileSync(join(folder, "pki", name), name);
      writeFileSync(join(folder, "me.key"), "me.key");
      const { cluster, user } = contained(
        { "certificate-authority": "pki/ca.crt" },
        { "client-certificate": "./pki/me.crt", "client-key": join(folder, "me.key") },
      );
      const data = (text: string) => Buffer.from(text).toString("base64");
      expect(cluster).to.deep.equal({
        server: "https://ours:6443",
        "certificate-authority-data": data("ca.crt"),
      });
      expect(user).to.deep.equal({
        "client-certificate-data": data("me.crt"),
        "client-key-data": data("me.key"),
      });
    });

    it("takes content over a file that stands beside it, as kubectl does", () => {
      const { cluster } = contained(
        { "certificate-authority": "absent.crt", "certificate-authority-data": "QQ==" },
        {},
      );
      expect(cluster).to.deep.equal({ server: "https://ours:6443", "certificate-authority-data": "QQ==" });
    });

    it("keeps tokens and plugins, which renew themselves", () => {
      const exec = {
        apiVersion: "client.authentication.k8s.io/v1",
        command: "aws",
        args: ["eks", "get-token"],
        env: [],
      };
      expect(contained({}, { token: "t", exec }).user).to.deep.equal({ token: "t", exec });
      const { user } = contained({}, { tokenFile: "pki/token", exec: { ...exec, command: "./bin/login" } });
      expect(user).to.deep.equal({
        tokenFile: join(folder, "pki/token"),
        exec: { ...exec, command: join(folder, "bin/login") },
      });
    });

    it("has nothing of another context", () => {
      expect(contained({}, { token: "t" }).text).not.to.match(/theirs|their-secret/);
    });

    it("says what is wrong with it, and quotes nothing", () => {
      const refusal = (text: string, context = "ours") => {
        writeFileSync(file, text);
        try {
          readKubeconfig({ kubeconfig: file, context });
        } catch (error) {
          return String(error);
        }
        return expect.fail("it was accepted");
      };
      expect(refusal(stringify(kubeconfig({ "certificate-authority": "pki/ca.crt" }, {}))))
        .to.include(`${join(folder, "pki/ca.crt")} cannot be read (ENOENT)`)
        .and.include("--flatten");
      expect(refusal(stringify(kubeconfig({}, {})), "prod")).to.include("It has: ours, theirs.");
      expect(refusal("")).to.include("names no context at all");
      expect(refusal("token: [hunter2")).to.include("is no YAML").and.not.include("hunter2");
      rmSync(file);
      expect(() => readKubeconfig({ kubeconfig: file, context: "ours" })).to.throw(/cannot be read \(ENOENT\)/);
    });
  });

  describe("its identity", () => {
    const servers: Server[] = [];
    const close = () => {
      for (const server of servers.splice(0)) {
        server.closeAllConnections();
        server.close();
      }
    };
    afterEach(close);

    /** The kubeconfig of a server that answers so. */
    const served = async (answer: RequestListener, user: object = { token: "t" }) => {
      const server = createServer(answer);
      servers.push(server);
      await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
      const { port } = server.address() as AddressInfo;
      const cluster = { server: `http://127.0.0.1:${port}`, "insecure-skip-tls-verify": true };
      writeFileSync(file, stringify(kubeconfig(cluster, user)));
      return { kubeconfig: file, context: "ours" };
    };
    const knows: RequestListener = ({ url, headers }, response) => {
      const found = url === "/api/v1/namespaces/kube-system" && headers.authorization === "Bearer t";
      response.statusCode = found ? 200 : 401;
      response.end(JSON.stringify(found ? { metadata: { uid: "1-2-3" } } : { message: "Unauthorized" }));
    };

    it("is the UID of kube-system", async () => {
      expect(await clusterUid(await served(knows))).to.equal("1-2-3");
    });

    it("is found with the token of a plugin, too", async () => {
      const token = { apiVersion: "client.authentication.k8s.io/v1", kind: "ExecCredential", status: { token: "t" } };
      const plugin = join(folder, "login");
      writeFileSync(plugin, `#!/bin/sh\necho '${JSON.stringify(token)}'\n`);
      chmodSync(plugin, 0o700);
      const exec = { apiVersion: "client.authentication.k8s.io/v1", command: "./login", interactiveMode: "Never" };
      expect(await clusterUid(await served(knows, { exec }))).to.equal("1-2-3");
    });

    it("is not known when nobody answers, or the answer is no", async () => {
      expect(await clusterUid(await served(knows, { token: "old" }))).to.equal(undefined);
      const none = await served(knows);
      close();
      expect(await clusterUid(none)).to.equal(undefined);
    });

    it("says what a ServiceAccount may do there, as that account and with its groups", async () => {
      let asked = "";
      const { context } = await served((request, response) => {
        request.on("data", (text) => (asked += `${request.method ?? ""} ${request.url ?? ""} ${String(text)}`));
        request.on("end", () => response.writeHead(201).end(JSON.stringify({ status: { allowed: true } })));
      });
      const api = await openApi(readKubeconfig({ kubeconfig: file, context }).text, context);
      const what = { verb: "impersonate", resource: "serviceaccounts", namespace: "b", name: "c" };
      expect(await api.may({ namespace: "a", name: "helm" }, what)).to.equal(true);
      const [, path = "", review = ""] = /^POST (\S+) (.*)$/.exec(asked) ?? [];
      expect(path).to.equal("/apis/authorization.k8s.io/v1/subjectaccessreviews");
      expect((JSON.parse(review) as { spec: object }).spec).to.deep.equal({
        user: "system:serviceaccount:a:helm",
        groups: ["system:serviceaccounts", "system:serviceaccounts:a", "system:authenticated"],
        resourceAttributes: what,
      });
    });

    it("is not waited for without end", async () => {
      const { context } = await served(() => undefined);
      const api = await openApi(readKubeconfig({ kubeconfig: file, context }).text, context, 50);
      expect(await refusalOf(api.get("/version"))).to.include("does not answer within 0.05 s");
    });
  });
});
