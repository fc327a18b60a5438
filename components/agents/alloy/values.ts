import type { z } from "zod";
import { containerResources } from "../../../settings/resources.ts";
import { asRemote, clusterUrl, isRemote, type LogStore } from "../../capabilities.ts";
import { hardened } from "../../kubernetes/hardened.ts";
import { authenticates, caKey, caOf, type Known, remotes, secretKey, secretOf } from "../../remote.ts";
import type { Named } from "../exporters.ts";
import { auditJob, journalJob, lineJob, lineLabels, nodeLabels, textField } from "../lines.ts";
import { nodeFolders, type NodeSources, podLogs } from "../node-sources.ts";
import { mask, type Redaction } from "../redaction.ts";
import { auditTemplate, journalTemplate, lineTemplate } from "./line.ts";
import type { alloy } from "./settings.ts";

/** Folder of the node, and of the pod, with positions in files: it outlives the pod. */
export const stateFolder = "/var/lib/observability/alloy";
const externalFolder = "/etc/alloy-external";

/** The part of the values of alloy 1.11.1 that the environment sets. */
export interface AlloyValues {
  readonly crds: { readonly create: false };
  readonly rbac: { readonly create: false };
  readonly serviceAccount: { readonly automountServiceAccountToken: false };
  readonly configReloader: { readonly enabled: false };
  readonly serviceMonitor: { readonly enabled: true };
  readonly alloy: {
    readonly configMap: { readonly content: string };
    readonly enableReporting: false;
    readonly storagePath: string;
    readonly resources: ReturnType<typeof containerResources>;
    readonly securityContext: typeof hardened & { readonly runAsUser: 0 };
    readonly mounts: {
      readonly extra: readonly { readonly name: string; readonly mountPath: string; readonly readOnly?: true }[];
    };
  };
  readonly controller: {
    readonly tolerations: readonly { readonly operator: "Exists" }[];
    readonly volumes: {
      readonly extra: readonly (
        | {
            readonly name: string;
            readonly hostPath: { readonly path: string; readonly type?: "Directory" | "DirectoryOrCreate" };
          }
        | { readonly name: string; readonly secret: { readonly secretName: string } }
      )[];
    };
  };
}

/** What refers to another component, not a text. */
interface Reference {
  readonly of: string;
}
type Value = string | number | boolean | Reference | readonly Value[] | { readonly [name: string]: Value };

const isList = (value: Value): value is readonly Value[] => Array.isArray(value);

function written(value: Value): string {
  if (typeof value !== "object") return JSON.stringify(value);
  if (isList(value)) return `[${value.map((item) => written(item)).join(", ")}]`;
  if ("of" in value && typeof value.of === "string") return value.of;
  const entries = Object.entries<Value>(value as Readonly<Record<string, Value>>).map(
    ([key, item]) => `${JSON.stringify(key)} = ${written(item)}`,
  );
  return `{ ${entries.join(", ")} }`;
}

/** A block of Alloy's syntax, with its arguments and blocks in it. */
function block(name: string, args: Readonly<Record<string, Value>>, blocks: readonly string[] = []): string {
  const lines = [
    ...Object.entries(args).map(([key, value]) => `${key} = ${written(value)}`),
    ...blocks.flatMap((inner) => inner.split("\n")),
  ];
  return [`${name} {`, ...lines.map((line) => `\t${line}`), "}"].join("\n");
}

/** Names of components are identifiers. */
const identifier = (key: string) => key.replaceAll(/\W/g, "_");

