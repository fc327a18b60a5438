/** A rehearsal in a cluster that was there before and stays: a control plane of local processes, whose API server says who wrote what. */
import { copyFileSync, mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { obtainBinaries } from "../../../rehearsal/control-plane/binaries.ts";
import { startControlPlane } from "../../../rehearsal/control-plane/control-plane.ts";
import { openRehearsal, type Rehearsal, type RehearsalOptions } from "../../../rehearsal/rehearsal.ts";
import { TestCluster } from "./cluster.ts";

/** The context of the cluster in its kubeconfig. */
export const context = "kind-kept";

export interface Kept {
  /** Of its own, until it is closed. */
  readonly folder: string;
  /** Path of the cluster's own kubeconfig. */
  readonly kubeconfig: string;
  readonly auditLog: string;
  readonly cluster: TestCluster;
  readonly rehearsal: Rehearsal;
  close(): Promise<void>;
}

/** Opens one in a cluster whose namespaces have what Kubernetes puts into each. When it throws, nothing is left running. */
export async function openKept({ settings, ...options }: RehearsalOptions): Promise<Kept> {
  const folder = mkdtempSync(join(tmpdir(), "kept-cluster-"));
  const auditLog = join(folder, "audit.log");
  /** How to end what has been started, first to end first. */
  const ends: (() => unknown)[] = [
    () => {
      rmSync(folder, { recursive: true, force: true });
    },
  ];
  const close = async () => {
    for (const end of ends.splice(0)) await end();
  };
  try {
    const binaries = await obtainBinaries();
    const plane = await startControlPlane({ name: "kept", dir: join(folder, "cluster"), binaries, auditLog });
    ends.unshift(() => plane.stop());
    const cluster = new TestCluster(plane.kubeconfigPath);
    ends.unshift(() => {
      cluster.close();
    });
    for (const { metadata } of await cluster.list("/api/v1/namespaces")) await cluster.untilFilled(metadata.name);
    const existing = { kubeconfig: plane.kubeconfigPath, context };
    const rehearsal = await openRehearsal({
      ...options,
      settings: { cluster: { type: "existing", existing }, ...settings },
    });
    ends.unshift(() => rehearsal.close());
    // The controllers look for the cluster where the rehearsal would have made its own.
    mkdirSync(dirname(rehearsal.kubeconfigPath), { recursive: true, mode: 0o700 });
    copyFileSync(plane.kubeconfigPath, rehearsal.kubeconfigPath);
    return { folder, kubeconfig: plane.kubeconfigPath, auditLog, cluster, rehearsal, close };
  } catch (error) {
    await close();
    throw error;
  }
}
