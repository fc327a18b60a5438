import { type OlderProtocol, olderProtocols } from "./protocols.ts";

export const variants = {
  "three replicas": {
    collector: { replicas: 3, receivers: Object.keys(olderProtocols) as OlderProtocol[] },
  },
};

/** What each of its settings changes, and where (`tests/contract/settings-effects.test.ts`). */
export const effects = [
  ["collector.image", "a/b:1.2.3", "collector.spec.image"],
  ["collector.replicas", 3],
  ["collector.receivers", ["zipkin"], "collector.spec.config.receivers.zipkin.endpoint", "9411"],
];
