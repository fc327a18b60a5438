/**
 * Where Pulumi starts the program. JavaScript, because an older Node.js cannot even read TypeScript: it is told here
 * which one is needed, before index.ts is loaded.
 */
export default async function start() {
  const [major = 0, minor = 0] = process.versions.node.split(".").map(Number);
  if (major < 22 || (major === 22 && minor < 18)) {
    const { RunError } = await import("@pulumi/pulumi");
    throw new RunError(
      `This program needs Node.js 22.18 or later, and ${process.execPath} is ${process.versions.node}. ` +
        "Install it (https://nodejs.org, or: mise install), or use npm run up -- <stack>, which brings its own.",
    );
  }
  await import("./components/quick-start.ts");
  return { ...(await import("./index.ts")) };
}
