import type { z } from "zod";
import { containerResources } from "../../../settings/resources.ts";
import { isRemote, type LogStore } from "../../capabilities.ts";
import { hardened } from "../../kubernetes/hardened.ts";
import { authenticates, caKey, caOf, hostAndPort, type Known, remotes, secretKey, secretOf } from "../../remote.ts";
import { isRedacted, type Redaction } from "../redaction.ts";
import { redactScript, scriptName } from "./redact.ts";
import type { fluentBit } from "./settings.ts";

/** The part of the values of fluent-bit 0.58.1 that the environment sets. */
export interface FluentBitValues {
  readonly testFramework: { readonly enabled: boolean };
  readonly serviceMonitor: { readonly enabled: boolean };
  readonly resources: ReturnType<typeof containerResources>;
  readonly securityContext: typeof hardened & { readonly runAsUser: 0 };
  readonly tolerations: readonly { readonly operator: "Exists" }[];
  readonly config: {
    readonly service: string;
    readonly inputs: string;
    readonly filters: string;
    readonly outputs: string;
  };
  /** By their file names. */
  readonly luaScripts?: Readonly<Record<typeof scriptName, string>>;
  readonly env?: readonly [
    {
      readonly name: typeof secretVariable;
      readonly valueFrom: { readonly secretKeyRef: { readonly name: string; readonly key: string } };
    },
  ];
  readonly extraVolumes?: readonly [
    {
      readonly name: typeof volume;
      readonly secret: {
        readonly secretName: string;
        readonly items: readonly [{ readonly key: string; readonly path: string }];
      };
    },
  ];
  readonly extraVolumeMounts?: readonly [
    { readonly name: typeof volume; readonly mountPath: typeof folder; readonly readOnly: true },
  ];
}

/** Variable with the secret of a log store; what replaces it is looked through for variables no more (src/flb_output.c). */
const secretVariable = "LOGS_SECRET";
const volume = "external";
const folder = "/fluent-bit/external";

/** Where the log store takes lines, and what it wants. */
function target({ endpoint, pushPath }: LogStore, known: Known): Record<string, string> {
  if (!isRemote(endpoint)) {
    const { namespace, service, port } = endpoint;
    return { Host: `${service}.${namespace}.svc`, Port: String(port), Uri: pushPath };
  }
  const { url, access } = endpoint;
  const { host, port } = hostAndPort(url);
  return {
    Host: host,
    Port: String(port),
    Uri: `${new URL(url).pathname.replace(/\/$/, "")}${pushPath}`,
    // By default it takes a certificate of any host.
    ...(url.startsWith("https:") ? { tls: "On", "tls.verify": "On", "tls.verify_hostname": "On" } : {}),
    ...(caOf(endpoint, known) === undefined ? {} : { "tls.ca_file": `${folder}/${caKey(access)}` }),
    ...(access.tenant === undefined ? {} : { Tenant_ID: access.tenant }),
    ...(!authenticates(access, known)
      ? {}
      : access.user === undefined
        ? { Bearer_Token: `\${${secretVariable}}` }
        : { Http_User: access.user, Http_Passwd: `\${${secretVariable}}` }),
  };
}

/** What of that stands in a Secret: one at most of the log stores is there already. */
function files(
  stores: readonly LogStore[],
  known: Known,
): Pick<FluentBitValues, "env" | "extraVolumes" | "extraVolumeMounts"> {
  const [endpoint] = remotes(stores.map((store) => store.endpoint));
  if (endpoint === undefined) return {};
  const { access } = endpoint;
  const name = secretOf("fluent-bit");
  const key = caKey(access);
  return {
    ...(authenticates(access, known)
      ? { env: [{ name: secretVariable, valueFrom: { secretKeyRef: { name, key: secretKey(access) } } }] }
      : {}),
    ...(caOf(endpoint, known) === undefined
      ? {}
      : {
          extraVolumes: [{ name: volume, secret: { secretName: name, items: [{ key, path: key }] } }],
          extraVolumeMounts: [{ name: volume, mountPath: folder, readOnly: true }],
        }),
  };
}

