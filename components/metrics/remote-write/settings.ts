import { z } from "zod";
import {
  checkTarget,
  dnsLabel,
  labelName,
  line,
  prometheusDuration,
  relabelRegex,
  secretKey,
  tenantName,
  userName,
} from "../../../settings/formats.ts";
import { isClusterName, tenantHeader } from "../../remote.ts";
import { filters } from "../relabelings.ts";

/** Headers that Prometheus refuses (3.14, config/config.go, `reservedHeaders`), those of connections, and the tenant's. */
const reserved =
  /^(authorization|host|content-.*|user-agent|connection|keep-alive|proxy-.*|www-authenticate|accept-encoding|transfer-encoding|upgrade|te|trailer|x-prometheus-remote-(write|read)-version|x-amz-(date|security-token|content-sha256))$/i;

/** What names of headers with secrets have in them: they would stand in Helm values. */
const secretive = /(auth|token|secret|passw|cookie|credential|api-?key|license-?key|signature)/i;

/** No `$`, which the config reloader fills in. */
const headerValue = z
  .string()
  .regex(/^[\x21-\x7e]([\x20-\x7e]*[\x21-\x7e])?$/, "must be one line of printable ASCII")
  .regex(/^[^$]*$/, "must not have a $");

const headerName = z
  .string()
  .regex(/^[A-Za-z0-9-]{1,64}$/, { error: "must be a header's name: letters, digits, '-'", abort: true })
  .refine((name) => name.toLowerCase() !== tenantHeader.toLowerCase(), { error: "is set by tenant", abort: true })
  .refine((name) => !reserved.test(name), { error: "is set by whoever sends. Remove it", abort: true })
  .refine((name) => !secretive.test(name), {
    error: "looks like a secret, and headers are stored in plain text. Set secret, and user where it is a password",
  });

