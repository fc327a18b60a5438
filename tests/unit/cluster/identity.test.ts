import { expect } from "chai";
import { describeOwner, identityIn, labelsOf, released, withIdentity } from "../../../components/cluster/identity.ts";
import { labelValue } from "../../../components/kubernetes/labels.ts";

const identity = {
  owner: "6ba7b810-9dad",
  project: "observability",
  stack: "team.dev",
  hash: "0123456789ab",
  generation: "11111111",
};

/** As kind 0.33.0 writes it (kubeadm/config.go): a list of arguments for kubeadm's v1beta4, a map before. */
const kubeadm = (labels: string) => ({
  v1beta4: `nodeRegistration:\n  kubeletExtraArgs:\n    - name: "node-labels"\n      value: "${labels}"\n`,
  v1beta3: `nodeRegistration:\n  kubeletExtraArgs:\n    node-ip: "172.18.0.2"\n    node-labels: "${labels}"\n`,
});
const text = (labels: Readonly<Record<string, string>>) =>
  Object.entries(labels)
    .map(([key, value]) => `${key}=${value}`)
    .join(",");

describe("the identity of a Kind cluster", () => {
  it("is read from the labels of a node, in any order and beside others' labels", () => {
    const labels = { "example.com/tier": "one", ...labelsOf(identity) };
    for (const order of [Object.entries(labels), Object.entries(labels).reverse()]) {
      for (const config of Object.values(kubeadm(text(Object.fromEntries(order)))))
        expect(identityIn(config)).to.deep.equal(identity);
    }
    expect(identityIn(kubeadm("example.com/tier=one").v1beta4)).to.deep.equal({});
  });

  it("is changed in place; the hash and everything else stay", () => {
    const next = { owner: "another", project: "p", stack: "s", generation: "22222222" };
    for (const config of Object.values(kubeadm(text({ ...labelsOf(identity), "example.com/tier": "one" })))) {
      const changed = withIdentity(config, next);
      expect(identityIn(changed)).to.deep.equal({ ...identity, ...next });
      expect(withIdentity(changed, identity)).to.equal(config);
    }
  });

  it("is added to the labels of a cluster of an earlier version, in every document", () => {
    const { v1beta4 } = kubeadm("observability.dev/config-hash=0123456789ab");
    const changed = withIdentity(`${v1beta4}---\n${v1beta4}`, { owner: released });
    for (const document of changed.split("---"))
      expect(identityIn(document)).to.deep.equal({ owner: released, hash: identity.hash });
  });

  it("has label values that Kubernetes takes, whatever projects and stacks are called", () => {
    for (const name of ["dev", "Team_A.dev", "-dev-", "___", "a b/c", "x".repeat(100), `${"x".repeat(62)}--`])
      expect(labelValue(name)).to.match(/^(([A-Za-z0-9][A-Za-z0-9_.-]{0,61})?[A-Za-z0-9])?$/);
  });

  it("names its owner in words", () => {
    expect(describeOwner(identity)).to.equal('stack "team.dev" of "observability" (owner 6ba7b810-9dad)');
    expect(describeOwner({ hash: "0" })).to.include("earlier version");
    expect(describeOwner({ ...identity, owner: released })).to.include("nobody any more");
  });
});
