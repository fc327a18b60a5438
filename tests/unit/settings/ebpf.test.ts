import { expect } from "chai";
import { render } from "../../../contract/rendered.ts";
import { parseSettings } from "../../../settings/parse.ts";

const read = (settings: object) => parseSettings({ ...settings }, { file: "Pulumi.dev.yaml", secrets: [] });

describe("eBPF instrumentation", () => {
  for (const [what, settings, said] of [
    ["the platform's own namespace", { namespaces: ["monitoring"] }, /is a namespace that the program leaves out/],
    ["a namespace twice", { namespaces: ["a", "a"] }, /names one twice/],
    ["a path that the configuration would fill in", { namespaces: ["a"], ignoredPaths: ["/${A}"] }, /must be a path/],
  ] as const)
    it(`is refused with ${what}`, () => {
      expect(() => read({ ebpf: settings })).to.throw(said);
    });

  it("is refused without a gateway", () => {
    expect(() => read({ ebpf: { namespaces: ["a"] }, gateway: "none", instrumentation: { enabled: false } })).to.throw(
      /ebpf cannot do without it/,
    );
  });

  it("opens the gateway to nodes with propagation alone, and there one port", async () => {
    const opened = async (propagation: boolean) => {
      const { declared } = await render({ settings: { ebpf: { namespaces: ["a"], propagation } } });
      const policy = declared.find(({ metadata }) => metadata.name === "allow-nodes");
      return (policy?.["spec"] as { ingress: { from?: object; ports: { port: number }[] }[] } | undefined)?.ingress;
    };
    expect(await opened(false)).to.equal(undefined);
    const [rule] = (await opened(true)) ?? [];
    expect(rule?.ports.map(({ port }) => port)).to.deep.equal([4317]);
    expect(rule?.from ?? []).to.deep.equal([]);
  });
});
