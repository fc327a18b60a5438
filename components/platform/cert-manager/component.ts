import { chart } from "./chart.ts";
import { defineComponent } from "../../component.ts";
import { namespaces } from "../../kubernetes/namespaces.ts";
import { imagePullSecrets } from "../../kubernetes/pull-secrets.ts";
import { certManager } from "./settings.ts";
import { certManagerValues } from "./values.ts";

const namespace = namespaces.certManager.name;

export const certManagerComponent = defineComponent({
  key: "certManager",
  title: "cert-manager",
  settings: { certManager },
  charts: [chart],
  switch: "certManager.enabled",
  enabled: ({ certManager: { enabled } }) => enabled,
  single: {
    name: "cert-manager",
    groups: [".cert-manager.io"],
    images: ["cert-manager-controller", "cert-manager-cainjector", "cert-manager-webhook"],
  },
  provided: { by: "certManager", definitions: ["certificates.cert-manager.io", "issuers.cert-manager.io"] },
  needs: ["monitors"],
  after: ["monitors"],
  namespaces: () => [namespaces.certManager],
  offers: () => ({ certificates: true }),
  flows: () => [
    { name: "webhook", namespace, to: { "app.kubernetes.io/name": "webhook" }, ports: [10250], from: ["api server"] },
    { name: "metrics", namespace, ports: [9402], from: ["scraping"] },
  ],
  requests: ({ certManager: { controller, webhook, cainjector, replicas } }) => [
    { setting: "certManager.controller", ...controller, count: replicas },
    { setting: "certManager.webhook", ...webhook, count: replicas },
    { setting: "certManager.cainjector", ...cainjector, count: 1 },
  ],
  releases: ({ settings }) => [
    {
      chart,
      namespace,
      values: certManagerValues(settings.certManager),
      override: settings.certManager.values,
      pullSecrets: { global: { imagePullSecrets } },
    },
  ],
});
