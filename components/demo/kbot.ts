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

export interface KbotSecretArgs {
  readonly namespace: string;
  /** Token of the Telegram bot; secret. */
  readonly token: pulumi.Input<string>;
  readonly prerequisites: readonly Prerequisite[];
}

/**
 * The Secret that the demo application kbot reads its Telegram token from. Everything else of kbot comes from
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
    this.registerOutputs();
  }
}
