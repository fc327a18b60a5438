/**
 * Asks an environment whether telemetry arrives. Pulumi runs it at the end of an `up`; by hand it is
 * `node components/probe/probe-script.ts` with the same environment variables:
 *
 * - `KUBECONFIG_FILE`, `KUBE_CONTEXT`: the cluster.
 * - `PROBE_GATEWAY`: JSON, the Service that takes OTLP over HTTP, as an `Endpoint`.
 * - `PROBE_STORES`: JSON, the stores in which something has to be found, each a `ProbedStore`.
 * - `PROBE_SECRET_<OF>`: what servers want, by what they are the answer to (`Access`). @default nothing
 * - `PROBE_CA_<OF>`: PEM, whose certificate a store of the cluster shows that is asked by TLS.
 * - `PROBE_CA`: file with the company's CA certificates. @default none
 * - `PROBE_TIMEOUT`: seconds that it may take. @default 300
 *
 * It reaches Services as `kubectl port-forward` does, through the API server and the kubelet: that needs no port on the host,
 * no image in the cluster, and works whatever network policies say. Servers that are there already it asks from this machine; of one
 * that cannot be reached from here it says so, and knows nothing. Standard output is the verdict as JSON, standard error
 * what people read. Exit code 0 when everything was found, else 1.
 */
import { readFileSync } from "node:fs";
import type { Server } from "node:net";
import { KubeConfig, PortForward } from "@kubernetes/client-node";
import { type Endpoint, isRemote } from "../capabilities.ts";
import { fetchOutside, trust } from "../company-network.ts";
import { headersOf } from "../remote.ts";
import { forwarded } from "./forward.ts";
import { caVariable, NotFound, probe, type ProbedStore, reasonOf, secretVariable, type Sought } from "./telemetry.ts";

const say = (line: string) => {
  process.stderr.write(`${line}\n`);
};

function required(name: string): string {
  const value = process.env[name];
  if (value === undefined || value === "") throw new NotFound(`${name} is not set; see the head of probe-script.ts.`);
  return value;
}

/** Whether anything answers at an address, whatever it says. */
async function reached(url: string, title: string): Promise<boolean> {
  try {
    await fetchOutside(url, { method: "HEAD", signal: AbortSignal.timeout(10_000) });
    return true;
  } catch (error) {
    say(
      `${title} (${url}) cannot be reached from this machine: ${reasonOf(error)}. Whether telemetry arrives is not known.`,
    );
    return false;
  }
}

async function main(): Promise<number> {
  const servers: Server[] = [];
  try {
    const config = new KubeConfig();
    config.loadFromString(readFileSync(required("KUBECONFIG_FILE"), "utf8"));
    config.setCurrentContext(required("KUBE_CONTEXT"));
    const cluster = new PortForward(config);
    const forward = (endpoint: Endpoint) =>
      forwarded(cluster, endpoint, servers, process.env[caVariable(endpoint.access?.of ?? "")]);
    const gateway = await forward(JSON.parse(required("PROBE_GATEWAY")) as Endpoint);
    const ca = process.env["PROBE_CA"];
    if (ca !== undefined) trust(ca);
    const stores = await Promise.all(
      (JSON.parse(required("PROBE_STORES")) as ProbedStore[]).map(async (store): Promise<Sought[]> => {
        const { endpoint } = store;
        const access = endpoint.access;
        const headers = access === undefined ? {} : headersOf(access, process.env[secretVariable(access.of)]);
        if (!isRemote(endpoint)) return [{ ...store, url: await forward(endpoint), headers }];
        return (await reached(endpoint.url, store.title)) ? [{ ...store, url: endpoint.url, headers }] : [];
      }),
    );
    const verdict = await probe(gateway, stores.flat(), Number(process.env["PROBE_TIMEOUT"] ?? "300"), say);
    process.stdout.write(JSON.stringify(verdict));
    return 0;
  } catch (error) {
    if (!(error instanceof NotFound)) throw error;
    say(error.message);
    return 1;
  } finally {
    for (const server of servers) server.close();
  }
}

const code = await main();
// Connections through the API server stay open as long as their pods; nothing waits for them.
process.exit(code);
