import { expect } from "chai";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { stringify } from "yaml";
import type { collectorConfig } from "../../components/agents/collector/values.ts";
import { jsonLines, linesOfTrace, lookup } from "../../components/logs/victoria-logs/api.ts";
import { otlpBody, pushBody, recordsBody } from "../../commands/pictures/logs.ts";
import { readClassic } from "../../contract/checks/fluent-bit.ts";
import { textAt } from "../../contract/finding.ts";
import { dashboardForms } from "../../contract/flux-repo.ts";
import { releases, render } from "../../contract/rendered.ts";
import { begin, range } from "../../commands/pictures/ask.ts";
import { freePorts } from "../../rehearsal/control-plane/processes.ts";
import { call, post } from "../../rehearsal/http-client.ts";
import { programOrSkip } from "../support/program.ts";
import { Running } from "../support/running.ts";
import { type Dashboard, projectFolder } from "./support/content.ts";
import { expected, logAlerts, otlpOf, pushOf, told } from "./support/log-alerts.ts";

const language = "victoriametrics-logs-datasource";

interface Target {
  readonly datasource: { readonly type: string };
  readonly expr: string;
  readonly queryType: "instant" | "stats" | "statsRange";
}

interface Asked extends Target {
  readonly where: string;
}

const dashboards = dashboardForms(projectFolder).map((file) => ({
  file,
  dashboard: JSON.parse(readFileSync(join(projectFolder, file), "utf8")) as Dashboard,
}));

/** Queries in LogsQL, each once. */
const queries = [
  ...new Map(
    dashboards.flatMap(({ dashboard }) =>
      dashboard.panels
        .flatMap(({ title, targets = [] }) =>
          (targets as unknown as readonly Target[])
            .filter(({ datasource }) => datasource.type === language)
            .map((target): Asked => ({ ...target, where: `${dashboard.uid}, "${title}"` })),
        )
        .map((asked) => [asked.expr, asked] as const),
    ),
  ).values(),
];

/**
 * Variables as Grafana's plugin fills them in (victorialogs-datasource 0.30, src/datasource.ts): one value as it is, several in
 * parentheses with `|` between them, all as what the variable says "All" stands for.
 */
const filled = (expr: string, chosen: Readonly<Record<string, string>>) =>
  expr.replaceAll(/\$(\w+)/g, (_, name: string) => chosen[name] ?? expect.fail(`nobody fills in ${name} of ${expr}`));

const all = {
  ...{ namespace: ".+", pod: ".+", container: ".*", level: ".*", search: "", job: ".+" },
  ...{ node: "", unit: "", user: "", resource: "" },
};

interface Stored {
  readonly stringData: Readonly<Record<"rules.json" | "notifiers.json", string>>;
}

interface Deployment {
  readonly spec: {
    readonly template: { readonly spec: { readonly containers: readonly [{ readonly args: readonly string[] }] } };
  };
}

/** As Alertmanager is told. */
interface Alert {
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
  readonly generatorURL: string;
}

interface Groups {
  readonly data: {
    readonly groups: readonly {
      readonly rules: readonly { readonly name: string; readonly lastError: string; readonly lastEvaluation: string }[];
    }[];
  };
}

