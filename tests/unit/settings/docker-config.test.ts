import { expect } from "chai";
import { isDockerConfig } from "../../../settings/secrets.ts";

const auths = (entry: object) => JSON.stringify({ auths: { "registry.example.com": entry } });

describe("a Docker config.json with credentials", () => {
  it("is taken as `docker login` and `kubectl create secret docker-registry` write it", () => {
    const auth = Buffer.from("user:pass").toString("base64");
    expect(isDockerConfig(auths({ auth }))).to.equal(true);
    expect(isDockerConfig(auths({ username: "user", password: "pass", email: "", auth }))).to.equal(true);
    expect(isDockerConfig(auths({ username: "user", password: "pass" }))).to.equal(true);
  });

  it("is refused where nothing in it could log in, as where a credential helper has the password", () => {
    for (const text of ["", "user:pass", "null", "[]", "{}", '{"auths":{}}', '{"auths":[]}', '{"auths":null}'])
      expect(isDockerConfig(text), text).to.equal(false);
    for (const entry of [
      {},
      { auth: "" },
      { auth: "dXNlcg==" },
      { username: "user" },
      { username: "user", password: "" },
    ])
      expect(isDockerConfig(auths(entry)), JSON.stringify(entry)).to.equal(false);
    expect(isDockerConfig(JSON.stringify({ auths: { "r.io": {} }, credsStore: "desktop" }))).to.equal(false);
  });
});
