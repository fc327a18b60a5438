import * as k8s from "@pulumi/kubernetes";
import * as pulumi from "@pulumi/pulumi";
import { Namespace } from "../kubernetes/namespace.ts";
import { guestHome } from "./names.ts";

export interface FluxGuestArgs {
  /** Docker's config.json, for charts of private registries; secret.
   * @default none */
  readonly registryCredentials?: pulumi.Output<string> | undefined;
}

/**
 * What an environment needs of its own beside somebody else's Flux: a namespace for its sources and releases, and the account as
 * which the controllers apply them. Without one that is named they would act with their own rights, or, locked down
 * (`--default-service-account`), as an account without any. It goes last: a release whose account is gone is not uninstalled
 * (helm-controller 1.6, `reconcileReleaseDeletion`), nor is what a Kustomization applied removed (kustomize-controller 1.9,
 * `finalize`).
 */
export class FluxGuest extends pulumi.ComponentResource {
  constructor(name: string, { registryCredentials }: FluxGuestArgs, opts?: pulumi.ComponentResourceOptions) {
    super("observability:gitops:FluxGuest", name, {}, opts);
    const { namespace, serviceAccount } = guestHome;
    const home = new Namespace(
      namespace,
      { namespace, podSecurity: "restricted", allow: [], registryCredentials },
      { parent: this },
    );
    const account = new k8s.core.v1.ServiceAccount(
      `${name}-account`,
      { metadata: { name: serviceAccount, namespace }, automountServiceAccountToken: false },
      { parent: this, dependsOn: home },
    );
    // Charts make roles, definitions and webhooks, and nobody may grant what he does not have.
    new k8s.rbac.v1.ClusterRoleBinding(
      `${name}-rights`,
      {
        metadata: { name: serviceAccount },
        roleRef: { apiGroup: "rbac.authorization.k8s.io", kind: "ClusterRole", name: "cluster-admin" },
        subjects: [{ kind: "ServiceAccount", name: serviceAccount, namespace }],
      },
      { parent: this, dependsOn: account },
    );
    this.registerOutputs();
  }
}
