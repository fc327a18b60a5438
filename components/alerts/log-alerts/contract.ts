/** Values that security or data rest on: for the judges in `contract/`. */
import type { Scraped } from "../../../contract/component-files.ts";
import { asks, of, setting, why, type Pin } from "../../../contract/pin.ts";

const container = "spec/template/spec/containers/0";

export const pins: readonly Pin[] = [
  ...of("Deployment monitoring/log-alerts", [
    ["spec/replicas", 1, "each rule has one evaluator"],
    [`${container}/resources`, setting((s) => asks(s.victoriaLogs.alert.resources)), why.sized],
    ["spec/template/spec/securityContext/runAsNonRoot", true, why.contained],
    ["spec/template/spec/automountServiceAccountToken", false, why.contained],
    [`${container}/args/1`, "-rule.defaultRuleType=vlogs", "LogsQL would be refused as PromQL"],
    [
      `${container}/args/2`,
      "-rule.validateExpressions=false",
      "one query that is wrong would keep all others from starting",
    ],
  ]),
];

export const scraped: Scraped = { jobs: ["log-alerts"], metrics: ["vmalert_"] };