/** No `$(`, which the config reloader fills in. */
const plain = line.regex(/^(?!.*\$\()/, "must not have $(");
const label = z.string().regex(new RegExp(`^${labelName}$`), "must be a label's name");

type Field = "sourceLabels" | "separator" | "regex" | "modulus" | "targetLabel" | "replacement";

/** Actions of Prometheus 3.14 (model/relabel/relabel.go, `Validate`): what each needs, and what it takes besides. */
const actions = {
  replace: [["targetLabel"], ["sourceLabels", "separator", "regex", "replacement"]],
  keep: [["sourceLabels", "regex"], ["separator"]],
  drop: [["sourceLabels", "regex"], ["separator"]],
  hashmod: [["sourceLabels", "targetLabel", "modulus"], ["separator"]],
  labelmap: [["regex"], ["replacement"]],
  labeldrop: [["regex"], []],
  labelkeep: [["regex"], []],
  lowercase: [["sourceLabels", "targetLabel"], ["separator"]],
  uppercase: [["sourceLabels", "targetLabel"], ["separator"]],
  keepequal: [["sourceLabels", "targetLabel"], []],
  dropequal: [["sourceLabels", "targetLabel"], []],
} as const satisfies Readonly<Record<string, readonly [needs: readonly Field[], takes: readonly Field[]]>>;

const relabeling = z
  .strictObject({
    action: z
      .enum(Object.keys(actions) as [keyof typeof actions])
      .default("replace")
      .describe("What is done."),
    sourceLabels: z.array(label).min(1).optional().describe("Labels whose values are joined and looked at."),
    separator: plain.optional().describe("What they are joined by; `;` when absent."),
    regex: relabelRegex.optional().describe("Regular expression that has to fit the whole of it; `(.*)` when absent."),
    modulus: z.int().min(1).optional().describe("Divisor of the hash, for hashmod."),
    targetLabel: label.optional().describe("Label that is written."),
    replacement: plain
      .optional()
      .describe("What is written: `$1` is the first group of regex; that is it when absent."),
  })
  .superRefine(({ action, ...given }, context) => {
    const [needs, takes]: readonly [readonly string[], readonly string[]] = actions[action];
    const has = Object.keys(given).filter((field) => given[field as Field] !== undefined);
    const issue = (field: string, message: string) => {
      context.addIssue({ code: "custom", path: [field], message });
    };
    for (const field of needs) if (!has.includes(field)) issue(field, `is missing for ${action}`);
    for (const field of has)
      if (![...needs, ...takes].includes(field)) issue(field, `has no meaning for ${action}. Remove it`);
  });

const target = z
  .strictObject({
    name: dnsLabel.describe("Name, unique; the label `remote_name` of what is counted about it."),
    url: checkTarget.http.describe("Where it takes remote write, such as https://mimir.example.com/api/v1/push."),
    user: userName
      .optional()
      .describe("Name for basic authentication, with `secret` as its password; without it that is a bearer token."),
    secret: secretKey.optional().describe("Name of the secret in `remoteWriteSecrets`, which the server wants."),
    tenant: tenantName.optional().describe("Tenant, which is sent as X-Scope-OrgID."),
    headers: z
      .record(headerName, headerValue)
      .default({})
      .describe("Further headers. They are stored in plain text: no secret may be one."),
    ca: z
      .enum(["public", "company"])
      .default("public")
      .describe("Whose certificate the server shows: a public authority's, or one of network.ca."),
    protocol: z
      .enum(["1.0", "2.0"])
      .default("1.0")
      .describe(
        "Version of remote write. 2.0 is smaller on the wire and sends types and units with every series; the server has to take it (Prometheus from 2.54, Mimir from 2.17).",
      ),
    exemplars: z.boolean().default(false).describe("Whether exemplars are sent, which lead to traces."),
    nativeHistograms: z
      .boolean()
      .default(false)
      .describe("Whether native histograms are sent: those that prometheus.nativeHistograms has scraped."),
    ...filters,
    relabelings: z
      .array(relabeling)
      .min(1)
      .optional()
      .describe(
        "Rules that every series goes through before it is sent, after those above; as Prometheus' write_relabel_configs.",
      ),
    timeout: prometheusDuration.default("30s").describe("How long one request may take."),
    queue: z
      .strictObject({
        capacity: z.int().min(100).max(1_000_000).default(10_000).describe("Samples that wait in each shard."),
        minShards: z.int().min(1).max(1000).default(1).describe("Connections at least."),
        maxShards: z
          .int()
          .min(1)
          .max(1000)
          .default(10)
          .describe(
            "Connections at most. Memory holds maxShards × (capacity + maxSamplesPerSend) samples: 120,000 with the defaults.",
          ),
        maxSamplesPerSend: z.int().min(1).max(100_000).default(2000).describe("Samples in one request."),
        batchSendDeadline: prometheusDuration.default("5s").describe("How long a sample waits for a request to fill."),
        sampleAgeLimit: prometheusDuration
          .optional()
          .describe("Age of samples that are dropped instead of sent, once the server answers again."),
      })
      .prefault({})
      .superRefine(({ minShards, maxShards, capacity, maxSamplesPerSend }, context) => {
        const issue = (path: string, message: string) => {
          context.addIssue({ code: "custom", path: [path], message });
        };
        if (minShards > maxShards) issue("minShards", `is ${minShards}, more than maxShards (${maxShards})`);
        if (capacity < maxSamplesPerSend)
          issue(
            "capacity",
            `is ${capacity}, less than maxSamplesPerSend (${maxSamplesPerSend}): no request would be full`,
          );
      })
      .describe("What waits for it, and how fast it is sent."),
  })
  .superRefine(({ url, user, secret, ca, protocol, exemplars }, context) => {
    const issue = (path: string, message: string) => {
      context.addIssue({ code: "custom", path: [path], message });
    };
    if (user !== undefined && secret === undefined) issue("secret", "is missing: there is a user");
    const open = URL.canParse(url) && url.startsWith("http:");
    if (secret !== undefined && open && !isClusterName(url))
      issue("url", "is http, and there is a secret, which anybody on the way could read. Set an https:// address");
    // Prometheus 3.14 sends each in a series without a sample, which 2.0 forbids: another Prometheus answers 400 (prometheus#17857).
    if (exemplars && protocol === "2.0")
      issue(
        "exemplars",
        "is true, and Prometheus sends none by 2.0 that a server takes. Set protocol to 1.0, or this to false",
      );
    if (ca === "company" && open) issue("ca", "is for https, and url is http. Set an https:// address, or remove this");
  });

export type RemoteWrite = z.output<typeof target>;

export const remoteWrite = z
  .array(target)
  .default([])
  .describe(
    "Servers that are sent what is scraped, by Prometheus' remote write: a Mimir, a Thanos receiver, a VictoriaMetrics, another Prometheus.",
  );
