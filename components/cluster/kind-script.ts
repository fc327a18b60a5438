/**
 * Makes, adopts, lists, releases and deletes the Kind cluster of an environment. Pulumi runs it; by hand it is
 * `node components/cluster/kind-script.ts ensure|update|delete|list|release` with the same environment variables:
 *
 * - `KIND_CLUSTER_NAME`: name of the cluster (all but list).
 * - `KIND_OWNER`: id of the environment (ensure, update, delete). A cluster that carries another is left alone. `update` is
 *   `ensure` for a cluster that the state knows: there it may also be one of an earlier version, which has no owner.
 * - `KIND_PROJECT`, `KIND_STACK`, `KIND_GENERATION`: further labels of the nodes (ensure, update). @default none
 * - `KIND_CONFIG`: the Kind configuration, v1alpha4 YAML; the labels are added to each node (ensure, update).
 * - `KIND_CONFIG_HASH`: its hash, a label as well (ensure, update).
 * - `KUBECONFIG_FILE`: where the kubeconfig is written, mode 0600 (ensure, update, delete).
 * - `KIND_READY_TIMEOUT`: seconds until API, nodes and DNS must be ready. @default 300
 * - `KIND_REGISTRY_FOLDER`, `KIND_REGISTRY_MIRRORS`: folder for containerd's hosts.toml files, and a JSON object of
 *   registry host to mirror address. @default none
 * - `KIND_REGISTRY_CREDENTIALS`: JSON object of mirror host to the base64 of `user:password`. @default none
 * - `REQUESTED_CPU_MILLICORES`, `REQUESTED_MEMORY_MIB`: what the environment requests, for the check of the host.
 * - `KIND_ERRORS`: `stdout` writes the error that ends the script there. @default standard error
 * - `KIND_LOCK_DIR`: folder of the per-host lock. @default /tmp/observability-kind-<uid>
 *
 * Standard output is the kubeconfig (ensure, update) or JSON (list) and nothing else; what people read is on standard error
 * and never holds key material. Exit code 0, 1 for an error, 2 for wrong use, 130 and 143 after SIGINT and SIGTERM.
 */
import { interrupts, runScript } from "./kind-verbs.ts";

// Pulumi may close its end first when it is interrupted; that must not end the clean-up.
process.stderr.on("error", () => undefined);
const interrupted = new AbortController();
for (const name of interrupts) {
  process.on(name, () => {
    if (interrupted.signal.aborted) process.stderr.write(`${name}: still cleaning up; please wait.\n`);
    interrupted.abort(name);
  });
}
process.exitCode = await runScript(process.argv.slice(2), {
  signal: interrupted.signal,
  stdout: (text) => process.stdout.write(text),
  stderr: (text) => process.stderr.write(text),
});
