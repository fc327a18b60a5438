/**
 * The Pod Security Standards (kubernetes.io/docs/concepts/security/pod-security-standards, v1.36) on pod templates, as far
 * as they can be decided without a cluster.
 */
import { asMap, at } from "./finding.ts";

export type Level = "restricted" | "baseline" | "privileged";

interface Container {
  readonly name: string;
  readonly securityContext?: Readonly<Record<string, unknown>>;
  readonly ports?: readonly { readonly hostPort?: number }[];
}

/** Capabilities that "baseline" lets a container add. */
const baselineCapabilities = [
  "AUDIT_WRITE",
  "CHOWN",
  "DAC_OVERRIDE",
  "FOWNER",
  "FSETID",
  "KILL",
  "MKNOD",
  "NET_BIND_SERVICE",
  "SETFCAP",
  "SETGID",
  "SETPCAP",
  "SETUID",
  "SYS_CHROOT",
];

/** Sysctls that "baseline" and "restricted" let a pod set (k8s.io/pod-security-admission, check_sysctls.go). */
const safeSysctls = [
  "kernel.shm_rmid_forced",
  "net.ipv4.ip_local_port_range",
  "net.ipv4.ip_local_reserved_ports",
  "net.ipv4.ip_unprivileged_port_start",
  "net.ipv4.ping_group_range",
  "net.ipv4.tcp_fin_timeout",
  "net.ipv4.tcp_keepalive_intvl",
  "net.ipv4.tcp_keepalive_probes",
  "net.ipv4.tcp_keepalive_time",
  "net.ipv4.tcp_rmem",
  "net.ipv4.tcp_syncookies",
  "net.ipv4.tcp_wmem",
];

const restrictedVolumes = [
  "configMap",
  "csi",
  "downwardAPI",
  "emptyDir",
  "ephemeral",
  "image",
  "persistentVolumeClaim",
  "projected",
  "secret",
];

function containersOf(spec: Readonly<Record<string, unknown>>): Container[] {
  return ["initContainers", "containers", "ephemeralContainers"].flatMap((key) => (spec[key] ?? []) as Container[]);
}

/** What keeps a pod out of a namespace of a level; nothing when it may run there. */
export function podSecurityViolations(spec: Readonly<Record<string, unknown>>, level: Level): string[] {
  if (level === "privileged") return [];
  const violations: string[] = [];
  const pod = asMap(spec["securityContext"]) ?? {};
  const volumes = (spec["volumes"] ?? []) as readonly Readonly<Record<string, unknown>>[];

  for (const key of ["hostNetwork", "hostPID", "hostIPC"]) if (spec[key] === true) violations.push(key);
  for (const volume of volumes) {
    const kind = Object.keys(volume).find((key) => key !== "name") ?? "emptyDir";
    if (kind === "hostPath") violations.push(`hostPath ${String(at(volume, "hostPath", "path"))}`);
    else if (level === "restricted" && !restrictedVolumes.includes(kind)) violations.push(`volume of kind ${kind}`);
  }
  for (const { name } of (pod["sysctls"] ?? []) as readonly { readonly name: string }[])
    if (!safeSysctls.includes(name)) violations.push(`sysctl ${name}`);
  const seccomp = (context: unknown) => at(context, "seccompProfile", "type");
  if (seccomp(pod) === "Unconfined") violations.push("seccompProfile Unconfined");

  for (const container of containersOf(spec)) {
    const context = container.securityContext ?? {};
    const add = (what: string) => violations.push(`container ${container.name}: ${what}`);
    if (context["privileged"] === true) add("privileged");
    if ((container.ports ?? []).some(({ hostPort }) => (hostPort ?? 0) > 0)) add("hostPort");
    const added = (at(context, "capabilities", "add") ?? []) as readonly string[];
    const dropped = (at(context, "capabilities", "drop") ?? []) as readonly string[];
    const allowed = level === "restricted" ? ["NET_BIND_SERVICE"] : baselineCapabilities;
    const beyond = added.filter((capability) => !allowed.includes(capability));
    if (beyond.length > 0) add(`adds capabilities ${beyond.join(", ")}`);
    if (seccomp(context) === "Unconfined") add("seccompProfile Unconfined");
    if (level !== "restricted") continue;
    if (!dropped.includes("ALL")) add("does not drop ALL capabilities");
    if (context["allowPrivilegeEscalation"] !== false) add("allowPrivilegeEscalation is not false");
    if ((context["runAsNonRoot"] ?? pod["runAsNonRoot"]) !== true) add("runAsNonRoot is not true");
    if ((context["runAsUser"] ?? pod["runAsUser"]) === 0) add("runAsUser is 0");
    if (!["RuntimeDefault", "Localhost"].includes(String(seccomp(context) ?? seccomp(pod)))) {
      add("seccompProfile is not RuntimeDefault");
    }
  }
  return violations;
}

/**
 * What of the usual hardening the containers of a pod lack, whatever their namespace asks for: no escalation, no capability,
 * seccomp, a read-only root file system, a user other than root.
 */
export function hardeningGaps(spec: Readonly<Record<string, unknown>>): string[] {
  const pod = asMap(spec["securityContext"]) ?? {};
  return containersOf(spec).flatMap(({ name, securityContext: context = {} }) => {
    const dropped = (at(context, "capabilities", "drop") ?? []) as readonly string[];
    const added = (at(context, "capabilities", "add") ?? []) as readonly string[];
    const seccomp = at(context, "seccompProfile", "type") ?? at(pod, "seccompProfile", "type");
    return [
      ...(context["allowPrivilegeEscalation"] === false ? [] : ["may escalate"]),
      ...(dropped.includes("ALL") && added.length === 0 ? [] : ["keeps capabilities"]),
      ...(seccomp === "RuntimeDefault" ? [] : ["has no seccomp profile"]),
      ...(context["readOnlyRootFilesystem"] === true ? [] : ["writes to its root file system"]),
      ...((context["runAsNonRoot"] ?? pod["runAsNonRoot"]) === true ? [] : ["may run as root"]),
    ].map((gap) => `${name} ${gap}`);
  });
}

/** The strictest level that lets a pod run. */
export function podSecurityLevel(spec: Readonly<Record<string, unknown>>): Level {
  const levels = ["restricted", "baseline"] as const;
  return levels.find((level) => podSecurityViolations(spec, level).length === 0) ?? "privileged";
}
