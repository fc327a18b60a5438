import { OperationFailed } from "../../rehearsal/engine.ts";

/** What the CLI printed of an operation that must fail. @throws Error when it succeeds, or fails outside the engine */
export async function failure(operation: Promise<unknown>): Promise<string> {
  try {
    await operation;
  } catch (error) {
    if (error instanceof OperationFailed) return error.output;
    throw error;
  }
  throw new Error("the operation succeeded, although it should fail");
}

/** The error that a promise ends with; a promise that does not is a failure. */
export async function errorOf(promise: Promise<unknown>): Promise<Error> {
  try {
    await promise;
  } catch (error) {
    if (error instanceof Error) return error;
  }
  throw new Error("expected a failure, and there was none");
}
