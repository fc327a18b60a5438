/**
 * Connections to engines in one process, of which one may get the port of another that has ended. gRPC shares a connection among all who
 * name the same address, and for a second after its server has ended refuses at once, whoever has the port then (@grpc/grpc-js 1.14,
 * subchannel-pool.js). For Pulumi's SDK that is no error where it happens before the program runs (@pulumi/pulumi 3.270.0,
 * automation/server.js), and what no program registers is deleted. So each client has a connection of its own.
 */
import settings from "@pulumi/pulumi/runtime/settings.js";

/** Options of a client. */
export const ownConnection = { "grpc.use_local_subchannel_pool": 1 } as const;

/** For the clients of the SDK: not part of its types. */
export const sdkClientOptions = (settings as unknown as { readonly grpcClientOptions: object }).grpcClientOptions;
Object.assign(sdkClientOptions, ownConnection);
