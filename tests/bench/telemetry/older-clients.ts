/**
 * What clients from before OTLP send: one span each, written as the definitions of their protocols say (Zipkin's API v2; jaeger-idl:
 * thrift/jaeger.thrift, thrift/agent.thrift, proto/api_v2/collector.proto). It plays those clients: none is installed here.
 */
import { createSocket } from "node:dgram";
import { credentials, Client } from "@grpc/grpc-js";
import protobuf from "google-protobuf";
import type { OlderProtocol } from "../../../components/agents/collector/protocols.ts";
import { call, post } from "../../../rehearsal/http-client.ts";
import { work } from "./application.ts";

const name = "command hello";

/** A value of Thrift's: a text, a number, a structure by its fields' numbers, or a list of only one. */
type Value = string | bigint | number | Fields | { readonly only: Fields };
interface Fields {
  readonly [id: number]: Value;
}

/** One of Thrift's two ways to write, as far as a batch needs it. Types are of: text, 64 and 32 bits, structure, list. */
interface Wire {
  readonly types: readonly [number, number, number, number, number];
  text(value: string): readonly number[];
  integer(value: bigint, bits: 32 | 64): readonly number[];
  field(type: number, id: number, before: number): readonly number[];
  list(type: number): readonly number[];
  /** What a call without an answer begins with. */
  call(method: string): readonly number[];
}

const bigEndian = (value: bigint, bytes: number): number[] =>
  Array.from({ length: bytes }, (_, index) => Number(BigInt.asUintN(8, value >> BigInt(8 * (bytes - 1 - index)))));
const varint = (value: bigint): number[] =>
  value < 128n ? [Number(value)] : [Number(value & 127n) | 128, ...varint(value >> 7n)];

const binary: Wire = {
  types: [11, 10, 8, 12, 15],
  text: (value) => [...bigEndian(BigInt(value.length), 4), ...Buffer.from(value)],
  integer: (value, bits) => bigEndian(value, bits / 8),
  field: (type, id) => [type, ...bigEndian(BigInt(id), 2)],
  list: (type) => [type, ...bigEndian(1n, 4)],
  call: (method) => [...bigEndian(0x80010004n, 4), ...binary.text(method), ...bigEndian(0n, 4)],
};

const compact: Wire = {
  types: [8, 6, 5, 12, 9],
  text: (value) => [...varint(BigInt(value.length)), ...Buffer.from(value)],
  integer: (value) => varint(BigInt.asUintN(64, (value << 1n) ^ (value >> 63n))),
  field: (type, id, before) => [((id - before) << 4) | type],
  list: (type) => [(1 << 4) | type],
  call: (method) => [0x82, 0x81, 0, ...compact.text(method)],
};

function written(wire: Wire, fields: Fields): number[] {
  const [text, i64, i32, struct, list] = wire.types;
  let before = 0;
  const all = Object.entries(fields).flatMap(([key, value]: [string, Value]) => {
    const id = Number(key);
    const field = (type: number, content: readonly number[]) => [...wire.field(type, id, before), ...content];
    const bytes =
      typeof value === "string"
        ? field(text, wire.text(value))
        : typeof value === "bigint"
          ? field(i64, wire.integer(value, 64))
          : typeof value === "number"
            ? field(i32, wire.integer(BigInt(value), 32))
            : "only" in value
              ? field(list, [...wire.list(struct), ...written(wire, value.only)])
              : field(struct, written(wire, value));
    before = id;
    return bytes;
  });
  return [...all, 0];
}

/** Jaeger's `Batch` with one span. */
function batchOf(service: string, traceId: string, spanId: string): Fields {
  const id = (hex: string) => BigInt.asIntN(64, BigInt(`0x${hex}`));
  const ids = { 1: id(traceId.slice(16)), 2: id(traceId.slice(0, 16)), 3: id(spanId), 4: 0n };
  const span = { ...ids, 5: name, 7: 1, 8: BigInt(Date.now()) * 1000n, 9: 250_000n };
  return { 1: { 1: service }, 2: { only: span } };
}

/** `PostSpansRequest` with one span. */
function postSpans(service: string, traceId: string, spanId: string): Buffer {
  const message = (write: (writer: protobuf.BinaryWriter) => void) => {
    const writer = new protobuf.BinaryWriter();
    write(writer);
    return writer.getResultBuffer();
  };
  const now = message((time) => {
    time.writeInt64(1, Math.floor(Date.now() / 1000));
  });
  const span = message((one) => {
    one.writeBytes(1, Buffer.from(traceId, "hex"));
    one.writeBytes(2, Buffer.from(spanId, "hex"));
    one.writeString(3, name);
    one.writeBytes(6, now);
  });
  const process = message((one) => {
    one.writeString(1, service);
  });
  const batch = message((one) => {
    one.writeBytes(1, span);
    one.writeBytes(2, process);
  });
  return Buffer.from(
    message((one) => {
      one.writeBytes(1, batch);
    }),
  );
}

/**
 * Sends one span by each protocol. @param ports where each is taken, on loopback
 * @returns what each span is found by: the id of its trace
 */
export async function sendByOlderClients(
  ports: Readonly<Record<OlderProtocol, number>>,
): Promise<Readonly<Record<OlderProtocol, string>>> {
  const host = "127.0.0.1";
  const zipkin = work();
  await post(`http://${host}:${ports.zipkin}/api/v2/spans`, [
    {
      ...{ traceId: zipkin.traceId, id: zipkin.spanId, name, kind: "SERVER" },
      ...{ timestamp: Date.now() * 1000, duration: 250_000, localEndpoint: { serviceName: "zipkin-client" } },
    },
  ]);

  const http = work();
  await call(`http://${host}:${ports.jaegerThriftHttp}/api/traces?format=jaeger.thrift`, {
    method: "POST",
    headers: { "content-type": "application/x-thrift" },
    body: Buffer.from(written(binary, batchOf("jaeger-http", http.traceId, http.spanId))),
  });

  const datagram = async (wire: Wire, port: number, service: string): Promise<string> => {
    const { traceId, spanId } = work();
    const message = Buffer.from([
      ...wire.call("emitBatch"),
      ...written(wire, { 1: batchOf(service, traceId, spanId) }),
    ]);
    const socket = createSocket("udp4");
    await new Promise<void>((resolve, reject) => {
      socket.send(message, port, host, (error) => {
        socket.close();
        if (error === null) resolve();
        else reject(error);
      });
    });
    return traceId;
  };

  const grpc = work();
  const client = new Client(`${host}:${ports.jaegerGrpc}`, credentials.createInsecure());
  await new Promise<void>((resolve, reject) => {
    const asIs = (bytes: Buffer) => bytes;
    const request = postSpans("jaeger-grpc", grpc.traceId, grpc.spanId);
    client.makeUnaryRequest("/jaeger.api_v2.CollectorService/PostSpans", asIs, asIs, request, (error) => {
      client.close();
      if (error === null) resolve();
      else reject(new Error(error.message));
    });
  });

  return {
    zipkin: zipkin.traceId,
    jaegerGrpc: grpc.traceId,
    jaegerThriftHttp: http.traceId,
    jaegerThriftCompact: await datagram(compact, ports.jaegerThriftCompact, "jaeger-compact"),
    jaegerThriftBinary: await datagram(binary, ports.jaegerThriftBinary, "jaeger-binary"),
  };
}
