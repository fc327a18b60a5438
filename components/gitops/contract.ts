/** By what its series are told: for the judges in `contract/`. */
import type { Scraped } from "../../contract/component-files.ts";

export const scraped: Scraped = { jobs: ["flux"] };
