import { expect } from "chai";
import { guestHome, ownHome } from "../../components/gitops/names.ts";
import { components } from "../../components/catalogue.ts";
import { served } from "../../components/plan.ts";
import { settingsSchema } from "../../settings/schema.ts";
import type { Api, Metadata } from "../../components/kubernetes/api.ts";
import {
  checkOccupancy,
  declaredDefinitions,
  keptDefinitions,
  keptLines,
  type Occupant,
  ownNamespaces,
} from "../../components/occupancy.ts";
import { parseSettings } from "../../settings/parse.ts";

const crds = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions";
const apiServices = "/apis/apiregistration.k8s.io/v1/apiservices";
const roles = "/apis/rbac.authorization.k8s.io/v1/clusterroles";

interface Deployment extends Metadata {
  readonly image: string;
}

/** A cluster with these objects, by collection. */
function clusterWith(
  lists: Readonly<Record<string, readonly Metadata[]>>,
  deployments: readonly Deployment[] = [],
): Api {
  return {
    get: (path) =>
      Promise.resolve(
        path === "/apis/apps/v1/deployments"
          ? {
              items: deployments.map(({ image, ...metadata }) => ({
                metadata,
                spec: { template: { spec: { containers: [{ image }] } } },
              })),
            }
          : /^\/apis\/[^/]+$/.test(path)
            ? { preferredVersion: { version: "v1" } }
            : undefined,
      ),
    list: (path) => Promise.resolve(lists[path] ?? []),
    may: () => Promise.resolve(true),
  };
}

const namespaces = ownNamespaces(parseSettings({}, { file: "test", secrets: [] }));
const withoutDemo = parseSettings({ demo: { enabled: false } }, { file: "test", secrets: [] });
const releases = ["prometheus-operator-crds", "kube-prometheus-stack", "loki", "cert-manager"];
const newcomer: Occupant = { stack: "dev", known: false, home: ownHome.namespace, namespaces, releases, provided: [] };
const resident = { ...newcomer, known: true };
const own = { "observability.dev/environment": "dev" };
const released = (release: string, namespace: string): Pick<Metadata, "labels" | "annotations"> => ({
  labels: { "helm.toolkit.fluxcd.io/name": release, "helm.toolkit.fluxcd.io/namespace": "flux-system" },
  annotations: { "meta.helm.sh/release-name": release, "meta.helm.sh/release-namespace": namespace },
});
const said = async (api: Api, occupant = newcomer) =>
  (await checkOccupancy(api, occupant)).map(({ level, message }) => `${level}: ${message}`);

/** All that an environment makes and this looks at. */
const ours = clusterWith(
  {
    "/api/v1/namespaces": namespaces.map((name) => ({ name, labels: own })),
    [crds]: [
      { name: "gitrepositories.source.toolkit.fluxcd.io", labels: own },
      { name: "servicemonitors.monitoring.coreos.com", ...released("prometheus-operator-crds", "monitoring") },
    ],
    [roles]: [{ name: "kube-prometheus-stack-operator", ...released("kube-prometheus-stack", "monitoring") }],
  },
  [
    { name: "source-controller", namespace: "flux-system", image: "ghcr.io/fluxcd/source-controller:v1" },
    { name: "cert-manager", namespace: "cert-manager", image: "quay.io/jetstack/cert-manager-controller:v1" },
  ],
);

