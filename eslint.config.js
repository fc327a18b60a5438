import tseslint from "typescript-eslint";

/** Imports that a room may not have: arrows between rooms run one way. */
const without = (files, group, message) => ({
  files,
  rules: { "no-restricted-imports": ["error", { patterns: [{ group, message }] }] },
});

const rooms = ["components", "dashboards", "toolchain", "contract", "rehearsal", "commands", "tests"];
const above = (room) => rooms.slice(rooms.indexOf(room) + 1).map((one) => `**/../${one}/**`);

export default tseslint.config(
  { ignores: ["node_modules/", "coverage/", "eslint.config.js"] },
  ...tseslint.configs.strictTypeChecked,
  {
    languageOptions: { parserOptions: { projectService: { allowDefaultProject: ["start.js"] } } },
    rules: {
      // Numbers (ports, counts, seconds) print as one expects; Outputs, objects and undefined do not.
      "@typescript-eslint/restrict-template-expressions": ["error", { allowNumber: true }],
    },
  },
  // From the lowest room to the highest; each knows those below it.
  without(
    ["settings/**", "components/**", "index.ts"],
    [...above("components"), "**/content/*.ts", "**/contract.ts"],
    "The product knows nothing of what proves it.",
  ),
  without(
    ["components/{agents,alerts,dashboards,demo,logs,metrics,platform,suites,traces}/**"],
    ["@pulumi/*", "**/deploy.ts", "**/environment.ts", "**/catalogue.ts", ...above("components")],
    "A component is data and pure functions; deploy.ts makes its resources.",
  ),
  without(
    ["dashboards/**", "components/**/content/**"],
    above("dashboards"),
    "Dashboards know components and no more.",
  ),
  without(["toolchain/**"], above("toolchain"), "How programs are obtained knows nothing of what they are for."),
  without(
    ["contract/**", "components/**/contract.ts"],
    above("contract"),
    "The judges know what is judged, not who asks them.",
  ),
  {
    files: ["settings/**", "components/**", "toolchain/**", "commands/**", "index.ts"],
    rules: {
      "@typescript-eslint/no-restricted-imports": [
        "error",
        {
          paths: [
            { name: "node:http", allowTypeImports: true, message: "By components/node-http.ts, which says why." },
          ],
        },
      ],
    },
  },
  without(["rehearsal/**"], above("rehearsal"), "The rehearsal is one of the things that commands do."),
  without(["commands/**"], above("commands"), "Nothing knows the tests."),
);
