/**
 * One life of an environment in the rehearsal: the unchanged program, the real engine, a real API server, the real Flux
 * controllers. The steps build on each other. Names end with the line of the acceptance list that they prove.
 */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { Ajv2020 } from "ajv/dist/2020.js";
import { expect } from "chai";
import { setTimeout as sleep } from "node:timers/promises";
import { running } from "../../rehearsal/control-plane/processes.ts";
import type { Operation, StateResource } from "../../rehearsal/engine.ts";
import { packBroken } from "../../rehearsal/charts/index.ts";
import { commit, makeSshKeyPair, readFile } from "../../rehearsal/git/index.ts";
import { openRehearsal, type Rehearsal } from "../../rehearsal/rehearsal.ts";
import { fleet, owner } from "../../rehearsal/surroundings.ts";
import { chartNamed } from "../../components/catalogue.ts";
import { failure } from "../support/failure.ts";
import { until } from "../support/until.ts";
import { condition, flux, isReady, type KubeObject, saysNotReady, TestCluster } from "./support/cluster.ts";
import { type Decoy, startDecoy } from "./support/decoy.ts";
import { removeByHand } from "./support/by-hand.ts";
import { leftovers } from "./support/leftovers.ts";

/** Namespaces that the environment makes, and what their pods may do. */
const namespaces = {
  "flux-system": "restricted",
  monitoring: "restricted",
  "cert-manager": "restricted",
  "node-agents": "privileged",
  demo: "restricted",
} as const;

interface PodSpec {
  readonly containers?: readonly Container[];
  readonly initContainers?: readonly Container[];
}
interface Container {
  readonly name: string;
  readonly image: string;
  readonly args?: readonly string[];
}

/** The pods that an object makes, or is; undefined when it makes none. */
function podSpecOf({ spec }: KubeObject): PodSpec | undefined {
  const template = (spec?.["jobTemplate"] as { spec?: typeof spec } | undefined)?.spec ?? spec;
  return (template?.["template"] as { spec?: PodSpec } | undefined)?.spec ?? spec;
}

