import type { z } from "zod";
import { containerResources } from "../../../settings/resources.ts";
import {
  type Access,
  asRemote,
  clusterUrl,
  isRemote,
  type LogStore,
  type Place,
  pushPlaces,
} from "../../capabilities.ts";
import { hardened } from "../../kubernetes/hardened.ts";
import { authenticates, caKey, caOf, hostAndPort, type Known, remotes, secretKey, secretOf } from "../../remote.ts";
import { auditJob, droppedFields, journalJob, lineJob, lineLabels, nodeLabels } from "../lines.ts";
import { nodeFolders, type NodeSources } from "../node-sources.ts";
import { isRedacted, type Redaction } from "../redaction.ts";
import { recordsName, recordsScript } from "./records.ts";
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
  readonly luaScripts?: Readonly<Record<string, string>>;
  readonly env?: readonly {
    readonly name: string;
    readonly valueFrom:
      | { readonly secretKeyRef: { readonly name: string; readonly key: string } }
      | { readonly fieldRef: { readonly fieldPath: "spec.nodeName" } };
  }[];
  readonly extraVolumes?: readonly ({ readonly name: string } & (
    | {
        readonly secret: {
          readonly secretName: string;
          readonly items: readonly { readonly key: string; readonly path: string }[];
        };
      }
    | { readonly hostPath: { readonly path: string; readonly type: string } }
  ))[];
  readonly extraVolumeMounts?: readonly {
    readonly name: string;
    readonly mountPath: string;
    readonly readOnly: true;
  }[];
}

/** What is read: its tag, and how its records are told. */
interface Tagged {
  readonly tag: string;
  readonly job: string;
  /** Labels of its stream, and the names that Fluent Bit has them by. */
  readonly labels: readonly (readonly [label: string, name: string])[];
  readonly input: Readonly<Record<string, string>>;
  /** The function of our script that makes the record. @default it is made already */
  readonly shape?: string;
}

/** What the journal and the audit log have in common. */
const ofNode = { labels: nodeLabels.map((label) => [label, "host"] as const) };

function tagged({ inotify }: z.output<typeof fluentBit>, { journal, auditLog }: NodeSources): Tagged[] {
  const tail = {
    Skip_Long_Lines: "On",
    Inotify_Watcher: inotify ? "true" : "false",
    // Reading never pauses, and Mem_Buf_Limit would mean nothing (src/flb_input_chunk.c, flb_input_chunk_protect).
    "storage.type": "filesystem",
  };
  return [
    {
      tag: "kube.*",
      job: lineJob,
      labels: lineLabels.map((label) => [label, `${label}_name`] as const),
      input: {
        ...{ Name: "tail", Path: "/var/log/containers/*.log", "multiline.parser": "docker, cri", Tag: "kube.*" },
        ...{ DB: "/var/log/flb_kube.db", ...tail },
      },
    },
    ...(journal === undefined
      ? []
      : [
          {
            ...{ tag: journalJob, job: journalJob, shape: journalJob, ...ofNode },
            input: {
              ...{ Name: "systemd", Path: journal, Tag: journalJob, DB: "/var/log/flb_journal.db" },
              ...{ Read_From_Tail: "On", "storage.type": "filesystem" },
            },
          },
        ]),
    ...(auditLog === undefined
      ? []
      : [
          {
            ...{ tag: auditJob, job: auditJob, shape: auditJob, ...ofNode },
            input: {
              ...{
                Name: "tail",
                Path: auditLog,
                Parser: "json",
                Tag: auditJob,
                DB: "/var/log/flb_audit.db",
              },
              // Not what the API server has moved aside: it would be read again (pipeline/inputs/tail, "File rotation").
              ...{ Buffer_Max_Size: "4M", ...tail },
            },
          },
        ]),
  ];
}

/** Variable with the secret of a log store; what replaces it is looked through for variables no more (src/flb_output.c). */
const secretVariable = ({ of }: Access) => `${of.toUpperCase()}_SECRET`;
const volume = "external";
const folder = "/fluent-bit/external";

/** Where a log store takes lines, and what it wants. */
function target(place: Place, known: Known): Record<string, string> {
  const remote = asRemote(place);
  const { host, port } = hostAndPort(clusterUrl(place));
  const at = { Host: host, Port: String(port) };
  if (remote === undefined) return at;
  const { url, access } = remote;
  return {
    ...at,
    // By default it takes a certificate of any host.
    ...(url.startsWith("https:") ? { tls: "On", "tls.verify": "On", "tls.verify_hostname": "On" } : {}),
    ...(caOf(remote, known) === undefined ? {} : { "tls.ca_file": `${folder}/${caKey(access)}` }),
    ...(access.tenant === undefined ? {} : { Tenant_ID: access.tenant }),
    ...(!authenticates(access, known)
      ? {}
      : access.user === undefined
        ? { [access.scheme === "ApiKey" ? "Http_Api_Key" : "Bearer_Token"]: `\${${secretVariable(access)}}` }
        : { Http_User: access.user, Http_Passwd: `\${${secretVariable(access)}}` }),
  };
}