/** A section of Fluent Bit's classic configuration. */
function section(name: string, entries: Readonly<Record<string, string>>): string {
  const lines = Object.entries(entries).map(([key, value]) => `    ${key} ${value}`);
  return [`[${name}]`, ...lines, ""].join("\n");
}

/** Labels of every line in the log store. Few and bounded: a label with many values is a stream each. */
const labels = [
  "job=fluentbit",
  "namespace=$kubernetes['namespace_name']",
  "pod=$kubernetes['pod_name']",
  "container=$kubernetes['container_name']",
];

/** Values of Fluent Bit: tail every container, add what Kubernetes knows, push to each log store, which waits for no other. */
export function fluentBitValues(
  settings: z.output<typeof fluentBit>,
  stores: readonly LogStore[],
  known: Known & { readonly redact: Redaction },
): FluentBitValues {
  const redacted = isRedacted(known.redact);
  return {
    // Its image is busybox:latest, pulled always.
    testFramework: { enabled: false },
    serviceMonitor: { enabled: true },
    resources: containerResources(settings.resources),
    // Root without any capability: container logs and the folder of its positions belong to root.
    securityContext: { ...hardened, runAsUser: 0 },
    // Every node, tainted or not.
    tolerations: [{ operator: "Exists" }],
    // Each key replaces the chart's whole section. The chart passes them through its template engine: no braces here.
    config: {
      service: section("SERVICE", {
        Daemon: "Off",
        Flush: "1",
        Log_Level: "info",
        Parsers_File: "/fluent-bit/etc/parsers.conf",
        HTTP_Server: "On",
        HTTP_Listen: "0.0.0.0",
        HTTP_Port: "2020",
        Health_Check: "On",
        "storage.path": "/var/log/flb-storage/",
        "storage.metrics": "On",
        // Of 2 MB each at most: what is in memory at once fits the container; the rest waits in files.
        "storage.max_chunks_up": "32",
        // Seconds between two tries at most; by default half an hour passes before the log store's return is noticed.
        "scheduler.cap": "60",
      }),
      inputs: section("INPUT", {
        Name: "tail",
        Path: "/var/log/containers/*.log",
        "multiline.parser": "docker, cri",
        Tag: "kube.*",
        DB: "/var/log/flb_kube.db",
        Skip_Long_Lines: "On",
        Inotify_Watcher: settings.inotify ? "true" : "false",
        // Reading never pauses, and Mem_Buf_Limit would mean nothing (src/flb_input_chunk.c, flb_input_chunk_protect).
        "storage.type": "filesystem",
      }),
      filters: [
        section("FILTER", {
          Name: "kubernetes",
          Match: "kube.*",
          Merge_Log: "On",
          Keep_Log: "Off",
          "K8S-Logging.Parser": "On",
          "K8S-Logging.Exclude": "On",
          Labels: "Off",
          Annotations: "Off",
          // The API server's answer in full: of a pod whose object is larger than the default of 32K nothing would be known.
          Buffer_Size: "0",
        }),
        // After it has made fields of a line of JSON.
        ...(redacted
          ? [
              section("FILTER", {
                Name: "lua",
                Match: "kube.*",
                script: `/fluent-bit/scripts/${scriptName}`,
                call: "redact",
              }),
            ]
          : []),
      ].join("\n"),
      outputs: stores
        .map((logs) =>
          section("OUTPUT", {
            Name: "loki",
            Match: "kube.*",
            ...target(logs, known),
            // A store that is there already may have lines of several clusters.
            Labels: [...labels, ...(isRemote(logs.endpoint) ? [`cluster=${known.name}`] : [])].join(", "),
            Remove_keys: "kubernetes,stream,_p,time",
            Line_Format: "json",
            Auto_Kubernetes_Labels: "Off",
            // What waits is bounded by its size, not by time; the oldest goes first. Chunks are tried again each in its own time,
            // so they come out of order; a line that the log store refuses for good, for its age also, is not tried again.
            Retry_Limit: "no_limits",
            "storage.total_limit_size": settings.bufferSize,
          }),
        )
        .join("\n"),
    },
    ...(redacted ? { luaScripts: { [scriptName]: redactScript(known.redact) } } : {}),
    ...files(stores, known),
  };
}
