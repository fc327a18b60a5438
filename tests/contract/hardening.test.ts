import { expect } from "chai";
import { chartFacts } from "../../contract/chart-facts.ts";
import { modelOf } from "../../contract/model.ts";
import { hardeningGaps } from "../../contract/pod-security.ts";
import { allEnvironments } from "../support/rendered.ts";

/** What a container lacks of the usual hardening, and why. */
const accepted: Readonly<Record<string, string>> = {
  "DaemonSet fluent-bit: fluent-bit may run as root":
    "container logs and the folder of its positions belong to root on every node; it has no capability",
  "DaemonSet alloy: alloy may run as root":
    "container logs and the folder of its positions belong to root; it keeps no capability",
  "DaemonSet fluentd: fluentd may run as root":
    "container logs and the folder of its positions belong to root; it keeps no capability",
  "DaemonSet log-agent-collector: otc-container may run as root":
    "container logs and the folder of its positions belong to root on every node; it has no capability",
  ...Object.fromEntries(
    ["may run as root", "keeps capabilities", "may escalate", "has no seccomp profile"].map((gap) => [
      `DaemonSet opentelemetry-ebpf-instrumentation: ebpf-instrument ${gap}`,
      "it loads programs into the kernel and reads the memory of processes of others; the chart has no place for the last two",
    ]),
  ),
  "StatefulSet logstash-ls: logstash writes to its root file system":
    "JRuby unpacks itself, and nobody has seen it run without",
  "StatefulSet logstash-ls: logstash-internal-init-config writes to its root file system":
    "the operator's, of the same image",
};

/** Who may read the Secrets of every namespace, and why. The rehearsal asks the API server the same. */
const secretReaders: Readonly<Record<string, string>> = {
  "cert-manager/cert-manager": "keeps keys and certificates of every namespace in Secrets",
  "cert-manager/cert-manager-cainjector": "reads the CA of certificates that webhooks of any namespace name",
  "monitoring/keda-operator": "a TriggerAuthentication of any namespace may name one",
  "monitoring/kube-prometheus-stack-operator":
    "makes the Secrets of Prometheus and Alertmanager; monitors may name others",
  "monitoring/victoria-metrics-operator": "makes the Secrets of vmagent and vmalert; monitors may name others",
};

describe("Hardening", function () {
  it("of every container: no escalation, no capability, seccomp, read-only root, no root user, or a reason", async () => {
    const found = (await allEnvironments()).flatMap(({ rendered }) =>
      modelOf(rendered)
        .pods.filter(({ namespace }) => namespace !== "demo")
        .flatMap(({ owner, gaps }) => gaps.map((gap) => `${owner}: ${gap}`)),
    );
    expect([...new Set(found)]).to.have.members(Object.keys(accepted));
  });

  it("keeps Secrets of other namespaces from all but the controllers that need them", () => {
    const found = Object.values(chartFacts()).flatMap((facts) => facts.secretReaders);
    expect(found).to.have.members(Object.keys(secretReaders));
  });

  it("names each thing that a container lacks", () => {
    const gaps = (container: object, pod: object = {}) =>
      hardeningGaps({ ...pod, containers: [{ name: "c", ...container }] });
    expect(gaps({})).to.have.length(5);
    expect(gaps({ securityContext: { capabilities: { drop: ["ALL"], add: ["SYS_TIME"] } } })).to.have.length(5);
  });
});