/** The real VictoriaLogs, in the program that stands in for Loki elsewhere; the real collector with the exporter that is declared. */
describe("VictoriaLogs", () => {
  const dir = mkdtempSync(join(tmpdir(), "victoria-logs-"));
  const running = new Running();
  let url = "";
  let gateway = "";
  /** What the log agent adds to the store's address. */
  let agentPath = "";
  /** Lines, both ways. */
  let sent = 0;

  before(async function () {
    const [store, otelcol] = [await programOrSkip(this, "victorialogs"), await programOrSkip(this, "otelcol")];
    const { declared } = await render({ settings: { logs: "victoriaLogs" } });
    const [port = 0, http = 0, health = 0] = await freePorts(3);
    url = `http://127.0.0.1:${port}`;
    gateway = `http://127.0.0.1:${http}`;
    const flags = [`-storageDataPath=${join(dir, "data")}`, `-httpListenAddr=127.0.0.1:${port}`];
    // What is made up is of another year.
    running.start(store, [...flags, "-retentionPeriod=100y", "-inmemoryDataFlushInterval=1s"], dir);
    const answers = (address: string) => () => call(address).catch(() => undefined);
    await running.soon("VictoriaLogs is ready", answers(`${url}/health`));

    const fluentBit = releases(declared).find(({ chart }) => chart?.name === "fluent-bit");
    const [output] = readClassic(textAt(fluentBit?.values, "config", "outputs") ?? "");
    agentPath = output?.options.get("uri") ?? "";
    await post(`${url}${agentPath}`, pushBody);
    await post(`${url}${agentPath}`, recordsBody);

    const object = declared.find(({ kind }) => kind === "OpenTelemetryCollector");
    const { config } = object?.["spec"] as { config: ReturnType<typeof collectorConfig> };
    const exporter = (config.exporters as unknown as Readonly<Record<string, { readonly endpoint: string }>>)[
      "otlp_http/logs"
    ];
    const file = join(dir, "collector.yaml");
    writeFileSync(
      file,
      stringify({
        receivers: { otlp: { protocols: { http: { endpoint: `127.0.0.1:${http}` } } } },
        exporters: {
          "otlp_http/logs": {
            ...exporter,
            endpoint: `${url}${new URL(exporter?.endpoint ?? "").pathname}`,
            sending_queue: { enabled: false },
          },
        },
        extensions: { health_check: { endpoint: `127.0.0.1:${health}` } },
        service: {
          extensions: ["health_check"],
          pipelines: { logs: { receivers: ["otlp"], exporters: ["otlp_http/logs"] } },
          telemetry: { metrics: { level: "none" } },
        },
      }),
    );
    running.start(otelcol, [`--config=${file}`], dir);
    await running.soon("the collector is ready", answers(`http://127.0.0.1:${health}/`));
    await post(`${gateway}/v1/logs`, otlpBody);
    const records = otlpBody.resourceLogs.flatMap(({ scopeLogs }) => scopeLogs.flatMap(({ logRecords }) => logRecords));
    const lines = pushBody.streams.flatMap(({ values }) => values);
    sent = records.length + lines.length;
    const kept = () => call(`${url}/select/logsql/query?query=${encodeURIComponent("* | count() n")}`);
    const others = recordsBody.streams.flatMap(({ values }) => values).length;
    await running.soon("all lines are kept", async () => (await kept()).includes(`"${sent + others}"`) || undefined);
    // Lines can be found at once, new streams a second later: their index is another (VictoriaLogs 1.52, lib/logstorage/partition.go).
    await call(`${url}/internal/force_flush`);
  });

  after(() => {
    running.end();
    rmSync(dir, { recursive: true, force: true });
  });

  const get = (path: string, query: Readonly<Record<string, string>>) =>
    call(`${url}${path}?${new URLSearchParams(query).toString()}`);
  const time = { start: String(begin), end: String(begin + range) };

  /** Rows, or series. */
  async function ask({ expr, queryType }: Target, chosen: Readonly<Record<string, string>> = all): Promise<object[]> {
    const query = filled(expr, chosen);
    if (queryType === "instant") {
      const text = await get("/select/logsql/query", { query, limit: "500", ...time });
      return text === ""
        ? []
        : text
            .trim()
            .split("\n")
            .map((row) => JSON.parse(row) as object);
    }
    const answer =
      queryType === "stats"
        ? await get("/select/logsql/stats_query", {
            query: `_time:[${begin}, ${begin + range}] ${query}`,
            time: time.end,
          })
        : await get("/select/logsql/stats_query_range", { query, ...time, step: "5m" });
    return (JSON.parse(answer) as { data: { result: object[] } }).data.result;
  }

  const queryOf = (where: string): Asked =>
    queries.find((query) => query.where === where) ?? expect.fail(`nobody asks ${where}`);

  it("answers every query of every dashboard with something", async () => {
    expect(queries).to.have.length.greaterThan(8);
    for (const query of queries) {
      const chosen = query.where.startsWith("workload") ? { ...all, pod: "kbot-.+" } : all;
      expect(await ask(query, chosen), query.where).not.to.deep.equal([]);
    }
  });

  it("finds records by a part of a field, and while nothing is written those that have no such field, too", async () => {
    const list = queryOf('journal, "Lines of the journal"');
    const of = async (chosen: object) =>
      ((await ask(list, { ...all, ...chosen })) as { identifier: string }[]).map(({ identifier }) => identifier);
    expect(await of({})).to.include.members(["kernel", "kubelet", "systemd"]);
    expect(new Set(await of({ unit: "kube" }))).to.deep.equal(new Set(["kubelet"]));
    expect(new Set(await of({ search: "I/O error" }))).to.deep.equal(new Set(["kernel"]));
  });

  it("keeps streams apart by few attributes of a record, and its message, level and trace as fields", async () => {
    const { expr } = queryOf('logs, "Log lines"');
    const rows = (await ask({
      ...queryOf('logs, "Log lines"'),
      expr: `${expr} | filter "service.name":*`,
    })) as Readonly<Record<string, string>>[];
    expect(rows[0]).to.include.keys("trace_id", "span_id", "severity_text", "k8s.deployment.name");
    expect(rows[0]?.["_stream"]).to.match(
      /^\{k8s\.container\.name="[^"]+",k8s\.namespace\.name="[^"]+",k8s\.pod\.name="[^"]+",service\.name="[^"]+"\}$/,
    );
  });

  it("shows the message of a line, whichever way it came, and finds text in its fields", async () => {
    const rows = (await ask(queryOf('logs, "Log lines"'), { ...all, search: "Deadline Exceeded" })) as Readonly<
      Record<string, string>
    >[];
    const texts = rows.map(({ _msg = "" }) => _msg);
    expect(
      texts.filter((text) => text.includes(": query of ")),
      "by OTLP",
    ).not.to.deep.equal([]);
    expect(
      texts.filter((text) => text.includes(" error=")),
      "by the log agent",
    ).not.to.deep.equal([]);
    expect(texts.every((text) => text.includes("deadline exceeded"))).to.equal(true);
    expect(await ask(queryOf('logs, "Log lines"'), { ...all, search: "a text that no line has" })).to.deep.equal([]);
  });

  it("counts each line once, by level", async () => {
    const series = (await ask(queryOf('logs, "Lines by level"'))) as {
      metric: Record<string, string>;
      values: [number, string][];
    }[];
    const counted = series.flatMap(({ values }) => values).reduce((sum, [, value]) => sum + Number(value), 0);
    expect(counted).to.equal(sent);
    expect(series.map(({ metric }) => metric["level"])).to.include.members(["error", "warn", "info"]);
  });

  it("narrows by namespace, pod and level as they are, not by a part of them", async () => {
    const levels = queryOf('logs, "Lines by level"');
    expect(await ask(levels, { ...all, namespace: "(demo|flux-system)" })).not.to.deep.equal([]);
    expect(await ask(levels, { ...all, namespace: "dem" })).to.deep.equal([]);
    const errors = (await ask(levels, { ...all, level: "error|critical|fatal" })) as {
      metric: Record<string, string>;
    }[];
    expect(errors.map(({ metric }) => metric["level"])).to.deep.equal(["error"]);
  });

  it("offers the values of the dashboard's variables", async () => {
    const variables = dashboards.flatMap(({ dashboard: { uid, templating } }) =>
      uid !== "logs"
        ? []
        : (
            templating.list as readonly { name: string; query: { type?: string; field?: string; query?: string } }[]
          ).filter(({ query }) => query.type === "fieldValue"),
    );
    expect(new Set(variables.map(({ name }) => name))).to.deep.equal(new Set(["namespace", "pod", "container"]));
    for (const { name, query } of variables) {
      const answer = await get("/select/logsql/field_values", {
        ...{ query: filled(query.query ?? "", all), field: query.field ?? "", limit: "1000" },
        ...time,
      });
      expect((JSON.parse(answer) as { values: object[] }).values, name).not.to.deep.equal([]);
    }
  });

  it("is found by the probe, and by a trace's link, both ways", async () => {
    const record = otlpBody.resourceLogs[0]?.scopeLogs[0]?.logRecords.at(-1);
    const traceId = (record as { traceId?: string } | undefined)?.traceId ?? expect.fail("no trace");
    // The probe asks for the last hour.
    const query = (lookup.query?.["query"] ?? "").replace("<service>", "kbot").replace("<traceId>", traceId);
    const found = await get(lookup.path, { ...lookup.query, query: query.replace(" _time:1h", ""), ...time });
    expect((JSON.parse(found) as { values: object[] }).values).to.have.length(1);
    // As Grafana reads it out of its provisioning file.
    const link = linesOfTrace.replaceAll("$$", "$").replaceAll("${__trace.traceId}", traceId);
    const rows = (await get("/select/logsql/query", { query: link, ...time }))
      .trim()
      .split("\n")
      .map((row) => JSON.parse(row) as Readonly<Record<string, string>>);
    expect(
      rows.filter((row) => row["service.name"] === "kbot"),
      "by OTLP",
    ).not.to.deep.equal([]);
    expect(
      rows.filter((row) => row["job"] === "containers"),
      "by the log agent",
    ).not.to.deep.equal([]);
  });

  it("has vmalert tell of the lines that alerts are about, and of no other, with every label and link", async function () {
    const vmalert = await programOrSkip(this, "vmalert");
    const { declared } = await render({ settings: { logs: "victoriaLogs", logAlerts } });
    const named = declared.filter(({ metadata }) => metadata.name === "log-alerts");
    const { stringData } = named.find(({ kind }) => kind === "Secret") as unknown as Stored;
    const deployment = named.find(({ kind }) => kind === "Deployment") as unknown as Deployment;
    const now = Date.now();
    // An evaluation is about whole seconds before it.
    const written = now - 10_000;
    await post(`${url}${agentPath}`, pushOf(written));
    await post(`${gateway}/v1/logs`, otlpOf(written));
    await call(`${url}/internal/force_flush`);

    const heard: Alert[] = [];
    const alertmanager = createServer((request, response) => {
      let body = "";
      request.on("data", (chunk) => (body += String(chunk)));
      request.on("end", () => {
        if (request.url === "/alertmanager/api/v2/alerts") heard.push(...(JSON.parse(body) as Alert[]));
        response.end();
      });
    });
    await new Promise<void>((resolve) => alertmanager.listen(0, "127.0.0.1", resolve));
    try {
      const [port = 0] = await freePorts(1);
      const target = `127.0.0.1:${(alertmanager.address() as AddressInfo).port}`;
      const { dns_sd_configs: found, ...config } = JSON.parse(stringData["notifiers.json"]) as Record<string, unknown>;
      expect(found).to.deep.equal([{ names: ["alertmanager-operated.monitoring.svc"], type: "A", port: 9093 }]);
      const file = (name: string, text: string) => {
        writeFileSync(join(dir, name), text);
        return join(dir, name);
      };
      const rules = file(
        "rules.json",
        stringData["rules.json"]
          .replace('"interval":"1m"', '"interval":"1s"')
          .replaceAll(/"for":"\d+m"/g, '"for":"0s"'),
      );
      const flags = deployment.spec.template.spec.containers[0].args.map(
        (flag) =>
          ({
            "-rule": `-rule=${rules}`,
            "-datasource.url": `-datasource.url=${url}`,
            "-notifier.config": `-notifier.config=${file("notifiers.json", JSON.stringify({ ...config, static_configs: [{ targets: [target] }] }))}`,
            "-httpListenAddr": `-httpListenAddr=127.0.0.1:${port}`,
          })[flag.split("=")[0] ?? ""] ?? flag,
      );
      running.start(vmalert, [...flags, "-rule.evalDelay=0s", "-rule.validateExpressions=true"], dir);
      const evaluated = async () => {
        const answer = await call(`http://127.0.0.1:${port}/api/v1/rules`).catch(() => undefined);
        const { data } = JSON.parse(answer ?? '{"data":{"groups":[]}}') as Groups;
        const all = data.groups.flatMap((group) => group.rules);
        for (const { name, lastError } of all) expect(lastError, name).to.equal("");
        return (all.length > 0 && all.every(({ lastEvaluation }) => Date.parse(lastEvaluation) > now)) || undefined;
      };
      await running.soon("every rule has been evaluated", evaluated);
      const each = Object.entries(expected).flatMap(([name, alerts]) => alerts.map((alert) => `${name}: ${alert}`));
      const known = () => [
        ...new Set(heard.map(({ labels: { alertname = "", ...labels } }) => `${alertname}: ${told(labels)}`)),
      ];
      await running.soon("Alertmanager is told", () => known().length >= each.length || undefined);
      expect(known().sort()).to.deep.equal(each.sort());

      const one = (name: string) => heard.find(({ labels }) => labels["alertname"] === name) ?? expect.fail(name);
      expect(one("Refused").labels).to.include({ severity: "warning", team: "web", namespace: "shop" });
      expect(Object.keys(one("Refused").labels).sort()).to.deep.equal([
        "alertname",
        "namespace",
        "pod",
        "severity",
        "team",
      ]);
      expect(one("Quoted").annotations["summary"]).to.equal('100% of {{ $value }} and "b"');
      expect(one("LogErrorsBurst").annotations).to.deep.include({
        description: "101 lines fit within 5m, more than 100. The link leads to them.",
        dashboard_url: "http://localhost:3000/d/logs?var-namespace=shop&var-container=noisy",
      });
      // The link to the query: VictoriaLogs' own interface asks it.
      const { hash } = new URL(one("Raw").generatorURL);
      const asked = new URLSearchParams(hash.slice(hash.indexOf("?"))).get("query") ?? "";
      expect(
        await call(`${url}/select/logsql/stats_query?${new URLSearchParams({ query: asked }).toString()}`),
      ).to.include("busy");
    } finally {
      alertmanager.close();
    }
  });

  it("keeps of a line of JSON, with its labels among the fields, what it keeps of a push", async () => {
    const fields = { level: "warn", message: "of JSON", n: 12, half: 0.5, ok: true, deep: { list: [1, { a: "b" }] } };
    const labels = { job: "containers", namespace: "json-lines", container: "app" };
    // When nothing else is asked for.
    const moment = "2001-01-01T00:00:00.123456789Z";
    const values = [[`${Date.parse(moment)}456789`, JSON.stringify(fields)]];
    await post(`${url}${agentPath}`, { streams: [{ stream: { ...labels, pod: "pushed" }, values }] });
    await post(`${url}${jsonLines}`, { ...fields, ...labels, pod: "of-json", "@timestamp": moment });
    await call(`${url}/internal/force_flush`);
    const kept = async (pod: string) => {
      const query = `_time:2001 {namespace="json-lines",pod="${pod}"}`;
      const row = JSON.parse(await get("/select/logsql/query", { query })) as Record<string, string>;
      // Of the stream a digest, too, in which the pod is.
      return JSON.parse(JSON.stringify({ ...row, _stream_id: "" }).replaceAll(pod, "x")) as object;
    };
    const pushed = await kept("pushed");
    expect(pushed).to.include({
      _msg: "of JSON",
      "deep.list": '[1,{"a":"b"}]',
      namespace: "json-lines",
      level: "warn",
    });
    expect(await kept("of-json")).to.deep.equal(pushed);
  });
});
