/** What every monitoring component is given beside its own settings. */
import type { ChartSources } from "../gitops/chart-source.ts";
import type { Prerequisite } from "../capabilities.ts";

export interface ReleaseArgs {
  readonly sources: ChartSources;
  /** Resources that have to be there before the release: Flux, definitions, Secrets, webhooks. */
  readonly prerequisites: readonly Prerequisite[];
}
