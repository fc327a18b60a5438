import { z } from "zod";
import { checkTarget, checkTypes, dnsLabel, scrapeInterval } from "../../../settings/formats.ts";
import { resources, values } from "../../../settings/kinds.ts";

const check = z
  .strictObject({
    name: dnsLabel.describe("Name of the check, unique; the label `check` of its series."),
    type: z
      .enum(checkTypes)
      .default("http")
      .describe("`http` asks for a page, `tcp` opens a connection, `icmp` sends a ping."),
    target: z
      .string()
      .describe(
        "What is checked, as pods reach it: of `http` an address, of `tcp` a host with its port, of `icmp` a host.",
      ),
    interval: scrapeInterval.optional().describe("How often, from 5s to 2m; prometheus.scrapeInterval when absent."),
    expectStatus: z
      .int()
      .min(200)
      .max(599)
      .optional()
      .describe(
        "Status that an `http` check wants; any 2xx when absent. Redirects are followed, unless one (3xx) is wanted.",
      ),
  })
  .superRefine(({ type, target, expectStatus }, context) => {
    const form = checkTarget[type].safeParse(target);
    for (const { message } of form.error?.issues ?? [])
      context.addIssue({ code: "custom", path: ["target"], message: `${message} (type ${type})` });
    if (expectStatus !== undefined && type !== "http")
      context.addIssue({ code: "custom", path: ["expectStatus"], message: `is for type http, but type is ${type}` });
  });

export type Check = z.output<typeof check>;

export const checks = z
  .array(check)
  .default([])
  .describe(
    "What is checked from outside of it: each gives series of its success, its latency and the end of its certificate. The blackbox exporter is there when the list is not empty.",
  );

export const blackboxExporter = z
  .strictObject({
    resources: resources({ cpu: "10m", memory: "32Mi", memoryLimit: "96Mi" }),
    values,
  })
  .prefault({})
  .describe("The blackbox exporter, which makes the checks.");
