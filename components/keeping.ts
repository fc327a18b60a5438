/**
 * What stores keep, and what becomes of it when a setting takes its place away or shortens its time: the environment's resource has
 * it as an input, so that the state knows what was kept before.
 */
import { retentionSeconds } from "../settings/formats.ts";
import { isRemote, type Keeps } from "./capabilities.ts";
import type { Finding } from "./cluster/preflight.ts";
import { type Chosen, firstOffer } from "./plan.ts";

/** What one store keeps, as the state has it. */
export interface Kept {
  readonly of: (typeof stores)[number] | "elasticsearch";
  readonly title: string;
  readonly on: "pod" | "volume" | "bucket";
  /** Another text is another place, which has nothing of it. */
  readonly where: string;
  /** Release with its pods. @default the usual one */
  readonly pods?: string;
  /** Address of the object storage of the environment's own that has the bucket. @default it has none */
  readonly storage?: string;
  /** By setting. */
  readonly retention: Readonly<Record<string, string>>;
}

/** By the component's key. */
export type AllKept = Readonly<Record<string, Kept>>;

const stores = ["metrics", "logs", "traces"] as const;

/** What the stores of a plan keep, without those that are there already. */
export function keptBy(chosen: readonly Chosen[]): AllKept {
  const storage = firstOffer(chosen)("objectStorage");
  const place = ({ on, form }: Keeps): Pick<Kept, "on" | "where" | "storage"> => {
    const as = form === undefined ? "" : ` (${form})`;
    if (on === "pod") return { on, where: `in its pods${as}` };
    if (on === "volume") return { on, where: `on its volumes${as}` };
    const url = storage?.url ?? "";
    const where = `in the bucket ${on.bucket} of ${url}${as}`;
    return { on: "bucket", where, ...(storage?.own === true ? { storage: url } : {}) };
  };
  return Object.fromEntries<Kept>([
    ...chosen.flatMap(({ component: { key }, offers }) =>
      stores.flatMap((of): [string, Kept][] => {
        const store = offers[of];
        if (store?.keeps === undefined || isRemote(store.endpoint)) return [];
        const retention = Object.fromEntries(store.keeps.retention.map(({ setting, is }) => [setting, is]));
        const pods = store.keeps.pods === undefined ? {} : { pods: store.keeps.pods };
        return [[key, { of, title: store.title, ...place(store.keeps), retention, ...pods }]];
      }),
    ),
    ...chosen.flatMap(({ component: { key }, offers }) =>
      (offers.elasticStreams ?? []).map(({ retention: { setting, is } }): [string, Kept] => [
        key,
        { of: "elasticsearch", title: "Elasticsearch", on: "volume", where: "there", retention: { [setting]: is } },
      ]),
    ),
  ]);
}

/** What is known of how a component of a plan keeps something. */
const keepsOf = (chosen: readonly Chosen[], key: string, of: Kept["of"]) =>
  of === "elasticsearch" ? undefined : chosen.find(({ component }) => component.key === key)?.offers[of]?.keeps;

/** What becomes of what a store has once nothing reads it there. */
function fate({ on, storage }: Kept, urlNow: string | undefined): string {
  if (on === "pod") return "goes with them";
  if (storage !== undefined && storage !== urlNow) return "goes with SeaweedFS as it was: copy the bucket before";
  const claims = "kubectl --namespace monitoring get persistentvolumeclaims";
  return `stays there, and nothing reads it${on === "volume" ? ` (${claims})` : ""}`;
}

/** What an `up` to a plan leaves behind or deletes. */
export function leftBehind(before: AllKept, chosen: readonly Chosen[]): Finding[] {
  const after = keptBy(chosen);
  const urlNow = firstOffer(chosen)("objectStorage")?.url;
  return Object.entries(before).flatMap(([key, was]): Finding[] => {
    const is = after[key];
    const tell = (message: string): Finding => ({ level: "warning", check: was.of, message });
    if (is?.where === was.where) {
      const said = keepsOf(chosen, key, was.of)?.others;
      const others = is.pods === was.pods || said === undefined ? [] : [tell(said)];
      return [
        ...others,
        ...Object.entries(is.retention).flatMap(([setting, now]) => {
          const then = was.retention[setting];
          return then !== undefined && retentionSeconds(now) < retentionSeconds(then)
            ? [tell(`${setting} goes from ${then} to ${now}: ${was.title} deletes what is older.`)]
            : [];
        }),
      ];
    }
    // What it has of others it deletes by its age; of itself it is told above.
    if (was.of === "elasticsearch") return [];
    const heirs = Object.entries(after).filter(([other, { of }]) => of === was.of && !(other in before));
    const empty = is === undefined ? heirs.map(([, { title }]) => `; ${title} begins without it`).join("") : "";
    const head = is === undefined ? `${was.title} goes` : `${was.title} begins anew, ${is.where}`;
    const along =
      was.of === "metrics" && (is !== undefined || heirs.length > 0)
        ? " How samples are taken along: components/metrics/victoria-metrics/README.md."
        : "";
    return [tell(`${head}. What it has is ${was.where} and ${fate(was, urlNow)}${empty}.${along}`)];
  });
}
