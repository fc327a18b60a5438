/** A FAKE API server: HTTPS with client certificates, answering from the world's cluster as far as it was made. */
import * as fs from "node:fs";
import type { IncomingMessage, ServerResponse } from "node:http";
import * as https from "node:https";
import type { AddressInfo } from "node:net";

import { stringify } from "yaml";

import { type Pki, base64 } from "../../../rehearsal/control-plane/pki.ts";
import { type World, nodeName, steps } from "./world.ts";

export interface FakeApiServer {
  /** Paths that were asked for, in order. */
  readonly requests: readonly string[];
  /** The client's private key, base64 as in the kubeconfig: what must never be seen. */
  readonly clientKey: string;
  close(): Promise<void>;
}

/** Starts the server on 127.0.0.1 and puts its kubeconfig into the world. */
export async function startApiServer(world: World, name: string, pki: Pki): Promise<FakeApiServer> {
  const read = (file: string): Buffer => fs.readFileSync(file);
  const ca = read(pki.ca.certificate);
  const requests: string[] = [];
  const server = https.createServer(
    { ca, cert: read(pki.server.certificate), key: read(pki.server.key), requestCert: true, rejectUnauthorized: true },
    (request, response) => {
      requests.push(request.url ?? "");
      answer(world, name, request, response);
    },
  );
  await new Promise<void>((resolve) => {
    server.listen(0, "127.0.0.1", resolve);
  });
  const { port } = server.address() as AddressInfo;
  const clientKey = base64(pki.admin.key);
  const id = `kind-${name}`;
  world.setKubeconfig(
    name,
    stringify({
      apiVersion: "v1",
      kind: "Config",
      "current-context": id,
      clusters: [
        {
          name: id,
          cluster: { server: `https://127.0.0.1:${port}`, "certificate-authority-data": base64(pki.ca.certificate) },
        },
      ],
      contexts: [{ name: id, context: { cluster: id, user: id } }],
      users: [
        { name: id, user: { "client-certificate-data": base64(pki.admin.certificate), "client-key-data": clientKey } },
      ],
    }),
  );
  return {
    requests,
    clientKey,
    async close() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

function answer(world: World, name: string, request: IncomingMessage, response: ServerResponse): void {
  const cluster = world.cluster(name);
  const done = cluster === undefined ? -1 : steps.indexOf(cluster.step);
  if (cluster?.running !== true || done < steps.indexOf("init")) {
    // Nobody listens there in truth.
    request.socket.destroy();
    return;
  }
  const { api = {} } = world.plan;
  const cni = done >= steps.indexOf("cni");
  const condition = (type: string, well: boolean) => ({
    type,
    status: well ? "True" : "False",
    message: well ? "fine" : "container runtime network not ready",
  });
  const send = (body: unknown): void => {
    response.setHeader("content-type", "application/json");
    response.end(JSON.stringify(body));
  };
  switch (request.url) {
    case "/readyz":
      response.statusCode = api.readyz ?? 200;
      response.end(response.statusCode === 200 ? "ok" : "[-]etcd failed: reason withheld");
      break;
    case "/api/v1/nodes":
      send({
        // Nodes register one after the other: until "join" only the first is there.
        items: cluster.labels.slice(0, done < steps.indexOf("join") ? 1 : undefined).map((labels, index) => ({
          metadata: { name: nodeName(name, index), labels },
          status: { conditions: [condition("Ready", cni && api.nodesReady !== false)] },
        })),
      });
      break;
    case "/apis/apps/v1/namespaces/kube-system/deployments/coredns": {
      const well = cni && api.dnsAvailable !== false;
      send({
        metadata: { name: "coredns" },
        spec: { replicas: 2 },
        status: { availableReplicas: well ? 2 : 0, conditions: [condition("Available", well)] },
      });
      break;
    }
    case "/apis/storage.k8s.io/v1/storageclasses": {
      const annotations = { "storageclass.kubernetes.io/is-default-class": "true" };
      const there = done >= steps.indexOf("storage") && api.storageClass !== false;
      send({ items: there ? [{ metadata: { name: "standard", annotations } }] : [] });
      break;
    }
    default: {
      const [, namespace, set] =
        /^\/apis\/apps\/v1\/namespaces\/([^/]+)\/statefulsets\/([^/]+)$/.exec(request.url ?? "") ?? [];
      if (set !== undefined && api.statefulSets?.includes(`${namespace}/${set}`) === true) {
        send({ metadata: { name: set, namespace } });
        break;
      }
      response.statusCode = 404;
      response.end("not found");
    }
  }
}
