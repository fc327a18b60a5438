import { z } from "zod";
import { fluentBitSize } from "../../../settings/formats.ts";
import { resources, values } from "../../../settings/kinds.ts";

export const fluentBit = z
  .strictObject({
    bufferSize: fluentBitSize
      .default("500MB")
      .describe(
        "Disk of each node for lines that a log store has not taken yet, of each store as much, and of the journal and the audit log again; when it is full, the oldest are dropped.",
      ),
    inotify: z.boolean().default(true).describe("Watches files by inotify; false polls, for hosts short of watches."),
    resources: resources({ cpu: "20m", memory: "64Mi", memoryLimit: "192Mi" }),
    values,
  })
  .prefault({})
  .describe("Fluent Bit, the log agent.");
