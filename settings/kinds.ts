/** Kinds of settings that several components have. */
import { z } from "zod";
import { bytes, cpu } from "./formats.ts";

/** Requests and limits of one container. CPU has no limit by design: throttling hides as slowness. */
export const resources = (defaults: { cpu: string; memory: string; memoryLimit: string }) =>
  z
    .strictObject({
      cpu: cpu.default(defaults.cpu).describe("CPU that is requested."),
      memory: bytes.default(defaults.memory).describe("Memory that is requested."),
      memoryLimit: bytes.default(defaults.memoryLimit).describe("Memory at which the container is killed."),
    })
    .prefault({});

export const values = z
  .record(z.string(), z.unknown())
  .default({})
  .describe("Helm values merged over ours, last; lists replace. The one escape hatch: nothing checks what is in it.");
