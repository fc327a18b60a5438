/** Who looks at lines for alerts. */
import type { Known } from "../../component.ts";
import type { LogAlerts } from "./settings.ts";

/** Whose language rules are written in: the key of a store. */
export type Evaluator = "loki" | "victoriaLogs";

/** Whether there are any. */
export const areDeclared = ({ shipped, rules }: LogAlerts): boolean => shipped.length + rules.length > 0;

/** Who of some stores looks at lines: VictoriaLogs where it is there, for it finds words in any line at once. */
export const evaluatorOf = (all: Known["all"]): Evaluator | undefined => {
  const stores = all("logs").map(({ key }) => key);
  return (["victoriaLogs", "loki"] as const).find((one) => stores.includes(one));
};

/** Whether a store is the one that looks at lines. */
export const evaluates = (store: Evaluator, settings: LogAlerts, all: Known["all"]): boolean =>
  areDeclared(settings) && evaluatorOf(all) === store;
