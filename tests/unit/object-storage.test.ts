import { expect } from "chai";
import { s3Component } from "../../components/storage/s3/component.ts";
import type { SecretName } from "../../settings/secrets.ts";
import { type SettingsInput, settingsSchema } from "../../settings/schema.ts";

const known = (secrets: SecretName[] = [], companyCa = false) => ({
  secrets,
  members: undefined,
  companyCa,
  now: new Date(),
  offered: () => undefined,
  all: () => [],
});

function said(s3: SettingsInput["s3"], secrets: SecretName[] = []): string[] {
  const settings = settingsSchema.parse({ s3 });
  return (s3Component.check?.(settings, known(secrets)) ?? []).map(({ path, message }) => `${path}: ${message}`);
}

const [id, key] = ["objectStorageAccessKey", "objectStorageSecretKey"] as const;
const identity = { serviceAccountAnnotations: { "eks.amazonaws.com/role-arn": "arn:aws:iam::111122223333:role/x" } };

describe("object storage that is there already", () => {
  it("takes one kind of credentials, whichever", () => {
    expect(said({ credentialsSecret: "keys" })).to.deep.equal([]);
    expect(said(identity)).to.deep.equal([]);
    expect(said({}, [id, key])).to.deep.equal([]);
  });

  for (const [title, settings, secrets, message] of [
    [
      "none at all",
      {},
      [],
      "s3: says nothing of credentials. Set s3.credentialsSecret or s3.serviceAccountAnnotations, or run " +
        "`npm run pulumi -- <stack> config set --secret objectStorageAccessKey` and " +
        "`npm run pulumi -- <stack> config set --secret objectStorageSecretKey`.",
    ],
    [
      "half of them",
      {},
      [id],
      "s3: has only half of its credentials. Run `npm run pulumi -- <stack> config set --secret objectStorageSecretKey`.",
    ],
    [
      "two kinds",
      { credentialsSecret: "keys", ...identity },
      [key],
      "s3: has more than one kind of credentials: s3.credentialsSecret, the secret objectStorageSecretKey, " +
        "s3.serviceAccountAnnotations. Keep one.",
    ],
    [
      "the company's CA, which nobody gave",
      { credentialsSecret: "keys", ca: "company" },
      [],
      "s3.ca: is company, and network.ca is not set. Set network.ca, or this to public.",
    ],
  ] as const) {
    it(`refuses ${title}`, () => {
      expect(said(settings, [...secrets])).to.deep.equal([message]);
    });
  }

  for (const [settings, url, pathStyle] of [
    [{}, "https://s3.us-east-1.amazonaws.com", false],
    [{ region: "cn-north-1" }, "https://s3.cn-north-1.amazonaws.com.cn", false],
    [{ endpoint: "storage.example.com:9000/" }, "https://storage.example.com:9000", true],
    [{ endpoint: "http://10.0.0.7:9000", pathStyle: false }, "http://10.0.0.7:9000", false],
  ] as const) {
    it(`is at ${url} for ${JSON.stringify(settings)}`, () => {
      const { objectStorage } = s3Component.offers?.(settingsSchema.parse({ s3: settings })) ?? {};
      expect(objectStorage).to.include({ url, pathStyle });
    });
  }
});
