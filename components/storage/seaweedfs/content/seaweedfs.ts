import { dashboard, line, lines, low, none, range, redBelow, stack, stat } from "../../../../dashboards/kit.ts";

const volumes = 'job=~"seaweedfs-all-in-one|seaweedfs-cluster-volume"';
const gateways = 'job=~"seaweedfs-all-in-one|seaweedfs-cluster-s3"';
const all = 'job=~"seaweedfs-.+"';

const free = `min by (pod) (SeaweedFS_volumeServer_resource{${volumes}, type="avail"} / ignoring (type) SeaweedFS_volumeServer_resource{${volumes}, type="all"})`;
const rate = (matchers = "") => `sum(rate(SeaweedFS_s3_request_total{${gateways}${matchers}}[$__rate_interval]))`;

export default dashboard(
  {
    uid: "seaweedfs",
    title: "SeaweedFS",
    description: "Can buckets be written and read, and how much room is left?",
    folder: "Platform",
    of: "seaweedfs",
    needs: ["scraping"],
    tags: ["platform", "storage"],
  },
  {
    "At a glance": [
      stat(
        {
          title: "Room left",
          description: "Share of the fullest volume that is free. SeaweedfsFillingUp fires below 15%.",
          unit: "percentunit",
          width: 6,
        },
        range(`min(${free})`, "free"),
      ).thresholds(low(0.15, 0.25)),
      stat(
        {
          title: "Read-only for want of room",
          description:
            "Volumes of SeaweedFS that take nothing more because their disk is full. SeaweedfsFull fires above zero.",
          unit: "short",
          width: 6,
        },
        range(`sum(SeaweedFS_volumeServer_read_only_volumes{${volumes}, type="isDiskSpaceLow"})`, "volumes"),
      )
        .decimals(0)
        .thresholds(none())
        .noValue("no bucket is used yet"),
      stat(
        {
          title: "Requests that fail",
          description: "Share of the requests that SeaweedFS answers with 5xx. SeaweedfsRequestErrors fires above 5%.",
          unit: "percentunit",
          width: 6,
        },
        range(`(${rate(', code=~"5.."')} or vector(0)) / ${rate()}`, "failed"),
      )
        .thresholds(none("red", 0.05))
        .noValue("no requests"),
      stat(
        {
          title: "S3 servers up",
          description: "Servers that answer for buckets. SeaweedfsDown fires when there is none.",
          unit: "short",
          width: 6,
        },
        range(`sum(up{${gateways}})`, "up"),
      ).decimals(0),
    ],
    Requests: [
      stack(
        {
          title: "Requests, by answer",
          description:
            "403: a wrong key, or a bucket of somebody else. 404: clients ask whether something is there, which is usual.",
          unit: "reqps",
          width: 12,
        },
        range(`sum by (code) (rate(SeaweedFS_s3_request_total{${gateways}}[$__rate_interval]))`, "{{code}}"),
      ).noValue("no requests"),
      lines(
        {
          title: "Time to answer, p99",
          description: "How long SeaweedFS takes to answer, by what is asked.",
          unit: "s",
          width: 12,
        },
        range(
          `histogram_quantile(0.99, sum by (type, le) (rate(SeaweedFS_s3_request_seconds_bucket{${gateways}}[$__rate_interval])))`,
          "{{type}}",
        ),
      ).min(0),
    ],
    Room: [
      line(
        lines(
          {
            title: "Room left, by volume",
            description: "Share of each volume that is free. Dashed: SeaweedfsFillingUp fires below.",
            unit: "percentunit",
            width: 12,
          },
          range(free, "{{pod}}"),
        )
          .min(0)
          .max(1),
        redBelow(0.15),
      ),
      stack(
        {
          title: "Bytes, by bucket",
          description:
            "What the objects of each bucket take on all volumes, copies and what waits to be compacted among it. Objects without a bucket are SeaweedFS's own log.",
          unit: "bytes",
          width: 12,
        },
        range(
          `sum by (collection) (SeaweedFS_volumeServer_total_disk_size{${volumes}, type="normal"})`,
          "{{collection}}",
        ),
      ).noValue("no object yet"),
    ],
    Servers: [
      lines(
        { title: "Memory", description: "Resident memory of each server.", unit: "bytes", width: 12 },
        range(`sum by (pod) (process_resident_memory_bytes{${all}})`, "{{pod}}"),
      ).min(0),
      lines(
        {
          title: "Masters that lead",
          description: "One of three has to. In the single form it leads itself.",
          unit: "short",
          width: 12,
        },
        range(`sum(SeaweedFS_master_is_leader{job=~"seaweedfs-all-in-one|seaweedfs-cluster-master"})`, "leaders"),
      ).min(0),
    ],
  },
);