/** What a log store is sent of what is read, in its own way. */
function written(
  { endpoint, push }: Pick<LogStore, "endpoint" | "push">,
  of: Tagged,
  known: Known,
): Record<string, string> {
  const path = new URL(clusterUrl(push.place)).pathname.replace(/\/$/, "");
  if (push.as === "elasticsearch") {
    // Each source has a stream of its own.
    const stream = push.stream.replace(/^logs-\w+/, `logs-${of.job}`);
    return {
      Name: "es",
      Match: of.tag,
      ...target(push.place, known),
      ...(path === "" ? {} : { Path: path }),
      // A store that is there already may have lines of several clusters.
      Index: isRemote(endpoint) ? stream.replace(/-default$/, `-${known.name.toLowerCase()}`) : stream,
      Pipeline: push.pipeline,
      // A data stream takes no other operation, and Elasticsearch no type since 8.
      Write_Operation: "create",
      Suppress_Type_Name: "On",
      // No Generate_ID: of a chunk whose answer was lost every record would be there already, which the plug-in takes for a failure and tries for
      // ever (5.1.1, plugins/out_es/es.c: elasticsearch_error_check). It is kept twice, as by Loki's.
      Time_Key_Nanos: "On",
      // The answer in full; of one that is cut off nobody knows what was kept.
      Buffer_Size: "False",
    };
  }
  if (push.as === "http") {
    if (of.job !== lineJob) return written({ endpoint, push: push.others }, of, known);
    return {
      Name: "http",
      Match: of.tag,
      ...target(push.place, known),
      Uri: "/",
      Format: "json",
      Json_date_key: "@timestamp",
      Json_date_format: "iso8601",
      Log_response_payload: "Off",
    };
  }
  return {
    Name: "loki",
    Match: of.tag,
    ...target(push.place, known),
    Uri: `${path}${push.path}`,
    // A store that is there already may have lines of several clusters.
    Labels: [...labelsOf(of), ...(isRemote(endpoint) ? [`cluster=${known.name}`] : [])].join(", "),
    Remove_keys: droppedFields.join(","),
    Line_Format: "json",
    Auto_Kubernetes_Labels: "Off",
  };
}

/** What of that stands in a Secret. */
function files(
  stores: readonly LogStore[],
  known: Known & { readonly nodeSources: NodeSources },
): Pick<FluentBitValues, "env" | "extraVolumes" | "extraVolumeMounts"> {
  const asked = remotes(stores.flatMap(({ push }) => pushPlaces(push)));
  const name = secretOf("fluent-bit");
  const folders = nodeFolders(known.nodeSources);
  const env = [
    ...asked
      .filter(({ access }) => authenticates(access, known))
      .map(({ access }) => ({
        name: secretVariable(access),
        valueFrom: { secretKeyRef: { name, key: secretKey(access) } },
      })),
    ...(folders.length === 0
      ? []
      : [{ name: "NODE_NAME", valueFrom: { fieldRef: { fieldPath: "spec.nodeName" } } } as const]),
  ];
  const items = asked
    .filter((remote) => caOf(remote, known) !== undefined)
    .map(({ access }) => ({ key: caKey(access), path: caKey(access) }));
  const volumes = [
    ...(items.length === 0 ? [] : [{ of: { name: volume, secret: { secretName: name, items } }, at: folder }]),
    ...folders.map(({ name: called, path, type }) => ({ of: { name: called, hostPath: { path, type } }, at: path })),
  ];
  return {
    ...(env.length === 0 ? {} : { env }),
    ...(volumes.length === 0
      ? {}
      : {
          extraVolumes: volumes.map(({ of }) => of),
          extraVolumeMounts: volumes.map(({ of, at }) => ({ name: of.name, mountPath: at, readOnly: true })),
        }),
  };
}

/** A section of Fluent Bit's classic configuration. */
function section(name: string, entries: Readonly<Record<string, string>>): string {
  const lines = Object.entries(entries).map(([key, value]) => `    ${key} ${value}`);
  return [`[${name}]`, ...lines, ""].join("\n");
}

/** Labels of its lines in the log store. */
const labelsOf = ({ job, labels }: Tagged) => [
  `job=${job}`,
  ...labels.map(([label, name]) => `${label}=$kubernetes['${name}']`),
];

/** Values of Fluent Bit: tail every container, add what Kubernetes knows, push to each log store, which waits for no other. */
export function fluentBitValues(
  settings: z.output<typeof fluentBit>,
  stores: readonly LogStore[],
  known: Known & { readonly redact: Redaction; readonly nodeSources: NodeSources },
): FluentBitValues {
  const redacted = isRedacted(known.redact);
  const read = tagged(settings, known.nodeSources);
  const shaped = read.filter(({ shape }) => shape !== undefined);
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
      inputs: read.map(({ input }) => section("INPUT", input)).join("\n"),
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
                Match: "*",
                script: `/fluent-bit/scripts/${scriptName}`,
                call: "redact",
              }),
            ]
          : []),
        ...shaped.map(({ tag, shape = "" }) =>
          section("FILTER", { Name: "lua", Match: tag, script: `/fluent-bit/scripts/${recordsName}`, call: shape }),
        ),
      ].join("\n"),
      outputs: stores
        .flatMap((logs) => read.map((of) => ({ logs, of })))
        .map(({ logs, of }) =>
          section("OUTPUT", {
            ...written(logs, of, known),
            // What waits is bounded by its size, not by time; the oldest goes first. Chunks are tried again each in its own time,
            // so they come out of order; a line that the log store refuses for good, for its age also, is not tried again.
            Retry_Limit: "no_limits",
            "storage.total_limit_size": settings.bufferSize,
          }),
        )
        .join("\n"),
    },
    ...(redacted || shaped.length > 0
      ? {
          luaScripts: {
            ...(redacted ? { [scriptName]: redactScript(known.redact) } : {}),
            ...(shaped.length > 0 ? { [recordsName]: recordsScript() } : {}),
          },
        }
      : {}),
    ...files(stores, known),
  };
}
