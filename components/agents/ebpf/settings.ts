import { z } from "zod";
import { dnsLabel, line } from "../../../settings/formats.ts";
import { resources, values } from "../../../settings/kinds.ts";

/** Namespaces in which it looks at nothing, whatever it is told (OBI 0.5, pkg/obi/config.go, `k8sDefaultNamespacesGlob`). */
const leftOut = ["kube-system", "kube-node-lease", "local-path-storage", "cert-manager", "monitoring"];

const path = line.max(200).regex(/^\/[\w.~/*-]*$/, "must be a path such as /healthz or /internal/*");

export const ebpf = z
  .strictObject({
    namespaces: z
      .array(
        dnsLabel.refine((name) => !leftOut.includes(name), {
          error: "is a namespace that the program leaves out, whatever it is told",
        }),
      )
      .refine((names) => new Set(names).size === names.length, { error: "names one twice" })
      .default([])
      .describe(
        "Namespaces of which every service is instrumented; with none it is not there. They need not exist yet.",
      ),
    ignoredPaths: z
      .array(path)
      .default(["/metrics", "/health", "/health/*", "/healthz", "/livez", "/readyz"])
      .describe("Paths of requests that are no request of a user's: probes and scrapes; `*` stands for any text."),
    propagation: z
      .boolean()
      .default(false)
      .describe(
        "Whether requests carry the trace on to the next service: then its pods are in the nodes' network and may change packets (NET_ADMIN), and the collector's port for OTLP by gRPC is open to every pod and node.",
      ),
    extraCapabilities: z
      .array(z.enum(["SYS_ADMIN", "SYS_RESOURCE"]))
      .refine((names) => new Set(names).size === names.length, { error: "names one twice" })
      .default([])
      .describe(
        "SYS_ADMIN where kernel.perf_event_paranoid is 3 or more (Debian, Ubuntu), SYS_RESOURCE with a kernel older than 5.11.",
      ),
    resources: resources({ cpu: "50m", memory: "200Mi", memoryLimit: "1Gi" }),
    values,
  })
  .prefault({})
  .describe("OpenTelemetry eBPF Instrumentation, which sees requests from outside of the programs, on every node.");
