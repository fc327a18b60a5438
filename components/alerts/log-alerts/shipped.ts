/** Alerts on lines that come with the environment, in the words of the setting. Off by default: what is normal differs. */

/** Names of alerts, each with a runbook page of its own. */
export const shippedNames = ["LogErrorsBurst", "LogPanic", "LogOutOfMemory"] as const;

/** Each as `logAlerts.rules` would have it. */
export const shipped = {
  LogErrorsBurst: {
    where: { level: ["fatal", "critical", "error"] },
    by: ["namespace", "container"],
    above: 100,
    for: "5m",
    summary: "A container writes many errors",
  },
  LogPanic: {
    where: {
      text: String.raw`\bpanic: |\bfatal error: |unhandled ?(promise ?)?(exception|rejection)|exception in thread |traceback \(most recent call last\)|segmentation fault`,
    },
    by: ["namespace", "container"],
    above: 0,
    summary: "A program has crashed or let an error through",
  },
  LogOutOfMemory: {
    where: {
      text: String.raw`java\.lang\.outofmemoryerror|javascript heap out of memory|std::bad_alloc|cannot allocate memory|\boutofmemoryexception\b|\bmemoryerror\b`,
    },
    by: ["namespace", "pod", "container"],
    above: 0,
    severity: "critical",
    summary: "A program runs out of memory",
  },
} as const satisfies Record<(typeof shippedNames)[number], object>;
