/** Charts that fail, each in its own way, for tests of what a person sees then. */
import { stringify } from "yaml";
import { packChart, type ChartArchive } from "./archive.ts";

/** The ways to fail. */
export interface BrokenChart {
  /**
   * - `template`: rendering fails with a message;
   * - `image`: a Deployment whose image does not exist (its name holds `does-not-exist`, which the rehearsal's
   *   nodes never pull);
   * - `rejected`: a Deployment whose pods ask for the host and are rejected where Pod Security is enforced.
   */
  readonly how: "template" | "image" | "rejected";
  readonly name: string;
  readonly version: string;
}

/** Pack a chart that fails; put it in the place of a real one by its name and version. */
export async function packBroken({ how, name, version }: BrokenChart): Promise<ChartArchive> {
  return await packChart({
    "Chart.yaml": stringify({
      apiVersion: "v2",
      name,
      version,
      description: `Rehearsal stand-in for ${name} that fails: ${how}.`,
    }),
    "values.yaml": "{}\n",
    "templates/broken.yaml": how === "template" ? '{{ fail "this chart is broken on purpose" }}\n' : deployment(how),
  });
}

function deployment(how: "image" | "rejected"): string {
  const labels = { "app.kubernetes.io/name": "broken" };
  return stringify(
    {
      apiVersion: "apps/v1",
      kind: "Deployment",
      metadata: { name: "{{ .Release.Name }}-broken" },
      spec: {
        replicas: 1,
        selector: { matchLabels: labels },
        template: {
          metadata: { labels },
          spec: {
            ...(how === "rejected" && { hostNetwork: true }),
            containers: [
              {
                name: "broken",
                image: how === "image" ? "registry.invalid/does-not-exist:v1.0.0" : "registry.k8s.io/pause:3.10",
              },
            ],
          },
        },
      },
    },
    { aliasDuplicateObjects: false },
  );
}
