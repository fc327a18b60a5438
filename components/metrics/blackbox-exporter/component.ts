import { chart } from "./chart.ts";
import { namesakes } from "../../../settings/finding.ts";
import { address, type Endpoint } from "../../capabilities.ts";
import { defineComponent, type Extra } from "../../component.ts";
import { namespaces } from "../../kubernetes/namespaces.ts";
import { registryCredentialsName } from "../../kubernetes/pull-secrets.ts";
import { blackboxExporter, type Check, checks } from "./settings.ts";
import { blackboxExporterValues, moduleOf } from "./values.ts";

const namespace = namespaces.monitoring.name;
const { name } = chart;
const endpoint: Endpoint = { namespace, service: name, port: 9115, path: "" };

/** Label `job` of all checks: rules and the dashboard ask for it. */
const job = "checks";

const probe = (check: Check): Extra => ({
  name: `check-${check.name}`,
  object: {
    apiVersion: "monitoring.coreos.com/v1",
    kind: "Probe",
    metadata: { name: `check-${check.name}`, namespace },
    spec: {
      jobName: job,
      ...(check.interval === undefined ? {} : { interval: check.interval }),
      module: moduleOf(check),
      prober: { url: address(endpoint) },
      targets: { staticConfig: { static: [check.target], labels: { check: check.name } } },
    },
  },
});

export const blackboxExporterComponent = defineComponent({
  key: "blackboxExporter",
  title: "The blackbox exporter",
  settings: { checks, blackboxExporter },
  charts: [chart],
  enabled: (settings) => settings.checks.length > 0,
  needs: ["scraping", "monitors"],
  after: ["monitors"],
  namespaces: () => [namespaces.monitoring],
  offers: ({ checks: all }) => ({ checks: all.map(({ name: check }) => check) }),
  check: (settings) => namesakes("checks", settings.checks),
  flows: () => [{ name, namespace, to: { "app.kubernetes.io/instance": name }, ports: [9115], from: ["scraping"] }],
  requests: ({ blackboxExporter: { resources } }) => [
    { setting: "blackboxExporter.resources", ...resources, count: 1 },
  ],
  releases: ({ settings }) => [
    {
      chart,
      namespace,
      values: blackboxExporterValues(settings.blackboxExporter, settings.checks),
      override: settings.blackboxExporter.values,
      // By name alone (templates/_helpers.tpl).
      pullSecrets: { image: { pullSecrets: [registryCredentialsName] } },
    },
  ],
  extras: ({ settings }) => settings.checks.map(probe),
});
