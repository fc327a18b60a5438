import type { RemoteWriteTarget } from "../../capabilities.ts";
import { defineComponent } from "../../component.ts";
import { guardedServers } from "../../guarded-servers.ts";
import { namespaces } from "../../kubernetes/namespaces.ts";
import { tenantHeader } from "../../remote.ts";
import { filterRules } from "../relabelings.ts";
import { type RemoteWrite, remoteWrite } from "./settings.ts";

const guarded = guardedServers("remoteWrite", "remoteWriteSecrets", "remote-write");

function targetOf(settings: RemoteWrite): RemoteWriteTarget {
  const { name, url, tenant, headers, protocol, exemplars, nativeHistograms, timeout, queue } = settings;
  const [login, ca] = [guarded.login(settings), guarded.ca(settings)];
  return {
    ...{ name, url, timeout, protocol, exemplars, nativeHistograms, queue },
    headers: { ...headers, ...(tenant === undefined ? {} : { [tenantHeader]: tenant }) },
    ...(login === undefined ? {} : { login }),
    ...(ca === undefined ? {} : { ca }),
    relabelings: [...filterRules(settings), ...(settings.relabelings ?? [])],
  };
}

export const remoteWriteComponent = defineComponent({
  key: "remoteWrite",
  title: "Remote write",
  settings: { remoteWrite },
  charts: [],
  enabled: (settings) => settings.remoteWrite.length > 0,
  needs: ["scraping"],
  namespaces: () => [namespaces.monitoring],
  offers: ({ remoteWrite: all }) =>
    all.length === 0 ? {} : { remoteWrite: all.map(targetOf), remoteWriteSecrets: true },
  check: ({ remoteWrite: all }, known) => guarded.check(all, known),
  secrets: ({ settings: { remoteWrite: all }, environment: { ca } }) => guarded.secrets(all, ca),
});
