import { choice, dashboard, lines, none, now, perSecond, range, stack, stat } from "../../../../dashboards/kit.ts";

const job = 'job="remote-write-receiver"';
const chosen = `${job}, username=~"$username"`;
const rate = (of: string, by = "username") => `sum by (${by}) (rate(vmauth_user_${of}{${chosen}}[$__rate_interval]))`;

export default dashboard(
  {
    uid: "remote-write-receiver",
    title: "Remote write receiver",
    description: "Does what others write reach the store: who writes, how much, and who is refused?",
    folder: "Platform",
    of: "remote-write-receiver",
    needs: ["scraping"],
    tags: ["platform", "metrics"],
    variables: [
      choice(
        { name: "username", label: "Writer", description: "Users of remoteWriteReceiver." },
        `label_values(vmauth_user_requests_total{${job}}, username)`,
      ),
    ],
  },
  {
    "At a glance": [
      stat(
        {
          title: "Writers",
          description: "Users that have written within the last 10 minutes.",
          unit: "short",
          width: 6,
        },
        now(
          `count(sum by (username) (increase(vmauth_user_requests_total{${chosen}}[10m])) > 0) or vector(0)`,
          "writers",
        ),
      ),
      stat(
        { title: "Requests", description: "Requests with samples a second.", unit: "reqps", width: 6 },
        range(`sum(rate(vmauth_user_requests_total{${chosen}}[$__rate_interval]))`, "requests"),
      ),
      stat(
        {
          title: "Failed",
          description:
            "Requests within the time range that did not reach the store. RemoteWriteReceiverFails fires when it goes on.",
          unit: "short",
          width: 6,
        },
        now(`sum(increase(vmauth_user_request_errors_total{${chosen}}[$__range]))`, "failed"),
      ).thresholds(none()),
      stat(
        {
          title: "Wrong passwords",
          description:
            "Requests within the time range with a wrong user, password or token. RemoteWriteReceiverRefuses fires when it goes on.",
          unit: "short",
          width: 6,
        },
        now(
          `sum(increase(vmauth_http_request_errors_total{${job}, reason="invalid_auth_token"}[$__range]))`,
          "wrong passwords",
        ),
      ).thresholds(none("yellow")),
    ],
    Delivery: [
      stack(
        {
          title: "Requests, by writer",
          description: "Who writes. RemoteWriteReceiverSilent fires for one that has stopped for 15 minutes.",
          unit: "reqps",
          width: 12,
        },
        range(rate("requests_total"), "{{username}}"),
      ),
      lines(
        {
          title: "Failed and refused",
          description:
            "Requests that did not reach the store, by writer; and those with a wrong password, or for anything but the write path.",
          unit: perSecond("requests"),
          width: 12,
        },
        range(rate("request_errors_total"), "{{username}}"),
        range(
          `sum by (reason) (rate(vmauth_http_request_errors_total{${job}, reason=~"invalid_auth_token|missing_route"}[$__rate_interval]))`,
          "{{reason}}",
        ),
      ).min(0),
      lines(
        {
          title: "Duration, by writer",
          description: "What 97 of 100 requests take at most, the store's answer included.",
          unit: "s",
          width: 24,
        },
        range(`max by (username) (vmauth_user_request_duration_seconds{${chosen}, quantile="0.97"})`, "{{username}}"),
      ).min(0),
    ],
  },
);
