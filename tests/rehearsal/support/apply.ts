/** Makes any object, as `kubectl apply --server-side` does. */
import type { Api } from "../../../rehearsal/control-plane/api.ts";
import { until } from "../../support/until.ts";

export interface Applied {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: {
    readonly name: string;
    readonly namespace?: string;
    readonly labels?: Readonly<Record<string, string>>;
  };
  readonly [field: string]: unknown;
}

/** Where an object lives, as the API server says; a kind may be a moment old. */
export async function pathOf(
  api: Api,
  { apiVersion, kind, metadata }: Pick<Applied, "apiVersion" | "kind" | "metadata">,
): Promise<string> {
  return await until(`the API server knows ${kind}`, async () => {
    const base = apiVersion.includes("/") ? `/apis/${apiVersion}` : `/api/${apiVersion}`;
    const list = (await api.get(base)) as
      { resources: { name: string; kind: string; namespaced: boolean }[] } | undefined;
    const found = list?.resources.find((resource) => resource.kind === kind && !resource.name.includes("/"));
    const within = found?.namespaced === true ? `/namespaces/${metadata.namespace ?? "default"}` : "";
    return found && `${base}${within}/${found.name}/${metadata.name}`;
  });
}

/** @throws Error when the API server refuses it */
export async function apply(api: Api, object: Applied): Promise<void> {
  const path = `${await pathOf(api, object)}?fieldManager=test&force=true`;
  const { status, body } = await api.call("PATCH", path, object, "application/apply-patch+yaml");
  if (status >= 300) throw new Error(`PATCH ${path}: ${status} ${JSON.stringify(body)}`);
}
