import { choice, dashboard, lines, none, now, range, rows, stat, states, table } from "../../../dashboards/kit.ts";
import { logLines } from "../../../dashboards/log-queries.ts";

const matchers = `customresource_kind=~"$kind", exported_namespace=~"$namespace"`;
const info = (more = "") => `gotk_resource_info{${matchers}${more}}`;
const notReady = info(', ready!="True", ready!=""');
const controllers = 'job="flux"';
const objects = `kind=~"$kind", exported_namespace=~"$namespace"`;

const byController = (metric: string) => `sum by (app) (rate(${metric}{${controllers}}[$__rate_interval]))`;
/** 2 where an object failed, 1 while it works at it. */
const unreadyStates = `max by (customresource_kind, name) (2 * ${info(', ready="False"')} or ${info(', ready="Unknown"')})`;

export default dashboard(
  {
    uid: "flux",
    title: "Flux",
    description:
      "Does the cluster run what Git declares? If not: which object hangs, since when, and which controller is slow?",
    folder: "Platform",
    of: "flux",
    needs: ["exporters", "rules", "scraping"],
    rowNeeds: { Controllers: ["flux"], Logs: ["logAgent"] },
    tags: ["platform", "gitops"],
    variables: [
      choice(
        { name: "namespace", label: "Namespace", description: "Namespace of the Flux object." },
        "label_values(gotk_resource_info, exported_namespace)",
      ),
      choice(
        { name: "kind", label: "Kind", description: "Kind of the Flux object." },
        "label_values(gotk_resource_info, customresource_kind)",
      ),
    ],
  },
  {
    "At a glance": [
      stat(
        {
          title: "Objects",
          description: "Flux objects of the selected kinds and namespaces.",
          unit: "short",
          width: 8,
        },
        now(`count(${info()})`, "objects"),
      ),
      stat(
        {
          title: "Not ready",
          description: "Objects whose Ready condition is False or Unknown. FluxObjectNotReady fires after 10 minutes.",
          unit: "short",
          width: 8,
        },
        now(`count(${notReady}) or vector(0)`, "not ready"),
      ).thresholds(none()),
      stat(
        {
          title: "Suspended",
          description: "Objects that somebody paused: Flux does not correct them.",
          unit: "short",
          width: 8,
        },
        now(`count(${info(', suspended="true"')}) or vector(0)`, "suspended"),
      ).thresholds(none("yellow")),
    ],
    Objects: [
      table(
        {
          title: "Objects and their state",
          description: "Every object with what it runs. Those that failed come first.",
          width: 24,
          height: 12,
        },
        {
          customresource_kind: { title: "Kind", width: 160 },
          exported_namespace: { title: "Namespace", width: 160 },
          name: { title: "Name", width: 260 },
          ready: {
            title: "Ready",
            width: 100,
            words: { True: ["ready", "green"], False: ["failed", "red"], Unknown: ["working", "yellow"] },
          },
          suspended: {
            title: "Suspended",
            width: 110,
            words: { true: ["suspended", "yellow"], false: ["no", "text"] },
          },
          revision: "Revision",
        },
        "Ready",
        rows(info()),
      ),
      states(
        {
          title: "Not ready, by object",
          description:
            "When an object left Ready, and when it came back. An object that was ready all the time has no row.",
          unit: "short",
          width: 24,
        },
        { 2: ["failed", "red"], 1: ["working", "yellow"] },
        range(unreadyStates, "{{customresource_kind}}/{{name}}"),
      ).noValue("every object is ready"),
    ],
    Controllers: [
      stat(
        {
          title: "Reconcile time, p95",
          description: "95 of 100 reconciliations take no longer.",
          unit: "s",
          width: 6,
          height: 8,
        },
        range(
          `histogram_quantile(0.95, sum by (le) (rate(gotk_reconcile_duration_seconds_bucket{${controllers}, ${objects}}[$__rate_interval])))`,
          "p95",
        ),
      ).noValue("idle"),
      lines(
        {
          title: "Slowest reconciliations",
          description:
            "The ten objects that take longest to reconcile (p95 of 5 minutes). A chart that waits shows here.",
          unit: "s",
          width: 18,
        },
        range(`topk(10, kind_namespace_name:gotk_reconcile_duration_seconds:p95_5m{${objects}})`, "{{kind}}/{{name}}"),
      ),
      lines(
        {
          title: "Reconciliations by controller",
          description: "Work done. A controller at zero for long has nothing to do or hangs.",
          unit: "ops",
          width: 8,
        },
        range(byController("controller_runtime_reconcile_total"), "{{app}}"),
      ),
      lines(
        {
          title: "Errors by controller",
          description: "Reconciliations that ended with an error and are retried.",
          unit: "ops",
          width: 8,
        },
        range(byController("controller_runtime_reconcile_errors_total"), "{{app}}"),
      ),
      lines(
        {
          title: "Work queue",
          description:
            "Objects that wait for a free worker. It should return to zero; if it does not, raise --concurrent.",
          unit: "short",
          width: 8,
        },
        range(`sum by (name) (workqueue_depth{${controllers}})`, "{{name}}"),
      ),
      lines(
        { title: "Memory", description: "Resident memory of each controller.", unit: "bytes", width: 24 },
        range(`process_resident_memory_bytes{${controllers}}`, "{{pod}}"),
      ).min(0),
    ],
    Logs: [
      logLines(
        {
          title: "Errors in the controllers' logs",
          description: "Lines with level error, with the cause. Open a line for the object that it is about.",
          width: 24,
        },
        "no errors",
        { namespace: "flux-system", level: "error|critical|fatal", agentOnly: true },
        { fields: ["controllerKind", "name"] },
      ),
    ],
  },
);