/** What sends to a store. */
function writer({ key, offer: { endpoint, push } }: Named<LogStore>, known: Known): string {
  if (push.as !== "loki") throw new Error(`Alloy cannot send to ${key}: the check of settings lets none through.`);
  const remote = asRemote(push.place);
  const access = remote?.access;
  const file = access === undefined ? "" : `${externalFolder}/${secretKey(access)}`;
  const sends = access !== undefined && authenticates(access, known);
  const user = access?.user;
  return block(
    `loki.write "${identifier(key)}"`,
    // A store that is there already may have lines of several clusters.
    isRemote(endpoint) ? { external_labels: { cluster: known.name } } : {},
    [
      block(
        "endpoint",
        {
          url: `${clusterUrl(push.place).replace(/\/$/, "")}${push.path}`,
          // Without an end: while a store is away reading stops, and lines wait in the files of their containers.
          max_backoff_retries: 0,
          max_backoff_period: "1m",
          ...(access?.tenant === undefined ? {} : { tenant_id: access.tenant }),
          ...(sends && user === undefined && access.scheme === undefined ? { bearer_token_file: file } : {}),
        },
        [
          ...(sends && user !== undefined ? [block("basic_auth", { username: user, password_file: file })] : []),
          ...(sends && user === undefined && access.scheme !== undefined
            ? [block("authorization", { type: access.scheme, credentials_file: file })]
            : []),
          ...(remote === undefined || caOf(remote, known) === undefined
            ? []
            : [block("tls_config", { ca_file: `${externalFolder}/${caKey(remote.access)}` })]),
        ],
      ),
    ],
  );
}

/** What is read: components that send lines to the pipeline of that name, and its stages. */
interface Source {
  readonly name: string;
  readonly components: (to: Value) => readonly string[];
  readonly stages: readonly string[];
}

/** Puts the line that a template makes in place of the one that was read. */
const shaped = (template: string): string[] => [
  // What stays if the next one cannot be made: nothing leaves the node without redaction.
  block("stage.template", { source: "line", template: JSON.stringify({ [textField]: mask }) }),
  block("stage.template", { source: "line", template }),
  block("stage.output", { source: "line" }),
];

/** Labels of what is read of the node itself. The chart (1.11.1) sets the variable. */
const nodeStage = (job: string) =>
  block("stage.static_labels", {
    values: { job, ...Object.fromEntries(nodeLabels.map((label) => [label, { of: 'sys.env("K8S_NODE_NAME")' }])) },
  });

/** Lines of containers; a file's path has the names. @param own begins the names of its own pods */
function containers(own: { readonly namespace: string; readonly pods: string }, redact: Redaction): Source {
  const path = String.raw`${podLogs}/([^_/]+)_([^_/]+)_[^/]+/([^/]+)/[^/]+`;
  return {
    name: "containers",
    components: (to) => [
      block('local.file_match "containers"', {
        path_targets: [
          {
            __path__: `${podLogs}/*/*/*.log`,
            // Not its own, in which each line that a store refuses would be another.
            __path_exclude__: `${podLogs}/${own.namespace}_${own.pods}*/*/*`,
            job: lineJob,
          },
        ],
      }),
      block('discovery.relabel "containers"', { targets: { of: "local.file_match.containers.targets" } }, [
        ...lineLabels.map((label, index) =>
          block("rule", {
            source_labels: ["__path__"],
            regex: path,
            replacement: `$${index + 1}`,
            target_label: label,
          }),
        ),
      ]),
      block('loki.source.file "containers"', {
        targets: { of: "discovery.relabel.containers.output" },
        forward_to: [to],
      }),
    ],
    stages: [
      // Time and text of a line of containerd or CRI-O; puts together what the runtime has split, of as many containers as a node can have.
      block("stage.cri", {
        max_partial_lines: 1000,
        max_partial_line_size: 2 * 1024 ** 2,
        max_partial_line_size_truncate: true,
      }),
      block("stage.label_drop", { values: ["filename", "stream"] }),
      ...shaped(lineTemplate(redact)),
    ],
  };
}

const journal = (path: string, redact: Redaction): Source => ({
  name: journalJob,
  components: (to) => [
    block(`loki.source.journal "${journalJob}"`, {
      path,
      // All fields; without, the text alone.
      format_as_json: true,
      // How far back it begins when it first starts, and also how old a position may be that it goes on from.
      max_age: "24h",
      forward_to: [to],
    }),
  ],
  // Its own label `job` is the component's name.
  stages: [nodeStage(journalJob), ...shaped(journalTemplate(redact))],
});

