import { expect } from "chai";
import { warningsOf } from "../../../components/content.ts";
import { plan } from "../../../components/plan.ts";
import { parseSettings } from "../../../settings/parse.ts";

const read = (settings: object) => parseSettings({ ...settings }, { file: "Pulumi.dev.yaml", secrets: [] });
const warnings = (settings: object) =>
  warningsOf(plan(read(settings)).chosen).filter(({ path }) => path.startsWith("collector.autoscaling"));

describe("autoscaling of the gateway", () => {
  it("is refused when there cannot be more than at least", () => {
    expect(() => read({ collector: { replicas: 3, autoscaling: { maxReplicas: 3 } } })).to.throw(
      /collector\.autoscaling\.maxReplicas: is 3, and collector\.replicas, the least, is 3/,
    );
  });

  it("warns where nobody measures pods, and where pods are small", () => {
    const autoscaling = { maxReplicas: 3 };
    expect(warnings({ collector: { autoscaling } }).map(({ path }) => path)).to.deep.equal([
      "collector.autoscaling",
      "collector.autoscaling.cpu",
    ]);
    const large = { collector: { autoscaling, resources: { cpu: "500m" } }, metricsServer: { enabled: true } };
    expect(warnings(large)).to.deep.equal([]);
  });
});
