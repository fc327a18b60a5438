import { z } from "zod";
import {
  checkTarget,
  dnsLabel,
  hostPort,
  labelName,
  scrapeInterval,
  secretKey,
  urlPath,
  userName,
} from "../../../settings/formats.ts";

/** No `$`, which the config reloader fills in, and which begins a group in a relabelling. */
const labelValue = z.string().regex(/^[^$\n]+$/, "must be a line of text without $");
const label = z.string().regex(new RegExp(`^(?!__)${labelName}$`), "must be a label's name");

const scrapeTarget = z
  .strictObject({
    name: dnsLabel.describe("Name, unique; the label `job` of its series."),
    static: z.array(hostPort).min(1).optional().describe("Targets: host and port of each."),
    dns: z
      .strictObject({
        names: z
          .array(z.string().regex(/^[A-Za-z0-9_][A-Za-z0-9._-]*$/, "must be a DNS name"))
          .min(1)
          .describe("Names that are asked for."),
        type: z.enum(["A", "AAAA", "SRV"]).default("SRV").describe("Records that are asked for; SRV have the port."),
        port: z.int().min(1).max(65535).optional().describe("Port of the targets, for A and AAAA."),
      })
      .optional()
      .describe("Targets are what DNS answers, asked every 30 seconds."),
    http: checkTarget.http
      .optional()
      .describe(
        "Targets are what this address answers, asked every minute: Prometheus' HTTP service discovery. It is asked without the secret.",
      ),
    scheme: z.enum(["http", "https"]).default("http").describe("How targets are asked."),
    path: urlPath.default("/metrics").describe("Where targets have their metrics."),
    interval: scrapeInterval.optional().describe("How often, from 5s to 2m; prometheus.scrapeInterval when absent."),
    labels: z.record(label, labelValue).default({}).describe("Labels that all its series get."),
    user: userName
      .optional()
      .describe("Name for basic authentication, with `secret` as its password; without it that is a bearer token."),
    secret: secretKey.optional().describe("Name of the secret in `scrapeSecrets`, which targets want."),
    ca: z
      .enum(["public", "company"])
      .default("public")
      .describe(
        "Whose certificates https targets and an https discovery show: a public authority's, or one of network.ca.",
      ),
  })
  .superRefine(({ static: targets, dns, http, scheme, secret, user, ca }, context) => {
    const issue = (path: string[], message: string) => {
      context.addIssue({ code: "custom", path, message });
    };
    const ways = [targets, dns, http].filter((way) => way !== undefined).length;
    if (ways !== 1) issue([], `has ${ways === 0 ? "none" : "several"} of static, dns and http. Set one of them.`);
    if (dns !== undefined && (dns.type === "SRV") === (dns.port !== undefined))
      issue(
        ["dns", "port"],
        dns.type === "SRV" ? "is set, but SRV records have the port" : `is missing for ${dns.type}`,
      );
    if (user !== undefined && secret === undefined) issue(["secret"], "is missing: there is a user");
    if (secret !== undefined && scheme === "http")
      issue(["scheme"], "is http, and there is a secret, which anybody on the way could read. Set it to https");
    if (ca === "company" && scheme === "http" && http?.startsWith("https:") !== true)
      issue(["ca"], "is for https, but nothing is asked by it. Set scheme to https, or remove this");
  });

export type ScrapeTarget = z.output<typeof scrapeTarget>;

export const scrapeTargets = z
  .array(scrapeTarget)
  .default([])
  .describe(
    "What is scraped outside of the cluster: hosts, databases, devices that have metrics in Prometheus' form. Each is a ScrapeConfig.",
  );
