import type { z } from "zod";
import { type Finding, noCompanyCa } from "../../../settings/finding.ts";
import { defineComponent, type Known } from "../../component.ts";
import { namespaces } from "../../kubernetes/namespaces.ts";
import { s3 } from "./settings.ts";

const namespace = namespaces.monitoring.name;
const made = "object-storage";
const ca = { secret: "object-storage-ca", key: "ca.crt" };

/** Secrets of the stack file that are the credentials, as their Secret has them. */
const keys = { AWS_ACCESS_KEY_ID: "objectStorageAccessKey", AWS_SECRET_ACCESS_KEY: "objectStorageSecretKey" } as const;

type Settings = z.output<typeof s3>;

const hasIdentity = ({ serviceAccountAnnotations }: Settings) => Object.keys(serviceAccountAnnotations).length > 0;

/** Of three ways to be let in, exactly one. */
function check(settings: Settings, known: Known): Finding[] {
  const stack = Object.values(keys).filter((key) => known.secrets.includes(key));
  const ways = [
    ...(settings.credentialsSecret === undefined ? [] : ["s3.credentialsSecret"]),
    ...(stack.length === 0 ? [] : [`the secret ${stack.join(" and ")}`]),
    ...(hasIdentity(settings) ? ["s3.serviceAccountAnnotations"] : []),
  ];
  const commands = Object.values(keys)
    .filter((key) => !stack.includes(key))
    .map((key) => `\`npm run pulumi -- <stack> config set --secret ${key}\``);
  const findings: Finding[] = [];
  if (ways.length === 0) {
    const message = `says nothing of credentials. Set s3.credentialsSecret or s3.serviceAccountAnnotations, or run ${commands.join(" and ")}.`;
    findings.push({ path: "s3", message });
  } else if (ways.length > 1) {
    findings.push({ path: "s3", message: `has more than one kind of credentials: ${ways.join(", ")}. Keep one.` });
  } else if (stack.length === 1) {
    findings.push({ path: "s3", message: `has only half of its credentials. Run ${commands.join()}.` });
  }
  if (settings.ca === "company" && !known.companyCa) findings.push(noCompanyCa("s3.ca"));
  return findings;
}

/** Its address with a scheme and without a slash at its end. */
function url({ endpoint, region }: Settings): string {
  if (endpoint === undefined) return `https://s3.${region}.amazonaws.com${region.startsWith("cn-") ? ".cn" : ""}`;
  const address = endpoint.replace(/\/$/, "");
  return address.includes("://") ? address : `https://${address}`;
}

export const s3Component = defineComponent({
  key: "s3",
  title: "S3",
  slot: "objectStorage",
  settings: { s3 },
  charts: [],
  namespaces: () => [namespaces.monitoring],
  offers: ({ s3: settings }) => ({
    objectStorage: {
      url: url(settings),
      region: settings.region,
      pathStyle: settings.pathStyle ?? settings.endpoint !== undefined,
      ...(hasIdentity(settings) ? {} : { credentials: () => settings.credentialsSecret ?? made }),
      serviceAccount: settings.serviceAccountAnnotations,
      ...(settings.ca === "company" ? { ca } : {}),
    },
  }),
  check: ({ s3: settings }, known) => check(settings, known),
  secrets: ({ settings: { s3: settings }, environment }) => {
    const [id, key] = [keys.AWS_ACCESS_KEY_ID, keys.AWS_SECRET_ACCESS_KEY];
    const stack = environment.secrets.includes(id) && environment.secrets.includes(key);
    return [
      ...(stack
        ? [
            {
              name: made,
              namespace,
              data: { AWS_ACCESS_KEY_ID: { secret: id }, AWS_SECRET_ACCESS_KEY: { secret: key } },
            },
          ]
        : []),
      ...(settings.ca === "company" && environment.ca !== undefined
        ? [{ name: ca.secret, namespace, data: { [ca.key]: environment.ca } }]
        : []),
    ];
  },
});
