/**
 * Node's `http` without `import`: that reads each of the module's exports, one of which loads all that `fetch` is made of
 * (Node.js 24.21: more than an empty program takes to start).
 */
export const nodeHttp = (): typeof import("node:http") => process.getBuiltinModule("node:http");
