import { plan } from "../../components/plan.ts";
/** Objects that name each other: namespaces, Secrets, sources, accounts and roles that are named exist. */
import { fluxHome, ownHome } from "../../components/gitops/names.ts";
import { type Manifest, manifestId } from "../../components/kubernetes/manifest.ts";
import { charts } from "../../components/catalogue.ts";
import { asMap, at, type Finding, textAt } from "../finding.ts";
import { modelOf } from "../model.ts";
import { fingerprint, githubFingerprints } from "../pinned.ts";
import { releases, type Rendered } from "../rendered.ts";

/** Findings about every name that an object has for another. */
export function checkReferences(rendered: Rendered): Finding[] {
  const { declared, content, settings } = rendered;
  const all = [...declared, ...content];
  const findings: Finding[] = [];
  const add = (object: Manifest | string, path: string, message: string) =>
    findings.push({
      check: "references",
      object: typeof object === "string" ? object : manifestId(object),
      path,
      message,
    });
  const model = modelOf(rendered);
  const find = (kind: string, namespace: string | undefined, name: unknown) =>
    all.find((o) => o.kind === kind && o.metadata.name === name && o.metadata.namespace === namespace);
  // With somebody else's Flux nothing may be in its namespace.
  const namespaceExists = (name: unknown) =>
    (fluxHome(settings) === ownHome && name === ownHome.namespace) || model.namespaces.has(String(name));
  const needNamespace = (object: Manifest | string, path: string, name: unknown) => {
    if (!namespaceExists(name)) add(object, path, `names the namespace ${String(name)}, which nobody makes.`);
  };
  const needKeys = (
    object: Manifest | string,
    path: string,
    secret: Manifest | undefined,
    keys: readonly unknown[],
  ) => {
    const data = { ...asMap(secret?.["data"]), ...asMap(secret?.["stringData"]) };
    for (const key of keys) {
      if (!(String(key) in data)) add(object, path, `needs the key ${String(key)} of a Secret, which has it not.`);
    }
  };

  const seen = new Map<string, Manifest>();
  for (const object of all) {
    const { namespace } = object.metadata;
    const id = `${object.apiVersion.replace(/\/.*/, "")} ${manifestId(object)}`;
    if (seen.has(id)) add(object, "", "is declared twice: each object has one owner.");
    seen.set(id, object);
    if (namespace !== undefined) needNamespace(object, "metadata.namespace", namespace);
  }

  for (const object of all.filter(({ kind }) => kind === "HelmRelease")) {
    const { namespace } = object.metadata;
    const reference = asMap(at(object, "spec", "chartRef") ?? at(object, "spec", "chart", "spec", "sourceRef"));
    const kind = String(reference?.["kind"]);
    if (find(kind, namespace, reference?.["name"]) === undefined) {
      add(object, "spec.chartRef", `names the ${kind} ${String(reference?.["name"])}, which is not in its namespace.`);
    }
    for (const key of ["targetNamespace", "storageNamespace"]) {
      const name = at(object, "spec", key);
      if (name !== undefined) needNamespace(object, `spec.${key}`, name);
    }
    const place = at(object, "spec", "targetNamespace") ?? namespace;
    if (at(object, "spec", "storageNamespace") !== undefined && at(object, "spec", "storageNamespace") !== place) {
      add(object, "spec.storageNamespace", "is not the target's: `helm list` would not find the release there.");
    }
    for (const [index, ignore] of ((at(object, "spec", "driftDetection", "ignore") ?? []) as unknown[]).entries()) {
      for (const pointer of (at(ignore, "paths") ?? []) as string[]) {
        if (!/^(\/[^/]+)+$/.test(pointer)) add(object, `spec.driftDetection.ignore.${index}`, "is no JSON pointer.");
      }
      const target = at(ignore, "target", "kind");
      if (!/^[A-Z][A-Za-z]+(Configuration|Rule)$/.test(String(target))) {
        add(
          object,
          `spec.driftDetection.ignore.${index}.target.kind`,
          `${String(target)} is no kind that others write to.`,
        );
      }
    }
  }

  for (const object of declared.filter(({ kind }) => kind === "OCIRepository" || kind === "HelmRepository")) {
    const isContent = declared.some(
      ({ kind, ...one }) =>
        kind === "Kustomization" &&
        at(one, "spec", "sourceRef", "kind") === object.kind &&
        at(one, "spec", "sourceRef", "name") === object.metadata.name,
    );
    if (isContent) checkContentSource(object, rendered, add);
    else checkSource(object, rendered, add);
  }
  const deployed = releases(declared).map(({ chart }) => chart?.name ?? "");
  const chosen = plan(settings).chosen.map(({ component }) => component.charts.map(({ name }) => name));
  for (const name of deployed)
    if (!chosen.flat().includes(name)) add(`chart ${name}`, "", "is deployed, and no component of the plan has it.");
  // A demo has a chart for one of its applications.
  const idle = settings.demo.app === "podinfo" ? [] : ["podinfo"];
  // Of several charts a component's mode decides which it is.
  for (const names of chosen.filter((some) => some.length > 0 && !some.some((name) => deployed.includes(name))))
    if (!names.every((name) => idle.includes(name)))
      add(`chart ${names.join(" or ")}`, "", "is in the plan and not deployed.");

  for (const object of all.filter(({ kind }) => kind === "GitRepository")) {
    const { namespace } = object.metadata;
    const name = at(object, "spec", "secretRef", "name");
    const url = String(at(object, "spec", "url"));
    if (!/^(ssh|https?):\/\/[^/]+\/.+/.test(url)) add(object, "spec.url", `${url} is no address of a repository.`);
    if (url.startsWith("ssh://") && object.metadata.namespace === fluxHome(settings).namespace) {
      const secret = find("Secret", namespace, name);
      if (secret === undefined) add(object, "spec.secretRef", `names the Secret ${String(name)}, which nobody makes.`);
      // source-controller's names for an SSH key (Flux, GitRepository, "SSH authentication").
      needKeys(object, "spec.secretRef", secret, ["identity", "identity.pub", "known_hosts"]);
      const host = /^ssh:\/\/(?:[^@/]+@)?([^:/]+)/.exec(url)?.[1] ?? "";
      const known = String(at(secret, "stringData", "known_hosts"));
      if (secret !== undefined && !known.split("\n").every((line) => line.includes(host))) {
        add(secret, "stringData.known_hosts", `has no key of ${host} in every line.`);
      }
      for (const [, type = "", key = ""] of host.endsWith("github.com")
        ? known.split("\n").map((l) => l.split(" "))
        : []) {
        if (secret !== undefined && fingerprint(key) !== githubFingerprints[type])
          add(secret, "stringData.known_hosts", `has a key ${type} that GitHub does not publish.`);
      }
    }
  }
  for (const object of declared.filter(
    ({ kind, apiVersion }) => kind === "Kustomization" && apiVersion.startsWith("kustomize.toolkit"),
  )) {
    const source = asMap(at(object, "spec", "sourceRef"));
    if (find(String(source?.["kind"]), object.metadata.namespace, source?.["name"]) === undefined) {
      add(
        object,
        "spec.sourceRef",
        `names ${String(source?.["kind"])} ${String(source?.["name"])}, which is not there.`,
      );
    }
    const told = textAt(object, "spec", "path") ?? "";
    const environment = settings.repository.path ?? "flux-repo/clusters/dev";
    const demo = settings.demo.path ?? `flux-repo/demo/${settings.demo.app}`;
    const wanted = object.metadata.name === "demo" ? demo : environment;
    if (told !== `./${wanted}`) add(object, "spec.path", `is ${told} and not ./${wanted}.`);
  }

  for (const { name, namespace, values } of releases(declared)) {
    const release = `HelmRelease ${name}`;
    const admin = asMap(at(values, "grafana", "admin"));
    if (admin !== undefined) {
      const secret = find("Secret", namespace, admin["existingSecret"]);
      if (secret === undefined) {
        add(
          release,
          "grafana/admin/existingSecret",
          `${String(admin["existingSecret"])} is no Secret of ${namespace}.`,
        );
      } else needKeys(release, "grafana/admin", secret, [admin["userKey"], admin["passwordKey"]]);
    }
    for (const [path, value] of leaves(values)) {
      const key = path.at(-1) ?? "";
      if (key === "namespaceOverride" || (key === "namespace" && path.includes("leaderElection"))) {
        needNamespace(release, path.join("/"), value);
      }
      if (path.at(-2) === "secretKeyRef" && key === "name") {
        const secret = find("Secret", namespace, value);
        const wanted = at(values, ...path.slice(0, -1), "key");
        if (secret !== undefined) needKeys(release, path.join("/"), secret, [wanted]);
        else if (
          value !== settings.s3.credentialsSecret &&
          value !== settings.tempo.distributed.kafka.credentialsSecret
        )
          add(release, path.join("/"), `${String(value)} is no Secret that anyone makes.`);
      }
      if (key === "secretName" || path.join("/").startsWith("prometheus/prometheusSpec/secrets/")) {
        const secret = find("Secret", namespace, value);
        if (secret === undefined) add(release, path.join("/"), `${String(value)} is no Secret that anyone makes.`);
        needKeys(release, path.join("/"), secret, keysIn(values, String(value)));
      }
      if (path.at(-2) === "secretRef" && key === "name") {
        if (find("Secret", namespace, value) === undefined) {
          add(release, path.join("/"), `${String(value)} is no Secret that anyone makes.`);
        }
      }
    }
  }

  for (const object of all.filter(({ kind }) => kind === "OpenTelemetryCollector")) {
    for (const volume of (at(object, "spec", "volumes") ?? []) as unknown[]) {
      const name = textAt(volume, "secret", "secretName");
      if (name === undefined) continue;
      const secret = find("Secret", object.metadata.namespace, name);
      if (secret === undefined) add(object, "spec.volumes", `${name} is no Secret that anyone makes.`);
      const folder = ((at(object, "spec", "volumeMounts") ?? []) as unknown[]).find(
        (mount) => at(mount, "name") === at(volume, "name"),
      );
      const files = leaves(at(object, "spec", "config")).map(([, file]) => String(file));
      const below = `${String(at(folder, "mountPath"))}/`;
      const keys = files.filter((file) => file.startsWith(below)).map((file) => file.slice(below.length));
      needKeys(object, "spec.volumes", secret, [...new Set(keys)]);
    }
    const account = at(object, "spec", "serviceAccount");
    if (find("ServiceAccount", object.metadata.namespace, account) === undefined) {
      add(object, "spec.serviceAccount", `${String(account)} is no ServiceAccount of its namespace.`);
    }
    const bound = all.some(
      (binding) =>
        binding.kind === "ClusterRoleBinding" &&
        ((at(binding, "subjects") ?? []) as unknown[]).some(
          (subject) => at(subject, "name") === account && at(subject, "namespace") === object.metadata.namespace,
        ),
    );
    if (!bound && at(object, "spec", "config", "processors", "k8s_attributes") !== undefined)
      add(object, "spec.serviceAccount", `${String(account)} has no rights: k8s_attributes needs to read pods.`);
  }
  for (const object of declared.filter(({ kind }) => kind === "ClusterRoleBinding" || kind === "RoleBinding")) {
    const role = asMap(at(object, "roleRef"));
    const where = role?.["kind"] === "Role" ? object.metadata.namespace : undefined;
    // Kubernetes makes this one itself.
    if (role?.["name"] === "cluster-admin") continue;
    if (find(String(role?.["kind"]), where, role?.["name"]) === undefined) {
      add(object, "roleRef", `names ${String(role?.["kind"])} ${String(role?.["name"])}, which nobody makes.`);
    }
    if (role?.["apiGroup"] !== "rbac.authorization.k8s.io") add(object, "roleRef.apiGroup", "is not that of roles.");
    // Flux binds the accounts of all its controllers, also of those that are not installed.
    if (object.metadata.labels?.["app.kubernetes.io/part-of"] === "flux") continue;
    for (const [index, subject] of ((at(object, "subjects") ?? []) as unknown[]).entries()) {
      const { kind, name, namespace } = asMap(subject) ?? {};
      if (kind === "ServiceAccount" && find("ServiceAccount", String(namespace), name) === undefined) {
        add(
          object,
          `subjects.${index}`,
          `names the ServiceAccount ${String(namespace)}/${String(name)}, which nobody makes.`,
        );
      }
    }
  }
  const kbot = content.find(({ kind, metadata }) => kind === "HelmRelease" && metadata.name === "kbot");
  if (kbot !== undefined) {
    const { name, key } = asMap(at(kbot, "spec", "values", "secret")) ?? {};
    const secret = find("Secret", kbot.metadata.namespace, name);
    if (secret === undefined) add(kbot, "spec.values.secret.name", `${String(name)} is no Secret of its namespace.`);
    else needKeys(kbot, "spec.values.secret.key", secret, [key]);
  }
  return findings;
}

