import type { z } from "zod";
import { chart } from "./podinfo/chart.ts";
import { type Context, defineComponent, type Extra, type Release, type SecretObject } from "../component.ts";
import { guestHome } from "../gitops/names.ts";
import { demoNamespace } from "../kubernetes/namespaces.ts";
import { imagePullSecrets } from "../kubernetes/pull-secrets.ts";
import {
  checkKbot,
  kbotRepositoryAccess,
  kbotRepositoryPatch,
  kbotVariables,
  repositorySecret,
} from "./kbot/values.ts";
import { podinfoImage, podinfoPort, podinfoValues } from "./podinfo/values.ts";
import { demo } from "./settings.ts";

type DemoContext = Context<{ readonly demo: z.output<typeof demo> }>;

/** Folder of the demo in the repository that Flux syncs. */
export function demoFolder({ path, app }: z.output<typeof demo>): string {
  return path ?? `flux-repo/demo/${app}`;
}

const pullSecretsPatch = {
  target: { kind: "Deployment" },
  patch: JSON.stringify({
    apiVersion: "apps/v1",
    kind: "Deployment",
    metadata: { name: "any" },
    spec: { template: { spec: { imagePullSecrets } } },
  }),
};

/**
 * Lets Deployments in the demo's folder pull with the credentials of private registries, and those of kbot's chart: nobody
 * knows a value of that one, so what it renders is changed, as the folder does itself. What the OpenTelemetry operator adds
 * to a pod is pulled with the pod's own secrets, so it is with these.
 */
const pullSecretsPatches = [
  pullSecretsPatch,
  {
    target: { kind: "HelmRelease", name: "kbot" },
    patch: JSON.stringify([
      { op: "add", path: "/spec/postRenderers/-", value: { kustomize: { patches: [pullSecretsPatch] } } },
    ]),
  },
];

/**
 * podinfo, the demo application of the Flux project, twice: a frontend hands its requests on to a backend, so that a trace
 * has two services. Who asks the frontend comes from Git (`flux-repo/demo/podinfo`), with dashboard and alerts.
 */
function podinfo({ environment, offered }: DemoContext): Release[] {
  const args = {
    gateway: offered("gateway"),
    samplingRatio: offered("injection")?.samplingRatio ?? 1,
    clusterName: environment.clusterName,
  };
  const release = (name: string, backends: readonly string[]): Release => ({
    chart,
    name,
    namespace: demoNamespace,
    values: podinfoValues(name, backends, args),
    pullSecrets: { image: { pullSecrets: imagePullSecrets } },
  });
  return [release("podinfo-backend", []), release("podinfo-frontend", [`http://podinfo-backend:${podinfoPort}/echo`])];
}

const access = ({ settings, environment }: DemoContext) =>
  kbotRepositoryAccess(settings.demo.repository ?? "", environment.ca, environment.secrets);

/** kbot's Telegram token, and what its repository is read with. All else of kbot comes from `flux-repo/demo/kbot`. */
function kbotSecrets(context: DemoContext): SecretObject[] {
  const secret = (name: string, data: SecretObject["data"]): SecretObject[] =>
    Object.keys(data).length === 0 ? [] : [{ name, namespace: demoNamespace, data }];
  return [...secret("kbot", { token: { secret: "telegramToken" } }), ...secret(repositorySecret, access(context))];
}

/**
 * kbot's release is in the demo's own namespace: where somebody else's Flux applies it, as an account of that namespace, with all
 * rights there and none elsewhere.
 */
const guestAccount = { name: guestHome.serviceAccount, namespace: demoNamespace };
const guestPatch = {
  target: { kind: "HelmRelease", name: "kbot" },
  patch: JSON.stringify([{ op: "add", path: "/spec/serviceAccountName", value: guestAccount.name }]),
};
const isGuest = ({ settings, has }: DemoContext) => settings.demo.app === "kbot" && !has("flux");

function guestExtras(): Extra[] {
  const role = { apiGroup: "rbac.authorization.k8s.io", kind: "ClusterRole", name: "cluster-admin" };
  return [
    { name: "account", object: { apiVersion: "v1", kind: "ServiceAccount", metadata: guestAccount } },
    {
      name: "rights",
      object: {
        apiVersion: "rbac.authorization.k8s.io/v1",
        kind: "RoleBinding",
        metadata: guestAccount,
        roleRef: role,
        subjects: [{ kind: "ServiceAccount", ...guestAccount }],
      },
    },
  ];
}

export const demoComponent = defineComponent({
  key: "demo",
  title: "The demo application",
  settings: { demo },
  charts: [chart],
  switch: "demo.enabled",
  enabled: ({ demo: { enabled } }) => enabled,
  needs: ["monitors"],
  uses: ["gateway", "injection"],
  after: ["monitors", "injection"],
  namespaces: ({ settings, offered }) => [
    {
      name: demoNamespace,
      // Go instrumentation is a privileged sidecar that sees the pod's processes (opentelemetry-operator, golang.go).
      podSecurity: settings.demo.app === "kbot" && offered("injection")?.go === true ? "privileged" : "restricted",
      application: true,
    },
  ],
  offers: () => ({ demo: true }),
  flows: ({
    settings: {
      demo: { app },
    },
  }) => [
    { name: "metrics", namespace: demoNamespace, ports: [app === "kbot" ? 8080 : podinfoPort], from: ["scraping"] },
  ],
  // podinfo: two and a client (components/demo/podinfo, flux-repo/demo/podinfo); kbot with Go instrumentation (flux-repo/demo/kbot).
  requests: ({ demo: { app } }) =>
    app === "kbot"
      ? [{ cpu: "100m", memory: "128Mi", memoryLimit: "256Mi", count: 1 }]
      : [
          { cpu: "10m", memory: "32Mi", memoryLimit: "128Mi", count: 2 },
          { cpu: "10m", memory: "32Mi", memoryLimit: "64Mi", count: 1 },
        ],
  images: ({ demo: { app } }): Readonly<Record<string, string>> =>
    app === "podinfo" ? { "podinfo-client": podinfoImage } : {},
  check: ({ demo: settings }, { secrets }) => (settings.enabled ? checkKbot(settings, secrets) : []),
  secrets: (context) => (context.settings.demo.app === "kbot" ? kbotSecrets(context) : []),
  releases: (context) => (context.settings.demo.app === "podinfo" ? podinfo(context) : []),
  extras: (context) => (isGuest(context) ? guestExtras() : []),
  folder: (context) => ({
    name: "demo",
    path: demoFolder(context.settings.demo),
    content: context.settings.demo.app,
    patches: [
      ...(context.environment.credentials ? pullSecretsPatches : []),
      ...(isGuest(context) ? [guestPatch] : []),
      ...(context.settings.demo.app === "kbot" && Object.keys(access(context)).length > 0 ? [kbotRepositoryPatch] : []),
    ],
  }),
  variables: ({ settings: { demo: settings }, environment }) =>
    settings.app === "kbot" ? kbotVariables(settings) : { PODINFO_IMAGE: environment.image(podinfoImage) },
});
