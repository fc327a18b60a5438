import { type OlderProtocol, olderProtocols } from "./protocols.ts";

export const variants = {
  "three replicas": {
    collector: {
      ...{ replicas: 3, receivers: Object.keys(olderProtocols) as OlderProtocol[], sampling: { ratio: 0.1 } },
    },
  },
};

export const alone = {
  "one replica samples": { collector: { sampling: { ratio: 0.25, slowerThan: "500ms" } } },
  "no service graph": { collector: { replicas: 3, serviceGraph: false } },
  "as many as it takes": {
    collector: { autoscaling: { maxReplicas: 6, memory: 75 }, resources: { cpu: "500m" }, sampling: { ratio: 0.1 } },
    metricsServer: { enabled: true },
  },
  "nothing to keep": { traces: "none", collector: { replicas: 3, serviceGraph: false, sampling: { ratio: 0 } } },
};

const config = "collector.spec.config";
const sampling = `${config}.processors.tail_sampling`;

/** What each of its settings changes, and where (`tests/contract/settings-effects.test.ts`). */
export const effects = [
  ["collector.image", "a/b:1.2.3", "collector.spec.image"],
  ["collector.replicas", 3],
  ["collector.serviceGraph", false, `${config}.connectors`, { lacks: "peer.service" }],
  ["collector.receivers", ["zipkin"], `${config}.receivers.zipkin.endpoint`, "9411"],
  ["collector.sampling.ratio", 0.25, `${sampling}.policies.3.probabilistic.sampling_percentage`, "25"],
  ["collector.sampling.slowerThan", "1.5s", `${sampling}.policies.1.latency.threshold_ms`, "1500"],
  ["collector.sampling.wait", "21s", `${sampling}.decision_wait`],
  ["collector.sampling.maxTraces", 12_345, `${sampling}.num_traces`],
  ["collector.limits.requestSize", "3Mi", `${config}.receivers.otlp.protocols.http.max_request_body_size`, "3145728"],
  ["collector.limits.streams", 7, `${config}.receivers.otlp.protocols.grpc.max_concurrent_streams`],
];

/** In the place of `collector.replicas`. */
export const decided = [
  {
    under: { collector: { autoscaling: { maxReplicas: 3 } } },
    effects: [
      ["collector.autoscaling.maxReplicas", 7, "collector.spec.autoscaler.maxReplicas"],
      ["collector.autoscaling.cpu", 55],
      ["collector.autoscaling.memory", 66],
    ],
  },
] as const;
