import { z } from "zod";
import { branchName, gitAddress, imageRepository, imageTag, repositoryFolder } from "../../settings/formats.ts";

export const demo = z
  .strictObject({
    enabled: z.boolean().default(true).describe("Deploys a demo application that sends metrics, logs and traces."),
    app: z
      .enum(["podinfo", "kbot"])
      .default("podinfo")
      .describe(
        "`podinfo` runs anywhere and needs no secret; `kbot`, a Telegram bot, needs `telegramToken`, `demo.repository` and `demo.image.repository`.",
      ),
    path: repositoryFolder
      .optional()
      .describe("Folder of the demo in the repository that Flux syncs; `flux-repo/demo/<app>` when absent."),
    repository: gitAddress
      .optional()
      .describe("kbot only: Git repository with its chart in `helm/`, which reads `secret.name`, `.key` and `.env`."),
    branch: branchName.optional().describe("kbot only: branch of that repository; `main` when absent."),
    scaling: z
      .strictObject({
        min: z.int().min(1).max(100).default(1).describe("Replicas at least."),
        max: z.int().min(1).max(100).default(5).describe("Replicas at most."),
        requestsPerSecond: z
          .int()
          .min(1)
          .default(5)
          .describe("Requests per second that each pod is to have on average; probes and scrapes are 0.3 of them."),
      })
      .prefault({})
      .describe("podinfo only: how its frontend is scaled on its request counter, with an `autoscaler`."),
    image: z
      .strictObject({
        repository: imageRepository
          .optional()
          .describe(
            "kbot only: its image; it has to run without the GPIO of a Raspberry Pi (docs/instrumentation.md).",
          ),
        tag: imageTag.optional().describe("kbot only: tag of the image; `v1.0.0` when absent."),
      })
      .prefault({}),
  })
  .prefault({})
  .describe("The demo application.");
