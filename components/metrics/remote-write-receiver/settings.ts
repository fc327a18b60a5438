import { z } from "zod";
import { pinnedImage, secretKey, secretName, userName } from "../../../settings/formats.ts";
import { resources } from "../../../settings/kinds.ts";

const user = z.strictObject({
  name: userName.describe(
    "Who writes, unique: the user of basic authentication, and the label `username` of what is counted.",
  ),
  secret: secretKey.describe("Name of the secret in `remoteWriteSecrets`: the password, or the token."),
  kind: z
    .enum(["password", "token"])
    .default("password")
    .describe("How it is sent: by basic authentication, or as a bearer token, which no other user may have."),
});

export type Writer = z.output<typeof user>;

export const remoteWriteReceiver = z
  .strictObject({
    users: z
      .array(user)
      .default([])
      .describe("Who may write samples from outside: other clusters, applications. With none nobody may."),
    tlsSecret: secretName
      .optional()
      .describe(
        "A Secret of the namespace monitoring with the server's certificate (type kubernetes.io/tls, as cert-manager makes it). Without it passwords come in clear: leave TLS to an ingress then.",
      ),
    replicas: z.int().min(1).max(4).default(1).describe("Pods."),
    image: pinnedImage.default("docker.io/victoriametrics/vmauth:v1.151.0").describe("vmauth."),
    resources: resources({ cpu: "20m", memory: "64Mi", memoryLimit: "256Mi" }),
  })
  .prefault({})
  .describe("Takes samples by Prometheus' remote write from outside, of those who know a password.");
