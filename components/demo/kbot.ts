import * as k8s from "@pulumi/kubernetes";
import * as pulumi from "@pulumi/pulumi";
import type { Settings } from "../../settings/schema.ts";
import type { Prerequisite } from "../capabilities.ts";

/** Variables of `flux-repo/demo/kbot`. Settings have both addresses (settings/rules.ts). */
export function kbotVariables({ repository = "", branch = "main", image }: Settings["demo"]): Record<string, string> {
  return {
    DEMO_REPOSITORY: repository,
    DEMO_REF_BRANCH: branch,
    DEMO_IMAGE: `${image.repository ?? ""}:${image.tag ?? "v1.0.0"}`,
  };
}

/** Secret with which Flux reads kbot's own repository. */
const repositorySecret = "kbot-repository";

/** Adds it to the source in `flux-repo/demo/kbot`, as a patch of its Kustomization. */
export const kbotRepositoryPatch = {
  target: { kind: "GitRepository" },
  patch: JSON.stringify({
    apiVersion: "source.toolkit.fluxcd.io/v1",
    kind: "GitRepository",
    metadata: { name: "kbot" },
    spec: { secretRef: { name: repositorySecret } },
  }),
};

/**
 * What that Secret holds: certificates that are trusted beside the public ones, and a user with a password. Empty where the
 * repository is read without either.
 */
export function kbotRepositoryAccess(
  repository: string,
  ca: string | undefined,
  token: pulumi.Output<string> | undefined,
): Readonly<Record<string, pulumi.Input<string>>> {
  if (!repository.startsWith("https://")) return {};
  return {
    ...(ca === undefined ? {} : { "ca.crt": ca }),
    ...(token === undefined ? {} : { username: new URL(repository).username || "git", password: token }),
  };
}

export interface KbotSecretArgs {
  readonly namespace: string;
  /** Token of the Telegram bot; secret. */
  readonly token: pulumi.Input<string>;
  /** How its repository is read (`kbotRepositoryAccess`). */
  readonly repository: Readonly<Record<string, pulumi.Input<string>>>;
  readonly prerequisites: readonly Prerequisite[];
}

/**
 * The Secrets of the demo application kbot: its Telegram token, and what its repository is read with. Everything else of kbot comes from
 * `flux-repo/demo/kbot`.
 */
export class KbotSecret extends pulumi.ComponentResource {
  constructor(name: string, args: KbotSecretArgs, opts?: pulumi.ComponentResourceOptions) {
    super("observability:demo:KbotSecret", name, {}, opts);
    new k8s.core.v1.Secret(
      `${name}-secret`,
      {
        metadata: { name: "kbot", namespace: args.namespace },
        type: "Opaque",
        stringData: { token: args.token },
      },
      { parent: this, dependsOn: [...args.prerequisites] },
    );
    if (Object.keys(args.repository).length > 0) {
      new k8s.core.v1.Secret(
        `${name}-repository`,
        {
          metadata: { name: repositorySecret, namespace: args.namespace },
          type: "Opaque",
          stringData: args.repository,
        },
        { parent: this, dependsOn: [...args.prerequisites] },
      );
    }
    this.registerOutputs();
  }
}
