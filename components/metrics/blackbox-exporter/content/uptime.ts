import {
  choice,
  dashboard,
  lines,
  low,
  none,
  now,
  range,
  rows,
  stat,
  states,
  table,
  upOrDown,
} from "../../../../dashboards/kit.ts";

const chosen = `job="checks", check=~"$check"`;
const left = `min by (check, instance) (probe_ssl_earliest_cert_expiry{${chosen}}) - time()`;

export default dashboard(
  {
    uid: "uptime",
    title: "Uptime",
    description: "Does what we look at from outside answer, how fast, and until when is its certificate valid?",
    folder: "Platform",
    of: "blackbox-exporter",
    needs: ["scraping"],
    tags: ["platform", "checks"],
    variables: [
      choice(
        { name: "check", label: "Check", description: "Checks of the settings." },
        'label_values(probe_success{job="checks"}, check)',
      ),
    ],
  },
  {
    "At a glance": [
      stat(
        { title: "Checks", description: "Checks that have a result.", unit: "short", width: 6 },
        now(`count(probe_success{${chosen}}) or vector(0)`, "checks"),
      ),
      stat(
        {
          title: "Down",
          description: "Checks that fail now. CheckFailed fires after 5 minutes.",
          unit: "short",
          width: 6,
        },
        now(`count(probe_success{${chosen}} == 0) or vector(0)`, "down"),
      ).thresholds(none()),
      stat(
        {
          title: "Success",
          description: "Share of the probes within the time range that succeeded, over all checks.",
          unit: "percentunit",
          width: 6,
        },
        now(`avg(avg_over_time(probe_success{${chosen}}[$__range]))`, "success"),
      ).thresholds(low(0.99, 0.999)),
      stat(
        {
          title: "Next certificate to expire",
          description:
            "Time that the certificate with the least has left. CertificateOfCheckExpires fires below 7 days.",
          unit: "dtdurations",
          width: 6,
        },
        now(`min(${left})`, "left"),
      ).thresholds(low(7 * 86_400, 14 * 86_400)),
    ],
    Checks: [
      states(
        {
          title: "Up or down, by check",
          description: "When each check succeeded and when it failed; a gap: it was not made.",
          unit: "short",
          width: 24,
        },
        upOrDown,
        range(`max by (check) (probe_success{${chosen}})`, "{{check}}"),
      ),
      lines(
        {
          title: "Duration, by check",
          description: "How long a probe took as a whole. After 5 seconds it has failed.",
          unit: "s",
          width: 12,
        },
        range(`max by (check) (probe_duration_seconds{${chosen}})`, "{{check}}"),
      ).min(0),
      lines(
        {
          title: "Phases of HTTP checks",
          description:
            "Where the time goes, on average over the chosen checks: finding the address, connecting, TLS, waiting for the answer, reading it.",
          unit: "s",
          width: 12,
        },
        range(`avg by (phase) (probe_http_duration_seconds{${chosen}})`, "{{phase}}"),
      ).min(0),
    ],
    Certificates: [
      table(
        {
          title: "Certificates",
          description:
            "Of each check that sees one: what is left of the certificate, its own or of its chain, that ends first.",
          width: 24,
        },
        {
          check: { title: "Check", width: 220 },
          instance: "Target",
          Value: { title: "Left", unit: "dtdurations", width: 200, thresholds: low(7 * 86_400, 14 * 86_400) },
        },
        "Left",
        rows(left),
      ),
    ],
  },
);