describe("an environment in the rehearsal", function () {
  /** A chart whose version the tests raise. */
  const pin = chartNamed("fluent-bit") as { name: string; version: string };
  const pinned = pin.version;
  this.timeout("20m");
  let decoy: Decoy;
  let rehearsal: Rehearsal;
  let cluster: TestCluster;
  /** Everything that anybody printed. */
  let printed = "";
  let first: Operation;

  before(async () => {
    decoy = await startDecoy();
    rehearsal = await openRehearsal({
      checkpoints: false,
      whole: true,
      onOutput: (text) => (printed += text),
      log: (line) => (printed += `${line}\n`),
    });
    first = await rehearsal.environment.up();
    cluster = new TestCluster(rehearsal.kubeconfigPath);
    await cluster.untilFluxIsReady();
  });
  after(async () => {
    pin.version = pinned;
    // Undefined when before() failed half-way.
    (cluster as TestCluster | undefined)?.close();
    await (rehearsal as Rehearsal | undefined)?.close();
    await decoy.close();
  });

  const resources = async (): Promise<readonly StateResource[]> =>
    (await rehearsal.environment.exportDeployment()).resources ?? [];

  describe("is made", () => {
    it("with every source, Kustomization and HelmRelease Ready", async () => {
      expect(Object.keys(first.changes)).to.deep.equal(["create"]);
      for (const [path, names] of [
        [flux.gitRepositories, ["environment"]],
        [flux.kustomizations, ["demo", "environment"]],
        [
          flux.ociRepositories,
          [
            "cert-manager",
            "fluent-bit",
            "jaeger",
            "kube-prometheus-stack",
            "loki",
            "opentelemetry-operator",
            "podinfo",
            "prometheus-operator-crds",
          ],
        ],
        [
          flux.helmReleases,
          [
            "cert-manager",
            "fluent-bit",
            "jaeger",
            "kube-prometheus-stack",
            "loki",
            "opentelemetry-operator",
            "podinfo-backend",
            "podinfo-frontend",
            "prometheus-operator-crds",
          ],
        ],
      ] as const) {
        const objects = await cluster.list(path);
        // The name of a chart's source ends in a hash of what it fetches.
        const found = objects.map(({ metadata }) => metadata.name.replace(/-[0-9a-f]{8}$/, ""));
        expect(found.sort(), path).to.deep.equal(names);
        for (const object of objects)
          expect(isReady(object), `${object.metadata.name}: ${JSON.stringify(object.status)}`).to.equal(true);
      }
    });

    it("with the demo: podinfo by its chart, what goes with it by Git, and no secret", async () => {
      for (const name of ["podinfo-frontend", "podinfo-backend"]) {
        const byChart = { "helm.toolkit.fluxcd.io/name": name };
        const deployment = await cluster.get(`/apis/apps/v1/namespaces/demo/deployments/${name}`);
        expect(deployment.metadata.labels).to.include(byChart);
        expect(deployment.status?.["readyReplicas"]).to.equal(1);
        const monitor = await cluster.get(`/apis/monitoring.coreos.com/v1/namespaces/demo/servicemonitors/${name}`);
        expect(monitor.metadata.labels).to.include(byChart);
      }
      for (const path of [
        "/apis/apps/v1/namespaces/demo/deployments/podinfo-client",
        "/apis/monitoring.coreos.com/v1/namespaces/monitoring/prometheusrules/podinfo",
        "/api/v1/namespaces/monitoring/configmaps/dashboard-podinfo",
      ]) {
        const { labels } = (await cluster.get(path)).metadata;
        expect(labels, path).to.include({ "kustomize.toolkit.fluxcd.io/name": "demo" });
      }
      // Nothing of that is the program's: one owner per object. The stack has no secret but GitHub's token.
      const declared = (await resources()).map(({ type, id }) => `${type} ${id ?? ""}`);
      expect(declared.filter((line) => line.endsWith("demo/podinfo-client"))).to.deep.equal([]);
      const secrets = await cluster.list("/api/v1/namespaces/demo/secrets");
      const others = secrets.filter(({ metadata }) => !metadata.name.startsWith("sh.helm.release."));
      expect(others.map(({ metadata }) => metadata.name)).to.deep.equal([]);
    });

    it("with outputs that keep their contract", async () => {
      const schema = JSON.parse(
        readFileSync(new URL("../../schemas/outputs.schema.json", import.meta.url), "utf8"),
      ) as object;
      const outputs = await rehearsal.environment.outputs();
      const plain = Object.fromEntries(Object.entries(outputs).map(([name, { value }]) => [name, value as unknown]));
      const validate = new Ajv2020().compile(schema);
      validate(plain);
      expect(validate.errors ?? []).to.deep.equal([]);
      expect(plain["kubeconfigPath"]).to.equal(rehearsal.kubeconfigPath);
      expect(plain["deployKeyFingerprint"]).to.equal(
        rehearsal.surroundings.github.deployKeys(owner, fleet)[0]?.fingerprint,
      );
    });

    it("and a refresh and a second up find nothing to do (reliability 1)", async () => {
      for (const verb of ["refresh", "up"] as const) {
        expect(Object.keys((await rehearsal.environment[verb]()).changes), verb).to.deep.equal(["same"]);
      }
    });
  });

  describe("is locked down", () => {
    it("by Pod Security with a pinned version in each namespace (security 5)", async () => {
      for (const [name, level] of Object.entries(namespaces)) {
        const { labels = {} } = (await cluster.get(`/api/v1/namespaces/${name}`)).metadata;
        const of = (key: string) => labels[`pod-security.kubernetes.io/${key}`];
        expect(of("enforce"), name).to.equal(level);
        for (const mode of ["enforce", "warn", "audit"]) expect(of(`${mode}-version`), name).to.match(/^v1\.\d+$/);
      }
    });

    it("so that the API server refuses a privileged pod where none belongs (security 5)", async () => {
      const pod = {
        apiVersion: "v1",
        kind: "Pod",
        metadata: { name: "intruder" },
        spec: { containers: [{ name: "shell", image: "busybox:1.37.0", securityContext: { privileged: true } }] },
      };
      const ask = (namespace: string) =>
        cluster.api.call("POST", `/api/v1/namespaces/${namespace}/pods?dryRun=All`, pod);
      for (const [name, level] of Object.entries(namespaces)) {
        const { status, body } = await ask(name);
        if (level === "privileged") expect(status, `${name}: ${JSON.stringify(body)}`).to.equal(201);
        else {
          expect(status, name).to.equal(403);
          expect(JSON.stringify(body), name).to.include("violates PodSecurity").and.to.include("privileged");
        }
      }
    });

    it("by network policies: ingress is denied in each namespace but for what is named (security 5)", async () => {
      for (const name of Object.keys(namespaces)) {
        const policies = await cluster.list(`/apis/networking.k8s.io/v1/namespaces/${name}/networkpolicies`);
        const isolating = policies.filter(({ spec }) => {
          const selectsAll = Object.keys((spec?.["podSelector"] as object | undefined) ?? {}).length === 0;
          return selectsAll && (spec?.["policyTypes"] as string[]).includes("Ingress");
        });
        expect(
          isolating.map(({ metadata }) => metadata.name),
          name,
        ).to.not.deep.equal([]);
        for (const { metadata, spec } of isolating) {
          // A rule without "from" lets everybody in; without "ports" on every port.
          for (const rule of (spec?.["ingress"] as { from?: unknown; ports?: unknown }[] | undefined) ?? []) {
            expect(rule, `${name}/${metadata.name} lets everybody in`).to.have.any.keys("from", "ports");
          }
        }
      }
    });

    it("so that only controllers that must may read the Secrets of every namespace, by the API server's own answer (security 9)", async () => {
      const accounts = (await cluster.list("/api/v1/serviceaccounts")).filter(
        // Kubernetes' own, which every cluster has.
        ({ metadata }) => metadata.namespace !== "kube-system",
      );
      const readers: string[] = [];
      for (const { metadata } of accounts) {
        const namespace = metadata.namespace ?? "";
        const groups = ["system:serviceaccounts", `system:serviceaccounts:${namespace}`, "system:authenticated"];
        for (const verb of ["get", "list", "watch"]) {
          const { body } = await cluster.api.call("POST", "/apis/authorization.k8s.io/v1/subjectaccessreviews", {
            apiVersion: "authorization.k8s.io/v1",
            kind: "SubjectAccessReview",
            spec: {
              user: `system:serviceaccount:${namespace}:${metadata.name}`,
              groups,
              resourceAttributes: { verb, resource: "secrets" },
            },
          });
          if ((body as KubeObject).status?.["allowed"] === true) readers.push(`${namespace}/${metadata.name}`);
        }
      }
      expect(accounts.length).to.be.greaterThan(10);
      expect([...new Set(readers)]).to.have.members([
        // Keys and certificates of every namespace are Secrets.
        "cert-manager/cert-manager",
        "cert-manager/cert-manager-cainjector",
        // They apply what Git and charts say, Secrets among it.
        "flux-system/helm-controller",
        "flux-system/kustomize-controller",
        "flux-system/notification-controller",
        "flux-system/source-controller",
        // Monitors may name Secrets of their namespace.
        "monitoring/kube-prometheus-stack-operator",
      ]);
    });

    it("with a tag on every image of every pod, and none of them latest (security 6)", async () => {
      const found = new Map<string, string>();
      for (const [key, object] of await cluster.everything("whole")) {
        const spec = podSpecOf(object);
        for (const { image } of [...(spec?.containers ?? []), ...(spec?.initContainers ?? [])]) found.set(image, key);
      }
      expect(found.size).to.be.greaterThan(15);
      for (const [image, where] of found) {
        expect(image, where).to.match(/:[\w][\w.-]*(@sha256:[0-9a-f]{64})?$|@sha256:[0-9a-f]{64}$/);
        expect(image, where).to.not.match(/:latest(@|$)/);
      }
    });

    it("with exact chart versions (security 6)", async () => {
      for (const { metadata, spec } of await cluster.list(flux.ociRepositories)) {
        expect((spec?.["ref"] as { tag?: string }).tag, metadata.name).to.match(/^v?\d+\.\d+\.\d+$/);
      }
    });

    it("with Flux kept to its namespaces and to local bases (security 7)", async () => {
      const flagsOf = async (controller: string) => {
        const deployment = await cluster.get(`/apis/apps/v1/namespaces/flux-system/deployments/${controller}`);
        return podSpecOf(deployment)?.containers?.[0]?.args;
      };
      for (const controller of ["kustomize-controller", "helm-controller", "notification-controller"]) {
        expect(await flagsOf(controller), controller).to.include("--no-cross-namespace-refs=true");
      }
      expect(await flagsOf("kustomize-controller")).to.include("--no-remote-bases=true");
      // The flag is in force: a release that reaches into another namespace is refused by the controller itself.
      const path = "/apis/helm.toolkit.fluxcd.io/v2/namespaces/demo/helmreleases";
      const reach = {
        apiVersion: "helm.toolkit.fluxcd.io/v2",
        kind: "HelmRelease",
        metadata: { name: "reach" },
        spec: { interval: "10m", chartRef: { kind: "OCIRepository", name: "loki", namespace: "flux-system" } },
      };
      expect((await cluster.api.call("POST", path, reach)).status).to.equal(201);
      const refused = await cluster.untilObject(
        `${path}/reach`,
        "is refused",
        (object) => condition(object, "Ready")?.status === "False",
      );
      expect(condition(refused, "Ready")?.message).to.include("cross-namespace references are not allowed");
      await cluster.api.call("DELETE", `${path}/reach`);
    });

    it("with a deploy key that may only read, of this environment alone (security 3)", () => {
      const keys = rehearsal.surroundings.github.deployKeys(owner, fleet);
      expect(keys.map(({ title, readOnly }) => ({ title, readOnly }))).to.deep.equal([
        { title: "flux observability/dev #1", readOnly: true },
      ]);
      expect(keys[0]?.key).to.match(/^ssh-ed25519 /);
    });

    it("with no secret in the state file nor in anything printed (security 1)", async () => {
      const secretOf = async (path: string, key: string) => {
        const { data } = (await cluster.get(path)) as unknown as { data: Record<string, string> };
        return Buffer.from(data[key] ?? "", "base64").toString();
      };
      const { spec } = await cluster.get(flux.gitRepository("environment"));
      const secret = (spec?.["secretRef"] as { name: string }).name;
      const identity = await secretOf(`/api/v1/namespaces/flux-system/secrets/${secret}`, "identity");
      const kubeconfig = readFileSync(rehearsal.kubeconfigPath, "utf8");
      const hidden = {
        "GitHub's token": rehearsal.surroundings.planted.githubToken,
        "Grafana's password": String((await rehearsal.environment.outputs())["grafanaPassword"]?.value),
        // The lines of a PEM differ in length; the longest is surely key material.
        "deploy key": identity.split("\n").sort((a, b) => b.length - a.length)[0] ?? "",
        "kubeconfig client key": /client-key-data: (\S+)/.exec(kubeconfig)?.[1] ?? "",
      };
      const state = await rehearsal.environment.stateText();
      expect(state).to.not.include("PRIVATE KEY");
      for (const [what, value] of Object.entries(hidden)) {
        expect(value, what).to.have.length.greaterThan(15);
        const encoded = [value, Buffer.from(value).toString("base64").replaceAll("=", ""), encodeURIComponent(value)];
        for (const text of encoded) {
          expect(state.includes(text), `${what} in the state`).to.equal(false);
          expect(printed.includes(text), `${what} in what was printed`).to.equal(false);
        }
      }
    });
  });

  describe("keeps itself as declared", () => {
    it("puts back an object that was changed by hand, and shows it (reliability 11)", async () => {
      const path = "/apis/apps/v1/namespaces/monitoring/deployments/jaeger";
      await cluster.patch(path, { spec: { replicas: 3 } });
      await cluster.reconcile(flux.helmRelease("jaeger"));
      await cluster.untilObject(path, "has one replica again", ({ spec }) => spec?.["replicas"] === 1);
      const events = await until("the events", async () => {
        const all = await cluster.list("/api/v1/namespaces/flux-system/events");
        const reasons = all.flatMap((event) => {
          const { involvedObject, reason, message } = event as unknown as Record<string, unknown>;
          return (involvedObject as { name: string }).name === "jaeger"
            ? [`${String(reason)}: ${String(message)}`]
            : [];
        });
        return reasons.some((text) => text.startsWith("DriftCorrected")) && reasons.join("\n");
      });
      expect(events).to.match(/DriftDetected: .*\n?Deployment\/monitoring\/jaeger changed/);
      await cluster.untilObject(flux.helmRelease("jaeger"), "is Ready again", isReady);
    });

    it("puts back an object that was deleted by hand (reliability 11)", async () => {
      const path = "/api/v1/namespaces/monitoring/services/jaeger";
      const { uid } = (await cluster.get(path)).metadata;
      await cluster.api.call("DELETE", path);
      await cluster.reconcile(flux.helmRelease("jaeger"));
      await cluster.untilObject(path, "is there again", ({ metadata }) => metadata.uid !== uid);
    });

    it("follows Git: what is added appears, what is removed disappears", async () => {
      const { fleetDirectory } = rehearsal.surroundings;
      const list = "flux-repo/content/exporters/rules/kustomization.yaml";
      const before = await readFile(fleetDirectory, list);
      const file = "flux-repo/content/exporters/rules/extra.yaml";
      const rule = "/apis/monitoring.coreos.com/v1/namespaces/monitoring/prometheusrules/extra";
      const sync = async () => {
        await cluster.reconcile(flux.gitRepository("environment"));
      };
      await commit(fleetDirectory, {
        message: "An alert",
        files: {
          [list]: `${before.trimEnd()}\n  - extra.yaml\n`,
          [file]: [
            "apiVersion: monitoring.coreos.com/v1",
            "kind: PrometheusRule",
            "metadata: { name: extra, namespace: monitoring }",
            "spec: { groups: [{ name: extra, rules: [{ record: extra, expr: vector(1) }] }] }",
            "",
          ].join("\n"),
        },
      });
      await sync();
      await cluster.untilObject(rule, "is there", () => true);
      await commit(fleetDirectory, { message: "No alert", files: { [list]: before, [file]: null } });
      await sync();
      await until("the rule is pruned", async () => !(await cluster.exists(rule)), 240);
    });
  });

  describe("fetches with its deploy key", () => {
    const keys = () => rehearsal.surroundings.github.deployKeys(owner, fleet);
    const repository = flux.gitRepository("environment");

    it("and rotates it without a failed fetch before, during or after (reliability 9)", async () => {
      const { fetches } = rehearsal.surroundings.git.ssh;
      const from = fetches.length;
      const old = keys()[0]?.fingerprint;
      const rotated = new AbortController();
      const restless = (async () => {
        while (!rotated.signal.aborted) {
          await cluster.reconcile(repository);
          await sleep(500);
        }
      })();
      const by = (fingerprint: string | undefined) =>
        fetches.slice(from).filter((fetch) => fetch.fingerprint === fingerprint).length;
      await until("a fetch with the old key", () => Promise.resolve(by(old) > 0), 120);
      const grafana = async () =>
        (await cluster.list("/api/v1/namespaces/monitoring/pods"))
          .filter(({ metadata }) => metadata.name.startsWith("kube-prometheus-stack-grafana-"))
          .map(({ metadata }) => metadata.uid);
      const pods = await grafana();
      await rehearsal.set({ deployKey: { rotation: 2 }, grafana: { passwordRotation: 2 } });
      await rehearsal.environment.up();
      // Grafana reads its password when it starts: another one is another pod.
      expect(pods).to.have.length(1);
      expect(await grafana())
        .to.have.length(1)
        .and.not.include.members(pods);
      const now = keys();
      expect(now.map(({ title }) => title)).to.deep.equal(["flux observability/dev #2"]);
      const withTheNew = by(now[0]?.fingerprint);
      await until("more fetches with the new key", () => Promise.resolve(by(now[0]?.fingerprint) > withTheNew), 120);
      rotated.abort();
      await restless;
      // The update waited for a fetch with the new key before it removed the old one.
      expect(withTheNew).to.be.greaterThan(0);
      const bad = fetches.slice(from).filter(({ outcome }) => outcome !== "served");
      expect(bad).to.deep.equal([]);
    });

    it("and says when it is gone at GitHub; refresh and up register it again (reliability 9)", async () => {
      const { github, planted } = rehearsal.surroundings;
      const [key] = keys();
      const answer = await fetch(new URL(`repos/${owner}/${fleet}/keys/${key?.id ?? ""}`, github.baseUrl), {
        method: "DELETE",
        headers: { authorization: `Bearer ${planted.githubToken}` },
      });
      expect(answer.status).to.equal(204);
      await cluster.reconcile(repository);
      // A fetch that was under way may fail for another reason first.
      await cluster.untilObject(repository, "says so", saysNotReady("unable to authenticate"));
      await rehearsal.environment.refresh();
      await rehearsal.environment.up();
      expect(keys().map(({ fingerprint }) => fingerprint)).to.deep.equal([key?.fingerprint]);
      await cluster.reconcile(repository);
      await cluster.untilObject(repository, "is Ready again", isReady);
    });

    it("and only from the server with the right host keys: up says so (reliability 9)", async () => {
      const { ssh } = rehearsal.surroundings.git;
      const stranger = makeSshKeyPair("ecdsa").public;
      await rehearsal.set({ repository: { knownHosts: `[127.0.0.1]:${ssh.port} ${stranger}\n` } });
      const up = failure(rehearsal.environment.up());
      await cluster.untilObject(repository, "says so", saysNotReady("knownhosts: key mismatch"));
      const from = ssh.fetches.length;
      // It would wait for three minutes; Ctrl-C ends that, and it tells what it was waiting for all the same.
      rehearsal.environment.interrupt();
      const message = await up;
      expect(message).to.include("environment-repository").and.to.include("knownhosts: key mismatch");
      expect(ssh.fetches.slice(from).filter(({ outcome }) => outcome === "served")).to.deep.equal([]);
      await rehearsal.environment.recover();
      await rehearsal.set({ repository: { knownHosts: ssh.knownHosts } });
      await rehearsal.environment.up();
      // Of the two Secrets the right one is left, and Flux fetches with it.
      const secrets = await cluster.list("/api/v1/namespaces/flux-system/secrets");
      const { spec } = await cluster.get(repository);
      expect(
        secrets.map(({ metadata }) => metadata.name).filter((name) => name.startsWith("environment-deploy-key")),
      ).to.deep.equal([(spec?.["secretRef"] as { name: string }).name]);
      const served = ssh.fetches.length;
      await cluster.reconcile(repository);
      await until("a fetch", () => Promise.resolve(ssh.fetches.length > served), 120);
      expect(ssh.fetches.at(-1)?.outcome).to.equal("served");
      await cluster.untilObject(repository, "is Ready", isReady);
    });
  });

  describe("with releases that fail", () => {
    it("fails within its time-out, names the cause, and the others finish (reliability 7)", async () => {
      await rehearsal.set({
        charts: { timeoutMinutes: 1 },
        loki: { retention: "48h" },
        jaeger: { values: { jaeger: { image: { repository: "does-not-exist/jaeger" } } } },
        opentelemetryOperator: { values: { manager: { securityContext: { allowPrivilegeEscalation: true } } } },
      });
      // Of this one nothing but the version of its chart changes.
      pin.version = "0.99.0";
      rehearsal.surroundings.registry.add(await packBroken({ how: "image", name: pin.name, version: pin.version }));
      const message = await failure(rehearsal.environment.up());
      expect(message)
        .to.include("HelmRelease (fluent-bit-release)")
        .and.to.match(
          /event UpgradeFailed, HelmRelease fluent-bit: Helm upgrade failed for release \S+ with chart fluent-bit@0\.99\.0/,
        );
      expect(message).to.include("HelmRelease (jaeger-release)").and.to.include("timed out waiting for the condition");
      // Flux has tried more than once by then; its own words are in the events, whatever it is at just now.
      expect(message).to.match(
        /event UpgradeFailed, HelmRelease jaeger: Helm upgrade failed for release monitoring\/jaeger/,
      );
      expect(message).to.match(/pod jaeger-\S+ is Pending: container jaeger (ErrImagePull|ImagePullBackOff)/);
      // Pod Security refused the other's pods: there is none to look at, its ReplicaSet says why.
      expect(message)
        .to.include("HelmRelease (opentelemetry-operator-release)")
        .and.to.match(/event FailedCreate, ReplicaSet opentelemetry-operator-\S+: .*violates PodSecurity "restricted/);
      const loki = await cluster.get(flux.helmRelease("loki"));
      expect(isReady(loki)).to.equal(true);
      expect(JSON.stringify(loki.spec?.["values"])).to.include("48h");
      const failing = ["fluent-bit", "jaeger", "opentelemetry-operator"];
      const others = (await cluster.list(flux.helmReleases)).filter(({ metadata }) => !failing.includes(metadata.name));
      expect(others.filter((object) => !isReady(object)).map(({ metadata }) => metadata.name)).to.deep.equal([]);
    });

    it("heals when it is mended and run again (reliability 7)", async () => {
      await rehearsal.set({
        jaeger: { values: { jaeger: { image: { repository: "jaegertracing/jaeger" } } } },
        opentelemetryOperator: { values: { manager: { securityContext: { allowPrivilegeEscalation: false } } } },
      });
      pin.version = pinned;
      await rehearsal.environment.up();
      // `up` has waited for the other version.
      const { status } = await cluster.get(flux.helmRelease("fluent-bit"));
      const [newest] = status?.["history"] as { chartVersion: string; status: string }[];
      expect(newest?.chartVersion.split("+")[0]).to.equal(pinned);
      expect(newest?.status).to.equal("deployed");
      // Ready is Unknown for a moment whenever helm-controller looks at a release again (helm-controller#1320).
      for (const name of ["jaeger", "opentelemetry-operator"])
        await cluster.untilObject(flux.helmRelease(name), "is Ready", isReady);
    });
  });

  describe("is destroyed", () => {
    it("without its cluster, up to the deploy key while the token is revoked, and says so (reliability 5, 8)", async () => {
      const { github } = rehearsal.surroundings;
      await removeByHand(rehearsal);
      github.setToken("another");
      const message = await failure(rehearsal.environment.destroy({ continueOnError: true }));
      expect(message)
        .to.include("deploy-key-github-2")
        .and.to.match(/401|Bad credentials/);
      github.setToken(rehearsal.surroundings.planted.githubToken);
      const left = (await resources()).filter(({ id }) => id !== undefined).map(({ type }) => type);
      expect(left).to.include("github:index/repositoryDeployKey:RepositoryDeployKey");
      // What does not need GitHub is gone.
      expect(left.filter((type) => /^(kubernetes|command):/.test(type))).to.deep.equal([]);
    });

    it("and leaves nothing, once the token is right (reliability 8)", async () => {
      await rehearsal.environment.destroy();
      expect(await leftovers(rehearsal)).to.deep.equal([]);
      await until(
        "the controllers to end",
        () => Promise.resolve(running(join(rehearsal.dir, "flux")).length === 0),
        60,
      );
    });

    it("having asked nothing of the ambient cluster in its whole life (reliability 4)", () => {
      expect(decoy.knocks()).to.equal(0);
    });
  });
});