describe("what is in the way in an existing cluster", () => {
  it("is nothing in an empty one, and nothing of what this environment made", async () => {
    expect(await said(clusterWith({ "/api/v1/namespaces": [{ name: "kube-system" }] }))).to.deep.equal([]);
    expect(await said(ours, resident)).to.deep.equal([]);
  });

  it("is everything of an environment of that name that this state does not know", async () => {
    const findings = (await said(ours)).join("\n");
    for (const part of [
      "Flux is there already (Deployment flux-system/source-controller",
      "cert-manager is there already",
      "the namespaces flux-system, monitoring, node-agents, cert-manager, demo are there already",
      'an environment "dev", which this state does not know',
      "ClusterRole kube-prometheus-stack-operator is there already",
    ])
      expect(findings).to.include(part);
  });

  it("is another installation of what it brings, found by definitions or by images, all at once", async () => {
    const found = await said(
      clusterWith({ [crds]: [{ name: "certificates.cert-manager.io" }, { name: "gateways.networking.example.io" }] }, [
        { name: "po", namespace: "a", image: "mirror.example.com:5000/x/prometheus-operator:v1@sha256:00" },
        { name: "helm", namespace: "b", image: "helm-controller@sha256:00" },
        { name: "shop", namespace: "b", image: "example.com/prometheus-operator/shop:1" },
        { name: "otel", namespace: "c", image: "ghcr.io/x/opentelemetry-operator:0.1" },
      ]),
      resident,
    );
    expect(found.map((line) => line.replace(/ \(.*/, ""))).to.deep.equal([
      "error: Flux is there already",
      "error: A Prometheus Operator is there already",
      "error: cert-manager is there already",
      "error: An OpenTelemetry operator is there already",
    ]);
    expect(found[1]).to.include("(Deployment a/po)");
    for (const line of found) expect(line).to.match(/[Uu]se a cluster without it/);
    for (const line of found.slice(0, 3))
      expect(line).to.include("Set provided to [flux, prometheusOperator, certManager] to use what is there, or");
    expect(found[3] ?? "").to.not.include("provided");
  });

  it("is an operator that it only brings where something needs it, only then", async () => {
    const image = "mirror.example.com/victoriametrics/operator:v0.74.1";
    const cluster = clusterWith({ [crds]: [{ name: "vmsingles.operator.victoriametrics.com" }] }, [
      { name: "vm", namespace: "a", image },
      { name: "other", namespace: "a", image: "quay.io/other/operator:1" },
    ]);
    expect(await said(cluster, resident)).to.deep.equal([]);
    const [found, ...more] = await said(cluster, { ...resident, needed: ["victoriaMetricsOperator"] });
    expect(found).to.match(/^error: A VictoriaMetrics operator is there already \(Deployment a\/vm; /);
    expect(found).to.include("Set provided to [victoriaMetricsOperator] to use what is there");
    expect(more).to.deep.equal([]);
  });

  it("is a namespace of its names, but not that of a demo that it does not have", async () => {
    const api = clusterWith({ "/api/v1/namespaces": [{ name: "demo" }, { name: "default" }] });
    expect((await said(api, resident)).join()).to.include("the namespace demo is there already");
    expect(await said(api, { ...resident, namespaces: ownNamespaces(withoutDemo) })).to.deep.equal([]);
  });

  it("is a Helm release of a name that it uses, in any namespace", async () => {
    const role = (release: string) => ({ name: "x", annotations: { "meta.helm.sh/release-name": release } });
    expect((await said(clusterWith({ [roles]: [role("loki")] }), resident)).join()).to.include("ClusterRole x");
    expect(await said(clusterWith({ [roles]: [role("loki-canary"), { name: "jaeger-operator" }] }))).to.deep.equal([]);
  });

  it("is not what it is told to use; that is looked for instead", async () => {
    const [certManager, operator] = [
      ["certificates.cert-manager.io", "issuers.cert-manager.io"],
      [
        ...["alertmanagers", "podmonitors", "prometheuses", "prometheusrules", "scrapeconfigs", "servicemonitors"].map(
          (plural) => `${plural}.monitoring.coreos.com`,
        ),
      ],
    ];
    const controllers = [
      { name: "cert-manager", namespace: "cert-manager", image: "quay.io/jetstack/cert-manager-controller:v1" },
      { name: "po", namespace: "a", image: "quay.io/prometheus-operator/prometheus-operator:v1" },
    ];
    const cluster = (names: readonly string[], deployments: readonly Deployment[]) =>
      clusterWith(
        {
          "/api/v1/namespaces": [{ name: "cert-manager" }],
          [crds]: names.map((name) => ({ name })),
          // Of the release that brought it.
          [roles]: [{ name: "x", annotations: { "meta.helm.sh/release-name": "cert-manager" } }],
        },
        deployments,
      );
    const settings = parseSettings(
      {
        cluster: { type: "existing", existing: { kubeconfig: "k", context: "c" } },
        provided: ["certManager", "prometheusOperator"],
      },
      { file: "test", secrets: [] },
    );
    const guest = {
      ...newcomer,
      namespaces: ownNamespaces(settings),
      releases: releases.filter((name) => name !== "cert-manager"),
      provided: settings.provided,
    };
    const all = [...certManager, ...operator];
    expect(guest.namespaces).to.deep.equal(namespaces.filter((name) => name !== "cert-manager"));
    expect(await said(cluster(all, controllers), guest)).to.deep.equal([]);
    const cases: readonly (readonly [readonly string[], readonly Deployment[], Occupant, string])[] = [
      [operator, controllers.slice(1), guest, "error: certManager is in provided, but the cluster has none"],
      [certManager, controllers.slice(0, 1), guest, "Set provided to [certManager], and the environment brings it"],
      [all.slice(1), controllers, guest, "these are not there: certificates.cert-manager.io."],
      [
        all,
        controllers.slice(0, 1),
        guest,
        "warning: prometheusOperator is in provided, and its definitions are there",
      ],
      ...(
        [
          [{ ruler: "thanosRuler" }, "podmonitors.monitoring.coreos.com, thanosrulers.monitoring.coreos.com."],
          [{ checks: [{ name: "a", target: "https://a.example/" }] }, "probes.monitoring.coreos.com."],
          [
            { metrics: "victoriaMetrics", scraper: "prometheusAgent" },
            "podmonitors.monitoring.coreos.com, prometheusagents.monitoring.coreos.com.",
          ],
        ] as const
      ).map(([chosen, lacking]): readonly [readonly string[], readonly Deployment[], Occupant, string] => [
        all.filter((name) => !lacking.includes(name)),
        controllers,
        { ...guest, declares: declaredDefinitions(settingsSchema.parse(chosen)) },
        `of its definitions these are not there: ${lacking}`,
      ]),
      [all, controllers, { ...guest, provided: ["certManager"] }, "Set provided to [certManager, prometheusOperator]"],
    ];
    for (const [names, deployments, occupant, text] of cases) {
      const found = await said(cluster(names, deployments), occupant);
      expect(found.join("\n")).to.include(text);
      expect(found, found.join("\n")).to.have.length(1);
    }
    // Its own is not somebody else's.
    expect((await said(ours, { ...guest, known: true })).join()).to.include("certManager is in provided, but");
  });

  it("is nothing of an environment beside somebody else's Flux, whose releases are in its own namespace", async () => {
    const provided = ["flux"];
    const settings = { cluster: { type: "existing", existing: { kubeconfig: "a", context: "b" } }, provided };
    const names = ownNamespaces(parseSettings(settings, { file: "test", secrets: [] }));
    expect(names).to.include(guestHome.namespace).and.not.include(ownHome.namespace);
    const made = (release: string): Pick<Metadata, "labels" | "annotations"> => ({
      ...released(release, "monitoring"),
      labels: { "helm.toolkit.fluxcd.io/name": release, "helm.toolkit.fluxcd.io/namespace": guestHome.namespace },
    });
    const theirs = (components.find(({ key }) => key === "flux")?.provided?.definitions ?? []).map((name) => ({
      name,
    }));
    const cluster = clusterWith(
      {
        "/api/v1/namespaces": [{ name: ownHome.namespace }, ...names.map((name) => ({ name, labels: own }))],
        [crds]: [...theirs, { name: "servicemonitors.monitoring.coreos.com", ...made("prometheus-operator-crds") }],
        [roles]: [{ name: "kube-prometheus-stack-operator", ...made("kube-prometheus-stack") }],
      },
      ["source", "kustomize", "helm"].map((name) => ({
        name: `${name}-controller`,
        namespace: ownHome.namespace,
        image: `ghcr.io/fluxcd/${name}-controller:v1`,
      })),
    );
    const guest = { ...resident, home: guestHome.namespace, namespaces: names, provided };
    const [note, ...others] = await said(cluster, guest);
    expect(note).to.match(/^note: the Flux that is there applies what is in observability-flux/);
    expect(others).to.deep.equal([]);
    // As somebody else's nothing of that is its own.
    expect((await said(cluster, { ...guest, known: false })).join()).to.include(`namespaces ${guestHome.namespace}`);
  });

  it("is somebody's metrics-server, but only for an environment that brings its own", async () => {
    const name = "v1beta1.metrics.k8s.io";
    const cluster = (api: Metadata) =>
      clusterWith({
        "/api/v1/namespaces": ["flux-system", "monitoring"].map((namespace) => ({ name: namespace, labels: own })),
        [apiServices]: [{ name: "v1.apps" }, api],
        [roles]: [{ name: "system:metrics-server", annotations: { "meta.helm.sh/release-name": "metrics-server" } }],
      });
    expect(await said(cluster({ name }), resident)).to.deep.equal([]);
    const serves = [{ name, off: "metricsServer.enabled to false" }];
    const withOne = { ...resident, releases: [...releases, "metrics-server"], serves };
    const [role, api] = await said(cluster({ name }), withOne);
    expect(role).to.include("ClusterRole system:metrics-server is there already");
    expect(api).to.equal(
      `error: the APIService ${name} is there already, and a cluster has one of that name. ` +
        "Set metricsServer.enabled to false and use what is there, or use another cluster.",
    );
    const ownApi = cluster({ name, ...released("metrics-server", "monitoring") });
    expect((await said(ownApi, withOne)).join()).to.not.include("APIService");
  });

  it("is somebody's KEDA, told once, or another server of its API", async () => {
    const name = "v1beta1.external.metrics.k8s.io";
    const serves = served(settingsSchema.parse({ autoscaler: "keda" })).filter((one) => one.name === name);
    const withOne = { ...resident, serves };
    const cluster = (definition: Metadata[]) =>
      clusterWith({
        "/api/v1/namespaces": ["flux-system", "monitoring"].map((namespace) => ({ name: namespace, labels: own })),
        [apiServices]: [{ name }],
        ["/apis/apiextensions.k8s.io/v1/customresourcedefinitions"]: definition,
      });
    expect(await said(cluster([]), withOne)).to.deep.equal([
      `error: the APIService ${name} is there already, and a cluster has one of that name. ` +
        "Set autoscaler to none and use what is there, or use another cluster.",
    ]);
    const [only, ...more] = await said(cluster([{ name: "scaledobjects.keda.sh" }]), withOne);
    expect(only)
      .to.match(/^error: KEDA is there already/)
      .and.to.include("Set provided to [keda]");
    expect(more).to.deep.equal([]);
  });

  it("is not a definition that an earlier environment left: that is used again, and said", async () => {
    const left = (name: string, release: string, policy = "keep") => {
      const { labels, annotations } = released(release, "monitoring");
      return { name, ...(labels && { labels }), annotations: { ...annotations, "helm.sh/resource-policy": policy } };
    };
    // Of a chart's `crds/`: Helm never says there whose it is, nor deletes it.
    const { labels = {} } = released("victoria-metrics-operator", "monitoring");
    const kept = [
      left("servicemonitors.monitoring.coreos.com", "prometheus-operator-crds"),
      { name: "vmrules.operator.victoriametrics.com", labels },
      { name: "gitrepositories.source.toolkit.fluxcd.io", labels: own },
    ];
    const findings = await said(clusterWith({ [crds]: kept }));
    expect(findings).to.have.length(1);
    expect(findings[0]).to.match(/^note: 3 definitions that an earlier environment left .* are used again/);
    // Somebody else's Flux release, or one that nobody meant to keep, is no such thing.
    for (const other of [
      left("probes.monitoring.coreos.com", "team-operator"),
      left("probes.monitoring.coreos.com", "loki", ""),
    ])
      expect((await said(clusterWith({ [crds]: [other] }))).join()).to.include(
        "A Prometheus Operator is there already",
      );
    // Beside somebody else's Flux a release in its namespace is somebody else's, of whatever name.
    const guest = { ...newcomer, home: guestHome.namespace, provided: ["flux"] };
    const [servicemonitors] = kept;
    const theirs = await said(clusterWith({ [crds]: servicemonitors === undefined ? [] : [servicemonitors] }), guest);
    expect(theirs.join()).to.include("A Prometheus Operator is there already").and.not.include("used again");
  });
});

describe("what destroy leaves in an existing cluster", () => {
  it("is listed with how many objects use it, and what to do", async () => {
    const api = clusterWith({
      [crds]: [{ name: "gitrepositories.source.toolkit.fluxcd.io", labels: own }, { name: "theirs.example.com" }],
      "/apis/source.toolkit.fluxcd.io/v1/gitrepositories": [{ name: "a" }],
    });
    const kept = await keptDefinitions(api, ownHome);
    expect(kept).to.deep.equal([{ name: "gitrepositories.source.toolkit.fluxcd.io", objects: 1 }]);
    expect(keptLines(kept).join("\n"))
      .to.include("gitrepositories.source.toolkit.fluxcd.io (1 object)")
      .and.include("kubectl delete");
    expect(keptLines([])).to.deep.equal([]);
  });
});
