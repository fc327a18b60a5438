import type { Dashboard } from "../builder.ts";
import { cardinality } from "./cardinality.ts";
import { cluster } from "./cluster.ts";
import { flux } from "./flux.ts";
import { kbot } from "./kbot.ts";
import { logs } from "./logs.ts";
import { pipeline } from "./pipeline.ts";
import { podinfo } from "./podinfo.ts";
import { workload } from "./workload.ts";

/** Every dashboard of the environment. */
export const dashboards: readonly Dashboard[] = [cardinality, cluster, flux, kbot, logs, pipeline, podinfo, workload];
