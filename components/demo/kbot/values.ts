import type { z } from "zod";
import type { Finding } from "../../../settings/finding.ts";
import type { SecretName } from "../../../settings/secrets.ts";
import type { SecretText } from "../../component.ts";
import type { demo } from "../settings.ts";

type Demo = z.output<typeof demo>;

/** Variables of `flux-repo/demo/kbot`. Settings have both addresses (`checkKbot`). */
export function kbotVariables({ repository = "", branch = "main", image }: Demo): Record<string, string> {
  return {
    DEMO_REPOSITORY: repository,
    DEMO_REF_BRANCH: branch,
    DEMO_IMAGE: `${image.repository ?? ""}:${image.tag ?? "v1.0.0"}`,
  };
}

/** Secret with which Flux reads kbot's own repository. */
export const repositorySecret = "kbot-repository";

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
  secrets: readonly SecretName[],
): Readonly<Record<string, SecretText>> {
  if (!repository.startsWith("https://")) return {};
  return {
    ...(ca === undefined ? {} : { "ca.crt": ca }),
    ...(secrets.includes("demoRepositoryToken")
      ? { username: new URL(repository).username || "git", password: { secret: "demoRepositoryToken" } }
      : {}),
  };
}

/** kbot has to be given what it needs; podinfo needs nothing, and what is said of kbot would have no effect on it. */
export function checkKbot(settings: Demo, secrets: readonly SecretName[]): Finding[] {
  const { app, repository, branch, image } = settings;
  const ofKbot = {
    "demo.repository": repository,
    "demo.branch": branch,
    "demo.image.repository": image.repository,
    "demo.image.tag": image.tag,
  };
  if (app !== "kbot") {
    return Object.entries(ofKbot).flatMap(([path, value]) =>
      value === undefined
        ? []
        : [{ path, message: `is kbot's, and demo.app is ${app}. Remove it, or set demo.app to kbot.` }],
    );
  }
  const needed = [
    [
      "telegramToken",
      secrets.includes("telegramToken"),
      "Run `npm run pulumi -- <stack> config set --secret telegramToken`",
    ],
    ["demo.repository", repository, "Set the Git repository that has kbot's chart in helm/"],
    ["demo.image.repository", image.repository, "Set an image of kbot that runs without the GPIO of a Raspberry Pi"],
  ] as const;
  return needed.flatMap(([path, there, remedy]) =>
    there === undefined || there === false
      ? [{ path, message: `is missing and demo.app is kbot. ${remedy}, or set demo.app to podinfo.` }]
      : [],
  );
}
