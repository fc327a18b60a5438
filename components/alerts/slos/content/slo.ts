import {
  choice,
  dashboard,
  line,
  lines,
  low,
  now,
  range,
  redAbove,
  redBelow,
  remaining,
  rows,
  stat,
  steps,
  table,
} from "../../../../dashboards/kit.ts";

const chosen = `slo=~"$slo"`;
const burn = (window: string) => range(`max(slo:burn_rate:ratio${window}{${chosen}})`, window);
const budget = low(0, 0.25);

export default dashboard(
  {
    uid: "slo",
    title: "Service level objectives",
    description: "How much of each error budget is left, what uses it up, and since when?",
    folder: "Applications",
    of: "slos",
    needs: ["rules", "scraping"],
    tags: ["slo"],
    from: "now-6h",
    variables: [
      choice(
        { name: "slo", label: "Objective", description: "Objectives of the settings (`slos`)." },
        "label_values(slo:error_budget:ratio, slo)",
        { single: true },
      ),
    ],
  },
  {
    All: [
      table(
        {
          title: "Objectives",
          description:
            "What each promises, what is left of its error budget over its window, how fast it was used up over the last hour, and for what part of the window there is data: the budget is that part's.",
          width: 24,
        },
        {
          slo: { title: "Objective", width: 180 },
          description: "What it promises",
          owner: { title: "Owner", width: 120 },
          "Value #A": { title: "Target", unit: "percentunit", width: 100 },
          "Value #B": { title: "Budget left", unit: "percentunit", width: 120, thresholds: budget },
          "Value #C": { title: "Burn rate, 1 h", unit: "short", width: 130, thresholds: steps("text", [14.4, "red"]) },
          "Value #D": { title: "Data", unit: "percentunit", width: 90, thresholds: low(0.25, 0.95) },
        },
        "Budget left",
        rows("1 - max by (slo, owner, description) (slo:error_budget:ratio)"),
        rows("max by (slo) (slo:error_budget_remaining:ratio)"),
        rows("max by (slo) (slo:burn_rate:ratio1h)"),
        rows("max by (slo) (slo:sli_events:covered_ratio)"),
      ),
    ],
    "The chosen one": [
      stat(
        {
          title: "Target",
          description: "Share of events that are to be good.",
          unit: "percentunit",
          width: 6,
        },
        now(`1 - max(slo:error_budget:ratio{${chosen}})`, "target"),
      ).decimals(3),
      stat(
        {
          title: "Error budget left",
          description: "Over the objective's window. Below zero the promise is broken.",
          unit: "percentunit",
          width: 6,
        },
        now(`max(slo:error_budget_remaining:ratio{${chosen}})`, "left"),
      )
        .decimals(1)
        .noValue("no events")
        .thresholds(budget),
      stat(
        {
          title: "Burn rate, 1 h",
          description:
            "1 uses the budget up exactly by the end of the window. ErrorBudgetBurnsFast fires above 14.4, if it is so over 5 minutes, too.",
          unit: "short",
          width: 6,
        },
        now(`max(slo:burn_rate:ratio1h{${chosen}})`, "burn rate"),
      )
        .decimals(1)
        .noValue("no events")
        .thresholds(steps("green", [1, "yellow"], [14.4, "red"])),
      stat(
        {
          title: "Data",
          description:
            "Part of the window for which events were recorded: the store keeps no more, or the objective is new.",
          unit: "percentunit",
          width: 6,
        },
        now(`max(slo:sli_events:covered_ratio{${chosen}})`, "data"),
      )
        .noValue("none")
        .thresholds(low(0.25, 0.95)),
      line(
        remaining(
          {
            title: "Error budget left",
            description: "Of the whole window, as it was at each moment. Dashed: nothing is left.",
            unit: "percentunit",
            width: 12,
          },
          range(`max(slo:error_budget_remaining:ratio{${chosen}})`, "left"),
        ),
        redBelow(0),
      ),
      lines(
        {
          title: "Events and bad events",
          description: "What it is measured by. Without events there is no burn rate.",
          unit: "suffix: events/s",
          width: 12,
        },
        range(`sum(slo:sli_events:rate5m{${chosen}})`, "all"),
        range(`sum(slo:sli_errors:rate5m{${chosen}})`, "bad"),
      ).min(0),
      line(
        lines(
          {
            title: "Burn rates that get somebody up",
            description:
              "ErrorBudgetBurnsFast fires when both of a pair are high: 1 h and 5 m above 14.4 (dashed), or 6 h and 30 m above 6.",
            unit: "short",
            width: 12,
          },
          ...["5m", "30m", "1h", "6h"].map(burn),
        ).min(0),
        redAbove(14.4),
      ),
      line(
        lines(
          {
            title: "Burn rates that wait for the day",
            description:
              "ErrorBudgetBurns fires when both of a pair are high: 1 d and 2 h above 3, or 3 d and 6 h above 1 (dashed).",
            unit: "short",
            width: 12,
          },
          ...["2h", "6h", "1d", "3d"].map(burn),
        ).min(0),
        redAbove(1),
      ),
    ],
  },
);
