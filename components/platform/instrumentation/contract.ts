/** Values that security or data rest on: for the judges in `contract/`. */
import { of, setting, type Pin } from "../../../contract/pin.ts";

export const pins: readonly Pin[] = [
  ...of("Instrumentation monitoring/default", [
    ["spec/sampler/argument", setting((s) => `${s.instrumentation.samplingRatio}`), "instrumentation.samplingRatio"],
    ["spec/python/env/1/value", "true", "log records of Python leave by OTLP only with it (docs/instrumentation.md)"],
    ["spec/resource/addK8sUIDAttributes", true, "the collector finds a trace's pod by its UID"],
  ]),
];
