import { clusterUrl } from "../../capabilities.ts";
import { defineComponent } from "../../component.ts";
import { namespaces } from "../../kubernetes/namespaces.ts";
import { imagePullSecrets } from "../../kubernetes/pull-secrets.ts";
import { chart } from "./chart.ts";
import { ebpf } from "./settings.ts";
import { ebpfValues, metrics } from "./values.ts";

const namespace = namespaces.nodeAgents.name;
const labels = { "app.kubernetes.io/name": chart.name };

export const ebpfComponent = defineComponent({
  key: "ebpf",
  title: "OpenTelemetry eBPF Instrumentation",
  settings: { ebpf },
  charts: [chart],
  enabled: (settings) => settings.ebpf.namespaces.length > 0,
  needs: ["gateway", "monitors"],
  after: ["monitors"],
  uses: ["injection"],
  namespaces: () => [namespaces.nodeAgents],
  offers: ({ ebpf: { propagation } }) => ({ kernelSpans: { fromNodes: propagation } }),
  flows: () => [{ name: "ebpf", namespace, to: labels, ports: [metrics.port], from: ["scraping"] }],
  requests: ({ ebpf: { resources } }, nodes) => [{ setting: "ebpf.resources", ...resources, count: nodes }],
  releases: ({ settings, environment, offered }) => {
    const gateway = offered("gateway");
    if (gateway === undefined) return [];
    return [
      {
        chart,
        namespace,
        values: ebpfValues(
          settings.ebpf,
          clusterUrl(gateway.otlpGrpc),
          offered("injection")?.samplingRatio ?? 1,
          environment.clusterName,
        ),
        override: settings.ebpf.values,
        pullSecrets: { image: { pullSecrets: imagePullSecrets } },
      },
    ];
  },
  extras: () => [
    {
      // The chart's own monitor is about metrics of requests, which are not made here.
      name: "monitor",
      object: {
        apiVersion: "monitoring.coreos.com/v1",
        kind: "PodMonitor",
        metadata: { name: chart.name, namespace },
        spec: {
          jobLabel: "app.kubernetes.io/name",
          selector: { matchLabels: labels },
          podMetricsEndpoints: [{ port: metrics.name, path: metrics.path }],
        },
      },
    },
  ],
});
