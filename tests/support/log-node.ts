/** A node as a log agent sees it: a real collector with its declared configuration, files of containers, and a store. */
import {
  appendFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { json } from "node:stream/consumers";
import { stringify } from "yaml";
import { stateFolder } from "../../components/agents/log-collector/values.ts";
import { podLogs } from "../../components/agents/node-sources.ts";
import { kindAuditLog } from "../../components/cluster/kind-config.ts";
import { byteCount } from "../../settings/formats.ts";
import { settingsSchema } from "../../settings/schema.ts";
import { at } from "../../contract/finding.ts";
import type { Rendered } from "../../contract/rendered.ts";
import { freePorts, guard, lastLines, launch, reap } from "../../rehearsal/control-plane/processes.ts";
import { call, eventually } from "../../rehearsal/http-client.ts";
import { plain } from "./otlp-json.ts";
import { type Used, usedBy } from "./used.ts";

type Tree = Record<string, unknown>;

/** A record as the store got it. */
export interface Got {
  readonly labels: Readonly<Record<string, unknown>>;
  readonly time: string;
  readonly body: unknown;
  readonly severity?: string;
  /** Of a trace and its span. */
  readonly ids?: readonly [trace: string, span: string];
  readonly attributes: Readonly<Record<string, unknown>>;
}

interface LogRecord {
  readonly timeUnixNano: string;
  readonly body: Tree;
  readonly severityText?: string;
  readonly traceId?: string;
  readonly spanId?: string;
  readonly attributes?: readonly { readonly key: string; readonly value: Tree }[];
}

interface Sent {
  readonly resourceLogs: readonly {
    readonly resource: { readonly attributes: readonly { readonly key: string; readonly value: Tree }[] };
    readonly scopeLogs: readonly { readonly logRecords: readonly LogRecord[] }[];
  }[];
}

/** A store that keeps what it gets in its memory, and can be away. It is not Loki. */
export class StoreStandIn {
  readonly got: readonly Got[];
  down = false;
  readonly #server: Server;

  private constructor(got: readonly Got[], keep: (got: Got) => void) {
    this.got = got;
    this.#server = createServer((request, response) => {
      if (this.down) {
        response.writeHead(503).end();
        return;
      }
      void json(request).then((body) => {
        for (const { resource, scopeLogs } of (body as Sent).resourceLogs) {
          const labels = Object.fromEntries(resource.attributes.map(({ key, value }) => [key, plain(value)]));
          for (const record of scopeLogs.flatMap(({ logRecords }) => logRecords)) {
            const { timeUnixNano, body: text, severityText, traceId = "", spanId = "", attributes = [] } = record;
            keep({
              ...{ labels, time: timeUnixNano, body: plain(text) },
              attributes: Object.fromEntries(attributes.map(({ key, value }) => [key, plain(value)])),
              ...(severityText === undefined ? {} : { severity: severityText }),
              ...(traceId + spanId === "" ? {} : { ids: [traceId, spanId] }),
            });
          }
        }
        response.writeHead(200, { "content-type": "application/json" }).end("{}");
      });
    });
  }

  /** @param keep what is done with each record. @default `got` has it */
  static async start(keep?: (got: Got) => void): Promise<StoreStandIn> {
    const got: Got[] = [];
    const store = new StoreStandIn(got, keep ?? ((one) => got.push(one)));
    await new Promise<void>((resolve) => store.#server.listen(0, "127.0.0.1", resolve));
    return store;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  close(): void {
    this.#server.close();
    this.#server.closeAllConnections();
  }
}

/** The declared configuration of the collector on nodes. */
export function agentConfig({ declared }: Rendered): Tree {
  const object = declared.find((one) => at(one, "spec", "mode") === "daemonset");
  if (object === undefined) throw new Error("there is no collector on nodes");
  return at(object, "spec", "config") as Tree;
}

const exporter = "otlp_http/logs";

export class LogNode {
  static readonly nodeName = "node-1";
  static readonly podUid = "00000000-0000-0000-0000-000000000000";
  readonly dir = mkdtempSync(join(tmpdir(), "log-node-"));
  readonly #watcher = guard(this.dir);
  readonly #otelcol: string;
  /** As the operator sets it: the container's limit (internal/manifests/collector/container.go 0.158). */
  readonly #memory = String(byteCount(settingsSchema.parse({}).logCollector.resources.memoryLimit));
  #pid = 0;
  readonly #ports: { readonly health: number; readonly metrics: number };

  readonly #bin = join(this.dir, "bin");

  private constructor(otelcol: string, ports: readonly number[]) {
    this.#otelcol = otelcol;
    this.#ports = { health: ports[0] ?? 0, metrics: ports[1] ?? 0 };
  }

  /**
   * Of the configuration only addresses and folders are others, and who asks.
   *
   * @param store where lines go, with the path
   * @param more further changes of the exporter
   */
  static async make(
    otelcol: string,
    config: Tree,
    store: string,
    more: { readonly encoding?: "json"; readonly queue_size?: number } = {},
  ): Promise<LogNode> {
    const node = new LogNode(otelcol, await freePorts(2));
    const { queue_size, ...others } = more;
    const text = JSON.stringify(config)
      .replaceAll(podLogs, join(node.dir, "pods"))
      .replaceAll(stateFolder, join(node.dir, "state"))
      .replaceAll("/var/log/journal", join(node.dir, "journal"))
      .replaceAll(dirname(kindAuditLog), join(node.dir, "audit"))
      .replaceAll("0.0.0.0:13133", `127.0.0.1:${node.#ports.health}`);
    const changed = JSON.parse(text) as { exporters: Record<string, Tree>; extensions: Tree; service: Tree };
    const declared = changed.exporters[exporter] ?? {};
    const extensions = ["health_check", "file_storage"];
    changed.extensions = Object.fromEntries(extensions.map((name) => [name, changed.extensions[name]]));
    changed.service["extensions"] = extensions;
    changed.exporters[exporter] = {
      ...declared,
      ...others,
      ...{ endpoint: store, auth: undefined, tls: undefined },
      ...(others.encoding === undefined ? {} : { compression: "none" }),
      // So that tests need not wait for the last try of before.
      retry_on_failure: { ...(declared["retry_on_failure"] as Tree), initial_interval: "200ms", max_interval: "500ms" },
      sending_queue: { ...(declared["sending_queue"] as Tree), ...(queue_size === undefined ? {} : { queue_size }) },
    };
    // As the operator has them read (internal/manifests/collector, 0.158), at another port.
    const prometheus = { host: "127.0.0.1", port: node.#ports.metrics, without_type_suffix: true, without_units: true };
    changed.service["telemetry"] = {
      metrics: { readers: [{ pull: { exporter: { prometheus: { ...prometheus, without_scope_info: true } } } }] },
    };
    writeFileSync(join(node.dir, "collector.yaml"), stringify(changed));
    return node;
  }

  /** Until it has looked at the files once: of those that are there then it reads what is added. */
  async start(): Promise<void> {
    this.write("earlier-0", ["stdout F of before"]);
    const args = [`--config=${join(this.dir, "collector.yaml")}`, "--feature-gates=stanza.synchronousLogEmitter"];
    const env = {
      GOMEMLIMIT: this.#memory,
      NODE_NAME: LogNode.nodeName,
      PATH: `${this.#bin}:${process.env["PATH"] ?? ""}`,
    };
    const program = { name: "collector", command: this.#otelcol, args, env };
    this.#pid = launch(this.dir, program).pid ?? 0;
    const looked = async () =>
      (await this.metric("otelcol_fileconsumer_open_files")) > (existsSync(join(this.dir, "audit")) ? 1 : 0)
        ? true
        : undefined;
    if ((await eventually(180, looked)) === undefined)
      throw new Error(`the collector is not ready:\n${lastLines(this.dir, "collector")}`);
  }

  /** What it has used since it started; on Linux alone. */
  used(): Used {
    return usedBy(this.#pid);
  }

  /** Bytes of the folder with positions and queues, as the disk has them. */
  get stateBytes(): number {
    const folder = join(this.dir, "state");
    return readdirSync(folder).reduce((sum, file) => sum + statSync(join(folder, file)).blocks * 512, 0);
  }

  /** At once, without a chance to finish anything. */
  async kill(): Promise<void> {
    await reap(this.dir, { only: ["collector"] });
  }

  /**
   * A stand-in for journalctl: these entries, whatever it is asked for, in the form of the real one (systemd, "Journal JSON Format"), and then it
   * waits for more, which do not come.
   */
  journal(entries: readonly object[]): void {
    mkdirSync(this.#bin, { recursive: true });
    const file = join(this.dir, "entries.json");
    writeFileSync(file, entries.map((entry) => `${JSON.stringify(entry)}\n`).join(""));
    writeFileSync(join(this.#bin, "journalctl"), `#!/bin/sh\nexec tail -n +1 -f ${file}\n`, { mode: 0o755 });
  }

  /** Lines of the API server's audit log. */
  audit(events: readonly object[]): void {
    mkdirSync(join(this.dir, "audit"), { recursive: true });
    appendFileSync(join(this.dir, "audit", "audit.log"), events.map((event) => `${JSON.stringify(event)}\n`).join(""));
  }

  #file(pod: string): string {
    const folder = join(this.dir, "pods", `shop_${pod}_${LogNode.podUid}`, "app");
    mkdirSync(folder, { recursive: true });
    return join(folder, "0.log");
  }

  /** Lines as the container runtime writes them, after the time. */
  write(pod: string, lines: readonly string[]): void {
    const time = new Date().toISOString().replace("Z", "000000Z");
    appendFileSync(this.#file(pod), lines.map((line) => `${time} ${line}\n`).join(""));
  }

  /** As the kubelet does (pkg/kubelet/logs/container_log_manager.go): moves the file aside, and the runtime opens another. */
  rotate(pod: string, suffix: string): void {
    const file = this.#file(pod);
    renameSync(file, `${file}.${suffix}`);
    writeFileSync(file, "");
  }

  /** The sum of a metric's series. */
  async metric(name: string): Promise<number> {
    const text = await call(`http://127.0.0.1:${this.#ports.metrics}/metrics`);
    return text
      .split("\n")
      .filter((line) => line.startsWith(`${name}{`) || line.startsWith(`${name} `))
      .reduce((sum, line) => sum + Number(line.slice(line.lastIndexOf(" ") + 1)), 0);
  }

  async close(): Promise<void> {
    await reap(this.dir);
    await this.#watcher.release();
    rmSync(this.dir, { recursive: true, force: true });
  }
}
