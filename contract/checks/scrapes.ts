/** Discovery and relabelling of annotated pods do what the annotations promise, for pods as the API server tells of them. */
import { manifestId } from "../../components/kubernetes/manifest.ts";
import { asMap, at, type Finding } from "../finding.ts";
import { relabel } from "../relabel.ts";
import type { Rendered } from "../rendered.ts";
import { scrapeJob } from "../scrape-job.ts";

type Labels = Readonly<Record<string, string>>;

/** Pods, and the target that each has to be; undefined for none. */
function cases(namespace: string): readonly [string, Labels, Labels | undefined][] {
  const annotation = (name: string) => `__meta_kubernetes_pod_annotation_prometheus_io_${name}`;
  const pod = {
    __address__: "10.0.0.7:9999",
    __metrics_path__: "/metrics",
    __meta_kubernetes_namespace: namespace,
    __meta_kubernetes_pod_name: "kbot-1",
    __meta_kubernetes_pod_ip: "10.0.0.7",
    __meta_kubernetes_pod_phase: "Running",
    __meta_kubernetes_pod_container_init: "false",
    [annotation("scrape")]: "true",
    [annotation("port")]: "8080",
    [annotation("path")]: "/stats",
  };
  const target = {
    __address__: "10.0.0.7:8080",
    __metrics_path__: "/stats",
    job: "application-pods",
    namespace,
    pod: "kbot-1",
  };
  return [
    ["an annotated pod", pod, target],
    ["a pod that names no path", { ...pod, [annotation("path")]: "" }, { ...target, __metrics_path__: "/metrics" }],
    ["a pod without the annotation", { ...pod, [annotation("scrape")]: "" }, undefined],
    ["a pod that a monitor has", { ...pod, [annotation("monitor")]: "true" }, undefined],
    ["an init container", { ...pod, __meta_kubernetes_pod_container_init: "true" }, undefined],
    ["a pod that has ended", { ...pod, __meta_kubernetes_pod_phase: "Succeeded" }, undefined],
    ["a pod that has failed", { ...pod, __meta_kubernetes_pod_phase: "Failed" }, undefined],
  ];
}

export function checkScrapes({ declared, settings }: Rendered): Finding[] {
  const findings: Finding[] = [];
  const applications = [...(settings.demo.enabled ? ["demo"] : []), ...settings.applications.namespaces];
  const found = declared.filter(
    ({ kind, metadata: { name } }) => kind === "ScrapeConfig" && name === "application-pods",
  );
  const [object] = found;
  const [first] = applications;
  if (found.length !== (first === undefined ? 0 : 1))
    return [{ check: "scrapes", object: "ScrapeConfig", path: "", message: "is missing, or is there for nobody." }];
  if (object === undefined || first === undefined) return [];
  const add = (path: string, message: string) =>
    findings.push({ check: "scrapes", object: manifestId(object), path: `spec.${path}`, message });

  const unknown = Object.keys(asMap(object["spec"]) ?? {}).filter(
    (key) => !["jobName", "kubernetesSDConfigs", "relabelings"].includes(key),
  );
  if (unknown.length > 0) add("", `${unknown.join(", ")} is not known here.`);
  const { kubernetes_sd_configs: discoveries = [], relabel_configs: rules } = scrapeJob(object);
  if (discoveries.map(({ role }) => role).join() !== "pod") add("kubernetesSDConfigs", "does not discover pods.");
  if (((at(discoveries[0], "namespaces", "names") ?? []) as readonly string[]).join() !== applications.join())
    add("kubernetesSDConfigs", `does not discover those of ${applications.join(", ")} alone.`);
  for (const [what, pod, wanted] of cases(first)) {
    try {
      const target = relabel(pod, rules);
      const of = (labels: Labels) =>
        Object.entries(labels)
          .filter(([label]) => !label.startsWith("__meta_"))
          .map(([label, value]) => `${label}="${value}"`)
          .sort()
          .join(", ");
      const [is, should] = [target, wanted].map((labels) => (labels === undefined ? "dropped" : of(labels)));
      if (is !== should) add("relabelings", `${what} is ${is ?? "?"} and not ${should ?? "?"}.`);
    } catch (error) {
      add("relabelings", error instanceof Error ? error.message : String(error));
    }
  }
  return findings;
}
