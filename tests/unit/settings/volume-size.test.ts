import { expect } from "chai";
import { otherSize } from "../../../components/kubernetes/volume-size.ts";

const claims = {
  setting: "loki.storage.size",
  size: ["singleBinary", "persistence", "size"],
  namespace: "monitoring",
  statefulSet: "loki",
  claim: "storage",
};
const values = (size?: string) => ({ singleBinary: { persistence: { size } } });

describe("another size of volumes", () => {
  it("is told with the setting, both sizes, and commands that keep the data", () => {
    const said = otherSize(claims, values("5Gi"), values("7Gi")) ?? "";
    expect(said).to.include("loki.storage.size: is 7Gi, but the volumes were made with 5Gi");
    expect(said).to.include("kubectl --namespace monitoring delete statefulset loki --cascade=orphan");
    expect(said).to.include(`patch pvc storage-loki-0 --patch '{"spec":{"resources":{"requests":{"storage":"7Gi"}}}}'`);
  });

  it("is none where nothing changed, or nothing was there", () => {
    expect(otherSize(claims, values("5Gi"), values("5Gi"))).to.equal(undefined);
    expect(otherSize(claims, undefined, values("5Gi"))).to.equal(undefined);
    expect(otherSize(claims, values(), values("5Gi"))).to.equal(undefined);
  });
});
