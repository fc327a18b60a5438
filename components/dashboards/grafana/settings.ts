import { z } from "zod";
import { line } from "../../../settings/formats.ts";
import { resources } from "../../../settings/kinds.ts";

export const grafana = z
  .strictObject({
    adminUser: line
      .default("admin")
      .describe(
        "Name of Grafana's administrator; Grafana restarts with another one, unless it has a volume of its own, where the first one stays.",
      ),
    passwordRotation: z
      .int()
      .min(1)
      .default(1)
      .describe("Raise it for a new password; Grafana restarts with it (as with adminUser)."),
    resources: resources({ cpu: "50m", memory: "192Mi", memoryLimit: "512Mi" }),
  })
  .prefault({})
  .describe("Grafana.");
