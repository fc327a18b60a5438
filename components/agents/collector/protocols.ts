/** Protocols of older clients: the port of each, as those clients know it (receiver/jaegerreceiver, receiver/zipkinreceiver 0.158). */
export const olderProtocols = {
  zipkin: { port: 9411, over: "TCP", path: "/api/v2/spans" },
  jaegerGrpc: { port: 14250, over: "TCP", path: "", jaeger: "grpc" },
  jaegerThriftHttp: { port: 14268, over: "TCP", path: "/api/traces", jaeger: "thrift_http" },
  jaegerThriftCompact: { port: 6831, over: "UDP", jaeger: "thrift_compact" },
  jaegerThriftBinary: { port: 6832, over: "UDP", jaeger: "thrift_binary" },
} as const;

export type OlderProtocol = keyof typeof olderProtocols;
