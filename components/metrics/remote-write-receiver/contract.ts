/** Values that security or data rest on: for the judges in `contract/`. */
import type { Scraped } from "../../../contract/component-files.ts";
import { asks, of, setting, why, type Pin } from "../../../contract/pin.ts";

const container = "spec/template/spec/containers/0";

export const pins: readonly Pin[] = [
  ...of("Deployment monitoring/remote-write-receiver", [
    [`${container}/resources`, setting((s) => asks(s.remoteWriteReceiver.resources)), why.sized],
    ["spec/template/spec/securityContext/runAsNonRoot", true, why.contained],
    ["spec/template/spec/automountServiceAccountToken", false, why.contained],
    [`${container}/args/0`, "-auth.config=/etc/vmauth/auth.json", "without it everybody may write, and read"],
    [`${container}/args/3`, "-httpInternalListenAddr=:8426", "who knows a password sees no profiles and no metrics"],
  ]),
];

export const scraped: Scraped = { jobs: ["remote-write-receiver"], metrics: ["vmauth_"] };
