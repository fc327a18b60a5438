import type { Dashboard } from "../builder.ts";
import { flux } from "./flux.ts";
import { kbot } from "./kbot.ts";

/** Every dashboard of the environment. */
export const dashboards: readonly Dashboard[] = [flux, kbot];
