/** What one scrape may bring: settings of whoever scrapes as Prometheus does, and their words in the objects of its operator. */
import { z } from "zod";
import { prometheusSize } from "../../settings/formats.ts";

const limit = (what: string) => z.int().min(0).default(0).describe(what);

export const scrapeLimits = {
  sampleLimit: z
    .int()
    .min(0)
    .default(100_000)
    .describe("Samples that one scrape may have, of monitors that name no limit; more refuse it whole. 0: any number."),
  labelLimit: z
    .int()
    .min(0)
    .default(64)
    .describe("Labels that a sample may have, of monitors that name no limit; more refuse the scrape. 0: any number."),
  targetLimit: limit(
    "Targets that a monitor may have, of monitors that name no limit; with more none of them is scraped. 0: any number.",
  ),
  labelNameLengthLimit: limit(
    "Bytes that a label's name may have, of monitors that name no limit; longer ones refuse the scrape. 0: any number.",
  ),
  labelValueLengthLimit: limit(
    "Bytes that a label's value may have, of monitors that name no limit; longer ones refuse the scrape. 0: any number.",
  ),
  bodySizeLimit: prometheusSize
    .optional()
    .describe("Size that an answer may have, uncompressed, of monitors that name no limit; a larger one is refused."),
};

type Limits = z.output<z.ZodObject<typeof scrapeLimits>>;

/** Not the enforced ones: a monitor may name its own, higher or lower. */
export const limitsOf = (settings: Limits) => ({
  sampleLimit: settings.sampleLimit,
  labelLimit: settings.labelLimit,
  targetLimit: settings.targetLimit,
  labelNameLengthLimit: settings.labelNameLengthLimit,
  labelValueLengthLimit: settings.labelValueLengthLimit,
  // What people look at on its page of targets; of all that discovery finds they would take memory.
  keepDroppedTargets: 100,
  ...(settings.bodySizeLimit === undefined ? {} : { bodySizeLimit: settings.bodySizeLimit }),
});
