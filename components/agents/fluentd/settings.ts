import { z } from "zod";
import { byteCount, bytes } from "../../../settings/formats.ts";
import { resources, values } from "../../../settings/kinds.ts";

export const fluentd = z
  .strictObject({
    bufferSize: bytes
      .refine((size) => byteCount(size) >= 16 * 1024 ** 2, { error: "must be at least 16Mi" })
      .default("512Mi")
      .describe(
        "Disk of each node for lines that a log store has not taken yet, of each store as much; when it is full, reading stops, and lines wait in the files of their containers.",
      ),
    resources: resources({ cpu: "50m", memory: "160Mi", memoryLimit: "512Mi" }),
    values,
  })
  .prefault({})
  .describe("Fluentd, the log agent in Ruby.");
