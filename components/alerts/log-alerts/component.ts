import { type Finding, namesakes } from "../../../settings/finding.ts";
import { isRemote } from "../../capabilities.ts";
import { defineComponent, type Known } from "../../component.ts";
import { authenticates } from "../../remote.ts";
import { areDeclared, evaluatorOf } from "./evaluator.ts";
import { logAlerts, type LogAlerts } from "./settings.ts";
import { shippedNames } from "./shipped.ts";

function check({ rules }: LogAlerts, { all, offered, secrets }: Known): Finding[] {
  const evaluator = evaluatorOf(all);
  const stores = all("logs").map(({ offer }) => offer.title);
  if (evaluator === undefined)
    return stores.length === 0
      ? []
      : [
          {
            path: "logAlerts",
            message: `are evaluated on Loki and VictoriaLogs of the environment, and logs has ${stores.join(" and ")} alone. Add loki or victoriaLogs to logs, or remove them.`,
          },
        ];
  const findings = namesakes("logAlerts.rules", rules);
  rules.forEach(({ name, query }, index) => {
    if (shippedNames.includes(name as never))
      findings.push({
        path: `logAlerts.rules.${index}.name`,
        message: `is ${name}, which is one of those that logAlerts.shipped may name. Give it another.`,
      });
    if (query !== undefined && query[evaluator] === undefined)
      findings.push({
        path: `logAlerts.rules.${index}.query.${evaluator}`,
        message: `is not set, and logs has ${evaluator}, which evaluates alerts here. Set it, or say where instead of query.`,
      });
  });
  const router = offered("alerts")?.endpoint;
  // Loki has its password and headers in its configuration, as text (pkg/ruler/config/alertmanager.go 3.7).
  if (evaluator === "loki" && router !== undefined && isRemote(router)) {
    const { access } = router;
    const wants = [
      ...(authenticates(access, { secrets }) ? ["a secret"] : []),
      ...(access.tenant === undefined ? [] : ["a tenant"]),
      ...(access.ca === "public" ? [] : ["a certificate of the company's"]),
    ];
    if (wants.length > 0)
      findings.push({
        path: "logAlerts",
        message: `are evaluated by Loki, which cannot tell external.alerts of them: it has ${wants.join(" and ")}. Add victoriaLogs to logs, or set alerts to alertmanager.`,
      });
  }
  return findings;
}

export const logAlertsComponent = defineComponent({
  key: "logAlerts",
  title: "Alerts on log lines",
  settings: { logAlerts },
  charts: [],
  enabled: (settings) => areDeclared(settings.logAlerts),
  needs: ["logs", "alerts"],
  namespaces: () => [],
  check: ({ logAlerts: settings }, known) => check(settings, known),
});
