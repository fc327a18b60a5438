import { type ObtainOptions, moduleDir, obtain, pinnedVersion } from "../../toolchain/obtain.ts";
import type { Binaries } from "./control-plane.ts";

/** The programs of a control plane, obtained as toolchain/ pins them (the first time, that can take minutes). */
export async function obtainBinaries(options: ObtainOptions = {}): Promise<Binaries> {
  const kwok = "sigs.k8s.io/kwok";
  const programs = await obtain(
    ["etcd", "kube-apiserver", "kube-controller-manager", "kube-scheduler", "kwok"],
    options,
  );
  return { ...programs, kwokModule: await moduleDir(kwok, pinnedVersion("control-plane", kwok)) };
}
