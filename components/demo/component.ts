import type { z } from "zod";
import { chart } from "./podinfo/chart.ts";
import type { Autoscaling } from "../capabilities.ts";
import { type Context, defineComponent, type Extra, type Release, type SecretObject } from "../component.ts";
import type { Finding } from "../../settings/finding.ts";
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

/** Name of the podinfo that is asked, of its Deployment and of the `job` of its series. */
const frontend = "podinfo-frontend";

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
function podinfo(context: DemoContext): Release[] {
  const { environment, offered } = context;
  const args = {
    gateway: offered("gateway"),
    samplingRatio: offered("injection")?.samplingRatio ?? 1,
    clusterName: environment.clusterName,
  };
  const isScaled = scaling(context).objects.length > 0;
  const release = (name: string, backends: readonly string[]): Release => ({
    ...(isScaled && name === frontend ? { scaled: [name] } : {}),
    chart,
    name,
    namespace: demoNamespace,
    values: podinfoValues(name, backends, args),
    pullSecrets: { image: { pullSecrets: imagePullSecrets } },
  });
  return [release("podinfo-backend", []), release(frontend, [`http://podinfo-backend:${podinfoPort}/echo`])];
}

/**
 * What scales podinfo's frontend on the requests that it counts itself, where something scrapes the counter. Not kbot: of several
 * replicas with one token Telegram answers one, and refuses the others.
 */
function scaling({ settings, environment, offered }: DemoContext): ReturnType<Autoscaling["scale"]> {
  const { app, scaling: wanted } = settings.demo;
  const [autoscaling, store] = [offered("autoscaling"), offered("metrics")];
  if (app !== "podinfo" || autoscaling === undefined || store === undefined || offered("scraping") === undefined)
    return { secrets: [], objects: [] };
  const { min, max, requestsPerSecond: perPod } = wanted;
  return autoscaling.scale(
    { namespace: demoNamespace, deployment: frontend, counter: "http_requests_total", job: frontend, perPod, min, max },
    store.endpoint,
    environment,
  );
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

function checkScaling({ scaling: { min, max } }: z.output<typeof demo>): Finding[] {
  if (min <= max) return [];
  return [
    { path: "demo.scaling.max", message: `is ${max}, and demo.scaling.min is ${min}. Set it to ${min} or more.` },
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
  uses: ["gateway", "injection", "autoscaling", "metrics", "scraping"],
  // Its ScaledObject goes before KEDA, which alone can end one.
  after: ["monitors", "injection", "autoscaling"],
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
  check: ({ demo: settings }, { secrets }) =>
    settings.enabled ? [...checkKbot(settings, secrets), ...checkScaling(settings)] : [],
  secrets: (context) => (context.settings.demo.app === "kbot" ? kbotSecrets(context) : [...scaling(context).secrets]),
  releases: (context) => (context.settings.demo.app === "podinfo" ? podinfo(context) : []),
  extras: (context) => (isGuest(context) ? guestExtras() : [...scaling(context).objects]),
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
