import * as pulumi from "@pulumi/pulumi";

/** Tries at most: with the pauses below, about a minute. */
const tries = 12;
const pauseMilliseconds = 5_000;

/**
 * Tries a custom resource again whose operator's webhook does not answer yet. A release is Ready when its pods are; the
 * webhook's endpoint and certificate can be seconds later, and the Kubernetes provider does not retry that error
 * (opentelemetry-operator#100).
 *
 * @param name of the resource: the engine knows each hook by a name of its own
 */
export function retryWebhook(name: string): pulumi.ErrorHook {
  return new pulumi.ErrorHook(`retry-webhook-${name}`, async ({ errors }) => {
    const webhook = /failed calling webhook/.test(errors[0] ?? "");
    if (!webhook || errors.length >= tries) return false;
    await new Promise((resolve) => setTimeout(resolve, pauseMilliseconds));
    return true;
  });
}
