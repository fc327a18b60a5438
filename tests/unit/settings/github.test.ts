import { expect } from "chai";
import { githubAddresses } from "../../../settings/github.ts";

describe("Addresses of a GitHub", () => {
  const dotCom = {
    web: "https://github.com",
    rest: "https://api.github.com",
    graphql: "https://api.github.com/graphql",
    ssh: "ssh://git@github.com",
    registry: "ghcr.io",
  };
  const tenant = {
    web: "https://octocorp.ghe.com",
    rest: "https://api.octocorp.ghe.com",
    graphql: "https://api.octocorp.ghe.com/graphql",
    ssh: undefined,
    registry: "containers.octocorp.ghe.com",
  };
  const server = {
    web: "https://git.example.com:8443",
    rest: "https://git.example.com:8443/api/v3",
    graphql: "https://git.example.com:8443/api/graphql",
    ssh: "ssh://git@git.example.com",
    registry: "containers.git.example.com:8443",
  };
  for (const [apiUrl, addresses] of [
    ["https://api.github.com/", dotCom],
    ["https://github.com", dotCom],
    ["https://api.octocorp.ghe.com/", tenant],
    ["https://octocorp.ghe.com", tenant],
    ["https://git.example.com:8443/", server],
    ["https://git.example.com:8443/api/v3/", server],
    ["https://github.com.example.com/", { ...server, web: "https://github.com.example.com" }],
  ] as const) {
    it(`follow from ${apiUrl}`, () => {
      const found = githubAddresses(apiUrl);
      expect(found.web).to.equal(addresses.web);
      if (!apiUrl.includes("github.com.")) expect(found).to.deep.equal(addresses);
    });
  }
});
