/** The credentials of private registries, as Kubernetes keeps them: for pulling images, and for Flux's sources. */
import * as k8s from "@pulumi/kubernetes";
import type * as pulumi from "@pulumi/pulumi";
import { registryCredentialsName } from "./pull-secrets.ts";

/** The Secret in one namespace. @param content Docker's config.json; secret */
export function registryCredentials(
  name: string,
  namespace: string,
  content: pulumi.Output<string>,
  opts: pulumi.CustomResourceOptions,
): k8s.core.v1.Secret {
  return new k8s.core.v1.Secret(
    name,
    {
      metadata: { name: registryCredentialsName, namespace },
      type: "kubernetes.io/dockerconfigjson",
      stringData: { ".dockerconfigjson": content },
    },
    opts,
  );
}
