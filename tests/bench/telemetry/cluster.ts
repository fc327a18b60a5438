/** The application's pod in a real API server, and the collector's own account there with the rights that are declared. */
import { writeFileSync } from "node:fs";
import { stringify } from "yaml";
import type { Manifest } from "../../../components/kubernetes/manifest.ts";
import { type Api, connect } from "../../../rehearsal/control-plane/api.ts";
import type { ControlPlane } from "../../../rehearsal/control-plane/control-plane.ts";
import { at, textAt } from "../../../contract/finding.ts";
import { eventually } from "../../../rehearsal/http-client.ts";

export interface Pod {
  readonly namespace: string;
  readonly name: string;
  readonly uid: string;
  readonly container: string;
  readonly deployment: string;
  readonly node: string;
}

const collections: Readonly<Record<string, string>> = {
  ServiceAccount: "/api/v1/namespaces/monitoring/serviceaccounts",
  ClusterRole: "/apis/rbac.authorization.k8s.io/v1/clusterroles",
  ClusterRoleBinding: "/apis/rbac.authorization.k8s.io/v1/clusterrolebindings",
};

async function create(api: Api, path: string, object: object): Promise<unknown> {
  const { status, body } = await api.call("POST", path, object);
  if (status >= 300) throw new Error(`POST ${path}: ${status} ${JSON.stringify(body)}`);
  return body;
}

/**
 * Makes the account of the collector, with the roles that the program declares, and a kubeconfig with its token.
 *
 * @returns path of the kubeconfig
 */
export async function collectorAccount(
  plane: ControlPlane,
  declared: readonly Manifest[],
  file: string,
): Promise<string> {
  const api = connect(plane.kubeconfig);
  try {
    const name = "otel-collector";
    await create(api, "/api/v1/namespaces", { apiVersion: "v1", kind: "Namespace", metadata: { name: "monitoring" } });
    for (const [kind, path] of Object.entries(collections)) {
      const object = declared.find((candidate) => candidate.kind === kind && candidate.metadata.name === name);
      if (object === undefined) throw new Error(`The program declares no ${kind} ${name}.`);
      await create(api, path, object);
    }
    const path = `/api/v1/namespaces/monitoring/serviceaccounts/${name}/token`;
    const request = { apiVersion: "authentication.k8s.io/v1", kind: "TokenRequest", spec: {} };
    const token = textAt(await create(api, path, request), "status", "token");
    const ca = /certificate-authority-data: (\S+)/.exec(plane.kubeconfig)?.[1];
    writeFileSync(
      file,
      stringify({
        apiVersion: "v1",
        kind: "Config",
        clusters: [{ name, cluster: { server: plane.server, "certificate-authority-data": ca } }],
        users: [{ name, user: { token } }],
        contexts: [{ name, context: { cluster: name, user: name } }],
        "current-context": name,
      }),
      { mode: 0o600 },
    );
    return file;
  } finally {
    api.close();
  }
}

/**
 * Makes the application's Deployment and gives its pod the address from which this process connects and at which it
 * serves metrics.
 */
export async function applicationPod(plane: ControlPlane, namespace: string, port: number): Promise<Pod> {
  const api = connect(plane.kubeconfig);
  try {
    const name = "kbot";
    const labels = { "app.kubernetes.io/name": name };
    await create(api, "/api/v1/namespaces", { apiVersion: "v1", kind: "Namespace", metadata: { name: namespace } });
    await create(api, `/apis/apps/v1/namespaces/${namespace}/deployments`, {
      apiVersion: "apps/v1",
      kind: "Deployment",
      metadata: { name },
      spec: {
        selector: { matchLabels: labels },
        template: {
          metadata: {
            labels,
            annotations: {
              "prometheus.io/scrape": "true",
              "prometheus.io/port": String(port),
              "prometheus.io/path": "/metrics",
            },
          },
          spec: { containers: [{ name, image: "kbot", ports: [{ containerPort: port, name: "metrics" }] }] },
        },
      },
    });
    const pods = `/api/v1/namespaces/${namespace}/pods`;
    const pod = await eventually(60, async () => {
      const list = at(await api.get(pods), "items") as readonly unknown[] | undefined;
      return list?.find((candidate) => textAt(candidate, "status", "phase") === "Running");
    });
    const podName = textAt(pod, "metadata", "name");
    if (podName === undefined) throw new Error("The application's pod did not start within 60 s.");
    const address = "127.0.0.1";
    const { status, body } = await api.call(
      "PATCH",
      `${pods}/${podName}/status`,
      { status: { podIP: address, podIPs: [{ ip: address }] } },
      "application/merge-patch+json",
    );
    if (status !== 200) throw new Error(`The pod's address: ${status} ${JSON.stringify(body)}`);
    return {
      namespace,
      name: podName,
      uid: textAt(pod, "metadata", "uid") ?? "",
      container: name,
      deployment: name,
      node: textAt(pod, "spec", "nodeName") ?? "",
    };
  } finally {
    api.close();
  }
}
