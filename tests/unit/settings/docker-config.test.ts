import { expect } from "chai";
import { dockerCredentials, isDockerConfig, secretFault } from "../../../settings/secrets.ts";

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

  it("has the credentials of a host, by its name and port or by its address", () => {
    const auth = Buffer.from("user:pass").toString("base64");
    const config = JSON.stringify({
      auths: {
        "mirror:5000": { auth },
        "https://index.docker.io/v1/": { username: "user", password: "pass" },
        "r.io": { username: "a", password: "b:c", auth },
      },
    });
    for (const host of ["mirror:5000", "index.docker.io"]) expect(dockerCredentials(config, host)).to.equal(auth);
    expect(dockerCredentials(config, "r.io")).to.equal(Buffer.from("a:b:c").toString("base64"));
    expect(dockerCredentials(config, "mirror")).to.equal(undefined);
  });
});

it("the proxy's credentials are a user and a password, with whatever it holds", () => {
  for (const text of ["user:pass", "user:p@ss:w/rd %", "domain\\user:x\n"])
    expect(secretFault("proxyCredentials", text), text).to.equal(undefined);
  for (const text of ["", "user", ":pass", "user:", " \n:x"])
    expect(secretFault("proxyCredentials", text), text).to.include("must be `user:password`");
});
