/** A component's key as it stands in names of resources and folders: `kubePrometheusStack` is `kube-prometheus-stack`. */
export function kebab(key: string): string {
  return key.replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
}