/** Where charts come from: the published places of settings/versions.ts, or the mirror. */
function checkSource(
  object: Manifest,
  { settings }: Rendered,
  add: (object: Manifest, path: string, message: string) => void,
): void {
  const pins = Object.values(charts);
  const url = String(at(object, "spec", "url"));
  const mirror = settings.charts.mirror?.url;
  if (object.kind === "HelmRepository") {
    if (!pins.some(({ repository }) => repository === url))
      add(object, "spec.url", `${url} is no repository of a pin.`);
    return;
  }
  const pin = pins.find(({ name, repository }) => url === `${mirror ?? repository}/${name}`);
  if (pin === undefined) add(object, "spec.url", `${url} is where no pinned chart is.`);
  const tag = at(object, "spec", "ref", "tag");
  if (pin !== undefined && tag !== pin.version)
    add(object, "spec.ref.tag", `is ${String(tag)} and not ${pin.version}.`);
  // Without these two Flux would read an image's layers and not the chart's archive (OCIRepository, "Layer selector").
  const layer = asMap(at(object, "spec", "layerSelector"));
  if (layer?.["mediaType"] !== "application/vnd.cncf.helm.chart.content.v1.tar+gzip" || layer["operation"] !== "copy") {
    add(object, "spec.layerSelector", "does not copy the chart's archive.");
  }
}

