import { barGauge, dashboard, low, none, now, range, stat, states } from "../../../../dashboards/kit.ts";

const job = 'job="cert-manager"';
const left = `min by (exported_namespace, name) (certmanager_certificate_expiration_timestamp_seconds{${job}} - time())`;
const ready = `max by (exported_namespace, name) (certmanager_certificate_ready_status{${job}, condition="True"})`;
const day = 86_400;

export default dashboard(
  {
    uid: "certificates",
    title: "Certificates",
    description: "Are the certificates that cert-manager issues valid, and is each renewed in time?",
    folder: "Platform",
    of: "cert-manager",
    needs: ["scraping"],
    tags: ["platform"],
  },
  {
    "At a glance": [
      stat(
        { title: "Certificates", description: "Certificates that cert-manager looks after.", unit: "short", width: 8 },
        range(`count(${ready})`, "certificates"),
      ),
      stat(
        {
          title: "Not ready",
          description: "Certificates that could not be issued or renewed. CertificateNotReady fires after 15 minutes.",
          unit: "short",
          width: 8,
        },
        range(`sum(1 - ${ready})`, "not ready"),
      ).thresholds(none()),
      stat(
        {
          title: "Time until the first one expires",
          description: "CertificateExpiresSoon fires when less than half of the time for the renewal is left.",
          unit: "dtdurations",
          width: 8,
        },
        range(`min(${left})`, "left"),
      ).decimals(1),
    ],
    "Each certificate": [
      barGauge(
        {
          title: "Time left",
          description: "Certificates that expire first.",
          unit: "dtdurations",
          width: 12,
        },
        now(`bottomk(10, ${left})`, "{{exported_namespace}}/{{name}}"),
      )
        .decimals(1)
        .thresholds(low(day, 7 * day)),
      states(
        { title: "Ready", description: "Whether each certificate is valid and up to date.", unit: "short", width: 12 },
        { 1: ["ready", "green"], 0: ["not ready", "red"] },
        range(ready, "{{exported_namespace}}/{{name}}"),
      ),
    ],
  },
);
