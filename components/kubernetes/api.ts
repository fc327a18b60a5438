/** Asks a cluster questions, without changing anything: for what has to be known before the engine begins. */
import * as https from "node:https";
import { nodeHttp } from "../node-http.ts";

/** How long the cluster may take for one answer, in milliseconds. */
const answerTimeout = 15_000;

/** No answer, or not the one that was asked for. */
export class ApiError extends Error {
  override readonly name = "ApiError";
  /** What the server answered; undefined when it did not. */
  readonly status: number | undefined;
  constructor(message: string, status?: number) {
    super(message);
    this.status = status;
  }
}

/** A cluster that answers. */
export interface Api {
  /**
   * The answer to a GET, decoded; undefined where there is nothing (404).
   * @throws ApiError with the server's own words for any other status, and why it cannot be reached
   */
  get(path: string): Promise<unknown>;
  /** The metadata of all objects of a collection; none where there is no such collection. @throws ApiError as `get` */
  list(path: string): Promise<readonly Metadata[]>;
  /**
   * Whether a ServiceAccount may do something: a SubjectAccessReview, which is answered and not kept. @throws ApiError as `get`,
   * with the status 403 where whoever asks may not ask that
   */
  may(account: Account, what: Attributes): Promise<boolean>;
}

export interface Account {
  readonly namespace: string;
  readonly name: string;
}

/** What somebody would do, and to what (`spec.resourceAttributes` of a SubjectAccessReview). */
export interface Attributes {
  readonly verb: string;
  readonly resource: string;
  readonly namespace: string;
  readonly name: string;
}

/** What a list tells of an object: a tenth of the bytes of the whole. */
export interface Metadata {
  readonly name: string;
  readonly namespace?: string;
  readonly labels?: Readonly<Record<string, string>>;
  readonly annotations?: Readonly<Record<string, string>>;
}

const whole = "application/json";
const metadataOnly = `application/json;as=PartialObjectMetadataList;v=v1;g=meta.k8s.io,${whole}`;

/**
 * @param kubeconfig Its text; every kind of credential that `@kubernetes/client-node` knows works, plugins included.
 * @throws Error when the kubeconfig is of no use, or its plugin fails
 */
export async function openApi(kubeconfig: string, context: string, timeout = answerTimeout): Promise<Api> {
  // It takes a second to load, which only those have to spend who ask.
  const { KubeConfig } = await import("@kubernetes/client-node");
  const config = new KubeConfig();
  config.loadFromString(kubeconfig);
  config.setCurrentContext(context);
  const { server = "", proxyUrl } = config.getCurrentCluster() ?? {};
  const options: https.RequestOptions = {};
  await config.applyToHTTPSOptions(options);
  // Without a proxy of its own the kubeconfig leaves it to the environment, which never means this machine: as in Go, and so
  // for kubectl and the Kubernetes provider.
  if (proxyUrl === undefined && /^https:(?!\/\/(localhost|127\.|\[::1\]))/.test(server)) {
    const { ca, cert, key, pfx, passphrase, servername, rejectUnauthorized } = options;
    const tls = { ca, cert, key, pfx, passphrase, servername, rejectUnauthorized };
    const given = Object.fromEntries(Object.entries(tls).filter(([, value]) => value !== undefined));
    options.agent = new https.Agent({ ...given, proxyEnv: process.env });
  }
  const base = server.replace(/\/$/, "");
  const send = base.startsWith("http:") ? nodeHttp().request : https.request;
  const ask = (path: string, accept: string, body?: object) =>
    new Promise<unknown>((resolve, reject) => {
      const fail = (reason: string, status?: number) => {
        reject(new ApiError(`${server} ${reason}`, status));
      };
      const request = send(
        base + path,
        {
          ...options,
          method: body === undefined ? "GET" : "POST",
          headers: {
            ...(options.headers as Record<string, string> | undefined),
            accept,
            ...(body === undefined ? {} : { "content-type": whole }),
            "user-agent": "observability-environment",
          },
          signal: AbortSignal.timeout(timeout),
        },
        (response) => {
          let said = "";
          response.setEncoding("utf8");
          response.on("data", (text: string) => (said += text));
          response.on("error", (error) => {
            fail(reasonOf(error, timeout));
          });
          response.on("end", () => {
            const { statusCode = 0 } = response;
            if (statusCode === 404) resolve(undefined);
            else if (statusCode === 200 || statusCode === 201) resolve(JSON.parse(said) as unknown);
            else fail(`answers ${statusCode}: ${saidIn(said)}`, statusCode);
          });
        },
      );
      request.on("error", (error) => {
        fail(reasonOf(error, timeout));
      });
      request.end(body === undefined ? undefined : JSON.stringify(body));
    });
  return {
    get: (path) => ask(path, whole),
    async list(path) {
      const found = (await ask(path, metadataOnly)) as
        { readonly items: readonly { metadata: Metadata }[] } | undefined;
      return (found?.items ?? []).map(({ metadata }) => metadata);
    },
    async may({ namespace, name }, resourceAttributes) {
      const apiVersion = "authorization.k8s.io/v1";
      // Those of every ServiceAccount (k8s.io/apiserver, pkg/authentication/serviceaccount, `MakeGroupNames`).
      const groups = ["system:serviceaccounts", `system:serviceaccounts:${namespace}`, "system:authenticated"];
      const spec = { user: `system:serviceaccount:${namespace}:${name}`, groups, resourceAttributes };
      const review = { apiVersion, kind: "SubjectAccessReview", spec };
      const answer = await ask(`/apis/${apiVersion}/subjectaccessreviews`, whole, review);
      return (answer as { readonly status: { readonly allowed: boolean } }).status.allowed;
    },
  };
}

function reasonOf(error: Error, timeout: number): string {
  if (error.name === "TimeoutError" || error.name === "AbortError") return `does not answer within ${timeout / 1000} s`;
  // Several addresses that all refused come as an AggregateError without a message.
  const { code } = error as NodeJS.ErrnoException;
  return `cannot be reached (${error.message === "" ? (code ?? error.name) : error.message})`;
}

/** The message of a Status object, else the beginning of whatever it is. */
function saidIn(body: string): string {
  try {
    return (JSON.parse(body) as { message: string }).message;
  } catch {
    return body.slice(0, 200);
  }
}
