import { expect } from "chai";
import { parseOptions, usage, UsageError } from "../../../commands/rehearse/options.ts";

describe("the options of npm run rehearse", () => {
  it("are the stack dev, nothing set, destroyed in the end", () => {
    expect(parseOptions([])).to.deep.equal({
      stack: "dev",
      settings: {},
      offline: false,
      keep: false,
      json: false,
      help: false,
    });
  });

  it("set nested settings: JSON where it is JSON, else text", () => {
    const { settings } = parseOptions([
      "--set",
      "loki.retention=48h",
      "--set=loki.replicas=3",
      "--set",
      "demo.enabled=false",
      "--set",
      'grafana.resources={"cpu":"1"}',
      "--set",
      "loki.values.note=a=b",
    ]);
    expect(settings).to.deep.equal({
      loki: { retention: "48h", replicas: 3, values: { note: "a=b" } },
      demo: { enabled: false },
      grafana: { resources: { cpu: "1" } },
    });
  });

  for (const [args, says] of [
    [["--kepe"], "--kepe is no option. Did you mean --keep?"],
    [["--stak=dev"], "--stak is no option. Did you mean --stack?"],
    [["--wholly-other"], "--wholly-other is no option. All options:"],
    [["dev"], "dev"],
    [["--stack"], "--stack"],
    [["--keep=yes"], "--keep"],
    [["--set", "loki.retention"], "--set loki.retention: expected path.to.setting=value"],
    [["--set", "=48h"], "--set =48h: expected"],
    [["--set", "a..b=1"], "--set a..b=1: expected"],
    [["--set", "__proto__.polluted=1"], "expected"],
  ] as const) {
    it(`refuse ${args.join(" ")} and say what would be right`, () => {
      expect(() => parseOptions(args))
        .to.throw(UsageError)
        .with.property("message")
        .that.includes(says);
    });
  }

  it("are all in the help", () => {
    for (const name of ["--stack", "--set", "--charts", "--keep", "--json", "--help"]) expect(usage).to.include(name);
  });
});