/** Content comes from the registry that the program makes, under the name that it has in the cluster's network. */
function checkContentSource(
  object: Manifest,
  { machinery }: Rendered,
  add: (object: Manifest, path: string, message: string) => void,
): void {
  const made = machinery.find(({ metadata }) => metadata.name === "registry-content");
  const stdin = made?.["stdin"];
  const { cluster } = JSON.parse(typeof stdin === "string" ? stdin : "{}") as { readonly cluster?: string };
  const { url, insecure } = asMap(at(object, "spec")) ?? {};
  if (cluster === undefined || url !== `oci://${cluster}-registry:5000/flux-repo`)
    add(object, "spec.url", `${String(url)} is not the registry beside the cluster ${cluster ?? "(there is none)"}.`);
  if (insecure !== true) add(object, "spec.insecure", "is not set, and that registry has no certificate.");
}

/** Keys of a Secret that values ask for: items of a volume, and files where the operator mounts it for Prometheus. */
function keysIn(values: unknown, secret: string): unknown[] {
  const folder = `/etc/prometheus/secrets/${secret}/`;
  const all = leaves(values);
  return [
    ...all.flatMap(([, value]) => (String(value).startsWith(folder) ? [String(value).slice(folder.length)] : [])),
    ...all.flatMap(([path, value]) =>
      path.at(-1) === "key" && path.at(-3) === "items" && at(values, ...path.slice(0, -3), "secretName") === secret
        ? [value]
        : [],
    ),
  ];
}

/** Every leaf of a tree with its path. */
function leaves(tree: unknown, path: readonly string[] = []): [readonly string[], unknown][] {
  if (typeof tree !== "object" || tree === null) return [[path, tree]];
  return Object.entries(tree).flatMap(([key, child]) => leaves(child, [...path, key]));
}
