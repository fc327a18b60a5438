/**
 * Writes series into Prometheus by its remote-write protocol, version 1.0 (prometheus.io/docs/specs/prw/remote_write_spec):
 * the only way in that keeps time, exemplars and the mark of a series that ended.
 */

export interface Sample {
  /** Unix milliseconds. */
  readonly time: number;
  /** Undefined: the series ended here. */
  readonly value: number | undefined;
}

export interface Exemplar {
  /** Unix milliseconds. */
  readonly time: number;
  readonly value: number;
  readonly labels: Readonly<Record<string, string>>;
}

export interface WrittenSeries {
  /** With `__name__`. */
  readonly labels: Readonly<Record<string, string>>;
  readonly samples: readonly Sample[];
  readonly exemplars?: readonly Exemplar[];
}

/** Prometheus's mark for "no longer there": a NaN of its own (model/value.StaleNaN). */
const stale = 0x7ff0000000000002n;

function varint(value: number): Buffer {
  const bytes: number[] = [];
  let left = BigInt(value);
  do {
    const low = Number(left & 0x7fn);
    left >>= 7n;
    bytes.push(left === 0n ? low : low | 0x80);
  } while (left !== 0n);
  return Buffer.from(bytes);
}

/** A field of protobuf whose length is told: a text or a message. */
function bytes(field: number, content: Buffer): Buffer {
  return Buffer.concat([varint(field * 8 + 2), varint(content.length), content]);
}

function double(field: number, value: number | undefined): Buffer {
  const buffer = Buffer.alloc(8);
  if (value === undefined) buffer.writeBigUInt64LE(stale);
  else buffer.writeDoubleLE(value);
  return Buffer.concat([varint(field * 8 + 1), buffer]);
}

function integer(field: number, value: number): Buffer {
  return Buffer.concat([varint(field * 8), varint(value)]);
}

function labelFields(labels: Readonly<Record<string, string>>): Buffer[] {
  // The protocol wants them sorted.
  return Object.keys(labels)
    .sort()
    .map((name) => bytes(1, Buffer.concat([bytes(1, Buffer.from(name)), bytes(2, Buffer.from(labels[name] ?? ""))])));
}

/** `WriteRequest` of prometheus/prompb. */
function message(series: readonly WrittenSeries[]): Buffer {
  return Buffer.concat(
    series.map(({ labels, samples, exemplars = [] }) =>
      bytes(
        1,
        Buffer.concat([
          ...labelFields(labels),
          ...samples.map(({ time, value }) => bytes(2, Buffer.concat([double(1, value), integer(2, time)]))),
          ...exemplars.map((exemplar) =>
            bytes(
              3,
              Buffer.concat([...labelFields(exemplar.labels), double(2, exemplar.value), integer(3, exemplar.time)]),
            ),
          ),
        ]),
      ),
    ),
  );
}

/** A block of snappy that copies nothing: its length, and one literal (google/snappy, format_description.txt). */
function snappy(content: Buffer): Buffer {
  const length = Buffer.alloc(4);
  length.writeUInt32LE(content.length - 1);
  return Buffer.concat([varint(content.length), Buffer.from([63 << 2]), length, content]);
}

/**
 * @param url of Prometheus, with its route prefix
 * @throws Error with what Prometheus answers
 */
export async function remoteWrite(url: string, series: readonly WrittenSeries[]): Promise<void> {
  const response = await fetch(`${url}/api/v1/write`, {
    method: "POST",
    headers: {
      "content-encoding": "snappy",
      "content-type": "application/x-protobuf",
      "x-prometheus-remote-write-version": "0.1.0",
    },
    body: new Uint8Array(snappy(message(series))),
  });
  if (!response.ok) throw new Error(`Prometheus takes no samples: ${response.status} ${await response.text()}`);
}