const audit = (path: string, redact: Redaction): Source => ({
  name: auditJob,
  components: (to) => [
    // Not what the API server has moved aside: it would be read again, for a position is that of a path.
    block(`local.file_match "${auditJob}"`, { path_targets: [{ __path__: path }] }),
    block(`loki.source.file "${auditJob}"`, {
      targets: { of: `local.file_match.${auditJob}.targets` },
      tail_from_end: true,
      forward_to: [to],
    }),
  ],
  stages: [
    block("stage.json", { expressions: { time: "stageTimestamp" } }),
    block("stage.timestamp", {
      ...{ source: "time", format: "RFC3339Nano" },
      ...{ action_on_failure: "skip", action_on_duplicate_timestamp: "keep" },
    }),
    nodeStage(auditJob),
    block("stage.label_drop", { values: ["filename"] }),
    ...shaped(auditTemplate(redact)),
  ],
});

/**
 * Alloy's configuration: it asks the API server for nothing.
 *
 * @param own begins the names of its own pods
 */
export function alloyConfig(
  stores: readonly Named<LogStore>[],
  known: Known & { readonly redact: Redaction; readonly nodeSources: NodeSources },
  own: { readonly namespace: string; readonly pods: string },
): string {
  const { redact, nodeSources } = known;
  const sources = [
    containers(own, redact),
    ...(nodeSources.journal === undefined ? [] : [journal(nodeSources.journal, redact)]),
    ...(nodeSources.auditLog === undefined ? [] : [audit(nodeSources.auditLog, redact)]),
  ];
  const written = stores.map(({ key }) => ({ of: `loki.write.${identifier(key)}.receiver` }));
  return [
    ...sources.flatMap(({ name, components, stages }) => [
      ...components({ of: `loki.process.${name}.receiver` }),
      block(`loki.process "${name}"`, { forward_to: written }, stages),
    ]),
    ...stores.map((store) => writer(store, known)),
    "",
  ].join("\n\n");
}

/** Values of Alloy on every node. */
export function alloyValues(
  settings: z.output<typeof alloy>,
  stores: readonly Named<LogStore>[],
  known: Known & { readonly redact: Redaction; readonly nodeSources: NodeSources },
  own: { readonly namespace: string; readonly pods: string },
): AlloyValues {
  const folders = nodeFolders(known.nodeSources);
  const places = stores.map(({ offer }) => offer.push.place);
  const external = remotes(places).some(
    (remote) => authenticates(remote.access, known) || caOf(remote, known) !== undefined,
  );
  return {
    crds: { create: false },
    rbac: { create: false },
    serviceAccount: { automountServiceAccountToken: false },
    // Another configuration is another pod, by its checksum.
    configReloader: { enabled: false },
    serviceMonitor: { enabled: true },
    alloy: {
      // The chart passes it through Helm's template engine, which makes this of `{{`.
      configMap: { content: alloyConfig(stores, known, own).replaceAll("{{", '{{ "{{" }}') },
      enableReporting: false,
      storagePath: stateFolder,
      resources: containerResources(settings.resources),
      // Root without any capability: logs, journals and the folder of its positions belong to root.
      securityContext: { ...hardened, runAsUser: 0 },
      mounts: {
        extra: [
          { name: "pod-logs", mountPath: podLogs, readOnly: true },
          { name: "state", mountPath: stateFolder },
          ...folders.map(({ name, path }) => ({ name, mountPath: path, readOnly: true }) as const),
          ...(external ? [{ name: "external", mountPath: externalFolder, readOnly: true } as const] : []),
        ],
      },
    },
    controller: {
      // Every node, tainted or not.
      tolerations: [{ operator: "Exists" }],
      volumes: {
        extra: [
          { name: "pod-logs", hostPath: { path: podLogs } },
          { name: "state", hostPath: { path: stateFolder, type: "DirectoryOrCreate" } },
          ...folders.map(({ name, path, type }) => ({ name, hostPath: { path, type } })),
          ...(external ? [{ name: "external", secret: { secretName: secretOf("alloy") } }] : []),
        ],
      },
    },
  };
}
