/**
 * The few calls that the rehearsal itself makes of an API server. The library @kubernetes/client-node would do, but it takes
 * a second to load, a quarter of the time in which the whole control plane starts.
 */
import { Agent, request } from "node:https";
import { parse } from "yaml";

/** An answer of the API server. */
export interface Answer {
  readonly status: number;
  /** The object, or the Status that says what is wrong. */
  readonly body: unknown;
}

/** How a body is to be understood. */
export type ContentType =
  | "application/apply-patch+yaml"
  | "application/merge-patch+json"
  | "application/strategic-merge-patch+json"
  | "application/json";

/** One user of one API server. */
export interface Api {
  /**
   * @param accept the form of the answer, where it is not to be the whole object
   * @throws Error when there is no answer at all within 60 s
   */
  call(
    method: "GET" | "PATCH" | "POST" | "DELETE",
    path: string,
    body?: object,
    type?: ContentType,
    accept?: string,
  ): Promise<Answer>;
  /** The body of a successful GET, else undefined. */
  get(path: string): Promise<unknown>;
  close(): void;
}

/** @param kubeconfig text of a kubeconfig that kind (or its stand-in) wrote: one cluster, one user with a certificate */
export function connect(kubeconfig: string): Api {
  const {
    clusters: [{ cluster }],
    users: [{ user }],
  } = parse(kubeconfig) as {
    clusters: [{ cluster: { server: string; "certificate-authority-data": string } }];
    users: [{ user: { "client-certificate-data": string; "client-key-data": string } }];
  };
  const decode = (text: string) => Buffer.from(text, "base64");
  const agent = new Agent({
    keepAlive: true,
    ca: decode(cluster["certificate-authority-data"]),
    cert: decode(user["client-certificate-data"]),
    key: decode(user["client-key-data"]),
  });
  const api: Api = {
    call: (method, path, body, type = "application/json", accept = "application/json") =>
      new Promise((resolve, reject) => {
        const headers = { accept, ...(body === undefined ? {} : { "content-type": type }) };
        const outgoing = request(cluster.server + path, { method, agent, headers, timeout: 60_000 }, (response) => {
          let text = "";
          response.setEncoding("utf8");
          response.on("data", (chunk: string) => (text += chunk));
          response.on("error", reject);
          response.on("end", () => {
            resolve({ status: response.statusCode ?? 0, body: json(text) });
          });
        });
        outgoing.on("timeout", () => outgoing.destroy(new Error(`No answer from ${cluster.server} within 60 s.`)));
        outgoing.on("error", reject);
        outgoing.end(body === undefined ? undefined : JSON.stringify(body));
      }),
    get: async (path) => {
      try {
        const answer = await api.call("GET", path);
        return answer.status === 200 ? answer.body : undefined;
      } catch {
        return undefined;
      }
    },
    close: () => {
      agent.destroy();
    },
  };
  return api;
}

function json(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}
