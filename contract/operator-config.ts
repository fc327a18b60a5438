/**
 * The configuration that the Prometheus Operator makes of objects: by its own generator (prometheus-operator/generate), with
 * the Secrets that the objects name.
 */
import { parse } from "yaml";
import type { Manifest } from "../components/kubernetes/manifest.ts";
import { programSaid } from "./said.ts";

export interface OperatorConfig {
  /** The configuration file, read. */
  readonly config: Readonly<Record<string, unknown>>;
  /** Flags that the server and the agent share. */
  readonly flags: readonly string[];
  /** Files below /etc/prometheus/certs, by name. */
  readonly certificates: Readonly<Record<string, string>>;
  /** Objects that it refuses, and why. */
  readonly rejected: Readonly<Record<string, string>>;
}

/**
 * @param program that `obtainProgram("operator-config")` gave
 * @param objects one Prometheus or PrometheusAgent, and the monitors and Secrets that it is to find
 * @throws Error with the operator's words when it makes none
 */
export function operatorConfig(program: string, objects: readonly Manifest[]): OperatorConfig {
  const { status, stdout, stderr } = programSaid(program, { args: [], input: JSON.stringify(objects) });
  if (status !== 0) throw new Error(`The Prometheus Operator makes no configuration: ${stderr}`);
  const {
    configuration,
    arguments: named,
    ...rest
  } = JSON.parse(stdout) as Omit<OperatorConfig, "config" | "flags"> & {
    readonly configuration: string;
    readonly arguments: readonly string[];
  };
  return {
    ...rest,
    config: parse(configuration) as OperatorConfig["config"],
    flags: named.map((argument) => `--${argument}`),
  };
}

/** The Prometheus that kube-prometheus-stack makes of its values, as far as the configuration file depends on it. */
export function prometheusObject(values: Readonly<Record<string, unknown>>): Manifest {
  const spec = {
    ...((values["prometheus"] as { readonly prometheusSpec?: object } | undefined)?.prometheusSpec ?? {}),
  };
  const { additionalRemoteWrite: remoteWrite, ...rest } = spec as Readonly<Record<string, unknown>>;
  // The template leaves out what is 0.
  const known = Object.fromEntries(
    Object.entries(rest).filter(
      ([key, value]) => !/NilUsesHelmValues$|^(storageSpec|additionalAlertManagerConfigs)$/.test(key) && value !== 0,
    ),
  );
  const selectors = Object.fromEntries(
    ["serviceMonitor", "podMonitor", "probe", "scrapeConfig"].map((kind) => [`${kind}Selector`, {}]),
  );
  return {
    apiVersion: "monitoring.coreos.com/v1",
    kind: "Prometheus",
    metadata: { name: "kube-prometheus-stack-prometheus", namespace: "monitoring" },
    // templates/prometheus/prometheus.yaml of 88.5.3: the same names, but for the list that is no template.
    spec: {
      ...known,
      ...selectors,
      ...(remoteWrite === undefined ? {} : { remoteWrite }),
    },
  };
}
