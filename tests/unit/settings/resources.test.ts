import { expect } from "chai";
import { parseSettings } from "../../../settings/parse.ts";
import { requestedResources } from "../../../components/requests.ts";
import { canonicalBytes, canonicalCpu, cpuMillicores, memoryMiB } from "../../../settings/resources.ts";

const settings = (raw: Record<string, unknown> = {}) =>
  parseSettings(raw, { file: "Pulumi.dev.yaml", secrets: ["telegramToken"] });

describe("requested resources", () => {
  it("stay within 4 CPU and 8 GiB by default (acceptance, performance 6), with 1 CPU and 0.5 GiB for Kind's own pods", () => {
    const { cpuMillicores: cpu, memoryMiB: memory } = requestedResources(settings());
    expect(cpu).to.be.within(500, 3000);
    expect(memory).to.be.within(1024, 7680);
  });

  it("count replicas, and agents on every node", () => {
    const base = requestedResources(settings());
    const more = requestedResources(settings({ prometheus: { replicas: 2 }, cluster: { kind: { workers: 2 } } }));
    expect(more.cpuMillicores - base.cpuMillicores).to.equal(100 + 2 * (10 + 20));
    expect(more.memoryMiB - base.memoryMiB).to.equal(512 + 2 * (24 + 64));
  });

  it("leave out the demo when it is off", () => {
    const off = requestedResources(settings({ demo: { enabled: false } }));
    expect(off.cpuMillicores).to.be.lessThan(requestedResources(settings()).cpuMillicores);
  });

  it("give amounts in the form in which Kubernetes gives them back", () => {
    const forms = {
      "1024Mi": "1Gi",
      "1.5Gi": "1536Mi",
      "1536Mi": "1536Mi",
      "512Ki": "512Ki",
      "50G": "50G",
      "1000M": "1G",
      "1073741824": "1073741824",
      "2000000": "2M",
    };
    for (const [amount, form] of Object.entries(forms)) expect(canonicalBytes(amount), amount).to.equal(form);
    for (const [cpu, form] of Object.entries({ "0.5": "500m", "1000m": "1", "50m": "50m", "2": "2", "1.25": "1250m" }))
      expect(canonicalCpu(cpu), cpu).to.equal(form);
  });

  it("read CPU and memory as Kubernetes writes them", () => {
    expect(cpuMillicores("50m")).to.equal(50);
    expect(cpuMillicores("0.5")).to.equal(500);
    expect(memoryMiB("2Gi")).to.equal(2048);
    expect(memoryMiB("512Ki")).to.equal(1);
  });
});
